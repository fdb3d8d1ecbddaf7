package dkim

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"mostrador/host/store"
)

// signed are the header fields that a signature covers where they are there (RFC 6376 5.4.1), List-Unsubscribe and its
// Post among them, as RFC 8058 4 wants.
var signed = []string{
	"From", "Sender", "Reply-To", "Subject", "Date", "Message-Id", "To", "Cc", "Mime-Version", "Content-Type",
	"Content-Transfer-Encoding", "Content-Id", "In-Reply-To", "References", "List-Id", "List-Unsubscribe",
	"List-Unsubscribe-Post", "Auto-Submitted", "Feedback-Id",
}

// oversigned are covered once more than they are there, so that nobody on the way can add a second one that mail programs
// would show instead (RFC 6376 8.15).
var oversigned = []string{
	"From", "Reply-To", "Subject", "Date", "Message-Id", "To", "Cc", "Mime-Version", "Content-Type", "List-Unsubscribe",
	"List-Unsubscribe-Post",
}

// Signer signs the mails of one domain. It is safe for concurrent use.
type Signer struct {
	domain string
	keys   []signingKey
	// desks are kept for the next mails.
	desks sync.Pool
}

type signingKey struct {
	selector string
	private  crypto.Signer
	// algorithm is what a= says, of the hash that private is told to sign.
	algorithm string
	of        crypto.Hash
}

// Signer returns what signs for a domain now. It signs with nothing, and Sign returns the mail as it is, until DNS has the
// domain's keys (Published).
func (s *Service) Signer(domain string) (*Signer, error) {
	domain = Normal(domain)
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.signers[domain]; known != nil {
		return known, nil
	}
	keys, err := s.list(domain)
	if err != nil {
		return nil, err
	}
	made := &Signer{domain: domain}
	err = s.store.View(func(tx *store.Tx) error {
		records, err := read(tx, domain)
		if err != nil {
			return err
		}
		for _, k := range keys {
			if !k.Signs {
				continue
			}
			private, err := s.open(domain, k.Selector, records[k.Selector])
			if err != nil {
				return fmt.Errorf("dkim: the key %s cannot be opened: %w", k.Name(), err)
			}
			key, err := newSigningKey(k.Selector, private)
			if err != nil {
				return err
			}
			made.keys = append(made.keys, key)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.signers[domain] = made
	return made, nil
}

// NewSigner returns what signs for a domain with one key, which DNS is to hold under the selector.
func NewSigner(domain, selector string, private crypto.Signer) (*Signer, error) {
	key, err := newSigningKey(selector, private)
	if err != nil {
		return nil, err
	}
	return &Signer{domain: Normal(domain), keys: []signingKey{key}}, nil
}

func newSigningKey(selector string, private crypto.Signer) (signingKey, error) {
	switch private.Public().(type) {
	case *rsa.PublicKey:
		return signingKey{selector, private, "rsa-sha256", crypto.SHA256}, nil
	case ed25519.PublicKey: // of the hash itself (RFC 8463 3)
		return signingKey{selector, private, "ed25519-sha256", crypto.Hash(0)}, nil
	}
	return signingKey{}, fmt.Errorf("dkim: a key of type %T cannot sign", private)
}

// errLines says that a mail's lines are not ended by CRLF: what others made of it on the way would not be what was signed.
var errLines = errors.New("dkim: every line of a mail must end with CRLF")

// Sign returns the mail (RFC 5322, lines ended by CRLF) with a signature of each key before it.
func (s *Signer) Sign(mail []byte) ([]byte, error) {
	if len(s.keys) == 0 {
		return mail, nil
	}
	lines := bytes.Count(mail, crlf)
	if lines != bytes.Count(mail, crlf[1:]) || lines != bytes.Count(mail, crlf[:1]) {
		return nil, errLines
	}
	w, _ := s.desks.Get().(*desk)
	if w == nil {
		w = &desk{}
	}
	defer func() {
		w.clear()
		s.desks.Put(w)
	}()
	return s.sign(w, mail)
}

// desk is the room in which one mail is signed.
type desk struct {
	// text is what is hashed: the canonical body, then the canonical header.
	text            []byte
	fields, covered []field
}

// clear lets go of the mail.
func (w *desk) clear() {
	clear(w.fields)
	clear(w.covered)
	if cap(w.text) > maxDesk {
		w.text = nil
	}
}

// maxDesk is how much room is kept for the next mail, in bytes: one with large files is rare.
const maxDesk = 256 << 10

func (s *Signer) sign(w *desk, mail []byte) ([]byte, error) {
	header, body := split(mail)
	w.fields = readFields(w.fields[:0], header)
	w.covered = cover(w.covered[:0], w.fields)
	w.text = canonicalBody(w.text[:0], body)
	sum := sha256.Sum256(w.text)
	w.text = w.text[:0]
	for _, f := range w.covered {
		if f.raw != nil {
			w.text = canonicalField(w.text, f.raw)
		}
	}
	fields := len(w.text)
	out := make([]byte, 0, len(mail)+len(s.keys)*maxSignature)
	now := time.Now().Unix()
	for _, k := range s.keys {
		begin := len(out)
		out = k.field(out, s.domain, w.covered, sum[:], now)
		// The signature covers its own field, with an empty b= and without the end of the line (RFC 6376 3.7).
		w.text = canonicalField(w.text[:fields], out[begin:])
		hash := sha256.Sum256(bytes.TrimSuffix(w.text, crlf))
		signature, err := k.private.Sign(rand.Reader, hash[:], k.of)
		if err != nil {
			return nil, fmt.Errorf("dkim: sign: %w", err)
		}
		out = folded(out, base64.StdEncoding.EncodeToString(signature))
		out = append(out, crlf...)
	}
	return append(out, mail...), nil
}

// maxSignature is how long a signature's field is at most, about.
const maxSignature = 1100

// field appends the DKIM-Signature field up to its signature (RFC 6376 3.5).
func (k signingKey) field(out []byte, domain string, covered []field, body []byte, now int64) []byte {
	out = append(out, "DKIM-Signature: v=1; a="...)
	out = append(append(out, k.algorithm...), "; c=relaxed/relaxed; t="...)
	out = strconv.AppendInt(out, now, 10)
	out = append(append(out, ";\r\n d="...), domain...)
	out = append(append(out, "; s="...), k.selector...)
	out = append(out, ";\r\n h="...)
	length := len(" h=")
	for i, f := range covered {
		if i > 0 {
			out = append(out, ':')
			length++
		}
		if length += len(f.name); length > maxLine {
			out = append(out, "\r\n  "...)
			length = len("  ") + len(f.name)
		}
		out = append(out, f.name...)
	}
	out = append(out, ";\r\n bh="...)
	out = base64.StdEncoding.AppendEncode(out, body)
	return append(out, ";\r\n b="...)
}

// maxLine is how long the lines of a signature are, about.
const maxLine = 74

// folded appends a signature in lines.
func folded(out []byte, signature string) []byte {
	for len(signature) > maxLine {
		out = append(append(out, signature[:maxLine]...), "\r\n  "...)
		signature = signature[maxLine:]
	}
	return append(out, signature...)
}

// cover appends what the signatures of a mail cover: each field as often as it is there, from the last to the first
// (RFC 6376 5.4.2), and the oversigned ones once more, as one that is not there.
func cover(covered, fields []field) []field {
	for _, name := range signed {
		for i := len(fields) - 1; i >= 0; i-- {
			if len(fields[i].key) == len(name) && bytes.EqualFold(fields[i].key, []byte(name)) {
				covered = append(covered, field{name: name, raw: fields[i].raw})
			}
		}
		if slices.Contains(oversigned, name) {
			covered = append(covered, field{name: name})
		}
	}
	return covered
}
