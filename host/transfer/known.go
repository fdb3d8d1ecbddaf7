package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// changeKnown changes the known customers, each as he is now.
func (w *work) changeKnown(ctx context.Context) (err error) {
	p, err := w.dir.open()
	if err != nil {
		return fmt.Errorf("transfer: %w", err)
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	for {
		rows, err := p.list(changed, int(w.p.pos), changesAtOnce)
		if err != nil {
			return err
		}
		err = w.step(ctx, func(tx *store.Tx) error {
			if len(rows) < changesAtOnce {
				w.p.phase = phaseDone
			}
			for _, row := range rows {
				w.p.pos = uint64(row) + 1
				w.p.passed++
				at, err := p.place(row)
				if err != nil {
					return err
				}
				b, err := record(p.rows, at.row)
				if err != nil {
					return err
				}
				if err := w.change(ctx, tx, row, at, b); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || w.p.phase == phaseDone {
			return err
		}
	}
}

// change changes one known customer as a row says.
func (w *work) change(ctx context.Context, tx *store.Tx, row int, at place, record []byte) error {
	typed, proof, err := readRow(record)
	if err != nil {
		return err
	}
	err = tx.Try(func() error {
		current, err := w.Customers.ByNumber(tx, at.known)
		if errors.Is(err, customer.ErrNotFound) || err == nil && !stillMeant(current, typed, ways[at.by]) {
			return w.Service.refuse(ctx, ways[at.by], "changed_meanwhile")
		}
		if err != nil {
			return err
		}
		wanted, mask := merged(w.i, current, typed)
		was, is, err := w.Customers.Amend(ctx, tx, w.actor, at.known, wanted, mask)
		if err != nil {
			return err
		}
		if newProof(is, proof) {
			if is, err = w.consent(tx, is.Id, proof); err != nil {
				return err
			}
		}
		if was.Revision == is.Revision {
			return nil // somebody else brought him there
		}
		undo, err := proto.Marshal(&mostradorv1.ImportRow{Customer: was, Changes: customer.Changes(was, is)})
		if err != nil {
			return err
		}
		w.t.KeepUndo(tx, undoKey(undoChanged, at.known), undo)
		w.p.altered++
		return nil
	})
	var said *customer.Refused
	if errors.As(err, &said) {
		return w.refuseRow(tx, row, said.Refusal.Diagnostics...)
	}
	return err
}

// stillMeant tells whether a customer still has what he was found by.
func stillMeant(current, typed *plgv1.Customer, way string) bool {
	var path []string
	switch way {
	case targetPhone, targetEmail, targetCards:
		path = append(path, way)
	default:
		return true // numbers and ids do not change
	}
	has := customer.IndexKeys(current)
	for _, key := range customer.IndexKeys(typed) {
		if slices.Contains(path, customer.KeyPath(key)) && slices.ContainsFunc(has, func(k []byte) bool { return slices.Equal(k, key) }) {
			return true
		}
	}
	return false
}
