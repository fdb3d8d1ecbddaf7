package host

import (
	"context"
	"errors"
	"fmt"
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

// bucketUndo holds what a plug-in's records were before its last migration: plug-in, "/", "state" or "kv", "/", key →
// 1 and the value, or 0 when there was none.
const bucketUndo store.Bucket = "plugin_undo"

// trial is a version on probation: the one that comes back when it fails.
type trial struct {
	from  *plugin.Package
	until time.Time
}

// replace puts another version of an installed plug-in into use while the store works; mu is held. Between two of its
// batches the work under way ends, the new process starts, says how it is and brings the records to its own form; then
// one transaction makes all of that so. Whatever goes wrong before that, the former version goes on where it was: why
// says to a person what went wrong. What happens meanwhile waits in the log, and who presses a button waits, too.
func (e *ensemble) replace(ctx context.Context, actor *plgv1.Actor, to *plugin.Package, pointer string) (why string, err error) {
	id := to.ID()
	from := e.pkg(id)
	if e.same(to, from) {
		return "", nil
	}
	lang := locale.FromContext(ctx)
	err = e.swap(ctx, to, func(ctx context.Context, c *plugin.Candidate) error {
		var effects []*plgv1.Effect
		if e.isActive(id) {
			if err := c.Healthy(ctx, lang); err != nil {
				return err
			}
			var err error
			if effects, err = e.migration(ctx, c, id, to.Manifest.Version); err != nil {
				return err
			}
		}
		return e.inUse(ctx, actor, from, to, pointer, effects)
	})
	var failed *plugin.SwapError
	if errors.As(err, &failed) {
		e.host.logger.Error("a new version cannot be used", "plugin", id, "version", to.Manifest.Version, "error", err)
		return e.host.text.Text(lang, "host.plugin_rolled_back", "id", id, "version", to.Manifest.Version,
			"former", from.Manifest.Version, "why", e.reason(id, failed.Err)), nil
	}
	if err == nil && e.isActive(id) {
		e.trials.Store(id, trial{from, time.Now().Add(probation)})
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
func (e *ensemble) reason(id string, cause error) string {
	var unhealthy *plugin.Unhealthy
	if errors.As(cause, &unhealthy) {
		for _, d := range unhealthy.Diagnostics {
			if d.GetSeverity() == plgv1.Severity_SEVERITY_ERROR {
				return d.GetSummary()
			}
		}
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

// migration has a version say how the records become its own; nothing when they are already, or it has nothing to do.
func (e *ensemble) migration(ctx context.Context, m migrator, id, version string) ([]*plgv1.Effect, error) {
	record, err := e.version(id)
	if err != nil || record.Data == "" || record.Data == version {
		return nil, err
	}
	done, err := m.Migrate(ctx, &plgv1.MigrateCall{From: record.Data, To: version, Time: timestamppb.Now()})
	switch {
	case errors.Is(err, plugin.ErrUnable):
		return nil, nil
	case err != nil:
		return nil, err
	case done.GetFault() != nil:
		return nil, fmt.Errorf("its migration failed: %s", done.GetFault().GetMessage())
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

// inUse makes a version the one in use: its rules, its pointer and what its migration does to the records, in one
// transaction.
func (e *ensemble) inUse(ctx context.Context, actor *plgv1.Actor, from, to *plugin.Package, pointer string, migration []*plgv1.Effect) error {
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
		e.migrate(tx, id, &record, migration)
		if e.isActive(id) {
			record.Data = to.Manifest.Version
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

// migrate changes a plug-in's records and keeps what they were.
func (e *ensemble) migrate(tx *store.Tx, id string, record *versionRecord, effects []*plgv1.Effect) {
	for key := range tx.Scan(bucketUndo, []byte(id+"/"), nil) {
		tx.Delete(bucketUndo, key)
	}
	record.Migrated, record.Cursor = len(effects) > 0, e.host.engine.Cursor(tx, id)
	keep := func(kind, key string, value []byte, found bool) {
		kept := []byte{0}
		if found {
			kept = append([]byte{1}, value...)
		}
		undo := []byte(id + "/" + kind + "/" + key)
		if tx.Get(bucketUndo, undo) == nil { // the first change of a record is from what it was
			tx.Put(bucketUndo, undo, kept)
		}
	}
	for _, effect := range effects {
		switch e := effect.GetEffect().(type) {
		case *plgv1.Effect_Put:
			old, found := event.GetKV(tx, id, e.Put.GetKey())
			keep("kv", e.Put.GetKey(), old, found)
			event.PutKV(tx, id, e.Put.GetKey(), e.Put.GetValue())
		case *plgv1.Effect_Delete:
			old, found := event.GetKV(tx, id, e.Delete)
			keep("kv", e.Delete, old, found)
			event.DeleteKV(tx, id, e.Delete)
		case *plgv1.Effect_PutState:
			old, found := event.GetState(tx, id, e.PutState.GetCustomerId())
			keep("state", e.PutState.GetCustomerId(), old, found)
			event.PutState(tx, id, e.PutState.GetCustomerId(), e.PutState.GetState())
		}
	}
}

// undone are the effects that take the last migration back.
func undone(tx *store.Tx, id string) []*plgv1.Effect {
	var effects []*plgv1.Effect
	prefix := id + "/"
	for key, kept := range tx.Scan(bucketUndo, []byte(prefix), nil) {
		kind, name, _ := strings.Cut(string(key[len(prefix):]), "/")
		value, had := append([]byte{}, kept[1:]...), kept[0] == 1
		switch {
		case kind == "state" && had:
			effects = append(effects, &plgv1.Effect{Effect: &plgv1.Effect_PutState{PutState: &plgv1.PutState{CustomerId: name, State: value}}})
		case had:
			effects = append(effects, &plgv1.Effect{Effect: &plgv1.Effect_Put{Put: &plgv1.KeyValue{Key: name, Value: value}}})
		case kind == "kv":
			effects = append(effects, &plgv1.Effect{Effect: &plgv1.Effect_Delete{Delete: name}})
		}
	}
	return effects
}

// deliver has the plug-in handed events again, from where it was.
func (e *ensemble) deliver(id string) error {
	p, ok := e.host.plugins.Plugin(id)
	if !ok {
		return plugin.ErrUnknown
	}
	return e.host.engine.Attach(confine(p))
}

// setAside is told when a plug-in was set aside. It must be quick: watchTrials acts on it.
func (e *ensemble) setAside(id string) {
	select {
	case e.aside <- id:
	default: // so many at once that none of them is a matter of its version
	}
}

// watchTrials lets a version on probation that was set aside give way to the one before, until ctx ends.
func (e *ensemble) watchTrials(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case id := <-e.aside:
			value, ok := e.trials.LoadAndDelete(id)
			if !ok || time.Now().After(value.(trial).until) {
				continue
			}
			e.mu.Lock()
			former := value.(trial).from
			if err := e.restore(ctx, former); err != nil {
				e.host.logger.Error("the former version does not come back", "plugin", id, "version", former.Manifest.Version, "error", err)
			}
			e.mu.Unlock()
		}
	}
}

// restore goes back to the version before, which never reads what it does not know: when the records were migrated
// and the newer version has handled events since, only the newer version can go on.
func (e *ensemble) restore(ctx context.Context, former *plugin.Package) error {
	id := former.ID()
	record, err := e.version(id)
	if err != nil {
		return err
	}
	var effects []*plgv1.Effect
	if record.Migrated {
		var moved bool
		if err := e.host.store.View(func(tx *store.Tx) error {
			moved = e.host.engine.Cursor(tx, id) != record.Cursor
			effects = undone(tx, id)
			return nil
		}); err != nil {
			return err
		}
		if moved {
			return errors.New("its records were migrated and used since")
		}
	}
	return e.swap(ctx, former, func(ctx context.Context, _ *plugin.Candidate) error {
		return e.inUse(ctx, &plgv1.Actor{Channel: "host"}, e.pkg(id), former, record.Previous, effects)
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
	e.developing = dir != ""
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
			if err := e.add(ctx, actor, want, &mostradorv1.InspectResponse{}); err != nil {
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
	effects, err := e.migration(ctx, p, id, pkg.Manifest.Version)
	if err != nil {
		return err
	}
	return e.host.store.Update(ctx, func(tx *store.Tx) error {
		record, err := readVersion(tx, id)
		if err != nil {
			return err
		}
		if len(effects) > 0 {
			e.migrate(tx, id, &record, effects)
		}
		record.Data = pkg.Manifest.Version
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
