package transfer

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// newcomers are new customers on their way, in the order of their numbers.
type newcomers struct {
	rows    []int
	ranks   []uint32
	records [][]byte
	ids     []uuid.UUID
	// end is the row behind the last, last whether there are no more.
	end  int
	last bool
	// What the preparation makes of them: people has nil where a row is refused.
	people []*customer.Newcomer
	proofs []*mostradorv1.ConsentEntry
	keys   [][][]byte
	wrong  map[int][]*plgv1.Diagnostic
	err    error
	done   chan struct{}
}

// writeRecords writes the records of new customers.
func (w *work) writeRecords(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	todo, order := make(chan *newcomers, 1), make(chan *newcomers, 2)
	var helpers sync.WaitGroup
	defer helpers.Wait()
	defer stop()
	anew, gone := w.outdated(), w.gone.Clone()
	for range runtime.GOMAXPROCS(0) {
		helpers.Go(func() {
			j := planning{w.Service}.judge(ctx, w.i)
			for n := range todo {
				n.err = w.prepare(j, n, anew, gone)
				close(n.done)
			}
		})
	}
	var readErr error
	helpers.Go(func() {
		defer close(todo)
		defer close(order)
		readErr = w.readNewcomers(func(n *newcomers) bool {
			select {
			case order <- n:
			case <-ctx.Done():
				return false
			}
			todo <- n // somebody takes it: they end when todo is closed
			return true
		})
	})
	for n := range order {
		<-n.done
		if n.err != nil {
			return n.err
		}
		if err := w.step(ctx, func(tx *store.Tx) error { return w.admit(ctx, tx, n) }); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return readErr
}

// outdated tells whether rows are to be judged again because the declarations changed since the plan.
func (w *work) outdated() bool {
	judged, known := w.judged.Load(w.i.Id)
	if !known {
		return true
	}
	by, _ := judged.(customer.Fields)
	return !customer.SameRules(by, w.Customers.InForce())
}

// readNewcomers reads the new rows from where the import stands, until give says no.
func (w *work) readNewcomers(give func(*newcomers) bool) (err error) {
	places, err := w.dir.places(int(w.p.pos))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, places.Close()) }()
	records, err := w.dir.rowReader()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, records.Close()) }()
	random := bufio.NewReaderSize(rand.Reader, 16<<10)
	for last := false; !last; {
		n := &newcomers{done: make(chan struct{})}
		for len(n.rows) < recordsAtOnce {
			row, at, err := places.next()
			if err == io.EOF {
				last = true
				break
			}
			if err != nil {
				return err
			}
			n.end = row + 1
			if at.outcome != fresh {
				continue
			}
			record, err := records.read(at.row)
			if err != nil {
				return err
			}
			id, err := uuid.NewV7FromReader(random)
			if err != nil {
				return fmt.Errorf("transfer: customer id: %w", err)
			}
			n.rows, n.ranks, n.records, n.ids = append(n.rows, row), append(n.ranks, at.rank), append(n.records, record), append(n.ids, id)
		}
		n.last = last
		if !give(n) {
			return nil
		}
	}
	return nil
}

// prepare does all for new customers that needs no transaction. anew judges them again.
func (w *work) prepare(j *judge, n *newcomers, anew bool, gone *roaring.Bitmap) error {
	n.people, n.proofs = make([]*customer.Newcomer, len(n.rows)), make([]*mostradorv1.ConsentEntry, len(n.rows))
	n.keys, n.wrong = make([][][]byte, len(n.rows)), map[int][]*plgv1.Diagnostic{}
	now := w.Now()
	for k, record := range n.records {
		c, proof, err := readRow(record)
		if err != nil {
			return fmt.Errorf("transfer: row %d: %w", n.rows[k], err)
		}
		if anew {
			before := customer.IndexKeys(c)
			said := append(j.judge.Values(c), j.judge.Whole(c)...)
			if !slices.EqualFunc(before, customer.IndexKeys(c), slices.Equal) {
				said = append(said, w.diagnostic(j.ctx, plgv1.Severity_SEVERITY_ERROR, "", "plan_again"))
			}
			if customer.Wrong(said) {
				n.wrong[k], n.keys[k] = said, before
				continue
			}
		}
		if gone.Contains(uint32(n.rows[k])) { // nobody adds to it any more
			n.keys[k] = customer.IndexKeys(c)
			continue
		}
		if n.people[k], err = w.Customers.Prepare(c, w.number(n.ranks[k]), n.ids[k], now); err != nil {
			return err
		}
		n.proofs[k] = proof
	}
	n.records = nil
	return nil
}

// admit writes new customers, and gives back the keys of those who are refused.
func (w *work) admit(ctx context.Context, tx *store.Tx, n *newcomers) error {
	people := make([]*customer.Newcomer, 0, len(n.people))
	for k, p := range n.people {
		if p != nil {
			people = append(people, p)
			continue
		}
		for _, key := range n.keys[k] {
			w.Customers.Unclaim(tx, key, w.number(n.ranks[k]))
		}
		if said := n.wrong[k]; said != nil {
			if err := w.refuseRow(tx, n.rows[k], said...); err != nil {
				return err
			}
		}
	}
	if err := w.Customers.Admit(tx, w.actor, people, w.i.Announce); err != nil {
		return err
	}
	for k, proof := range n.proofs {
		if proof == nil || n.people[k] == nil {
			continue
		}
		after, err := w.consent(tx, n.people[k].Customer.Id, proof)
		if err != nil {
			return err
		}
		w.t.KeepUndo(tx, undoKey(undoNew, w.number(n.ranks[k])), binary.AppendUvarint(nil, after.Revision))
	}
	w.p.written += uint64(len(people))
	w.p.passed += uint64(len(n.people))
	w.p.pos = uint64(n.end)
	if n.last {
		w.p.phase, w.p.pos = phaseChanges, 0
	}
	return nil
}

// consent puts what a file proves into the ledger.
func (w *work) consent(tx *store.Tx, id string, proof *mostradorv1.ConsentEntry) (*plgv1.Customer, error) {
	e := proto.CloneOf(proof)
	e.CustomerId, e.Actor = id, w.actor
	return w.Consent.Import(tx, e)
}
