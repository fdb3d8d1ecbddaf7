// Package transfer brings customers in from spreadsheets and writes them out to them.
//
// An import goes in three steps, each of which a person sees before the next. Upload keeps the file, reads it
// (host/tabular) and proposes what each column is (column.go). Plan is a dry run: every row is judged by the rules of the
// form, on all processors (plan.go), its look-up keys are sorted (sorter.go) and compared with those of the customers
// whom the store knows and of the other rows (match.go), and what would become of it is written to files that show any
// of a million rows at once (spool.go). Apply carries the plan out (apply.go): the look-up keys of new customers first,
// in their order, so that each page of the index is written once; then the records in the order of their numbers, which
// were reserved together; then the changes of known customers, one by one as if typed. Every step is a short
// transaction that says how far it came, so tills go on meanwhile, and a crash, a pause or a cancel leaves a whole
// state. What was judged long ago is judged again where it may have changed: a key that somebody else took
// meanwhile refuses its row, a known customer who was changed is compared anew. Undo takes an import back as far as
// nobody has used what it brought (undo.go).
//
// Consent is never made by an import, unless the file brings the evidence for it: whether, when, how, and to which words.
// Then it stands in the ledger with that evidence (host/consent).
//
// An import of a million customers is one event, "customers.imported", and an export is one, "customers.exported".
package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/consent"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/host/tabular"
	"mostrador/host/task"
	"mostrador/sdk/plgv1"
)

// Kinds of tasks.
const (
	KindPlan   = "import_plan"
	KindImport = "import"
	// KindRelease gives back the look-up keys that an import held when it was cancelled.
	KindRelease = "import_release"
)

var (
	// ErrNotFound says that there is no import of that id.
	ErrNotFound = errors.New("transfer: not found")
)

// Config is what imports and exports work with.
type Config struct {
	Store     *store.Store
	Log       *event.Log
	Customers *customer.Service
	Consent   *consent.Service
	Tasks     *task.Service
	// Dir is where files are kept; it is made when missing.
	Dir string
	// Country is the store's (ISO 3166).
	Country func() string
	// Fields lists the data model with names in a language; the core's own fields among it are left out. nil means that
	// there is none.
	Fields func(lang string) []*mostradorv1.Field
	Text   *locale.Catalog
	Logger hclog.Logger
	// Now may be nil: then it is the clock.
	Now func() time.Time
}

// Service keeps imports and does exports. It is safe for concurrent use.
type Service struct {
	Config
	headings *headings
	// judged are the declarations by which plans were judged, by import; those of before the program's start are
	// not known, and their rows are judged again.
	judged sync.Map
}

// New returns the service and registers its tasks.
func New(c Config) (*Service, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	if c.Text == nil {
		c.Text = locale.New()
	}
	h, err := readHeadings()
	if err != nil {
		return nil, fmt.Errorf("transfer: names of columns: %w", err)
	}
	s := &Service{Config: c, headings: h}
	c.Tasks.Register(KindPlan, planning{s})
	c.Tasks.Register(KindImport, importing{s})
	c.Tasks.Register(KindRelease, releasing{s})
	return s, nil
}

// bucketImport holds the imports: id (8 bytes, big endian) → mostradorv1.Import.
const bucketImport store.Bucket = "import"

func importKey(id uint64) []byte { return binary.BigEndian.AppendUint64(nil, id) }

func (s *Service) folder(id uint64) folder {
	return folder(filepath.Join(s.Dir, strconv.FormatUint(id, 10)))
}

func get(tx *store.Tx, id uint64) (*mostradorv1.Import, error) {
	i := new(mostradorv1.Import)
	found, err := store.GetProto(tx, bucketImport, importKey(id), i)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("%w: %d", ErrNotFound, id)
	}
	return i, nil
}

func put(tx *store.Tx, i *mostradorv1.Import) error {
	return store.PutProto(tx, bucketImport, importKey(i.Id), i)
}

// Get returns an import, or ErrNotFound.
func (s *Service) Get(id uint64) (i *mostradorv1.Import, err error) {
	err = s.Store.View(func(tx *store.Tx) (err error) {
		i, err = get(tx, id)
		return err
	})
	return i, err
}

// List returns the last imports, newest first.
func (s *Service) List(limit int) (list []*mostradorv1.Import, err error) {
	err = s.Store.View(func(tx *store.Tx) error {
		for _, data := range tx.ScanReverse(bucketImport, nil, nil) {
			i := new(mostradorv1.Import)
			if err := proto.Unmarshal(data, i); err != nil {
				return err
			}
			if list = append(list, i); len(list) >= limit {
				break
			}
		}
		return nil
	})
	return list, err
}

// update changes an import's record in a transaction of its own and returns it.
func (s *Service) update(ctx context.Context, id uint64, change func(*store.Tx, *mostradorv1.Import) error) (i *mostradorv1.Import, err error) {
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		if i, err = get(tx, id); err != nil {
			return err
		}
		if err := change(tx, i); err != nil {
			return err
		}
		return put(tx, i)
	})
	return i, err
}

// Upload keeps a file and says how it reads it, and what it takes its columns for. What is refused about the file is a
// *customer.Refused, and nothing is kept then.
func (s *Service) Upload(ctx context.Context, actor *plgv1.Actor, name string, r io.Reader) (*mostradorv1.Import, []*plgv1.Diagnostic, error) {
	i := &mostradorv1.Import{
		FileName: filepath.Base(filepath.ToSlash(name)), Actor: actor, Created: timestamppb.New(s.Now()), Language: locale.FromContext(ctx),
		Duplicates: mostradorv1.DuplicatePolicy_DUPLICATE_POLICY_UPDATE,
	}
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		i.Id = 1
		for k := range tx.ScanReverse(bucketImport, nil, nil) {
			i.Id = binary.BigEndian.Uint64(k) + 1
			break
		}
		return put(tx, i)
	})
	if err != nil {
		return nil, nil, err
	}
	said, err := s.take(ctx, i, r)
	if err != nil {
		return nil, nil, errors.Join(err, s.Discard(context.WithoutCancel(ctx), i.Id))
	}
	return i, said, nil
}

// take fills an import from its file.
func (s *Service) take(ctx context.Context, i *mostradorv1.Import, r io.Reader) ([]*plgv1.Diagnostic, error) {
	dir := s.folder(i.Id)
	if err := os.MkdirAll(string(dir), 0o700); err != nil {
		return nil, fmt.Errorf("transfer: %w", err)
	}
	file, err := dir.create(fileUpload)
	if err != nil {
		return nil, fmt.Errorf("transfer: %w", err)
	}
	sum := sha256.New()
	i.Size, err = io.Copy(io.MultiWriter(file, sum), contextReader{ctx, r})
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("transfer: keep the file: %w", err)
	}
	i.Sha256 = hex.EncodeToString(sum.Sum(nil))
	return s.read(ctx, i)
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}

// Read reads the kept file again, with other options.
func (s *Service) Read(ctx context.Context, id uint64, reading *mostradorv1.Reading) (*mostradorv1.Import, []*plgv1.Diagnostic, error) {
	i, err := s.Get(id)
	if err != nil {
		return nil, nil, err
	}
	if err := s.free(ctx, i); err != nil {
		return nil, nil, err
	}
	i.Reading = reading
	said, err := s.read(ctx, i)
	return i, said, err
}

// read opens the file as i.Reading says, proposes columns, and keeps i.
func (s *Service) read(ctx context.Context, i *mostradorv1.Import) ([]*plgv1.Diagnostic, error) {
	table, err := s.open(ctx, i)
	if err != nil {
		return nil, err
	}
	defer table.Close()
	r := table.Reading()
	format := mostradorv1.FileFormat_FILE_FORMAT_CSV
	if r.Format == tabular.XLSX {
		format = mostradorv1.FileFormat_FILE_FORMAT_XLSX
	}
	i.Reading = &mostradorv1.Reading{
		Format: format, Encoding: r.Encoding, Separator: r.Separator, Sheet: r.Sheet, Heading: proto.Bool(r.Heading),
	}
	i.Sheets, i.Columns, i.Planned = table.Sheets(), nil, false
	for _, c := range table.Columns() {
		i.Columns = append(i.Columns, &mostradorv1.Column{Name: c.Name, Samples: c.Samples})
	}
	var said []*plgv1.Diagnostic
	kept, err := s.update(ctx, i.Id, func(tx *store.Tx, now *mostradorv1.Import) error {
		if err := s.freeTx(ctx, tx, now); err != nil {
			return err
		}
		if err := s.propose(tx, i.Columns, locale.FromContext(ctx)); err != nil {
			return err
		}
		proto.Reset(now)
		proto.Merge(now, i)
		return nil
	})
	if err != nil {
		return nil, err
	}
	proto.Reset(i)
	proto.Merge(i, kept)
	for _, c := range i.Columns {
		if c.Target != "" {
			return said, nil
		}
	}
	return append(said, s.diagnostic(ctx, plgv1.Severity_SEVERITY_WARNING, "columns", "no_columns")), nil
}

// open opens an import's file as its reading says. What is refused is a *customer.Refused.
func (s *Service) open(ctx context.Context, i *mostradorv1.Import) (*tabular.Table, error) {
	r := i.GetReading()
	o := tabular.Options{
		Encoding: r.GetEncoding(), Separator: r.GetSeparator(), Sheet: r.GetSheet(), Temp: string(s.folder(i.Id)),
	}
	if o.Separator == `\t` {
		o.Separator = "\t"
	}
	switch r.GetFormat() {
	case mostradorv1.FileFormat_FILE_FORMAT_CSV:
		o.Format = tabular.CSV
	case mostradorv1.FileFormat_FILE_FORMAT_XLSX:
		o.Format = tabular.XLSX
	}
	if r != nil && r.Heading != nil {
		o.Heading = proto.Bool(r.GetHeading())
	}
	table, err := tabular.Open(s.folder(i.Id).path(fileUpload), o)
	return table, s.inWords(ctx, err)
}

// inWords makes of a file's refusal one that people read.
func (s *Service) inWords(ctx context.Context, err error) error {
	var refused *tabular.Refused
	if errors.As(err, &refused) {
		key, args := refused.Sentence()
		return customer.Refuse("file", refused.Code, s.Text.Text(locale.FromContext(ctx), key, args...))
	}
	return err
}

// busy tells whether a task works on an import, as far as it is not ended.
func (s *Service) busy(tx *store.Tx, i *mostradorv1.Import) bool {
	if i.Task == 0 {
		return false
	}
	t, err := s.Tasks.Get(tx, i.Task)
	return err == nil && !task.Ended(t.State)
}

// free refuses to change an import that was carried out or that a task works on.
func (s *Service) free(ctx context.Context, i *mostradorv1.Import) error {
	return s.Store.View(func(tx *store.Tx) error { return s.freeTx(ctx, tx, i) })
}

func (s *Service) freeTx(ctx context.Context, tx *store.Tx, i *mostradorv1.Import) error {
	switch {
	case i.Applied:
		return s.refuse(ctx, "", "applied")
	case s.busy(tx, i):
		return s.refuse(ctx, "", "busy")
	}
	return nil
}

// Discard forgets an import that was not carried out, with its file.
func (s *Service) Discard(ctx context.Context, id uint64) error {
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		i, err := get(tx, id)
		if err != nil {
			return err
		}
		if err := s.freeTx(ctx, tx, i); err != nil {
			return err
		}
		tx.Delete(bucketImport, importKey(id))
		return nil
	})
	if err != nil {
		return err
	}
	s.judged.Delete(id)
	if err := os.RemoveAll(string(s.folder(id))); err != nil {
		return fmt.Errorf("transfer: %w", err)
	}
	return nil
}

// refuse is an error that a person can mend.
func (s *Service) refuse(ctx context.Context, path, key string, args ...any) error {
	return customer.Refuse(path, key, s.text(ctx, key, args...))
}

func (s *Service) diagnostic(ctx context.Context, severity plgv1.Severity, path, key string, args ...any) *plgv1.Diagnostic {
	return &plgv1.Diagnostic{Severity: severity, Summary: s.text(ctx, key, args...), Path: path, Code: key}
}

// text is a sentence of this package in the language of whoever asks.
func (s *Service) text(ctx context.Context, key string, args ...any) string {
	return s.Text.Text(locale.FromContext(ctx), "transfer."+key, args...)
}

// modelFields are the fields of the data model that are no core fields.
func (s *Service) modelFields(lang string) []*mostradorv1.Field {
	if s.Fields == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.Fields(lang)), func(f *mostradorv1.Field) bool {
		return f.GetOrigin() == mostradorv1.FieldOrigin_FIELD_ORIGIN_CORE
	})
}

// label is what people call a path.
func (s *Service) label(path, lang string) string {
	if key, ok := pathNames[path]; ok {
		return s.Text.Text(lang, "transfer."+key)
	}
	return s.Customers.Label(path, lang)
}

// pathNames are the keys of the names of paths that are no fields of the data model.
var pathNames = map[string]string{
	targetName: "path_name", targetPhone: "path_phone", targetEmail: "path_email", targetLanguage: "path_language",
	targetCards: "path_cards", targetTags: "path_tags", targetNumber: "path_number", targetID: "path_id",
	consentState: "path_consent_state", consentWhen: "path_consent_when", consentMeans: "path_consent_means", consentText: "path_consent_text",
	pathPromotions: "path_promotions", pathPurchases: "path_purchases", pathSpent: "path_spent", pathLastPurchase: "path_last_purchase",
	pathPoints: "path_points", pathCreated: "path_created", pathUpdated: "path_updated", pathAplica: "path_aplica",
}

func fingerprint(s string) uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, s)
	return h.Sum64()
}
