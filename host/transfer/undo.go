package transfer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/host/task"
	"mostrador/sdk/plgv1"
)

// What an import keeps for its undo, beside the range of its numbers: for each changed customer what he was, and for new
// ones whose record the import itself changed again (a consent) the revision that it left.
const (
	undoChanged = 'c'
	undoNew     = 'n'
)

func undoKey(kind byte, number uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{kind}, number)
}

// undoAtOnce is how many customers one transaction takes back.
const undoAtOnce = 512

// Undo takes an import back: new customers whom nobody has used go, changed ones get back what they were where it is still
// as the import left it. Who was used since stays, and his row says why.
func (m importing) Undo(ctx context.Context, undone *mostradorv1.Task, t *task.Task) error {
	data := new(mostradorv1.Import)
	if err := proto.Unmarshal(undone.Data, data); err != nil {
		return err
	}
	i, err := m.Get(data.Id)
	if err != nil {
		return err
	}
	u := &undoing{Service: m.Service, t: t, i: i, of: undone.Id, lang: i.Language, actor: m.actor(i)}
	ctx = locale.NewContext(ctx, i.Language)
	if u.p, err = decodeProgress(t.Cursor()); err != nil {
		return err
	}
	for u.p.phase < phaseDone {
		if err := t.Step(ctx, func(tx *store.Tx) error {
			saved := u.p
			err := u.step(ctx, tx)
			if err != nil {
				u.p = saved
			}
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// undoing is one import as it is taken back.
type undoing struct {
	*Service
	t     *task.Task
	i     *mostradorv1.Import
	of    uint64
	p     progress
	lang  string
	actor *plgv1.Actor
}

func (u *undoing) step(ctx context.Context, tx *store.Tx) error {
	var err error
	switch {
	case u.p.phase == phaseReserve && u.i.FirstNumber == 0:
		u.p.phase = phaseChanges
	case u.p.phase == phaseReserve:
		u.p.phase, u.p.pos = phaseRecords, u.i.FirstNumber-1
	case u.p.phase == phaseRecords:
		err = u.remove(ctx, tx)
	default:
		err = u.restore(ctx, tx)
	}
	if err != nil {
		return err
	}
	return u.t.Save(tx, u.p.encode(), u.p.passed, u.p.altered)
}

// remove takes new customers back.
func (u *undoing) remove(ctx context.Context, tx *store.Tx) error {
	var found []*plgv1.Customer
	more := false
	for number, record := range u.Customers.Records(tx, uint32(u.p.pos)) {
		if uint64(number) > u.i.LastNumber {
			break
		}
		if len(found) == undoAtOnce {
			more = true
			break
		}
		c := new(plgv1.Customer)
		if err := proto.Unmarshal(record, c); err != nil {
			return fmt.Errorf("transfer: customer %d: %w", number, err)
		}
		found = append(found, c)
	}
	for _, c := range found {
		number := uint32(c.Number)
		u.p.pos = c.Number
		u.p.passed++
		reason, err := u.used(tx, c)
		if err != nil {
			return err
		}
		if reason != "" {
			if err := u.keep(ctx, tx, number, reason); err != nil {
				return err
			}
			continue
		}
		if err := u.Customers.Unregister(tx, u.actor, c); err != nil {
			return err
		}
		task.PutUndo(tx, u.of, undoKey(undoNew, number), nil)
		u.p.altered++
	}
	if !more {
		u.p.phase, u.p.pos = phaseChanges, 0
	}
	return nil
}

// used says by what a new customer was used since: the key of a sentence, or nothing.
func (u *undoing) used(tx *store.Tx, c *plgv1.Customer) (string, error) {
	number := uint32(c.Number)
	facts, err := u.Customers.Facts(tx, number)
	if err != nil {
		return "", err
	}
	revision := uint64(1)
	if left := task.GetUndo(tx, u.of, undoKey(undoNew, number)); left != nil {
		revision, _ = binary.Uvarint(left)
	}
	others, err := u.Consent.Others(tx, c.Id, u.actor.Channel)
	switch {
	case err != nil:
		return "", err
	case facts.Purchases > 0 || facts.LastPurchase > 0 || facts.Spent != 0:
		return "kept_sale", nil
	case others:
		return "kept_consent", nil
	case len(facts.Measures) > 0:
		return "kept_measure", nil
	case len(u.Customers.Parts(tx, number)) > 0:
		return "kept_merged", nil
	case c.Revision != revision:
		return "kept_edited", nil
	}
	return "", nil
}

// keep says of a row why its customer stays.
func (u *undoing) keep(ctx context.Context, tx *store.Tx, number uint32, reason string) error {
	row, err := u.rowOf(u.i.Id, number-uint32(u.i.FirstNumber))
	if err != nil {
		return err
	}
	return u.keepRow(ctx, tx, row, reason)
}

func (u *undoing) keepRow(ctx context.Context, tx *store.Tx, row int, reason string, args ...any) error {
	if tx.Get(bucketRow, rowKey(u.i.Id, row)) == nil {
		i, err := get(tx, u.i.Id)
		if err != nil {
			return err
		}
		i.Kept++
		if err := put(tx, i); err != nil {
			return err
		}
	}
	u.p.refused++
	return store.PutProto(tx, bucketRow, rowKey(u.i.Id, row), &mostradorv1.ImportRow{
		Outcome: kept, Diagnostics: []*plgv1.Diagnostic{u.diagnostic(ctx, plgv1.Severity_SEVERITY_INFO, "", reason, args...)},
	})
}

// restore gives changed customers back what they were.
func (u *undoing) restore(ctx context.Context, tx *store.Tx) error {
	n := 0
	var after []byte
	if u.p.pos > 0 {
		after = undoKey(undoChanged, uint32(u.p.pos))
	}
	type row struct {
		number uint32
		was    []byte
	}
	var rows []row
	for key, was := range task.Undos(tx, u.of, []byte{undoChanged}, after) {
		if n++; n > undoAtOnce {
			break
		}
		rows = append(rows, row{binary.BigEndian.Uint32(key[1:]), slices.Clone(was)})
	}
	for _, r := range rows {
		u.p.pos = uint64(r.number)
		u.p.passed++
		if err := u.giveBack(ctx, tx, r.number, r.was); err != nil {
			return err
		}
		task.PutUndo(tx, u.of, undoKey(undoChanged, r.number), nil)
	}
	if n <= undoAtOnce {
		u.p.phase = phaseDone
	}
	return nil
}

// giveBack gives one customer back the values that are still as the import left them.
func (u *undoing) giveBack(ctx context.Context, tx *store.Tx, number uint32, kept []byte) error {
	before := new(mostradorv1.ImportRow)
	if err := proto.Unmarshal(kept, before); err != nil {
		return fmt.Errorf("transfer: undo of customer %d: %w", number, err)
	}
	current, err := u.Customers.ByNumber(tx, number)
	if errors.Is(err, customer.ErrNotFound) {
		return nil // gone since
	}
	if err != nil {
		return err
	}
	wanted := proto.CloneOf(current)
	var mask, stay []string
	for _, change := range before.Changes {
		switch {
		case change.Field == targetTags:
			wanted.Tags = slices.DeleteFunc(wanted.Tags, func(tag string) bool {
				return !slices.Contains(before.Customer.Tags, tag) && slices.Contains(entries(change.To), tag)
			})
		case customer.TextOf(current, change.Field) != plain(change.To):
			stay = append(stay, u.label(change.Field, u.lang))
			continue
		default:
			customer.CopyField(wanted, before.Customer, change.Field)
		}
		mask = append(mask, change.Field)
	}
	err = tx.Try(func() error {
		_, _, err := u.Customers.Amend(ctx, tx, u.actor, number, wanted, mask)
		return err
	})
	var refusal *customer.Refused
	switch {
	case errors.As(err, &refusal):
		return u.keepKnown(ctx, tx, number, "kept_refused", "reason", refusal.Error())
	case err != nil:
		return err
	}
	u.p.altered++
	if len(stay) > 0 {
		return u.keepKnown(ctx, tx, number, "kept_fields", "fields", join(stay))
	}
	return nil
}

// plain is a value as customer.Value has it: a no is nothing.
func plain(v string) string {
	if v == "false" {
		return ""
	}
	return v
}

// keepKnown says of the row of a known customer what stays as it is.
func (u *undoing) keepKnown(ctx context.Context, tx *store.Tx, number uint32, reason string, args ...any) (err error) {
	p, err := u.folder(u.i.Id).open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	const part = 4096
	for from := 0; ; {
		rows, err := p.list(changed, from, part)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, row := range rows {
			at, err := p.place(row)
			if err != nil {
				return err
			}
			if at.known == number {
				return u.keepRow(ctx, tx, row, reason, args...)
			}
		}
		from = rows[len(rows)-1] + 1
	}
}
