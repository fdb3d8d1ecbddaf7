package host

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"mostrador/host/api"
	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/interplay"
	"mostrador/host/locale"
	"mostrador/host/plugin"
	"mostrador/host/store"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// bucketEnsemble holds which plug-ins are active ("active/PLG0074": "1" or "0") and how far existing customers
// are brought to the rules in force ("rules", a syncRecord).
const bucketEnsemble store.Bucket = "ensemble"

var (
	keyRules = []byte("rules")
	// keyDevelopment holds the development folder, which must be known before the Guide can be asked.
	keyDevelopment = []byte("development")
)

// syncRecord says which rules the customers follow, and, while they are being brought to them, how far.
type syncRecord struct {
	Fingerprint string `json:"fingerprint"`
	Running     bool   `json:"running"`
	// After is the last customer that was brought to the rules.
	After                uint32 `json:"after"`
	Done, Total, Changed uint64
}

// ensemble is the active plug-ins and what they mean together. It is the customers' Rules and
// what the API knows of plug-ins.
type ensemble struct {
	host    *Host
	library *plugin.Library

	// mu serialises what changes the set of plug-ins, their versions or their meaning.
	mu sync.Mutex
	// used are the versions in use, by id; replaced as a whole, never changed.
	used atomic.Pointer[[]*plugin.Package]
	// trials holds a trial for each plug-in whose version is new.
	trials sync.Map
	// undoable holds the plug-ins whose last migration can be taken back still.
	undoable sync.Map
	// developing tells that the development folder is followed, stamps how its packages looked when they were taken
	// up; looked is how all of it looked then. mu guards them.
	developing bool
	looked     string
	stamps     map[string]string
	// active is replaced as a whole, never changed.
	active     atomic.Pointer[map[string]bool]
	resolution atomic.Pointer[interplay.Resolution]
	progress   atomic.Pointer[mostradorv1.SyncProgress]
	// wake tells sync that there are new rules, look that the development folder is another, stumbles which new version of a
	// plug-in does not work.
	wake, look chan struct{}
	stumbles   chan string
	// rehearsing is held by the rehearsal that goes on.
	rehearsing chan struct{}
}

var (
	_ customer.Rules = (*ensemble)(nil)
	_ api.Plugins    = (*ensemble)(nil)
)

func newEnsemble(h *Host, library *plugin.Library) *ensemble {
	e := &ensemble{host: h, library: library, stamps: map[string]string{}, wake: make(chan struct{}, 1), look: make(chan struct{}, 1), stumbles: make(chan string, 16), rehearsing: make(chan struct{}, 1)}
	e.progress.Store(&mostradorv1.SyncProgress{})
	e.active.Store(&map[string]bool{})
	return e
}

// packages are the versions in use of all installed plug-ins, in the order of their ids.
func (e *ensemble) packages() []*plugin.Package {
	if used := e.used.Load(); used != nil {
		return *used
	}
	return nil
}

func (e *ensemble) setPackages(used []*plugin.Package) {
	slices.SortFunc(used, func(a, b *plugin.Package) int { return strings.Compare(a.ID(), b.ID()) })
	e.used.Store(&used)
}

// pkg is the version in use of a plug-in, nil when it is not installed.
func (e *ensemble) pkg(id string) *plugin.Package {
	for _, p := range e.packages() {
		if p.ID() == id {
			return p
		}
	}
	return nil
}

// Locked implements customer.Rules.
func (e *ensemble) Locked(field string, c *plgv1.Customer, lang string) (string, bool) {
	return e.resolution.Load().Locked(field, c, lang)
}

// Apply implements customer.Rules.
func (e *ensemble) Apply(c *plgv1.Customer) error { return e.resolution.Load().Apply(c) }

// Resolution returns what the active plug-ins mean together now.
func (e *ensemble) Resolution() *interplay.Resolution { return e.resolution.Load() }

// Active implements api.Plugins.
func (e *ensemble) Active() []*manifest.Manifest {
	var manifests []*manifest.Manifest
	for _, p := range e.packages() {
		if e.isActive(p.ID()) {
			manifests = append(manifests, p.Manifest)
		}
	}
	return manifests
}

// List implements api.Plugins.
func (e *ensemble) List(_ context.Context, lang string) (*mostradorv1.ListPluginsResponse, error) {
	list := &mostradorv1.ListPluginsResponse{Plugins: e.host.plugins.States(lang), Sync: e.progress.Load()}
	for _, c := range e.resolution.Load().Conflicts {
		conflict := &mostradorv1.Conflict{Target: c.Target, Explanation: c.Explanation(lang), Settled: c.Settled}
		for _, side := range c.Sides(lang) {
			conflict.Sides = append(conflict.Sides, &mostradorv1.ConflictSide{Plugin: side.Plugin, Name: side.Name, Wish: side.Wish})
		}
		list.Conflicts = append(list.Conflicts, conflict)
	}
	return list, e.host.store.View(func(tx *store.Tx) error {
		for _, p := range list.Plugins {
			p.Active = e.isActive(p.GetId())
			p.Versions = e.versions(p.GetId())
			if used := e.pkg(p.GetId()); used != nil {
				p.Granted = e.granted(used.Manifest, lang)
				p.Development = used.Origin == plugin.OriginDevelopment
			}
			p.Parked = e.host.engine.ParkedCount(tx, p.GetId())
			if p.Active {
				p.Pending = e.host.engine.Pending(tx, p.GetId())
			}
		}
		return nil
	})
}

func (e *ensemble) isActive(id string) bool { return (*e.active.Load())[id] }

// load reads which plug-ins are active, and in which versions. A new store has all that came with the program.
func (e *ensemble) load(tx *store.Tx) error {
	active := map[string]bool{}
	var known bool
	for key, value := range tx.Scan(bucketEnsemble, []byte("active/"), nil) {
		known = true
		active[strings.TrimPrefix(string(key), "active/")] = string(value) == "1"
	}
	if dir := string(tx.Get(bucketEnsemble, keyDevelopment)); dir != "" {
		e.developing, e.looked = true, look(dir)
		if err := e.library.SetDevelopment(dir); err != nil {
			e.host.logger.Warn("some plug-ins of the development folder cannot be used", "error", err)
		}
	}
	var used []*plugin.Package
	for _, id := range e.library.IDs() {
		record, err := readVersion(tx, id)
		if err != nil {
			return err
		}
		if record.UndoTo != "" {
			e.undoable.Store(id, true)
		}
		if p := e.library.Choose(id, record.Pointer); p != nil {
			used = append(used, p)
			if p.Origin == plugin.OriginDevelopment {
				e.stamps[id] = stamp(p)
			}
			if !known && p.Origin == plugin.OriginProgram {
				active[id] = true
			}
		}
	}
	e.setPackages(used)
	e.active.Store(&active)
	return nil
}

// attach has the active plug-ins handed events from now on.
func (e *ensemble) attach(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.settle(ctx); err != nil {
		return err
	}
	for _, id := range e.activeIDs() {
		if err := e.bring(ctx, id); err != nil {
			// Its records are not what this version reads, so nothing is handed to it; the rest of the store works.
			e.host.logger.Error("a plug-in does not take over its records", "plugin", id, "error", err)
			continue
		}
		if err := e.deliver(id); err != nil {
			return err
		}
	}
	return nil
}

// settle writes down, where that is not known yet, which plug-ins are active and which rules hold: a plug-in that is
// added later is active only when somebody says so, and rules that a new version of a plug-in brings reach the
// customers that there are.
func (e *ensemble) settle(ctx context.Context) error {
	var known bool
	resolution := e.resolution.Load()
	if err := e.host.store.View(func(tx *store.Tx) error {
		record, err := readSync(tx)
		known = err == nil && record.Fingerprint == e.fingerprint(resolution)
		return err
	}); err != nil || known {
		return err
	}
	return e.host.store.Update(ctx, func(tx *store.Tx) error {
		writeActive(tx, *e.active.Load())
		return e.newRules(tx, resolution)
	})
}

func writeActive(tx *store.Tx, active map[string]bool) {
	for id, on := range active {
		value := []byte("0")
		if on {
			value = []byte("1")
		}
		tx.Put(bucketEnsemble, []byte("active/"+id), value)
	}
}

// activeIDs are the active plug-ins that are installed.
func (e *ensemble) activeIDs() []string {
	var ids []string
	for _, p := range e.packages() {
		if e.isActive(p.ID()) {
			ids = append(ids, p.ID())
		}
	}
	return ids
}

// Enable activates a plug-in at run time: it must start, and its rules must be understood. What happened while it
// was not active is not its business.
func (e *ensemble) Enable(ctx context.Context, actor *plgv1.Actor, id string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.enable(ctx, actor, id)
}

// enable is Enable while mu is held.
func (e *ensemble) enable(ctx context.Context, actor *plgv1.Actor, id string) error {
	if _, ok := e.host.plugins.Plugin(id); !ok {
		return plugin.ErrUnknown
	}
	if e.isActive(id) {
		return e.host.plugins.Start(ctx, id) // one that was set aside gets another chance
	}
	if path, found := e.host.plugins.Trespass(e.pkg(id).Manifest); found {
		return e.host.refuse(ctx, "", "plugin_home", "path", path)
	}
	if err := opposed(interplay.Enabling(id, e.manifests(), *e.active.Load(), e.host.guide.Values(), locale.FromContext(ctx))); err != nil {
		return err
	}
	if err := e.host.plugins.Start(ctx, id); err != nil {
		_ = e.host.plugins.Stop(ctx, id)
		e.host.logger.Error("the plug-in does not start", "plugin", id, "error", err)
		return e.host.refuse(ctx, "", "plugin_start", "id", id)
	}
	err := e.bring(ctx, id)
	if err == nil {
		err = e.change(ctx, actor, id, true)
	}
	if err != nil {
		_ = e.host.plugins.Stop(ctx, id)
		return err
	}
	return e.deliver(id)
}

// Disable ends a plug-in at run time. Its settings, records and the values that its rules gave stay.
func (e *ensemble) Disable(ctx context.Context, actor *plgv1.Actor, id string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.host.plugins.Plugin(id); !ok {
		return plugin.ErrUnknown
	}
	if !e.isActive(id) {
		return nil
	}
	if err := opposed(interplay.Disabling(id, e.manifests(), *e.active.Load(), locale.FromContext(ctx))); err != nil {
		return err
	}
	if err := e.change(ctx, actor, id, false); err != nil {
		return err
	}
	e.host.engine.Detach(id)
	return e.host.plugins.Stop(ctx, id)
}

// opposed is the refusal for whatever stands against a change; warnings stand in nobody's way, the screen shows them
// as conflicts.
func opposed(diagnostics []*plgv1.Diagnostic) error {
	for _, d := range diagnostics {
		if d.GetSeverity() == plgv1.Severity_SEVERITY_ERROR {
			return &customer.Refused{Refusal: &mostradorv1.Refusal{Diagnostics: diagnostics}}
		}
	}
	return nil
}

// change switches one plug-in on or off together with what all then mean, in one transaction.
func (e *ensemble) change(ctx context.Context, actor *plgv1.Actor, id string, on bool) error {
	active := maps.Clone(*e.active.Load())
	active[id] = on
	err := e.adopt(ctx, e.resolve(active), func(tx *store.Tx) error {
		writeActive(tx, active)
		what := "plugin.disabled"
		if on {
			what = "plugin.enabled"
			e.host.engine.SkipToEnd(tx, id)
		}
		return e.host.note(tx, actor, what, map[string]any{"plugin": id})
	})
	if err != nil {
		return err
	}
	e.active.Store(&active)
	e.host.guideChanged()
	e.host.hub.Publish(mostradorv1.WatchResponse_KIND_PLUGIN, id)
	return nil
}

// adopt puts a resolution in force within the transaction of what brought it about.
func (e *ensemble) adopt(ctx context.Context, resolution *interplay.Resolution, cause func(*store.Tx) error) error {
	before := e.resolution.Load()
	err := e.host.store.Update(ctx, func(tx *store.Tx) error {
		if err := cause(tx); err != nil {
			return err
		}
		if err := e.newRules(tx, resolution); err != nil {
			return err
		}
		// Within the transaction: whoever registers after it follows the new rules already.
		e.resolution.Store(resolution)
		return nil
	})
	if err != nil {
		e.resolution.Store(before)
		return err
	}
	wake(e.wake)
	return nil
}

// resolve works out what the plug-ins mean together. A rule that cannot be understood holds as if its condition did,
// so the resolution is safe to use.
func (e *ensemble) resolve(active map[string]bool) *interplay.Resolution {
	resolution, err := interplay.Resolve(e.manifests(), active, e.host.guide.Values())
	if err != nil {
		e.host.logger.Error("some rules cannot be understood", "error", err)
	}
	return resolution
}

// manifests are those of all installed plug-ins.
func (e *ensemble) manifests() []*manifest.Manifest {
	manifests := make([]*manifest.Manifest, len(e.packages()))
	for i, p := range e.packages() {
		manifests[i] = p.Manifest
	}
	return manifests
}

// settingsChanged resolves anew, since rules may speak of settings.
func (e *ensemble) settingsChanged(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.adopt(ctx, e.resolve(*e.active.Load()), func(*store.Tx) error { return nil })
}

// newRules notes that existing customers are to be brought to the rules, when these differ from what they follow.
func (e *ensemble) newRules(tx *store.Tx, r *interplay.Resolution) error {
	record, err := readSync(tx)
	if err != nil {
		return err
	}
	fingerprint := e.fingerprint(r)
	if record.Fingerprint == fingerprint {
		return nil
	}
	// Without governed fields there is nothing to bring: each keeps the value that it has.
	return writeSync(tx, &syncRecord{Fingerprint: fingerprint, Running: len(r.Governed()) > 0})
}

// fingerprint names what the rules make of customers: the expressions, and the settings where one speaks of them.
func (e *ensemble) fingerprint(r *interplay.Resolution) string {
	h := sha256.New()
	for _, field := range r.Governed() {
		expression := r.Policy("customer." + field).Expression
		fmt.Fprintf(h, "%s=%s\n", field, expression)
		if strings.Contains(expression, "settings.") {
			fmt.Fprintln(h, e.host.guide.Values()) // fmt writes a map in the order of its keys
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

func readSync(tx *store.Tx) (*syncRecord, error) {
	record := &syncRecord{}
	if value := tx.Get(bucketEnsemble, keyRules); value != nil {
		if err := json.Unmarshal(value, record); err != nil {
			return nil, fmt.Errorf("reading which rules the customers follow: %w", err)
		}
	}
	return record, nil
}

// again has customers brought to the rules in force once more, after many of them changed beside the rules.
func (e *ensemble) again(tx *store.Tx) error {
	r := e.resolution.Load()
	if len(r.Governed()) == 0 {
		return nil
	}
	tx.OnCommit(func() { wake(e.wake) })
	return writeSync(tx, &syncRecord{Fingerprint: e.fingerprint(r), Running: true})
}

func writeSync(tx *store.Tx, record *syncRecord) error {
	value, err := json.Marshal(record)
	if err != nil {
		return err
	}
	tx.Put(bucketEnsemble, keyRules, value)
	return nil
}

// wake makes a channel of one place readable.
func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// syncBatch is how many customers are brought to new rules in one transaction: few enough that a till hardly
// waits.
const syncBatch = 200

// sync brings existing customers to the rules whenever these change. What a kill interrupts goes on at the next
// start.
func (e *ensemble) sync(ctx context.Context) {
	for {
		more, err := e.syncSome(ctx)
		if err != nil && ctx.Err() == nil {
			e.host.logger.Error("bringing customers to the rules", "error", err)
		}
		if more && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-e.wake:
		}
	}
}

func (e *ensemble) syncSome(ctx context.Context) (more bool, err error) {
	var record *syncRecord
	if err := e.host.store.View(func(tx *store.Tx) (err error) {
		record, err = readSync(tx)
		return err
	}); err != nil || !record.Running {
		return false, err
	}
	if record.Total == 0 {
		if record.Total, err = e.host.customers.Count(ctx); err != nil {
			return false, err
		}
	}
	customers, err := e.host.customers.Walk(record.After, syncBatch)
	if err != nil {
		return false, err
	}
	fingerprint := record.Fingerprint
	err = e.host.store.Update(ctx, func(tx *store.Tx) error {
		current, err := readSync(tx)
		if err != nil {
			return err
		}
		if current.Fingerprint != fingerprint {
			return errRulesChanged
		}
		for _, c := range customers {
			after, err := e.host.customers.UpdateTx(tx, &plgv1.Actor{Channel: "host"}, c.GetId(), func(*plgv1.Customer) {})
			if err != nil && !errors.Is(err, customer.ErrNotFound) {
				return err
			}
			if after.GetRevision() != c.GetRevision() {
				record.Changed++
			}
			record.Done++
			record.After = uint32(c.GetNumber())
		}
		record.Total = max(record.Total, record.Done)
		record.Running = len(customers) == syncBatch
		return writeSync(tx, record)
	})
	if errors.Is(err, errRulesChanged) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	e.progress.Store(&mostradorv1.SyncProgress{
		Running: record.Running, Done: record.Done, Total: record.Total, Changed: record.Changed,
	})
	e.host.hub.Publish(mostradorv1.WatchResponse_KIND_SYNC, "")
	return record.Running, nil
}

var errRulesChanged = errors.New("the rules changed meanwhile")
