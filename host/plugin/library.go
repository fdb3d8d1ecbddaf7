package plugin

import (
	"errors"
	"time"

	"mostrador/host/plugin/pack"
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

// Library knows all versions of all plug-ins on this machine. Its methods may be called from any goroutine.
type Library struct{ cfg LibraryConfig }

// NewLibrary reads what there is. The Library is usable although some packages are broken: they are left out, and the
// error joins one *BrokenError each.
func NewLibrary(cfg LibraryConfig) (*Library, error) { return nil, errors.ErrUnsupported }

// Reload reads all folders again, and returns what NewLibrary would.
func (l *Library) Reload() error { return errors.ErrUnsupported }

// SetDevelopment changes the development folder; empty means none. Reload follows by itself.
func (l *Library) SetDevelopment(dir string) error { return errors.ErrUnsupported }

// IDs lists the plug-ins in alphabetical order.
func (l *Library) IDs() []string { return nil }

// Versions returns all packages of a plug-in, newest first; of one version, the development folder's before the
// installed one before that which came with Mostrador.
func (l *Library) Versions(id string) []*Package { return nil }

// Choose returns the package of a plug-in that is to be used: the development folder's while there is one; else the
// version in use according to the store's pointer; else, where the pointer is empty or its version is gone, that which
// came with Mostrador; else the newest. Nil means that there is none at all.
func (l *Library) Choose(id, pointer string) *Package { return nil }

// Install unpacks a package for this machine beside the other versions. Who signed it was found out before: signer is
// recorded, and so is now. A version that is there already with the same content is returned as it is; with other
// content it is a *pack.Refused with CodeTaken.
func (l *Library) Install(f *pack.File, signer string, now time.Time) (*Package, error) {
	return nil, errors.ErrUnsupported
}

// Remove deletes one installed version, which must not run; an empty version deletes all of them. ErrNotInstalled says
// that there is none; what came with Mostrador stays.
func (l *Library) Remove(id, version string) error { return errors.ErrUnsupported }
