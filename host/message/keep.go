package message

import (
	"bytes"
	"cmp"
	"compress/flate"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync"

	"github.com/google/uuid"
	"github.com/klauspost/compress/s2"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// A mail is kept as it left, byte for byte, so that a technician can see it years later whatever the template has become.
// Of a campaign's mails only a few hundred bytes differ from each other, so each is compressed against a sample of its
// template: the mail that nobody would get, without a customer and without data. The sample is kept once, with the first
// mail that needs it, and holds nothing of anybody, so that forgetting a customer forgets all of him.

// sampleMark begins a kept mail: the mark, the name of the sample, an S2 block. What begins otherwise is a deflate stream
// (RFC 1951) of a former version, which never begins so.
const sampleMark = 0x07

// sampleName names a sample: a part of the hash of its content. Zero is none.
type sampleName [8]byte

// samplesKept is how many samples are ready at a time; each takes about 200 KB.
const samplesKept = 32

// packed is a mail ready to be kept, and the sample that it needs to be read.
type packed struct {
	data []byte
	with *sample
}

func (p packed) put(tx *store.Tx, id string) {
	if p.data == nil {
		return
	}
	if p.with != nil && tx.Get(bucketDictionary, p.with.name[:]) == nil {
		tx.Put(bucketDictionary, p.with.name[:], p.with.text)
	}
	tx.Put(bucketMail, []byte(id), p.data)
}

// sample is what the mails of one template are compressed against.
type sample struct {
	name sampleName
	text []byte
	// dict is text made ready; nil for no sample.
	dict *s2.Dict
}

// keeper compresses mails.
type keeper struct {
	mu      sync.Mutex
	samples map[string]*sample

	// rooms are []byte that encoders write into.
	rooms sync.Pool
}

func newKeeper() *keeper { return &keeper{samples: map[string]*sample{}} }

// pack compresses a mail that left.
func (k *keeper) pack(s *Service, row *mostradorv1.Message, eml []byte) packed {
	with := k.sample(s, row)
	// The encoder wants room for the worst case, of which little is used.
	room, _ := k.rooms.Get().(*[]byte)
	if room == nil {
		room = new([]byte)
	}
	if need := s2.MaxEncodedLen(len(eml)); cap(*room) < need {
		*room = make([]byte, need)
	}
	if cap(*room) <= maxRoom {
		defer k.rooms.Put(room)
	}
	if with.dict == nil {
		return packed{data: frame(sampleName{}, s2.Encode((*room)[:cap(*room)], eml))}
	}
	return packed{data: frame(with.name, with.dict.Encode((*room)[:cap(*room)], eml)), with: with}
}

// maxRoom is how much room is kept for the next mail, in bytes.
const maxRoom = 256 << 10

func frame(name sampleName, block []byte) []byte {
	data := make([]byte, 0, 1+len(name)+len(block))
	return append(append(append(data, sampleMark), name[:]...), block...)
}

// sample returns what the mails of a row's template are compressed against; it is empty where there can be none.
func (k *keeper) sample(s *Service, row *mostradorv1.Message) *sample {
	key := row.Plugin + "\x00" + row.Template + "\x00" + hex.EncodeToString(row.TemplateSha256) + "\x00" + row.Language
	k.mu.Lock()
	found := k.samples[key]
	k.mu.Unlock()
	if found != nil {
		return found
	}
	made := newSample(s.sampleOf(row))
	k.mu.Lock()
	defer k.mu.Unlock()
	if found := k.samples[key]; found != nil {
		return found
	}
	if len(k.samples) >= samplesKept {
		clear(k.samples)
	}
	k.samples[key] = made
	return made
}

// newSample makes a sample of a text; one that is too short is none.
func newSample(text []byte) *sample {
	text = text[:min(len(text), s2.MaxDictSize)]
	dict := s2.MakeDict(text, nil)
	if dict == nil {
		return &sample{}
	}
	made := &sample{text: text, dict: dict}
	sum := sha256.Sum256(text)
	copy(made.name[:], sum[:])
	return made
}

// sampleOf is the mail of a template for nobody; nil when the template cannot do without a customer or data.
func (s *Service) sampleOf(row *mostradorv1.Message) []byte {
	nobody := &mostradorv1.Message{
		Id: uuid.Nil.String(), MessageId: uuid.Nil.String() + "@" + senderDomain(s.cfg.Settings()), Kind: row.Kind,
		To: "maria@example.com", Plugin: row.Plugin, Template: row.Template, Language: row.Language, Queued: row.Queued,
		Links: maps.Clone(row.Links), Tokens: map[string]string{},
	}
	for name := range nobody.Links {
		nobody.Tokens[name] = "-"
	}
	mail, err := s.composeFor(nobody, &plgv1.Customer{Name: "Cliente", Language: row.Language})
	if err != nil {
		return nil
	}
	return mail.Bytes
}

// maxKept bounds a mail that is read back, with what it brings along.
const maxKept = 64 << 20

// unpack returns the mail of a message as it left, nil for none.
func unpack(tx *store.Tx, id string) ([]byte, error) {
	data := tx.Get(bucketMail, []byte(id))
	if data == nil {
		return nil, nil
	}
	if len(data) == 0 || data[0] != sampleMark {
		eml, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(data)), maxKept))
		if err != nil {
			return nil, fmt.Errorf("a kept mail is damaged: %w", err)
		}
		return eml, nil
	}
	var name sampleName
	block := data[1:]
	block = block[copy(name[:], block):]
	if n, err := s2.DecodedLen(block); err != nil || n > maxKept {
		return nil, fmt.Errorf("a kept mail is damaged: %d bytes, %w", n, cmp.Or(err, s2.ErrTooLarge))
	}
	var eml []byte
	var err error
	if name == (sampleName{}) {
		eml, err = s2.Decode(nil, block)
	} else if with := newSample(tx.Get(bucketDictionary, name[:])); with.dict != nil {
		eml, err = with.dict.Decode(nil, block)
	} else {
		err = errNoSample
	}
	if err != nil {
		return nil, fmt.Errorf("a kept mail is damaged: %w", err)
	}
	return eml, nil
}

var errNoSample = errors.New("the sample of its template is missing")
