package host

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
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
		if err := e.inUse(ctx, actor, from, to, pointer, &records); err != nil {
			return err
		}
		if to.Origin != plugin.OriginDevelopment && from.Origin != plugin.OriginDevelopment {
			e.trials.Store(id, trial{from, time.Now()})
		}
		return nil
	})
	var failed *plugin.SwapError
	if errors.As(err, &failed) {
		e.trials.Delete(id)
		e.host.logger.Error("a new version cannot be used", "plugin", id, "version", to.Manifest.Version, "error", err)
		return e.host.text.Text(lang, "host.plugin_rolled_back", "id", id, "version", to.Manifest.Version,
			"former", from.Manifest.Version, "why", e.reason(id, lang, failed.Err)), nil
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
