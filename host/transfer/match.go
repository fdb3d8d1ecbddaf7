package transfer

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/host/task"
	"mostrador/sdk/plgv1"
)

const (
	refused = mostradorv1.RowOutcome_ROW_OUTCOME_REFUSED
	fresh   = mostradorv1.RowOutcome_ROW_OUTCOME_NEW
	changed = mostradorv1.RowOutcome_ROW_OUTCOME_CHANGED
	same    = mostradorv1.RowOutcome_ROW_OUTCOME_SAME
	skipped = mostradorv1.RowOutcome_ROW_OUTCOME_SKIPPED
	kept    = mostradorv1.RowOutcome_ROW_OUTCOME_KEPT
)

// met is what the keys of the rows met: other rows and known customers. It is the one thing of a plan that stays in
// memory, nine bytes for each row.
type met struct {
	// known is who has one of the row's keys, 0 for nobody; by is the ways, a bit for each.
	known []uint32
	by    []byte
	// first is the row before which has one of its keys too, plus 1.
	first []uint32
	// clashes are rows whose keys belong to two customers: the second.
	clashes map[int]clash
}

type clash struct {
	known uint32
	by    byte
}

// belongs notes that a key of a row belongs to a known customer.
func (m *met) belongs(row int, known uint32, way byte) {
	switch m.known[row] {
	case 0, known:
		m.known[row] = known
		m.by[row] |= 1 << way
	default:
		m.clashes[row] = clash{known, way}
	}
}

// compare finds out what becomes of each row and completes the plan. It returns how many rows have which outcome.
func (p planning) compare(ctx context.Context, t *task.Task, i *mostradorv1.Import, rows int, sorter *sorter) (map[mostradorv1.RowOutcome]uint64, error) {
	m := &met{make([]uint32, rows), make([]byte, rows), make([]uint32, rows), map[int]clash{}}
	if err := p.meet(ctx, i, sorter, m); err != nil {
		return nil, err
	}
	c := &comparison{planning: p, i: i, met: m, counts: map[mostradorv1.RowOutcome]uint64{}}
	ranks, err := c.run(ctx, t, rows)
	if err != nil {
		return nil, err
	}
	return c.counts, p.claims(i, ranks)
}

// meetAtOnce is how many keys are looked up in one transaction.
const meetAtOnce = 4096

// meet brings the keys in order, writes them, and looks for who has them.
func (p planning) meet(ctx context.Context, i *mostradorv1.Import, sorter *sorter, m *met) error {
	out, err := p.folder(i.Id).create(fileKeys + ".sorted")
	if err != nil {
		return err
	}
	var (
		arena []byte
		keys  [][]byte
		of    []uint32 // the row that has a key first
		last  []byte
		first uint32
	)
	look := func() error {
		defer func() { arena, keys, of = arena[:0], keys[:0], of[:0] }()
		if err := ctx.Err(); err != nil {
			return err
		}
		return p.Store.View(func(tx *store.Tx) error {
			p.Customers.Holders(tx, keys, func(n int, number uint32) {
				m.belongs(int(of[n]), number, wayOf(customer.KeyPath(keys[n])))
			})
			return nil
		})
	}
	arena = make([]byte, 0, 64*meetAtOnce)
	err = sorter.merge(func(key []byte, row uint32) error {
		writeKey(out.w, key, row)
		if last != nil && bytes.Equal(key, last) {
			if row != first && (m.first[row] == 0 || m.first[row] > first+1) {
				m.first[row] = first + 1
			}
			return nil
		}
		if len(arena)+len(key) > cap(arena) || len(keys) == meetAtOnce {
			if err := look(); err != nil {
				return err
			}
		}
		if len(key) > cap(arena) {
			return fmt.Errorf("transfer: a key of %d bytes", len(key))
		}
		at := len(arena)
		arena = append(arena, key...)
		keys, of = append(keys, arena[at:]), append(of, row)
		last, first = append(last[:0], key...), row
		return nil
	})
	if err == nil {
		err = look()
	}
	return errors.Join(err, out.Close())
}

// comparison finds the outcome of every row.
type comparison struct {
	planning
	i      *mostradorv1.Import
	met    *met
	counts map[mostradorv1.RowOutcome]uint64
	// seen are the known customers of the rows before, news how many of these are new.
	seen  roaring.Bitmap
	news  uint32
	notes *spooled
}

// compareAtOnce is how many rows are compared in one transaction.
const compareAtOnce = 512

// none marks a row that is not new in the list of ranks.
const none = ^uint32(0)

// run writes the table, the notes and the lists, and returns for each row which of the new ones it is.
func (c *comparison) run(ctx context.Context, t *task.Task, rows int) (ranks []uint32, err error) {
	dir := c.folder(c.i.Id)
	in, err := os.Open(dir.path(fileTable + ".judged"))
	if err != nil {
		return nil, err
	}
	judged := &places{newReader(in), in, -1}
	defer func() { err = errors.Join(err, judged.Close(), dir.compact()) }()
	records, err := dir.rowReader()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, records.Close()) }()
	out := map[string]*spooled{}
	defer func() {
		for _, f := range out {
			err = errors.Join(err, f.Close())
		}
	}()
	names := []string{fileTable, fileNotes}
	outcomes := []mostradorv1.RowOutcome{fresh, changed, same, skipped, refused}
	for _, o := range outcomes {
		names = append(names, fileList(o))
	}
	for _, name := range names {
		if out[name], err = dir.create(name); err != nil {
			delete(out, name)
			return nil, err
		}
	}
	lists := map[mostradorv1.RowOutcome]*spooled{}
	for _, o := range outcomes {
		lists[o] = out[fileList(o)]
	}
	c.notes = out[fileNotes]
	if _, err := c.notes.Write([]byte{0}); err != nil { // no note stands at 0
		return nil, err
	}
	ranks = make([]uint32, 0, rows)
	var buf []byte // of what is written for a row
	for len(ranks) < rows {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		err := c.Store.View(func(tx *store.Tx) error {
			for range min(compareAtOnce, rows-len(ranks)) {
				n, at, err := judged.next()
				if err != nil {
					return err
				}
				if err := c.row(ctx, tx, n, &at, records); err != nil {
					return err
				}
				rank := none
				if at.outcome == fresh {
					rank = at.rank
				}
				ranks = append(ranks, rank)
				c.counts[at.outcome]++
				buf = at.append(buf[:0])
				if _, err := out[fileTable].Write(buf); err != nil {
					return err
				}
				buf = binary.BigEndian.AppendUint32(buf[:0], uint32(n))
				if _, err := lists[at.outcome].Write(buf); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		if len(ranks)%(compareAtOnce*64) == 0 {
			if err := c.progress(ctx, t, uint64(len(ranks)), uint64(rows)); err != nil {
				return nil, err
			}
		}
	}
	return ranks, nil
}

// row finds the outcome of a row and writes what is to be said of it.
func (c *comparison) row(ctx context.Context, tx *store.Tx, n int, at *place, records *rowReader) error {
	flags := at.rank
	at.rank = 0
	if at.outcome == refused {
		return nil
	}
	met := c.met
	if met.known[n] == 0 && met.first[n] == 0 && flags&(flagNamed|flagLacking) == 0 {
		at.rank, c.news = c.news, c.news+1
		return nil
	}
	var typed *plgv1.Customer
	var proof *mostradorv1.ConsentEntry
	read := func() error {
		if typed != nil {
			return nil
		}
		b, err := records.read(at.row)
		if err != nil {
			return err
		}
		typed, proof, err = readRow(b)
		return err
	}
	if flags&flagNamed != 0 {
		if err := read(); err != nil {
			return err
		}
		if typed.Id != "" {
			if number, err := c.Customers.Number(tx, typed.Id); err == nil {
				met.belongs(n, number, wayOf(targetID))
			} else if !errors.Is(err, customer.ErrNotFound) {
				return err
			}
		}
		if typed.Number != 0 {
			if known, err := c.Customers.ByNumber(tx, uint32(typed.Number)); err == nil {
				met.belongs(n, uint32(known.Number), wayOf(targetNumber))
			} else if !errors.Is(err, customer.ErrNotFound) {
				return err
			}
		}
	}
	lang := locale.FromContext(ctx)
	number := met.known[n]
	by, matches := c.way(met.by[n])
	second, clashes := met.clashes[n]
	switch {
	case clashes:
		return c.refuse(ctx, at, ways[by], "two_customers", "path", c.label(ways[by], lang), "name", c.name(tx, number), "number", number,
			"other_path", c.label(ways[second.by], lang), "other_name", c.name(tx, second.known), "other_number", second.known)
	case met.first[n] != 0:
		line, err := c.line(int(met.first[n] - 1))
		if err != nil {
			return err
		}
		return c.refuse(ctx, at, "", "row_repeated", "line", line)
	case number != 0 && c.seen.Contains(number):
		line, err := c.line(slices.Index(met.known[:n], number))
		if err != nil {
			return err
		}
		return c.refuse(ctx, at, "", "row_repeated", "line", line)
	case number == 0 && flags&flagLacking != 0:
		at.outcome = refused
		return nil // what it lacks stands in its record
	case number == 0:
		at.rank, c.news = c.news, c.news+1
		return nil
	}
	c.seen.Add(number)
	at.known, at.by = number, by
	current, err := c.Customers.ByNumber(tx, number)
	if errors.Is(err, customer.ErrNotFound) { // another import is about to bring him
		at.known = 0
		return c.refuse(ctx, at, ways[by], "importing", "path", c.label(ways[by], lang))
	}
	if err != nil {
		return err
	}
	switch {
	case !matches || c.i.Duplicates == mostradorv1.DuplicatePolicy_DUPLICATE_POLICY_REFUSE:
		return c.refuse(ctx, at, ways[by], "known", "path", c.label(ways[by], lang), "name", current.Name, "number", number)
	case c.i.Duplicates == mostradorv1.DuplicatePolicy_DUPLICATE_POLICY_SKIP:
		at.outcome = skipped
		return nil
	}
	if err := read(); err != nil {
		return err
	}
	changes, refusal, err := c.amended(ctx, tx, c.i, current, typed)
	if err != nil {
		return err
	}
	switch {
	case customer.Wrong(refusal.GetDiagnostics()):
		at.outcome = refused
		return c.note(at, &mostradorv1.ImportRow{Diagnostics: refusal.Diagnostics, Changes: changes})
	case len(changes) == 0 && !newProof(current, proof):
		at.outcome = same
		return nil
	}
	at.outcome = changed
	if newProof(current, proof) {
		changes = append(changes, &plgv1.FieldChange{Field: consentState, From: current.GetConsent().GetPromotions().String(), To: stateOf(proof).String()})
	}
	return c.note(at, &mostradorv1.ImportRow{Changes: changes})
}

// stateOf is the consent for promotions after an act.
func stateOf(e *mostradorv1.ConsentEntry) plgv1.ConsentState {
	if e.GetAct() == mostradorv1.ConsentAct_CONSENT_ACT_WITHDRAWN {
		return plgv1.ConsentState_CONSENT_STATE_WITHDRAWN
	}
	return plgv1.ConsentState_CONSENT_STATE_GIVEN
}

// newProof tells whether an evidence changes how a known customer's consent stands.
func newProof(current *plgv1.Customer, e *mostradorv1.ConsentEntry) bool {
	return e != nil && current.GetConsent().GetPromotions() != stateOf(e)
}

// amended compares a known customer with what a row has.
func (s *Service) amended(ctx context.Context, tx *store.Tx, i *mostradorv1.Import, current, typed *plgv1.Customer) ([]*plgv1.FieldChange, *mostradorv1.Refusal, error) {
	wanted, mask := merged(i, current, typed)
	return s.Customers.Amended(ctx, tx, current, wanted, mask)
}

// merged is what a row makes of a known customer, and which paths it is about. Tags are never taken off, and the case of
// an e-mail's letters is no difference.
func merged(i *mostradorv1.Import, current, typed *plgv1.Customer) (*plgv1.Customer, []string) {
	wanted := proto.CloneOf(typed)
	mask := customer.SetPaths(typed)
	if i.Duplicates == mostradorv1.DuplicatePolicy_DUPLICATE_POLICY_FILL {
		mask = slices.DeleteFunc(mask, func(path string) bool { return path != targetTags && customer.TextOf(current, path) != "" })
	}
	mask = slices.DeleteFunc(mask, func(path string) bool { return path == targetEmail && strings.EqualFold(current.Email, typed.Email) })
	wanted.Tags = slices.Clone(current.Tags)
	for _, tag := range typed.Tags {
		if !slices.Contains(wanted.Tags, tag) {
			wanted.Tags = append(wanted.Tags, tag)
		}
	}
	return wanted, mask
}

// way is the first of the ways by which a known customer was found, of those that may find one when there is one.
func (c *comparison) way(by byte) (way byte, matches bool) {
	for w := range ways {
		if by>>w&1 == 0 {
			continue
		}
		if len(c.i.Match) == 0 || slices.Contains(c.i.Match, ways[w]) {
			return byte(w), true
		}
		if way == 0 {
			way = byte(w)
		}
	}
	return way, false
}

// refuse refuses a row in words.
func (c *comparison) refuse(ctx context.Context, at *place, path, key string, args ...any) error {
	at.outcome = refused
	return c.note(at, &mostradorv1.ImportRow{Diagnostics: []*plgv1.Diagnostic{
		c.diagnostic(ctx, plgv1.Severity_SEVERITY_ERROR, path, key, args...),
	}})
}

// note writes what is to be said of a row.
func (c *comparison) note(at *place, note *mostradorv1.ImportRow) error {
	b, err := proto.Marshal(note)
	if err != nil {
		return err
	}
	at.note = c.notes.at
	_, err = c.notes.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...))
	return err
}

func (c *comparison) name(tx *store.Tx, number uint32) string {
	known, err := c.Customers.ByNumber(tx, number)
	if err != nil {
		return "?"
	}
	return known.Name
}

// line is the line of a row that was judged.
func (c *comparison) line(row int) (line uint32, err error) {
	f, err := os.Open(c.folder(c.i.Id).path(fileTable + ".judged"))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	at, err := (&plan{table: f}).place(row)
	return at.line, err
}

// readRow reads the customer and the evidence of a row's record.
func readRow(b []byte) (*plgv1.Customer, *mostradorv1.ConsentEntry, error) {
	parts, err := splitRow(b)
	if err != nil {
		return nil, nil, err
	}
	c := new(plgv1.Customer)
	if err := proto.Unmarshal(parts[partCustomer], c); err != nil {
		return nil, nil, err
	}
	if parts[partProof] == nil {
		return c, nil, nil
	}
	e := new(mostradorv1.ConsentEntry)
	return c, e, proto.Unmarshal(parts[partProof], e)
}

// claims writes the keys of the new rows, with the rank of the row in place of its number: those are what an import writes
// first.
func (p planning) claims(i *mostradorv1.Import, ranks []uint32) (err error) {
	dir := p.folder(i.Id)
	in, err := os.Open(dir.path(fileKeys + ".sorted"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close(), os.Remove(in.Name())) }()
	out, err := dir.create(fileKeys)
	if err != nil {
		return err
	}
	r := newReader(in)
	var key []byte
	for {
		var row uint32
		if key, row, err = readKey(r, key[:0]); err != nil {
			break
		}
		if rank := ranks[row]; rank != none {
			writeKey(out.w, key, rank)
		}
	}
	if err == io.EOF {
		err = nil
	}
	return errors.Join(err, out.Close())
}
