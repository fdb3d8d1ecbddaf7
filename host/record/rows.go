package record

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"mostrador/host/customer"
	"mostrador/host/store"
)

// rows hold in memory what is compared of everybody, while a search lasts: some 80 bytes each. A search looks at a
// customer again for each of his keys and of those he has in common with others; out of the file that would be as many
// reads at places all over it.
//
// A row is the words of the name with blanks between them, the phone, the e-mail, and a value of each field of the model,
// each ended by a zero.
type rows struct {
	model model
	// chunks hold rows one behind the other.
	chunks []string
	// at is where the row of a number begins: the chunk, and in the lowest chunkBits bits the place in it; 0 is none.
	at []uint32
}

const chunkBits = 20

// gather reads everybody once.
func (r *reader) gather(ctx context.Context, last uint32, progress func(float64)) (*rows, error) {
	all := &rows{model: r.model, at: make([]uint32, last+1)}
	chunk := make([]byte, 1, 1<<chunkBits) // no row begins at 0
	for after := uint32(0); after < last; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		read := 0
		err := r.s.Store.View(func(tx *store.Tx) error {
			for number, record := range r.s.Customers.Records(tx, after) {
				if number > last {
					break // came since
				}
				begin := len(chunk)
				all.at[number] = uint32(len(all.chunks)<<chunkBits | begin)
				chunk = r.row(chunk, record)
				if len(chunk) > 1<<chunkBits && begin > 1 {
					all.chunks = append(all.chunks, string(chunk[:begin]))
					chunk = append(chunk[:1], chunk[begin:]...)
					all.at[number] = uint32(len(all.chunks)<<chunkBits | 1)
				}
				after = number
				if read++; read == part {
					return nil
				}
			}
			after = last
			return nil
		})
		if err != nil {
			return nil, err
		}
		progress(float64(after) / float64(last))
	}
	all.chunks = append(all.chunks, string(chunk))
	return all, nil
}

// row appends the row of an encoded record.
func (r *reader) row(to []byte, record []byte) []byte {
	var name, phone, email string
	walk(record, func(field protowire.Number, value []byte) {
		switch field {
		case fieldName:
			name = string(value)
		case fieldPhone:
			phone = string(value)
		case fieldEmail:
			email = string(value)
		}
	})
	for i, word := range wordsOf(name) {
		if i > 0 {
			to = append(to, ' ')
		}
		to = append(to, word...)
	}
	to = ended(append(to, 0), phone)
	to = ended(to, strings.ToLower(email))
	if len(r.model.dates)+len(r.model.places) == 0 {
		return to
	}
	values := make([]string, len(r.model.dates)+len(r.model.places))
	fieldsOf(record, func(id, value string) {
		if i := slices.Index(r.model.dates, id); i >= 0 {
			values[i] = value
		} else if i := slices.Index(r.model.places, id); i >= 0 {
			values[len(r.model.dates)+i] = value
		}
	})
	for _, value := range values {
		to = ended(to, customer.Fold(value))
	}
	return to
}

// ended appends a text, which ends at its first zero.
func ended(to []byte, text string) []byte {
	text, _, _ = strings.Cut(text, "\x00")
	return append(append(to, text...), 0)
}

// person makes p the person of a number, and tells whether there is one. What p had before is gone.
func (r *rows) person(number uint32, p *person) bool {
	at := r.at[number]
	if at == 0 {
		return false
	}
	rest := r.chunks[at>>chunkBits][at&(1<<chunkBits-1):]
	next := func() string {
		var text string
		text, rest, _ = strings.Cut(rest, "\x00")
		return text
	}
	p.number = number
	p.words = p.words[:0]
	for name := next(); name != ""; {
		var word string
		word, name, _ = strings.Cut(name, " ")
		p.words = append(p.words, word)
	}
	p.sorted = append(p.sorted[:0], p.words...)
	slices.Sort(p.sorted)
	p.phone, p.email, p.local = next(), next(), ""
	if at := strings.LastIndexByte(p.email, '@'); at > 0 {
		p.local = p.email[:at]
	}
	values := func(of map[string]string, ids []string) map[string]string {
		if of == nil {
			of = make(map[string]string, len(ids))
		}
		clear(of)
		for _, id := range ids {
			if v := next(); v != "" {
				of[id] = v
			}
		}
		return of
	}
	p.dates = values(p.dates, r.model.dates)
	p.places = values(p.places, r.model.places)
	return true
}
