package host

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/plugin"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

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
