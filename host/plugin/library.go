package plugin

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"mostrador/sdk/manifest"
)

// ErrNotInstalled means that there is no such version among those installed from files.
var ErrNotInstalled = errors.New("plugin: no such version is installed")

// LibraryConfig says where a Library's packages are.
type LibraryConfig struct {
	// Dir is the Library's own folder, for what is installed from files. It is made when it is needed.
	Dir string
	// Programs are folders of plug-ins that came with Mostrador, as for Discover.
	Programs []string
	// Development is the development folder: a plug-in's own, or one with such folders. Empty means none.
	Development string
}

// Library knows all versions of all plug-ins on this machine. What is installed from a file lies unpacked in a folder
// of its own, DIR/PLG9005/1.2.0, beside its other versions, with a record of where it came from (package.json);
// a folder that begins with a point is an installation that did not end. Which version is in use is not the Library's
// to know: the store's database says it, so that it changes together with what depends on it.
//
// Its methods may be called from any goroutine.
type Library struct {
	// changing is held by whoever writes to the folder.
	changing sync.Mutex
	mu       sync.Mutex
	cfg      LibraryConfig
	// versions are in the order of Versions.
	versions map[string][]*Package
}

// NewLibrary reads what there is. The Library is usable although some packages are broken: they are left out, and the
// error joins one *BrokenError each.
func NewLibrary(cfg LibraryConfig) (*Library, error) {
	dir, err := filepath.Abs(cfg.Dir)
	if err == nil {
		cfg.Dir = dir
	}
	l := &Library{cfg: cfg}
	return l, errors.Join(err, l.sweep(), l.Reload())
}

// Reload reads all folders again, and returns what NewLibrary would.
func (l *Library) Reload() error {
	l.changing.Lock()
	defer l.changing.Unlock()
	return l.reload()
}

// SetDevelopment changes the development folder, empty for none, and reloads.
func (l *Library) SetDevelopment(dir string) error {
	l.changing.Lock()
	defer l.changing.Unlock()
	l.mu.Lock()
	l.cfg.Development = dir
	l.mu.Unlock()
	return l.reload()
}

func (l *Library) reload() error {
	came, cameErr := Discover(l.cfg.Programs...)
	developed, developedErr := discoverDevelopment(l.cfg.Development)
	installed, installedErr := l.discoverInstalled()
	versions := map[string][]*Package{}
	for _, p := range slices.Concat(developed, installed, came) {
		versions[p.ID()] = append(versions[p.ID()], p)
	}
	for _, packages := range versions {
		slices.SortStableFunc(packages, newestFirst)
	}
	l.mu.Lock()
	l.versions = versions
	l.mu.Unlock()
	return errors.Join(developedErr, installedErr, cameErr)
}

// newestFirst is the order of Versions; equal ones stay in the order of their origins.
func newestFirst(a, b *Package) int {
	return cmp.Or(manifest.CompareVersions(b.Manifest.Version, a.Manifest.Version), originRank(a)-originRank(b))
}

func originRank(p *Package) int {
	return slices.Index([]Origin{OriginDevelopment, OriginPackage, OriginProgram}, p.Origin)
}

// discoverDevelopment opens what is in the development folder, which may hold other things than plug-ins.
func discoverDevelopment(dir string) ([]*Package, error) {
	if dir == "" {
		return nil, nil
	}
	var dirs []string
	var broken []error
	if hasManifest(dir) {
		dirs = []string{dir}
	} else {
		for _, name := range subfolders(dir, &broken) {
			if path := filepath.Join(dir, name); hasManifest(path) {
				dirs = append(dirs, path)
			}
		}
	}
	var found []*Package
	packages, errs := openAll(dirs, Open)
	for i, p := range packages {
		err := errs[i]
		if err == nil && slices.ContainsFunc(found, func(o *Package) bool { return o.ID() == p.ID() }) {
			err = fmt.Errorf("%s is in another folder already", p.ID())
		}
		if err != nil {
			broken = append(broken, &BrokenError{Dir: dirs[i], Err: err})
			continue
		}
		p.Origin = OriginDevelopment
		found = append(found, p)
	}
	return found, errors.Join(broken...)
}

func hasManifest(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, manifestFile))
	return err == nil
}

// discoverInstalled opens all that was installed from files.
func (l *Library) discoverInstalled() ([]*Package, error) {
	var dirs []string
	var broken []error
	for _, id := range subfolders(l.cfg.Dir, &broken) {
		if !pluginID.MatchString(id) {
			continue
		}
		for _, version := range subfolders(filepath.Join(l.cfg.Dir, id), &broken) {
			dirs = append(dirs, filepath.Join(l.cfg.Dir, id, version))
		}
	}
	var found []*Package
	packages, errs := openAll(dirs, openInstalled)
	for i, p := range packages {
		if errs[i] != nil {
			broken = append(broken, &BrokenError{Dir: dirs[i], Err: errs[i]})
			continue
		}
		found = append(found, p)
	}
	return found, errors.Join(broken...)
}

var pluginID = regexp.MustCompile(`^PLG[0-9]{4}$`)

// subfolders lists the folders in dir that are not hidden. A dir that does not exist has none; another error is added
// to broken.
func subfolders(dir string, broken *[]error) []string {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		*broken = append(*broken, &BrokenError{Dir: dir, Err: err})
	}
	var names []string
	for _, e := range entries {
		if isDir(filepath.Join(dir, e.Name())) && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names
}

// IDs lists the plug-ins in alphabetical order.
func (l *Library) IDs() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.versions))
}

// Versions returns all packages of a plug-in, newest first; of one version, the development folder's before the
// installed one before that which came with Mostrador.
func (l *Library) Versions(id string) []*Package {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.versions[id])
}

// Choose returns the package of a plug-in that is to be used: the development folder's while there is one; else the
// version in use according to the store's pointer; else, where the pointer is empty or its version is gone, that which
// came with Mostrador; else the newest. Nil means that there is none at all.
func (l *Library) Choose(id, pointer string) *Package {
	packages := l.Versions(id)
	for _, wanted := range []func(*Package) bool{
		func(p *Package) bool { return p.Origin == OriginDevelopment },
		func(p *Package) bool { return p.Manifest.Version == pointer },
		func(p *Package) bool { return p.Origin == OriginProgram },
		func(*Package) bool { return true },
	} {
		if i := slices.IndexFunc(packages, wanted); i >= 0 {
			return packages[i]
		}
	}
	return nil
}
