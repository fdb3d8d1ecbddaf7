package plugin

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"mostrador/sdk/manifest"
)

// maxFile bounds one text file of a package (manifest, template, translation), in bytes.
const maxFile = 4 << 20

// manifestFile is the name of the manifest in a package.
const manifestFile = "plugin.yaml"

// Package is an installed plugin: a folder with plugin.yaml, the program, and as a rule templates/ and locales/. The
// program is named like the folder (with .exe on Windows), is bin/any/main.js of a plugin that Node.js runs, and where
// a Library installed it stands below bin/. Nothing of it runs until a Manager starts it.
type Package struct {
	Manifest *manifest.Manifest
	// Dir is the folder, as an absolute path.
	Dir string
	// Program is the program's file, as an absolute path.
	Program string
	// Origin is where it came from; Discover leaves it at OriginProgram.
	Origin Origin
	// Signer is the name of the trusted key that signed it when it was installed; empty when none did.
	Signer string
	// Digest is the SHA-256 of the .plg file that it was installed from, in hex; empty when it was not.
	Digest string
	// Installed is when; zero for what was not installed from a file.
	Installed time.Time
	// ProgramHash is the SHA-256 that the program must have at each start, in hex; empty when any will do.
	ProgramHash string
}

// Origin is where a package came from.
type Origin string

// The origins, as the API spells them.
const (
	// OriginProgram came with Mostrador.
	OriginProgram Origin = "program"
	// OriginPackage was installed from a .plg file.
	OriginPackage Origin = "package"
	// OriginDevelopment lies in the development folder, unsigned and unchecked.
	OriginDevelopment Origin = "development"
)

// BrokenError says that a folder which should hold a plugin does not.
type BrokenError struct {
	Dir string
	Err error
}

func (e *BrokenError) Error() string { return fmt.Sprintf("plugin: package %s: %v", e.Dir, e.Err) }

// Unwrap returns the reason.
func (e *BrokenError) Unwrap() error { return e.Err }

// Discover finds the packages in dirs: every folder in one of them is one. It returns those that are whole,
// in the order of dirs and names, and the rest as an error that joins one *BrokenError each; both may come
// together. The first of two packages of one plugin counts. A dir that does not exist holds none.
func Discover(dirs ...string) ([]*Package, error) {
	var found []*Package
	var broken []error
	var paths []string
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				broken = append(broken, &BrokenError{Dir: dir, Err: err})
			}
			continue
		}
		for _, entry := range entries {
			path := filepath.Join(dir, entry.Name())
			if !strings.HasPrefix(entry.Name(), ".") && isDir(path) {
				paths = append(paths, path)
			}
		}
	}
	packages, errs := openAll(paths, Open)
	where := map[string]string{}
	for i, p := range packages {
		err := errs[i]
		if err == nil && where[p.Manifest.ID] != "" {
			err = fmt.Errorf("%s is installed in %s already", p.Manifest.ID, where[p.Manifest.ID])
		}
		if err != nil {
			broken = append(broken, &BrokenError{Dir: paths[i], Err: err})
			continue
		}
		where[p.Manifest.ID] = p.Dir
		found = append(found, p)
	}
	return found, errors.Join(broken...)
}

// openAll opens packages at the same time: a manifest takes a millisecond, and the start of every store waits for all
// of them. The results are in the order of dirs.
func openAll(dirs []string, open func(dir string) (*Package, error)) ([]*Package, []error) {
	packages, errs := make([]*Package, len(dirs)), make([]error, len(dirs))
	var opening sync.WaitGroup
	for i, dir := range dirs {
		opening.Go(func() { packages[i], errs[i] = open(dir) })
	}
	opening.Wait()
	return packages, errs
}

// Open reads the package in dir and checks that it is whole: a manifest in order, the program, and every
// template that a setting names as its default.
func Open(dir string) (*Package, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	return openPackage(dir, filepath.Base(dir)+executableSuffix())
}

// nodeProgram is the program of a package for Node.js, wherever the package came from.
const nodeProgram = "bin/any/main.js"

// openPackage reads the package in dir, an absolute path, whose program has that slash-separated name unless something
// else runs it.
func openPackage(dir, program string) (*Package, error) {
	p := &Package{Dir: dir, Origin: OriginProgram}
	data, err := p.ReadFile(manifestFile)
	if err != nil {
		return nil, err
	}
	if p.Manifest, err = manifest.Parse(data, filepath.Join(filepath.Base(dir), manifestFile)); err != nil {
		return nil, err
	}
	executable := p.Manifest.Runtime == "" && runtime.GOOS != "windows"
	if p.Manifest.Runtime == manifest.RuntimeNode {
		program = nodeProgram
	}
	p.Program = filepath.Join(dir, filepath.FromSlash(program))
	info, err := os.Stat(p.Program)
	switch {
	case err != nil:
		return nil, fmt.Errorf("its program: %w", err)
	case !info.Mode().IsRegular(), executable && info.Mode().Perm()&0o111 == 0:
		return nil, fmt.Errorf("its program %s cannot be executed (%s)", p.Program, info.Mode())
	}
	var errs []error
	for _, s := range p.Manifest.Settings {
		name, _ := s.Default.(string)
		if s.Type != manifest.TypeTemplateFile || name == "" {
			continue
		}
		if _, err := p.ReadFile(name); err != nil {
			errs = append(errs, fmt.Errorf("the default of %s: %w", s.Key, err))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return p, nil
}

// ID is the plugin's id: "PLG0074".
func (p *Package) ID() string { return p.Manifest.ID }

// ReadFile reads a file of the package by its slash-separated name, such as "templates/bienvenida.html".
// Nothing outside the package can be read: neither "..", nor an absolute name, nor a symbolic link leads out.
func (p *Package) ReadFile(name string) ([]byte, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	root, err := os.OpenRoot(p.Dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	name = filepath.FromSlash(name)
	if info, err := root.Stat(name); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() { // opening a pipe would wait for its other end
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("not a file")}
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("larger than %d bytes", maxFile)}
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}

func isDir(path string) bool {
	info, err := os.Stat(path) // follows links: an installed version may be one
	return err == nil && info.IsDir()
}

func executableSuffix() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}
