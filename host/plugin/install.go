package plugin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"mostrador/host/plugin/pack"
	"mostrador/sdk/manifest"
)

// How the folders begin that are not, or no more, an installed version.
const (
	installing = ".install-"
	removing   = ".removed-"
)

// provenanceFile holds the provenance in the folder of an installed version. No package has a file of that name.
const provenanceFile = "package.json"

// provenance is where an installed version came from.
type provenance struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	// Digest is the SHA-256 of the .plg file, in hex.
	Digest string `json:"digest"`
	// Key is the id of the key that the file was signed with, Signer what the store called it then.
	Key       string    `json:"key,omitempty"`
	Signer    string    `json:"signer,omitempty"`
	Installed time.Time `json:"installed"`
	// Program is the name of the program, and ProgramHash its SHA-256, in hex.
	Program     string `json:"program"`
	ProgramHash string `json:"program_sha256"`
}

// openInstalled opens a version that was installed from a file and checks that it still is what it was, but for the
// program, which is checked at its start.
func openInstalled(dir string) (*Package, error) {
	data, err := (&Package{Dir: dir}).ReadFile(provenanceFile)
	if err != nil {
		return nil, err
	}
	var r provenance
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("its record %s: %w", provenanceFile, err)
	}
	if !filepath.IsLocal(filepath.FromSlash(r.Program)) || r.ProgramHash == "" {
		return nil, fmt.Errorf("its record %s names no program", provenanceFile)
	}
	if err := pack.CheckFolder(dir); err != nil {
		return nil, err
	}
	p, err := openPackage(dir, r.Program)
	if err != nil {
		return nil, err
	}
	if p.ID() != r.ID || p.Manifest.Version != r.Version || filepath.Base(dir) != r.Version {
		return nil, fmt.Errorf("it is %s %s but its record says %s %s", p.ID(), p.Manifest.Version, r.ID, r.Version)
	}
	p.Origin, p.Signer, p.Digest, p.Installed, p.ProgramHash = OriginPackage, r.Signer, r.Digest, r.Installed, r.ProgramHash
	return p, nil
}

// Install unpacks a package for this machine beside the other versions. Who signed it was found out before: signer is
// recorded, and so is now. A version that is there already with the same content is returned as it is; with other
// content it is a *pack.Refused with CodeTaken. A version that is there but broken is replaced.
func (l *Library) Install(f *pack.File, signer string, now time.Time) (*Package, error) {
	l.changing.Lock()
	defer l.changing.Unlock()
	m := f.Manifest()
	r := provenance{
		ID: m.ID, Version: m.Version, Digest: f.Digest(), Key: f.KeyID(), Signer: signer,
		Installed: now.UTC().Truncate(time.Second),
	}
	var err error
	if r.Program, r.ProgramHash, err = f.Program(runtime.GOOS, runtime.GOARCH); err != nil {
		return nil, err
	}
	dir := l.folder(m.ID, m.Version)
	if _, err := os.Lstat(dir); err == nil {
		if p, err := openInstalled(dir); err == nil {
			if p.Digest != r.Digest {
				return nil, &pack.Refused{Code: pack.CodeTaken, Args: []any{"plugin", m.ID, "version", m.Version}}
			}
			return p, nil
		}
		if err := l.discard(dir); err != nil {
			return nil, fmt.Errorf("plugin: installing %s %s: %w", m.ID, m.Version, err)
		}
	}
	if err := unpack(f, dir, r); err != nil {
		return nil, fmt.Errorf("plugin: installing %s %s: %w", m.ID, m.Version, err)
	}
	p, err := openInstalled(dir)
	if err != nil {
		return nil, fmt.Errorf("plugin: installing %s %s: %w", m.ID, m.Version, errors.Join(err, l.discard(dir)))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	others := slices.DeleteFunc(slices.Clone(l.versions[m.ID]), func(o *Package) bool { return o.Dir == p.Dir })
	l.versions[m.ID] = append(others, p)
	slices.SortStableFunc(l.versions[m.ID], newestFirst)
	return p, nil
}

// unpack makes dir with the package's files and its record, at once.
func unpack(f *pack.File, dir string, r provenance) (err error) {
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), installing+"*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	files := filepath.Join(temp, "files")
	if err := f.Extract(files, runtime.GOOS, runtime.GOARCH); err != nil {
		return err
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := writeSynced(filepath.Join(files, provenanceFile), data); err != nil {
		return err
	}
	if err := syncDir(files); err != nil {
		return err
	}
	if err := os.Rename(files, dir); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

// Remove deletes one installed version, which must not run; an empty version deletes all of them. ErrNotInstalled says
// that there is none; what came with Mostrador stays.
func (l *Library) Remove(id, version string) error {
	if !pluginID.MatchString(id) || version != "" && !manifest.ValidVersion(version) { // they name folders
		return ErrNotInstalled
	}
	l.changing.Lock()
	defer l.changing.Unlock()
	versions := []string{version}
	var errs []error
	if version == "" {
		versions = subfolders(filepath.Join(l.cfg.Dir, id), &errs)
	}
	removed := 0
	for _, v := range versions {
		dir := l.folder(id, v)
		if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := l.discard(dir); err != nil {
			errs = append(errs, fmt.Errorf("plugin: removing %s %s: %w", id, v, err))
			continue
		}
		removed++
		l.mu.Lock()
		l.versions[id] = slices.DeleteFunc(slices.Clone(l.versions[id]), func(p *Package) bool {
			return p.Origin == OriginPackage && p.Manifest.Version == v
		})
		if len(l.versions[id]) == 0 {
			delete(l.versions, id)
		}
		l.mu.Unlock()
	}
	_ = os.Remove(filepath.Join(l.cfg.Dir, id)) // it goes when it is empty
	if removed == 0 && len(errs) == 0 {
		return ErrNotInstalled
	}
	return errors.Join(errs...)
}

// folder is where a version is installed.
func (l *Library) folder(id, version string) string { return filepath.Join(l.cfg.Dir, id, version) }

// discard takes a folder out of sight at once and then deletes it. What cannot be deleted yet, as a program that still
// runs on Windows, is swept later.
func (l *Library) discard(dir string) error {
	temp, err := os.MkdirTemp(filepath.Dir(dir), removing+"*")
	if err != nil {
		return err
	}
	if err := os.Rename(dir, filepath.Join(temp, "files")); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	err = syncDir(filepath.Dir(dir))
	_ = os.RemoveAll(temp)
	return err
}

// sweep deletes what installations and removals left that did not end. What cannot be deleted now is tried again at the
// next start.
func (l *Library) sweep() error {
	ids, err := os.ReadDir(l.cfg.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &BrokenError{Dir: l.cfg.Dir, Err: err}
	}
	for _, id := range ids {
		dir := filepath.Join(l.cfg.Dir, id.Name())
		if !pluginID.MatchString(id.Name()) {
			continue
		}
		remains, _ := os.ReadDir(dir) // Reload reads it again and reports
		for _, e := range remains {
			if strings.HasPrefix(e.Name(), installing) || strings.HasPrefix(e.Name(), removing) {
				_ = os.RemoveAll(filepath.Join(dir, e.Name()))
			}
		}
	}
	return nil
}

// writeSynced writes a new file that lasts.
func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncDir makes the names in a folder last. Windows does that by itself.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
