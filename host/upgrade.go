package host

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/plugin"
	"mostrador/host/store"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// bucketUndo holds what plug-ins' records were before their last migration; see migrate.
const bucketUndo store.Bucket = "plugin_undo"

// trial is a version on probation: the one that comes back when it fails.
type trial struct {
	from  *plugin.Package
	began time.Time
}

// replace puts another version of an installed plug-in into use while the store works; mu is held. Between two of its
// batches the work under way ends, the new process starts, says how it is and brings the records to its own form; then
// one transaction makes all of that so. Whatever goes wrong before that, the former version goes on where it was: why
// says to a person what went wrong. What happens meanwhile waits in the log, and who presses a button waits, too.
func (e *ensemble) replace(ctx context.Context, actor *plgv1.Actor, to *plugin.Package, pointer string) (why string, err error) {
	id := to.ID()
	from := e.pkg(id)
	lang := locale.FromContext(ctx)
	err = e.swap(ctx, to, func(ctx context.Context, c *plugin.Candidate) error {
		if !e.isActive(id) {
			return e.inUse(ctx, actor, from, to, pointer, nil)
		}
		if err := c.Healthy(ctx, lang); err != nil {
			return err
		}
		records, err := changeOf(e.migration(ctx, c, id, to.Manifest.Version))
		if err != nil {
			return err
		}
		return e.inUse(ctx, actor, from, to, pointer, &records)
	})
	var failed *plugin.SwapError
	if errors.As(err, &failed) {
		e.host.logger.Error("a new version cannot be used", "plugin", id, "version", to.Manifest.Version, "error", err)
		return e.host.text.Text(lang, "host.plugin_rolled_back", "id", id, "version", to.Manifest.Version,
			"former", from.Manifest.Version, "why", e.reason(id, lang, failed.Err)), nil
	}
	if err == nil && e.isActive(id) {
		e.trials.Store(id, trial{from, time.Now()})
	}
	return "", err
}

// swap swaps a plug-in's package while nothing else goes on with it.
func (e *ensemble) swap(ctx context.Context, to *plugin.Package, admit func(context.Context, *plugin.Candidate) error) error {
	swap := func() error { return e.host.plugins.Swap(ctx, to, admit) }
	err := e.host.engine.Do(ctx, to.ID(), swap)
	if !errors.Is(err, event.ErrNotAttached) {
		return err
	}
	if err := swap(); err != nil || !e.isActive(to.ID()) {
		return err
	}
	return e.deliver(to.ID()) // its former version could not be handed anything
}

// reason is why a version is not fit, for a person: what it said of itself, or else its last line.
func (e *ensemble) reason(id, lang string, cause error) string {
	if errors.Is(cause, errMovedOn) {
		return e.host.text.Text(lang, "host.plugin_moved_on")
	}
	var unhealthy *plugin.Unhealthy
	if errors.As(cause, &unhealthy) {
		for _, d := range unhealthy.Diagnostics {
			if d.GetSeverity() == plgv1.Severity_SEVERITY_ERROR {
				return d.GetSummary()
			}
		}
	}
	var fault migrationFault
	if errors.As(cause, &fault) {
		return fault.Error()
	}
	if p, ok := e.host.plugins.Plugin(id); ok {
		if lines, _ := p.Logs(1); len(lines) > 0 {
			return lines[0]
		}
	}
	return cause.Error()
}

// migrator is a plug-in's process that may bring records to its own form.
type migrator interface {
	Migrate(ctx context.Context, call *plgv1.MigrateCall) (*plgv1.MigrateDone, error)
}

var (
	// errBack means that the records need no migration: they go back to what this version left.
	errBack = errors.New("back to the version before")
	// errSameForm means that the records need no migration: this version's are like those of the one before.
	errSameForm = errors.New("the records are as before")
	// errMovedOn means that a newer version has worked with records that this one cannot read.
	errMovedOn = errors.New("the records are a newer version's")
)

// migrationFault is a plug-in's own word why it cannot take the records over.
type migrationFault string

func (m migrationFault) Error() string { return string(m) }

// change is what is to become of a plug-in's records when its version changes: effects, or the taking back of the
// last ones.
type change struct {
	effects []*plgv1.Effect
	back    bool
	// form tells that the records have a new form from this version on.
	form bool
}

// changeOf sorts out what migration says.
func changeOf(effects []*plgv1.Effect, err error) (change, error) {
	switch {
	case errors.Is(err, errBack):
		return change{back: true}, nil
	case errors.Is(err, errSameForm):
		return change{}, nil
	}
	return change{effects: effects, form: true}, err
}

// migration has a version say how the records become its own; nothing when they are already, or it has nothing to do.
func (e *ensemble) migration(ctx context.Context, m migrator, id, version string) ([]*plgv1.Effect, error) {
	record, err := e.version(id)
	older := manifest.CompareVersions(version, record.Data) < 0
	switch {
	case err != nil || record.Data == "" || record.Data == version:
		return nil, err
	case older && record.Form != "" && manifest.CompareVersions(version, record.Form) >= 0:
		return nil, nil // it wrote them like that itself
	case older && record.UndoTo == version:
		return nil, errBack
	}
	done, err := m.Migrate(ctx, &plgv1.MigrateCall{From: record.Data, To: version, Time: timestamppb.Now()})
	switch {
	case errors.Is(err, plugin.ErrUnable) && older:
		return nil, errMovedOn
	case errors.Is(err, plugin.ErrUnable):
		return nil, errSameForm
	case err != nil:
		return nil, err
	case done.GetFault() != nil:
		return nil, migrationFault(done.GetFault().GetMessage())
	}
	for i, effect := range done.GetEffects() {
		switch effect.GetEffect().(type) {
		case *plgv1.Effect_Put, *plgv1.Effect_Delete, *plgv1.Effect_PutState:
		default:
			return nil, fmt.Errorf("effect %d of a migration is a %T: only the plug-in's own records change", i, effect.GetEffect())
		}
	}
	return done.GetEffects(), nil
}

// inUse makes a version the one in use: its rules, its pointer and what becomes of its records, in one transaction.
// The records of a plug-in that is not active stay as they are.
func (e *ensemble) inUse(ctx context.Context, actor *plgv1.Actor, from, to *plugin.Package, pointer string, records *change) error {
	id := to.ID()
	before := e.packages()
	e.setPackages(slices.Concat(slices.DeleteFunc(slices.Clone(before), func(p *plugin.Package) bool { return p.ID() == id }), []*plugin.Package{to}))
	err := e.adopt(ctx, e.resolve(*e.active.Load()), func(tx *store.Tx) error {
		record, err := readVersion(tx, id)
		if err != nil {
			return err
		}
		if to.Origin != plugin.OriginDevelopment && from.Origin != plugin.OriginDevelopment {
			record.Previous, record.PreviousVersion = record.Pointer, from.Manifest.Version
			record.Pointer = pointer
		}
		if records != nil {
			if err := e.bringRecords(tx, id, &record, to.Manifest.Version, *records); err != nil {
				return err
			}
		}
		if err := writeVersion(tx, id, record); err != nil {
			return err
		}
		return e.host.note(tx, actor, "plugin.version", map[string]any{
			"plugin": id, "from": from.Manifest.Version, "to": to.Manifest.Version, "signer": to.Signer,
		})
	})
	if err != nil {
		e.setPackages(before)
		return err
	}
	e.host.guideChanged()
	e.host.hub.Publish(mostradorv1.WatchResponse_KIND_PLUGIN, id)
	return nil
}

// own is one of a plug-in's own records: of a customer, or of its keyspace.
type own struct {
	kind, key string // kind is "state" or "kv"
}

func ownOf(effect *plgv1.Effect) own {
	switch e := effect.GetEffect().(type) {
	case *plgv1.Effect_Put:
		return own{"kv", e.Put.GetKey()}
	case *plgv1.Effect_Delete:
		return own{"kv", e.Delete}
	default:
		return own{"state", effect.GetPutState().GetCustomerId()}
	}
}

func (o own) read(tx *store.Tx, id string) (value []byte, found bool) {
	if o.kind == "kv" {
		return event.GetKV(tx, id, o.key)
	}
	return event.GetState(tx, id, o.key)
}

// migrate changes a plug-in's records and keeps what they were: bucketUndo holds, by plug-in, kind and key, whether a
// record was there, and its value.
func migrate(tx *store.Tx, id string, effects []*plgv1.Effect) {
	forget(tx, id)
	for _, effect := range effects {
		o := ownOf(effect)
		if undo := []byte(id + "/" + o.kind + "/" + o.key); tx.Get(bucketUndo, undo) == nil {
			value, found := o.read(tx, id)
			tx.Put(bucketUndo, undo, append([]byte{map[bool]byte{true: 1}[found]}, value...))
		}
		switch e := effect.GetEffect().(type) {
		case *plgv1.Effect_Put:
			event.PutKV(tx, id, e.Put.GetKey(), e.Put.GetValue())
		case *plgv1.Effect_Delete:
			event.DeleteKV(tx, id, e.Delete)
		case *plgv1.Effect_PutState:
			event.PutState(tx, id, e.PutState.GetCustomerId(), e.PutState.GetState())
		}
	}
}

// bringRecords brings a plug-in's records to a version.
func (e *ensemble) bringRecords(tx *store.Tx, id string, record *versionRecord, version string, c change) error {
	if c.back {
		if record.UndoTo != version {
			return errMovedOn
		}
		undo(tx, id)
		record.Data, record.Form, record.UndoTo = version, record.UndoForm, ""
		return nil
	}
	if c.form {
		record.UndoTo, record.UndoForm = record.Data, record.Form
		record.Form = version
		migrate(tx, id, c.effects)
		tx.OnCommit(func() { e.undoable.Store(id, true) })
	}
	record.Data = version
	return nil
}

// wrote is told that a plug-in writes its records: from the first time on, its last migration cannot be taken back.
func (e *ensemble) wrote(tx *store.Tx, id string) error {
	if _, there := e.undoable.Load(id); !there {
		return nil
	}
	record, err := readVersion(tx, id)
	if err != nil || record.UndoTo == "" {
		return err
	}
	record.UndoTo, record.UndoForm = "", ""
	forget(tx, id)
	tx.OnCommit(func() { e.undoable.Delete(id) })
	return writeVersion(tx, id, record)
}

// undo puts a plug-in's records back to what they were before its last migration.
func undo(tx *store.Tx, id string) {
	prefix := id + "/"
	for key, kept := range tx.Scan(bucketUndo, []byte(prefix), nil) {
		kind, name, _ := strings.Cut(string(key[len(prefix):]), "/")
		switch was, had := bytes.Clone(kept[1:]), kept[0] == 1; {
		case kind == "kv" && had:
			event.PutKV(tx, id, name, was)
		case kind == "kv":
			event.DeleteKV(tx, id, name)
		case had:
			event.PutState(tx, id, name, was)
		default:
			event.DeleteState(tx, id, name)
		}
	}
	forget(tx, id)
}

// forget drops what a plug-in's records were.
func forget(tx *store.Tx, id string) {
	for key := range tx.Scan(bucketUndo, []byte(id+"/"), nil) {
		tx.Delete(bucketUndo, bytes.Clone(key))
	}
}

// deliver has the plug-in handed events again, from where it was.
func (e *ensemble) deliver(id string) error {
	p, ok := e.host.plugins.Plugin(id)
	if !ok {
		return plugin.ErrUnknown
	}
	return e.host.engine.Attach(confine(p))
}

// stumbled is told when a plug-in was set aside, or could not handle an event. It must be quick: watchTrials acts on
// it.
func (e *ensemble) stumbled(id string) {
	if _, ok := e.trials.Load(id); !ok {
		return
	}
	select {
	case e.stumbles <- id:
	default: // so many at once that none of them is a matter of its version
	}
}

// watchTrials lets a version that stumbles while it is on probation give way to the one before, until ctx ends.
func (e *ensemble) watchTrials(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case id := <-e.stumbles:
			value, ok := e.trials.LoadAndDelete(id)
			if !ok || time.Since(value.(trial).began) > probation {
				continue
			}
			e.mu.Lock()
			err := e.restore(ctx, value.(trial).from)
			e.mu.Unlock()
			if err == nil {
				err = e.retry(ctx, id, value.(trial).began)
			}
			if err != nil && ctx.Err() == nil {
				e.host.logger.Error("the former version does not take over", "plugin", id, "error", err)
			}
		}
	}
}

// retry hands the plug-in again what was parked since then.
func (e *ensemble) retry(ctx context.Context, id string, since time.Time) error {
	var parked []*mostradorv1.ParkedEvent
	if err := e.host.store.View(func(tx *store.Tx) (err error) {
		parked, err = e.host.engine.Parked(tx)
		return err
	}); err != nil {
		return err
	}
	var errs []error
	for _, p := range parked {
		if p.GetPlugin() == id && !p.GetTime().AsTime().Before(since.Truncate(time.Second)) {
			errs = append(errs, e.host.engine.RetryParked(ctx, id, p.GetEvent().GetSequence()))
		}
	}
	return errors.Join(errs...)
}

// restore goes back to the version before.
func (e *ensemble) restore(ctx context.Context, former *plugin.Package) error {
	record, err := e.version(former.ID())
	if err != nil {
		return err
	}
	return e.swap(ctx, former, func(ctx context.Context, c *plugin.Candidate) error {
		records, err := changeOf(e.migration(ctx, c, former.ID(), former.Manifest.Version))
		if err != nil {
			return err
		}
		return e.inUse(ctx, &plgv1.Actor{Channel: "host"}, e.pkg(former.ID()), former, record.Previous, &records)
	})
}

// develop follows the development folder: what lies there is used instead of what is installed, as soon as it changes.
func (e *ensemble) develop(ctx context.Context) {
	e.mu.Lock()
	defer e.mu.Unlock()
	dir := e.host.guide.Text(settingDevelopment)
	if dir == "" && !e.developing {
		return
	}
	now := look(dir)
	if e.developing && now == e.looked {
		return
	}
	if err := e.host.store.Update(ctx, func(tx *store.Tx) error {
		tx.Put(bucketEnsemble, keyDevelopment, []byte(dir))
		return nil
	}); err != nil {
		e.host.logger.Error("the development folder is not followed", "error", err)
		return
	}
	e.developing, e.looked = dir != "", now
	if err := e.library.SetDevelopment(dir); err != nil {
		e.host.logger.Warn("some plug-ins of the development folder cannot be used", "error", err)
	}
	actor := &plgv1.Actor{Channel: "host"}
	for _, id := range e.library.IDs() {
		record, err := e.version(id)
		if err != nil {
			e.host.logger.Error("the development folder is not followed", "plugin", id, "error", err)
			return
		}
		want, have := e.library.Choose(id, record.Pointer), e.pkg(id)
		switch {
		case want == nil:
		case have == nil && want.Origin == plugin.OriginDevelopment:
			e.stamps[id] = stamp(want)
			if err := e.add(ctx, actor, want); err != nil {
				e.host.logger.Error("a plug-in of the development folder is not taken up", "plugin", id, "error", err)
			}
		case have != nil && !e.same(want, have):
			e.stamps[id] = stamp(want) // what cannot be used is not tried again until it changes
			if why, err := e.replace(ctx, actor, want, record.Pointer); err != nil || why != "" {
				e.host.logger.Error("a plug-in of the development folder is not used", "plugin", id, "why", why, "error", err)
			}
		}
	}
	for _, have := range e.packages() {
		if have.Origin == plugin.OriginDevelopment && e.library.Choose(have.ID(), "") == nil {
			e.leave(ctx, have)
		}
	}
}

// leave lets go of a plug-in that was only in the development folder.
func (e *ensemble) leave(ctx context.Context, have *plugin.Package) {
	id := have.ID()
	if e.isActive(id) {
		if err := e.change(ctx, &plgv1.Actor{Channel: "host"}, id, false); err != nil {
			e.host.logger.Error("a plug-in that left the development folder stays", "plugin", id, "error", err)
			return
		}
		e.host.engine.Detach(id)
	}
	if err := e.host.plugins.Remove(ctx, id); err != nil {
		e.host.logger.Error("a plug-in that left the development folder stays", "plugin", id, "error", err)
		return
	}
	e.setPackages(slices.DeleteFunc(slices.Clone(e.packages()), func(p *plugin.Package) bool { return p.ID() == id }))
	e.host.hub.Publish(mostradorv1.WatchResponse_KIND_PLUGIN, id)
}

// same tells whether a package is the one in use: of the development folder, unless its files changed meanwhile.
func (e *ensemble) same(want, have *plugin.Package) bool {
	if want.Origin == plugin.OriginDevelopment {
		return e.stamps[want.ID()] == stamp(want)
	}
	return want.Dir == have.Dir
}

// look is how a development folder and what lies in it look: it changes with every build and every edit of a manifest.
func look(dir string) string {
	h := sha256.New()
	fmt.Fprintln(h, dir)
	seen := 0
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || seen > maxLook {
			return nil
		}
		seen++
		rel, _ := filepath.Rel(dir, path)
		if d.IsDir() && (rel != "." && strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules" || strings.Count(rel, string(filepath.Separator)) > 3) {
			return fs.SkipDir
		}
		if info, err := d.Info(); err == nil && !d.IsDir() {
			fmt.Fprintln(h, path, info.Size(), info.ModTime().UnixNano())
		}
		return nil
	})
	return fmt.Sprintf("%x", h.Sum(nil))
}

// maxLook bounds how many files of a development folder are looked at.
const maxLook = 5000

// stamp is how the files of a package look that take effect when it starts.
func stamp(p *plugin.Package) string {
	look := p.Dir
	for _, name := range []string{p.Program, filepath.Join(p.Dir, "plugin.yaml")} {
		if info, err := os.Stat(name); err == nil {
			look += fmt.Sprint(" ", info.Size(), " ", info.ModTime().UnixNano())
		}
	}
	return look
}

// bring has a plug-in whose version changed while the store was closed, or while it was not active, bring its records
// to its own form. It runs and is handed nothing yet; mu is held.
func (e *ensemble) bring(ctx context.Context, id string) error {
	pkg := e.pkg(id)
	record, err := e.version(id)
	if err != nil || record.Data == pkg.Manifest.Version {
		return err
	}
	p, ok := e.host.plugins.Plugin(id)
	if !ok {
		return plugin.ErrUnknown
	}
	records, err := changeOf(e.migration(ctx, p, id, pkg.Manifest.Version))
	if err != nil {
		return err
	}
	return e.host.store.Update(ctx, func(tx *store.Tx) error {
		record, err := readVersion(tx, id)
		if err != nil {
			return err
		}
		if err := e.bringRecords(tx, id, &record, pkg.Manifest.Version, records); err != nil {
			return err
		}
		return writeVersion(tx, id, record)
	})
}

// versions are all versions of a plug-in, for a screen.
func (e *ensemble) versions(id string) []*mostradorv1.PluginVersion {
	used := e.pkg(id)
	var list []*mostradorv1.PluginVersion
	for _, p := range e.library.Versions(id) {
		v := &mostradorv1.PluginVersion{
			Version: p.Manifest.Version, InUse: used != nil && filepath.Clean(p.Dir) == filepath.Clean(used.Dir),
			Origin: string(p.Origin), Signer: p.Signer,
		}
		if !p.Installed.IsZero() {
			v.Installed = timestamppb.New(p.Installed)
		}
		list = append(list, v)
	}
	slices.SortStableFunc(list, func(a, b *mostradorv1.PluginVersion) int { return manifest.CompareVersions(b.Version, a.Version) })
	return list
}
