package transfer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/host/tabular"
	"mostrador/host/task"
	"mostrador/sdk/plgv1"
)

// Plan keeps how an import is to be done and starts its dry run.
func (s *Service) Plan(ctx context.Context, actor *plgv1.Actor, wanted *mostradorv1.Import) (i *mostradorv1.Import, t *mostradorv1.Task, err error) {
	if err := s.checkPlan(ctx, wanted); err != nil {
		return nil, nil, err
	}
	i, err = s.update(ctx, wanted.GetId(), func(tx *store.Tx, i *mostradorv1.Import) error {
		if err := s.freeTx(ctx, tx, i); err != nil {
			return err
		}
		if len(wanted.Columns) > 0 {
			if len(wanted.Columns) != len(i.Columns) {
				return s.refuse(ctx, "columns", "columns_other")
			}
			for n, c := range i.Columns {
				if c.Target != wanted.Columns[n].Target || c.Format != wanted.Columns[n].Format {
					c.Target, c.Format, c.Guessed = wanted.Columns[n].Target, wanted.Columns[n].Format, ""
				}
			}
		}
		if err := s.checkColumns(ctx, i.Columns); err != nil {
			return err
		}
		if i.Duplicates = wanted.Duplicates; i.Duplicates == mostradorv1.DuplicatePolicy_DUPLICATE_POLICY_UNSPECIFIED {
			i.Duplicates = mostradorv1.DuplicatePolicy_DUPLICATE_POLICY_UPDATE
		}
		i.Match, i.Tags, i.Country, i.Announce = wanted.Match, wanted.Tags, wanted.Country, wanted.Announce
		i.Planned, i.Language = false, locale.FromContext(ctx)
		i.Rows, i.New, i.Changed, i.Same, i.Skipped, i.Refused = 0, 0, 0, 0, 0, 0
		if err := s.remember(tx, i.Columns); err != nil {
			return err
		}
		t, err = s.Tasks.Start(tx, actor, KindPlan, "transfer.task_plan", map[string]string{"file": i.FileName}, &mostradorv1.Import{Id: i.Id}, 0)
		if err != nil {
			return err
		}
		i.Task = t.Id
		return nil
	})
	return i, t, err
}

// checkPlan refuses what no plan can do.
func (s *Service) checkPlan(ctx context.Context, i *mostradorv1.Import) error {
	for _, path := range i.Match {
		if path == "" || wayOf(path) == 0 {
			return s.refuse(ctx, "match", "match_unknown", "path", path)
		}
	}
	if said := s.Customers.NewJudge(ctx, "").Values(&plgv1.Customer{Tags: slices.Clone(i.Tags)}); customer.Wrong(said) {
		return &customer.Refused{Refusal: &mostradorv1.Refusal{Diagnostics: said}}
	}
	return nil
}

// checkColumns refuses columns of which nothing can come.
func (s *Service) checkColumns(ctx context.Context, columns []*mostradorv1.Column) error {
	known := map[string]bool{}
	for _, path := range []string{targetName, targetPhone, targetEmail, targetLanguage, targetCards, targetTags, targetNumber, targetID,
		consentState, consentWhen, consentMeans, consentText} {
		known[path] = true
	}
	for _, f := range s.modelFields(locale.FromContext(ctx)) {
		known[fieldPrefix+f.GetId()] = true
	}
	taken := map[string]string{}
	proof := 0
	for _, c := range columns {
		switch first := taken[c.Target]; {
		case c.Target == "":
			continue
		case !known[c.Target] && (s.Fields != nil || !strings.HasPrefix(c.Target, fieldPrefix)):
			return s.refuse(ctx, "columns", "target_unknown", "column", c.Name, "path", c.Target)
		case first != "" && c.Target != targetName && c.Target != targetCards && c.Target != targetTags:
			return s.refuse(ctx, "columns", "target_twice", "column", c.Name, "other", first, "path", s.label(c.Target, locale.FromContext(ctx)))
		case !slices.Contains([]string{"", "dmy", "mdy", "ymd"}, c.Format):
			return s.refuse(ctx, "columns", "format_unknown", "column", c.Name)
		}
		taken[c.Target] = c.Name
		if strings.HasPrefix(c.Target, "consent.") {
			proof++
		}
	}
	switch {
	case len(taken) == 0:
		return s.refuse(ctx, "columns", "no_columns")
	case proof > 0 && proof < 4:
		return s.refuse(ctx, "columns", "consent_columns")
	}
	return nil
}

// planning is the dry run.
type planning struct{ *Service }

// batchRows is how many rows are judged at a time.
const batchRows = 512

// batch is some rows on their way.
type batch struct {
	rows []tabular.Row
	// What the judges make of them.
	data   []byte
	places []place
	keys   []byte // length (2 bytes), row (4 bytes), key
	err    error
	done   chan struct{}
}

// Flags of a row between the two parts of the dry run, in place.rank.
const (
	flagLacking = 1 << iota // it cannot be registered, only change somebody
	flagNamed               // it says a number or id
	flagConsent             // it brings a consent
)

// Run judges all rows, and compares them with the customers and with one another. It begins anew when it was interrupted.
func (p planning) Run(ctx context.Context, t *task.Task) error {
	data := new(mostradorv1.Import)
	if err := t.Data(data); err != nil {
		return err
	}
	i, err := p.Get(data.Id)
	if errors.Is(err, ErrNotFound) {
		return task.Fail(err, "transfer.gone")
	}
	if err != nil {
		return err
	}
	ctx = locale.NewContext(ctx, i.Language)
	judged := p.Customers.InForce()
	sorter := newSorter(string(p.folder(i.Id)))
	rows, err := p.judgeRows(ctx, t, i, sorter)
	if err != nil {
		return p.failed(err)
	}
	counts, err := p.compare(ctx, t, i, rows, sorter)
	if err != nil {
		return p.failed(err)
	}
	return p.Store.Update(ctx, func(tx *store.Tx) error {
		now, err := get(tx, i.Id)
		if err != nil {
			return err
		}
		now.Rows, now.New, now.Changed = uint64(rows), counts[mostradorv1.RowOutcome_ROW_OUTCOME_NEW], counts[mostradorv1.RowOutcome_ROW_OUTCOME_CHANGED]
		now.Same, now.Skipped = counts[mostradorv1.RowOutcome_ROW_OUTCOME_SAME], counts[mostradorv1.RowOutcome_ROW_OUTCOME_SKIPPED]
		now.Refused, now.Planned = counts[mostradorv1.RowOutcome_ROW_OUTCOME_REFUSED], true
		if err := put(tx, now); err != nil {
			return err
		}
		tx.OnCommit(func() { p.judged.Store(i.Id, judged) })
		if err := t.SetFailed(tx, now.Refused); err != nil {
			return err
		}
		return t.Save(tx, nil, uint64(rows), 0)
	})
}

// failed makes of a refusal the words of a failed task.
func (s *Service) failed(err error) error {
	var refused *customer.Refused
	if errors.As(err, &refused) {
		return task.Fail(err, "transfer.failed", "reason", refused.Error())
	}
	return err
}

// judgeRows reads the file and writes what is made of each row. It returns how many there are.
func (p planning) judgeRows(ctx context.Context, t *task.Task, i *mostradorv1.Import, sorter *sorter) (n int, err error) {
	table, err := p.open(ctx, i)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, table.Close()) }()
	dir := p.folder(i.Id)
	rows, err := dir.create(fileRows)
	if err != nil {
		return 0, err
	}
	places, err := dir.create(fileTable + ".judged")
	if err != nil {
		return 0, errors.Join(err, rows.Close())
	}
	ctx, stop := context.WithCancel(ctx)
	work, order := make(chan *batch, 4), make(chan *batch, 8)
	var judges sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		judges.Go(func() {
			j := p.judge(ctx, i)
			for b := range work {
				b.err = j.batch(b)
				close(b.done)
			}
		})
	}
	var readErr error
	judges.Go(func() {
		defer close(work)
		defer close(order)
		readErr = p.readRows(ctx, table, func(b *batch) bool {
			select {
			case order <- b:
			case <-ctx.Done():
				return false
			}
			work <- b // a judge takes it: they end when work is closed
			return true
		})
	})
	told := time.Now()
	for b := range order {
		<-b.done
		if err == nil {
			err = b.err
		}
		if err == nil {
			err = keep(b, uint32(n), rows, places, sorter)
			n += len(b.rows)
		}
		if err == nil && time.Since(told) > progressEvery {
			told = time.Now()
			err = p.progress(ctx, t, uint64(n), 0)
		}
		if err != nil {
			stop()
		}
	}
	judges.Wait()
	stop()
	if err == nil {
		err = readErr
	}
	return n, errors.Join(err, rows.Close(), places.Close())
}

// progressEvery is how often a dry run says how far it is.
const progressEvery = 500 * time.Millisecond

func (p planning) progress(ctx context.Context, t *task.Task, done, total uint64) error {
	return p.Store.Update(ctx, func(tx *store.Tx) error {
		if total != 0 {
			if err := t.SetTotal(tx, total); err != nil {
				return err
			}
		}
		return t.Save(tx, nil, done, 0)
	})
}

// readRows reads a table in batches until give says no.
func (p planning) readRows(ctx context.Context, table *tabular.Table, give func(*batch) bool) error {
	b := &batch{done: make(chan struct{})}
	for row, err := range table.Rows(ctx) {
		if err != nil {
			return p.inWords(ctx, err)
		}
		row.Cells = slices.Clone(row.Cells)
		if b.rows = append(b.rows, row); len(b.rows) < batchRows {
			continue
		}
		if !give(b) {
			return ctx.Err()
		}
		b = &batch{done: make(chan struct{})}
	}
	if len(b.rows) > 0 && !give(b) {
		return ctx.Err()
	}
	return ctx.Err()
}

// keep writes a batch that was judged.
func keep(b *batch, first uint32, rows, places *spooled, sorter *sorter) error {
	for k := b.keys; len(k) > 0; {
		n := int(binary.BigEndian.Uint16(k))
		if err := sorter.add(k[6:6+n], first+binary.BigEndian.Uint32(k[2:])); err != nil {
			return err
		}
		k = k[6+n:]
	}
	var buf []byte
	for _, at := range b.places {
		at.row += rows.at
		buf = at.append(buf)
	}
	if _, err := rows.Write(b.data); err != nil {
		return err
	}
	_, err := places.Write(buf)
	return err
}

// judge judges rows, on one goroutine.
type judge struct {
	p      planning
	ctx    context.Context
	lang   string
	mapper *mapper
	judge  *customer.Judge
	tags   []string
	now    time.Time
}

func (p planning) judge(ctx context.Context, i *mostradorv1.Import) *judge {
	return &judge{
		p: p, ctx: ctx, lang: locale.FromContext(ctx), mapper: &mapper{clones(i.Columns)}, judge: p.Customers.NewJudge(ctx, i.Country), tags: i.Tags, now: p.Now(),
	}
}

// batch judges the rows of a batch.
func (j *judge) batch(b *batch) (err error) {
	for n, row := range b.rows {
		at := place{row: uint64(len(b.data)), line: uint32(row.Line), outcome: mostradorv1.RowOutcome_ROW_OUTCOME_NEW}
		d, rest, proof := j.row(row)
		if customer.Wrong(rest.Diagnostics) {
			at.outcome = mostradorv1.RowOutcome_ROW_OUTCOME_REFUSED
			rest.Cells = row.Cells
		} else {
			lacking := j.judge.Whole(d.customer)
			if customer.Wrong(lacking) {
				at.rank |= flagLacking
				rest.Diagnostics = append(rest.Diagnostics, lacking...)
				rest.Cells = row.Cells
			}
			if d.customer.Id != "" || d.customer.Number != 0 {
				at.rank |= flagNamed
			}
			for _, key := range customer.IndexKeys(d.customer) {
				b.keys = binary.BigEndian.AppendUint16(b.keys, uint16(len(key)))
				b.keys = binary.BigEndian.AppendUint32(b.keys, uint32(n))
				b.keys = append(b.keys, key...)
			}
		}
		if proof != nil {
			at.rank |= flagConsent
		}
		if rest.Diagnostics == nil && rest.Cells == nil {
			rest = nil
		}
		if b.data, err = appendRow(b.data, d.customer, rest, proof); err != nil {
			return fmt.Errorf("transfer: line %d: %w", row.Line, err)
		}
		b.places = append(b.places, at)
	}
	return nil
}

// row judges one row by itself.
func (j *judge) row(row tabular.Row) (*draft, *mostradorv1.ImportRow, *mostradorv1.ConsentEntry) {
	d := j.mapper.draft(row.Cells)
	c := d.customer
	c.Tags = append(c.Tags, j.tags...)
	rest := new(mostradorv1.ImportRow)
	for _, note := range row.Notes {
		key, args := note.Sentence()
		path := ""
		if note.Column >= 0 && note.Column < len(j.mapper.columns) {
			if path = j.mapper.columns[note.Column].Target; path == "" {
				continue // of a column that is left out
			}
		}
		rest.Diagnostics = append(rest.Diagnostics, &plgv1.Diagnostic{
			Severity: plgv1.Severity_SEVERITY_WARNING, Path: path, Code: note.Code, Summary: j.p.Text.Text(j.lang, key, args...),
		})
	}
	rest.Diagnostics = append(rest.Diagnostics, j.judge.Values(c)...)
	refuse := func(path, key string, args ...any) {
		rest.Diagnostics = append(rest.Diagnostics, j.p.diagnostic(j.ctx, plgv1.Severity_SEVERITY_ERROR, path, key, args...))
	}
	if d.id != "" {
		id, err := uuid.Parse(d.id)
		if err != nil {
			refuse(targetID, "id_invalid", "id", d.id)
		}
		c.Id = id.String()
	}
	if d.number != "" {
		n, err := strconv.ParseUint(strings.TrimPrefix(d.number, "#"), 10, 32)
		if err != nil || n == 0 {
			refuse(targetNumber, "number_invalid", "number", d.number)
		}
		c.Number = n
	}
	var proof *mostradorv1.ConsentEntry
	if d.consent != nil {
		proof = j.consent(d.consent, refuse)
	}
	return d, rest, proof
}

// maxEvidence is the longest text of an evidence, in bytes.
const maxEvidence = 2000

// consent is what a file says of a consent, as far as it is one: only what has its evidence is taken over.
func (j *judge) consent(e *evidence, refuse func(path, key string, args ...any)) *mostradorv1.ConsentEntry {
	entry := &mostradorv1.ConsentEntry{Means: plgv1.Means_MEANS_IMPORT}
	switch word := foldHeading(e.state); {
	case j.p.headings.given[word]:
		entry.Act = mostradorv1.ConsentAct_CONSENT_ACT_GIVEN
		for _, part := range []struct{ path, value string }{{consentWhen, e.when}, {consentMeans, e.means}, {consentText, e.text}} {
			if part.value == "" {
				refuse(part.path, "consent_evidence", "path", j.p.label(part.path, j.lang))
			}
		}
	case j.p.headings.withdrawn[word]:
		entry.Act = mostradorv1.ConsentAct_CONSENT_ACT_WITHDRAWN
	case j.p.headings.pending[word]:
		return nil
	default:
		refuse(consentState, "consent_state", "value", e.state)
		return nil
	}
	when, ok := j.now, true
	if e.when != "" {
		if when, ok = moment(e.when, j.now.Location()); !ok || when.After(j.now) {
			refuse(consentWhen, "consent_when", "value", e.when)
		}
	}
	entry.Time = timestamppb.New(when)
	if len(e.means)+len(e.text) > maxEvidence {
		refuse(consentText, "consent_long", "n", maxEvidence)
	}
	entry.Evidence = strings.Join(slices.DeleteFunc([]string{e.means, e.text}, func(s string) bool { return s == "" }), ": ")
	return entry
}

// moment reads a date, or a date with a time.
func moment(v string, zone *time.Location) (time.Time, bool) {
	for _, layout := range []string{
		time.RFC3339, "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly,
		"2/1/2006 15:04:05", "2/1/2006 15:04", "2/1/2006", "2.1.2006 15:04", "2.1.2006", "2-1-2006",
	} {
		if t, err := time.ParseInLocation(layout, v, zone); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// compact drops what is not needed once a plan is made.
func (f folder) compact() error {
	err := os.Remove(f.path(fileTable + ".judged"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
