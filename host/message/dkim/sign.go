package dkim

import (
	"bytes"
	"crypto"
	"fmt"
	"net/textproto"
	"strings"

	"github.com/emersion/go-msgauth/dkim"

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
}

type signingKey struct {
	selector string
	private  crypto.Signer
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
			made.keys = append(made.keys, signingKey{k.Selector, private})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.signers[domain] = made
	return made, nil
}

// Sign returns the mail (RFC 5322, lines ended by CRLF) with a signature of each key before it.
func (s *Signer) Sign(mail []byte) ([]byte, error) {
	if len(s.keys) == 0 {
		return mail, nil
	}
	fields := covered(mail)
	out := make([]byte, 0, len(mail)+len(s.keys)*900)
	for _, k := range s.keys {
		signer, err := dkim.NewSigner(&dkim.SignOptions{
			Domain: s.domain, Selector: k.selector, Signer: k.private, Hash: crypto.SHA256, HeaderKeys: fields,
			HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
		})
		if err != nil {
			return nil, fmt.Errorf("dkim: sign: %w", err)
		}
		_, err = signer.Write(mail)
		// Close ends the signer's goroutine, whatever Write met.
		if closed := signer.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return nil, fmt.Errorf("dkim: sign: %w", err)
		}
		out = append(out, signer.Signature()...)
	}
	return append(out, mail...), nil
}

// covered are the fields that the signatures of a mail cover, each as often as it is there and the oversigned ones once
// more.
func covered(mail []byte) []string {
	header := mail
	if i := bytes.Index(mail, []byte("\r\n\r\n")); i >= 0 {
		header = mail[:i]
	}
	times := map[string]int{}
	for _, line := range strings.Split(string(header), "\r\n") {
		if name, _, ok := strings.Cut(line, ":"); ok && line[0] != ' ' && line[0] != '\t' {
			times[textproto.CanonicalMIMEHeaderKey(strings.TrimRight(name, " \t"))]++
		}
	}
	for _, name := range oversigned {
		times[name]++
	}
	var fields []string
	for _, name := range signed {
		for range times[name] {
			fields = append(fields, name)
		}
	}
	return fields
}
