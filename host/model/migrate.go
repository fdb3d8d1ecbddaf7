package model

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/host/task"
	"mostrador/sdk/plgv1"
)

// migration does the tasks of KindField: it brings the stored values of one field to its new declaration.
//
// It walks through the customers until a walk finds nothing to convert any more. More than one walk is needed only
// when somebody's value, judged by the declaration before, became durable behind the walk.
type migration struct{ s *Service }

// perStep is how many customers are changed in one step.
const perStep = 64

// place is how far a migration is.
type place struct {
	// after is the number of the last customer read, converted how many values this walk has changed, and broken how
	// many of those read break the declaration.
	after             uint32
	converted, broken uint64
	// done counts the values read in the first walk.
	done   uint64
	walked bool
}

func (p place) bytes() []byte {
	b := binary.BigEndian.AppendUint32(nil, p.after)
	for _, n := range []uint64{p.converted, p.broken, p.done} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	if p.walked {
		return append(b, 1)
	}
	return append(b, 0)
}

func placeOf(b []byte) (p place) {
	if len(b) != 4+3*8+1 {
		return place{}
	}
	p.after = binary.BigEndian.Uint32(b)
	p.converted, p.broken, p.done = binary.BigEndian.Uint64(b[4:]), binary.BigEndian.Uint64(b[12:]), binary.BigEndian.Uint64(b[20:])
	p.walked = b[28] == 1
	return p
}

// Run converts what is left.
func (m migration) Run(ctx context.Context, t *task.Task) error {
	data := new(mostradorv1.FieldMigration)
	if err := t.Data(data); err != nil {
		return err
	}
	was := &definition{Field: data.GetBefore()}
	next, wrong := m.s.compile(locale.Default, data.GetAfter())
	if len(wrong) > 0 {
		return fmt.Errorf("model: field %s: %s", next.GetId(), wrong[0].GetSummary())
	}
	actor := proto.CloneOf(t.Actor())
	if actor == nil {
		actor = new(plgv1.Actor)
	}
	actor.Channel = fmt.Sprintf("task:%d", t.ID())
	at := placeOf(t.Cursor())
	for {
		ended, err := m.step(ctx, t, actor, was, next, &at)
		if err != nil {
			return err
		}
		if !ended {
			continue
		}
		if at.converted == 0 {
			return nil
		}
		at.after, at.converted, at.broken, at.walked = 0, 0, 0, true
	}
}

// step reads on until enough customers are found whose value takes another form, and changes them.
func (m migration) step(ctx context.Context, t *task.Task, actor *plgv1.Actor, was, next *definition, at *place) (ended bool, err error) {
	s, id, now := m.s, next.GetId(), *at
	var changing []uint32
	err = s.Store.View(func(tx *store.Tx) error {
		last, err := s.walk(tx, next, now.after, step, func(c *plgv1.Customer) bool {
			if !now.walked {
				now.done++
			}
			value := c.GetFields()[id]
			becomes, wrong := s.convert(tx, was, next, c, value, locale.Default)
			if wrong != nil {
				now.broken++
			} else if becomes != value {
				changing = append(changing, uint32(c.GetNumber()))
			}
			return len(changing) < perStep
		})
		if ended = last == 0; !ended {
			now.after = last
		}
		return err
	})
	if err != nil {
		return false, err
	}
	changed := t.Changed()
	err = t.Step(ctx, func(tx *store.Tx) error {
		for _, number := range changing {
			did, err := m.change(tx, t.ID(), actor, was, next, number)
			if err != nil {
				return err
			}
			if did {
				now.converted++
				changed++
			}
		}
		if err := t.SetFailed(tx, now.broken); err != nil {
			return err
		}
		return t.Save(tx, now.bytes(), now.done, changed)
	})
	if err != nil {
		return false, err
	}
	*at = now
	return ended, nil
}

// change converts the value of one customer, as it is now, and keeps the one before for Undo.
func (m migration) change(tx *store.Tx, id uint64, actor *plgv1.Actor, was, next *definition, number uint32) (bool, error) {
	c, err := m.s.Customers.ByNumber(tx, number)
	if errors.Is(err, customer.ErrNotFound) {
		return false, nil // erased, or merged away
	}
	if err != nil {
		return false, err
	}
	value := c.GetFields()[next.GetId()]
	if value == "" {
		return false, nil
	}
	becomes, wrong := m.s.convert(tx, was, next, c, value, locale.Default)
	if wrong != nil || becomes == value {
		return false, nil
	}
	if err := m.set(tx, actor, c, next.GetId(), becomes); err != nil {
		return false, m.refused(err, number)
	}
	row := binary.AppendUvarint(nil, uint64(len(value)))
	task.PutUndo(tx, id, binary.BigEndian.AppendUint32(nil, number), append(append(row, value...), becomes...))
	return true, nil
}

// refused tells of a customer who cannot be changed for a reason of his own; he stays as he is, and the rest goes on.
func (m migration) refused(err error, number uint32) error {
	var refusal *customer.Refused
	if !errors.As(err, &refusal) {
		return err
	}
	m.s.Logger.Warn("a value could not be brought to its new form", "customer", number, "problem", refusal)
	return nil
}

// set writes one value.
func (m migration) set(tx *store.Tx, actor *plgv1.Actor, c *plgv1.Customer, id, value string) error {
	_, err := m.s.Customers.UpdateTx(tx, actor, c.GetId(), func(c *plgv1.Customer) {
		if c.Fields[id] = value; value == "" {
			delete(c.Fields, id)
		}
	})
	return err
}

// Undo puts the declaration and the values back as they were. What somebody changed since stays: the declaration when
// it is another one, each value when it is not the one that the task made of it.
func (m migration) Undo(ctx context.Context, undone *mostradorv1.Task, t *task.Task) error {
	data := new(mostradorv1.FieldMigration)
	if err := proto.Unmarshal(undone.GetData(), data); err != nil {
		return fmt.Errorf("model: task %d: %w", undone.GetId(), err)
	}
	if err := m.putBack(ctx, t, data); err != nil {
		return err
	}
	actor := proto.CloneOf(t.Actor())
	if actor == nil {
		actor = new(plgv1.Actor)
	}
	actor.Channel = fmt.Sprintf("task:%d", t.ID())
	for {
		left := 0
		err := t.Step(ctx, func(tx *store.Tx) error {
			done, changed := t.Done(), t.Changed()
			rows := map[uint32][]byte{}
			for key, row := range task.Undos(tx, undone.GetId(), nil, nil) {
				if len(key) == 4 {
					rows[binary.BigEndian.Uint32(key)] = row
				}
				if left++; left == perStep {
					break
				}
			}
			for number, row := range rows {
				did, err := m.restore(tx, actor, data.GetAfter().GetId(), number, row)
				if err != nil {
					return err
				}
				done++
				if did {
					changed++
				}
				task.PutUndo(tx, undone.GetId(), binary.BigEndian.AppendUint32(nil, number), nil)
			}
			return t.Save(tx, nil, done, changed)
		})
		if err != nil {
			return err
		}
		if left == 0 {
			return nil
		}
	}
}

// putBack puts the declaration back in force that the migration took the place of. A field that was new is retired.
func (m migration) putBack(ctx context.Context, t *task.Task, data *mostradorv1.FieldMigration) error {
	was, ok := m.s.current.Load().byID[data.GetAfter().GetId()]
	if !ok || was.GetRevision() != data.GetAfter().GetRevision() {
		return nil
	}
	before := proto.CloneOf(data.GetBefore())
	if before == nil {
		before = proto.CloneOf(was.Field)
		before.Retired = true
	}
	before.Order = was.GetOrder()
	next, _ := m.s.compile(locale.Default, before)
	err := t.Step(ctx, func(tx *store.Tx) error {
		_, err := m.s.write(tx, t.Actor(), was.Field, next)
		return err
	})
	if errors.Is(err, ErrConflict) {
		return nil
	}
	return err
}

// restore gives one customer the value back that the migration converted.
func (m migration) restore(tx *store.Tx, actor *plgv1.Actor, id string, number uint32, row []byte) (bool, error) {
	size, n := binary.Uvarint(row)
	if n <= 0 || size > uint64(len(row)-n) {
		return false, fmt.Errorf("model: damaged undo of customer %d", number)
	}
	value, became := string(row[n:n+int(size)]), string(row[n+int(size):])
	c, err := m.s.Customers.ByNumber(tx, number)
	if errors.Is(err, customer.ErrNotFound) {
		return false, nil
	}
	if err != nil || c.GetFields()[id] != became {
		return false, err
	}
	if err := m.set(tx, actor, c, id, value); err != nil {
		return false, m.refused(err, number)
	}
	return true, nil
}
