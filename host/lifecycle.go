package host

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/interplay"
	"mostrador/host/locale"
	"mostrador/host/plugin"
	"mostrador/host/plugin/pack"
	"mostrador/host/plugin/permission"
	"mostrador/host/store"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
	"mostrador/sdk/wire"
)

// The settings that the life of plug-ins goes by (configguide/core.yaml).
const (
	settingTrustedKeys   = "PluginsClavesDeConfianza"
	settingAllowedHashes = "PluginsHashesPermitidos"
	settingDevelopment   = "PluginsCarpetaDesarrollo"
)

// probation is how long a new version may still show that it cannot work, and the former one come back by itself.
const probation = time.Minute

// versionRecord is what the store knows of a plug-in's versions ("version/PLG0074" in bucketEnsemble).
type versionRecord struct {
	// Pointer is the version in use; empty follows what comes with the program.
	Pointer string `json:"pointer,omitempty"`
	// Data is the version that wrote the plug-in's records.
	Data string `json:"data,omitempty"`
	// Form is the version from which on they have the form that they have; older ones cannot read them.
	Form string `json:"form,omitempty"`
	// UndoTo is the version whose records bucketUndo still has, and UndoForm what Form was then.
	UndoTo   string `json:"undo_to,omitempty"`
	UndoForm string `json:"undo_form,omitempty"`
	// Previous is what Pointer was, and PreviousVersion which version that meant, for the way back.
	Previous        string `json:"previous,omitempty"`
	PreviousVersion string `json:"previous_version,omitempty"`
}

func versionKey(id string) []byte { return []byte("version/" + id) }

func readVersion(tx *store.Tx, id string) (versionRecord, error) {
	var record versionRecord
	if value := tx.Get(bucketEnsemble, versionKey(id)); value != nil {
		if err := json.Unmarshal(value, &record); err != nil {
			return record, fmt.Errorf("reading which version of %s is in use: %w", id, err)
		}
	}
	return record, nil
}

func writeVersion(tx *store.Tx, id string, record versionRecord) error {
	value, err := json.Marshal(record)
	if err != nil {
		return err
	}
	tx.Put(bucketEnsemble, versionKey(id), value)
	return nil
}

// version reads a plug-in's record outside a transaction.
func (e *ensemble) version(id string) (record versionRecord, err error) {
	err = e.host.store.View(func(tx *store.Tx) error {
		record, err = readVersion(tx, id)
		return err
	})
	return record, err
}

// Inspect implements api.Plugins.
func (e *ensemble) Inspect(ctx context.Context, data []byte) (*mostradorv1.InspectResponse, error) {
	_, seen, err := e.inspect(ctx, data)
	return seen, err
}

// inspect opens a package and holds it against this store. A package that is broken is an error; what else stands
// against it are diagnostics.
func (e *ensemble) inspect(ctx context.Context, data []byte) (*pack.File, *mostradorv1.InspectResponse, error) {
	file, err := pack.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, nil, e.packError(ctx, err)
	}
	lang, m := locale.FromContext(ctx), file.Manifest()
	seen := &mostradorv1.InspectResponse{
		Id: m.ID, Name: m.Name.In(lang), Version: m.Version, Description: m.Description.In(lang), Digest: file.Digest(),
		Permissions: e.granted(m, lang), KeyId: file.KeyID(), Platforms: file.Platforms(),
	}
	if used := e.pkg(m.ID); used != nil {
		seen.InstalledVersion = used.Manifest.Version
		seen.Downgrade = manifest.CompareVersions(m.Version, used.Manifest.Version) < 0
		seen.AddedPermissions = permission.Added(used.Manifest, m)
	}
	var refused *pack.Refused
	if seen.Signer, err = file.Verify(e.trustedKeys()); errors.As(err, &refused) && refused.Code != pack.CodeForged && e.hashAllowed(file.Digest()) {
		seen.Diagnostics = append(seen.Diagnostics, e.diagnostic(lang, plgv1.Severity_SEVERITY_WARNING, "plugin_by_hash"))
	} else if err != nil {
		seen.Diagnostics = append(seen.Diagnostics, e.packDiagnostic(lang, err))
	}
	if _, _, err := file.Program(runtime.GOOS, runtime.GOARCH); err != nil {
		seen.Diagnostics = append(seen.Diagnostics, e.packDiagnostic(lang, err))
	}
	if !slices.ContainsFunc(m.API, func(v int) bool { return v >= wire.Oldest && v <= wire.API }) {
		seen.Diagnostics = append(seen.Diagnostics, e.diagnostic(lang, plgv1.Severity_SEVERITY_ERROR, "plugin_protocol", "speaks", m.API, "host", wire.API))
	}
	if path, found := e.host.plugins.Trespass(m); found {
		seen.Diagnostics = append(seen.Diagnostics, e.diagnostic(lang, plgv1.Severity_SEVERITY_ERROR, "plugin_home", "path", path))
	}
	if seen.Downgrade {
		seen.Diagnostics = append(seen.Diagnostics, e.diagnostic(lang, plgv1.Severity_SEVERITY_WARNING, "plugin_downgrade", "version", m.Version, "installed", seen.InstalledVersion))
	}
	seen.Diagnostics = append(seen.Diagnostics,
		interplay.Installing(m, e.manifests(), *e.active.Load(), e.host.guide.Values(), lang)...)
	return file, seen, nil
}

// Install implements api.Plugins.
func (e *ensemble) Install(ctx context.Context, actor *plgv1.Actor, req *mostradorv1.InstallRequest) (id, rolledBack string, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	file, seen, err := e.inspect(ctx, req.GetPackage())
	if err != nil {
		return "", "", err
	}
	id, m := seen.GetId(), file.Manifest()
	used := e.pkg(id)
	switch {
	case used != nil && used.Origin == plugin.OriginDevelopment:
		return "", "", e.host.refuse(ctx, "", "plugin_in_development", "id", id)
	case seen.GetDigest() != req.GetDigest():
		return "", "", e.host.refuse(ctx, "digest", "plugin_other_file")
	case opposed(seen.GetDiagnostics()) != nil:
		return "", "", opposed(seen.GetDiagnostics())
	case !samePermissions(req.GetAcceptedPermissions(), m.Permissions):
		return "", "", e.host.refuse(ctx, "accepted_permissions", "plugin_permissions")
	case seen.GetDowngrade() && !req.GetAllowDowngrade():
		return "", "", e.host.refuse(ctx, "allow_downgrade", "plugin_downgrade", "version", m.Version, "installed", seen.GetInstalledVersion())
	}
	pkg, err := e.library.Install(file, seen.GetSigner(), time.Now())
	if err != nil {
		return "", "", e.packError(ctx, err)
	}
	if used == nil {
		if err := e.add(ctx, actor, pkg); err != nil {
			return "", "", err
		}
		if req.GetEnable() {
			return id, "", e.enable(ctx, actor, id)
		}
		return id, "", nil
	}
	if used.Dir == pkg.Dir {
		return id, "", nil
	}
	why, err := e.replace(ctx, actor, pkg, pkg.Manifest.Version)
	return id, why, err
}

// add takes up a plug-in that the store did not know.
func (e *ensemble) add(ctx context.Context, actor *plgv1.Actor, pkg *plugin.Package) error {
	if err := e.host.plugins.Add(pkg); err != nil {
		return err
	}
	id := pkg.ID()
	err := e.host.store.Update(ctx, func(tx *store.Tx) error {
		record, err := readVersion(tx, id) // it may have been here before: its records are
		if err != nil {
			return err
		}
		record.Pointer, record.Previous, record.PreviousVersion = "", "", ""
		if pkg.Origin == plugin.OriginPackage {
			record.Pointer = pkg.Manifest.Version
		}
		if err := writeVersion(tx, id, record); err != nil {
			return err
		}
		active := *e.active.Load()
		if _, known := active[id]; !known {
			tx.Put(bucketEnsemble, []byte("active/"+id), []byte("0"))
		}
		return e.host.note(tx, actor, "plugin.installed", map[string]any{
			"plugin": id, "version": pkg.Manifest.Version, "origin": string(pkg.Origin), "digest": pkg.Digest, "signer": pkg.Signer,
		})
	})
	if err != nil {
		return errors.Join(err, e.host.plugins.Remove(ctx, id))
	}
	e.setPackages(append(slices.Clone(e.packages()), pkg))
	e.host.hub.Publish(mostradorv1.WatchResponse_KIND_PLUGIN, id)
	return nil
}

// Rollback implements api.Plugins.
func (e *ensemble) Rollback(ctx context.Context, actor *plgv1.Actor, id, version string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	used := e.pkg(id)
	if used == nil {
		return plugin.ErrUnknown
	}
	record, err := e.version(id)
	if err != nil {
		return err
	}
	if version == "" {
		version = record.PreviousVersion
	}
	var to *plugin.Package
	for _, p := range e.library.Versions(id) {
		if p.Manifest.Version == version && p.Origin != plugin.OriginDevelopment {
			to = p
			break
		}
	}
	switch {
	case to == nil:
		return e.host.refuse(ctx, "version", "plugin_no_version", "id", id, "version", version)
	case used.Origin == plugin.OriginDevelopment:
		return e.host.refuse(ctx, "", "plugin_in_development", "id", id)
	case to.Dir == used.Dir:
		return nil
	}
	pointer := to.Manifest.Version
	if to.Origin == plugin.OriginProgram {
		pointer = ""
	}
	why, err := e.replace(ctx, actor, to, pointer)
	if err == nil && why != "" {
		return customer.Refuse("version", "plugin_not_healthy", why)
	}
	return err
}

// Remove implements api.Plugins. Settings and records stay: who installs it again finds them.
func (e *ensemble) Remove(ctx context.Context, actor *plgv1.Actor, id, version string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	used := e.pkg(id)
	switch {
	case used == nil:
		return plugin.ErrUnknown
	case version != "" && used.Manifest.Version != version:
		if err := e.library.Remove(id, version); err != nil {
			return e.removeError(ctx, err, id)
		}
		e.host.hub.Publish(mostradorv1.WatchResponse_KIND_PLUGIN, id)
		return nil
	case e.isActive(id):
		return e.host.refuse(ctx, "", "plugin_active", "id", id)
	}
	if err := e.host.plugins.Remove(ctx, id); err != nil {
		return err
	}
	if err := e.library.Remove(id, version); err != nil {
		return errors.Join(e.removeError(ctx, err, id), e.host.plugins.Add(used))
	}
	e.setPackages(slices.DeleteFunc(slices.Clone(e.packages()), func(p *plugin.Package) bool { return p.ID() == id }))
	left := e.library.Choose(id, "")
	if left != nil { // an older one, or that which came with the program
		if err := e.host.plugins.Add(left); err != nil {
			return err
		}
		e.setPackages(append(slices.Clone(e.packages()), left))
	}
	err := e.adopt(ctx, e.resolve(*e.active.Load()), func(tx *store.Tx) error {
		record, err := readVersion(tx, id)
		if err != nil {
			return err
		}
		record.Pointer, record.Previous, record.PreviousVersion = "", "", ""
		if left != nil && left.Origin == plugin.OriginPackage {
			record.Pointer = left.Manifest.Version
		}
		if err := writeVersion(tx, id, record); err != nil {
			return err
		}
		return e.host.note(tx, actor, "plugin.removed", map[string]any{"plugin": id, "version": used.Manifest.Version})
	})
	e.host.hub.Publish(mostradorv1.WatchResponse_KIND_PLUGIN, id)
	return err
}

func (e *ensemble) removeError(ctx context.Context, err error, id string) error {
	if errors.Is(err, plugin.ErrNotInstalled) {
		return e.host.refuse(ctx, "version", "plugin_not_removable", "id", id)
	}
	return err
}

// Logs implements api.Plugins.
func (e *ensemble) Logs(id string, limit int) (*mostradorv1.LogsResponse, error) {
	p, ok := e.host.plugins.Plugin(id)
	if !ok {
		return nil, plugin.ErrUnknown
	}
	lines, dropped := p.Logs(limit)
	return &mostradorv1.LogsResponse{Lines: lines, Dropped: dropped}, nil
}

// Check implements api.Plugins.
func (e *ensemble) Check(ctx context.Context) (*mostradorv1.CheckPluginsResponse, error) {
	lang := locale.FromContext(ctx)
	for _, id := range e.activeIDs() {
		if p, ok := e.host.plugins.Plugin(id); ok {
			_, _ = p.Check(ctx, &plgv1.CheckCall{Time: timestamppb.Now(), Language: lang}) // what it says stands in its Info
		}
	}
	list, err := e.List(ctx, lang)
	if err != nil {
		return nil, err
	}
	return &mostradorv1.CheckPluginsResponse{Plugins: list.GetPlugins(), Machine: e.host.plugins.Machine(lang)}, nil
}

// Development implements api.Plugins.
func (e *ensemble) Development(lang string) []string {
	var names []string
	for _, p := range e.packages() {
		if p.Origin == plugin.OriginDevelopment && e.isActive(p.ID()) {
			names = append(names, p.Manifest.Name.In(lang))
		}
	}
	return names
}

// Settle implements api.Plugins. The decision is a setting like any other: it can be seen, reverted and exported.
func (e *ensemble) Settle(ctx context.Context, actor *plgv1.Actor, target, id string) error {
	if id != "" && !slices.ContainsFunc(e.resolution.Load().Conflicts, func(c interplay.Conflict) bool {
		return c.Target == target && slices.ContainsFunc(c.Sides(""), func(side interplay.Side) bool { return side.Plugin == id })
	}) {
		return e.host.refuse(ctx, "plugin", "no_conflict", "target", target, "id", id)
	}
	decisions := interplay.DecisionsOf(e.host.guide.Values()).With(target, id)
	_, err := e.host.guide.Set(ctx, actor, interplay.DecisionsKey, decisions.Value(), nil, locale.FromContext(ctx))
	return err
}

// lines is the value of a setting that is a list.
func (e *ensemble) lines(key string) []string {
	list, _ := e.host.guide.Values()[key].([]any)
	var lines []string
	for _, item := range list {
		if line, ok := item.(string); ok && strings.TrimSpace(line) != "" {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

func (e *ensemble) trustedKeys() []pack.TrustedKey {
	var keys []pack.TrustedKey
	for _, line := range e.lines(settingTrustedKeys) {
		key, err := pack.ParseTrustedKey(line)
		if err != nil {
			e.host.logger.Error("a trusted key cannot be read; set it again in the Configuration Guide", "error", err)
			continue
		}
		keys = append(keys, key)
	}
	return keys
}

func (e *ensemble) hashAllowed(digest string) bool {
	return slices.ContainsFunc(e.lines(settingAllowedHashes), func(line string) bool {
		hash, _, _ := strings.Cut(line, " ")
		return strings.EqualFold(hash, digest)
	})
}

// granted is what a manifest asks for, in plain words.
func (e *ensemble) granted(m *manifest.Manifest, lang string) []*mostradorv1.Permission {
	var list []*mostradorv1.Permission
	for _, p := range permission.List(e.host.text, m, lang) {
		list = append(list, &mostradorv1.Permission{Id: p.ID, Text: p.Text, Sensitive: p.Sensitive})
	}
	return list
}

func samePermissions(a, b []string) bool {
	return slices.Equal(slices.Compact(slices.Sorted(slices.Values(a))), slices.Compact(slices.Sorted(slices.Values(b))))
}

// packError is the refusal of a package.
func (e *ensemble) packError(ctx context.Context, err error) error {
	var refused *pack.Refused
	if !errors.As(err, &refused) {
		return err
	}
	return &customer.Refused{Refusal: &mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{e.packDiagnostic(locale.FromContext(ctx), err)}}}
}

func (e *ensemble) packDiagnostic(lang string, err error) *plgv1.Diagnostic {
	d := &plgv1.Diagnostic{Severity: plgv1.Severity_SEVERITY_ERROR, Path: "package"}
	var refused *pack.Refused
	if errors.As(err, &refused) {
		d.Code, d.Summary = refused.Code, e.host.text.Text(lang, "pack."+refused.Code, refused.Args...)
		switch refused.Code {
		case pack.CodeUnsigned, pack.CodeUntrusted:
			d.Path = settingTrustedKeys
		}
		return d
	}
	d.Code, d.Summary = "package", err.Error()
	return d
}

func (e *ensemble) diagnostic(lang string, severity plgv1.Severity, code string, args ...any) *plgv1.Diagnostic {
	return &plgv1.Diagnostic{Severity: severity, Code: code, Summary: e.host.text.Text(lang, "host."+code, args...)}
}
