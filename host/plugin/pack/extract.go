package pack

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// names lists the files of the package in their order.
func (f *File) names() []string { return slices.SortedFunc(maps.Keys(f.entries), compareNames) }

// Extract writes the package's files for a platform into dir, which must not exist yet: all of them or, when it fails,
// none; when it returns they are on disk. They keep the names that they have in the package. Without a program for that
// platform it fails with a *Refused.
func (f *File) Extract(dir, goos, goarch string) (err error) {
	program, _, err := f.Program(goos, goarch)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(dir); err == nil {
		return &fs.PathError{Op: "extract", Path: dir, Err: fs.ErrExist}
	}
	parent := filepath.Dir(dir)
	temp, err := os.MkdirTemp(parent, ".extract-*")
	if err != nil {
		return fmt.Errorf("pack: unpacking: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(temp))
		}
	}()
	root, err := os.OpenRoot(temp)
	if err != nil {
		return fmt.Errorf("pack: unpacking: %w", err)
	}
	defer root.Close()
	dirs := map[string]bool{".": true}
	for _, name := range f.names() {
		if executable(name) && path.Dir(name) != path.Dir(program) && !strings.HasPrefix(name, path.Dir(program)+"/") {
			continue // another platform's
		}
		if err := root.MkdirAll(filepath.FromSlash(path.Dir(name)), 0o755); err != nil {
			return fmt.Errorf("pack: unpacking: %w", err)
		}
		for d := path.Dir(name); d != "."; d = path.Dir(d) {
			dirs[d] = true
		}
		if err := f.write(root, name); err != nil {
			return err
		}
	}
	if err := root.Chmod(".", 0o755); err != nil && runtime.GOOS != "windows" {
		return fmt.Errorf("pack: unpacking: %w", err)
	}
	for d := range dirs {
		if err := syncDir(filepath.Join(temp, filepath.FromSlash(d))); err != nil {
			return fmt.Errorf("pack: unpacking: %w", err)
		}
	}
	root.Close() // Windows renames no open folder
	if err := os.Rename(temp, dir); err != nil {
		return fmt.Errorf("pack: unpacking: %w", err)
	}
	return syncDir(parent)
}

// write unpacks one file.
func (f *File) write(root *os.Root, name string) error {
	out, err := root.OpenFile(filepath.FromSlash(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, modeOf(name))
	if err != nil {
		return fmt.Errorf("pack: unpacking: %w", err)
	}
	if rank(name) > 0 {
		var data []byte
		if data, err = f.unpack(name); err == nil {
			_, err = out.Write(data)
		}
	} else {
		err = f.copy(out, name)
	}
	return errors.Join(err, out.Sync(), out.Close())
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

// CheckFolder compares what Extract wrote into dir with the package's list of sums, but for the programs, which are
// large and looked at when they start. It fails with a *Refused (CodeMissing, CodeAltered, CodeSums).
func CheckFolder(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	defer root.Close()
	text, err := readSmall(root, sumsFile)
	if err != nil {
		return err
	}
	list, err := parseSums(text)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(list)) {
		if executable(name) {
			continue
		}
		data, err := readSmall(root, name)
		if err != nil {
			return err
		}
		if hashOf(data) != list[name] {
			return refuse(CodeAltered, "file", name)
		}
	}
	return nil
}

// readSmall reads a file that was unpacked.
func readSmall(root *os.Root, name string) ([]byte, error) {
	name = filepath.FromSlash(name)
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, refuse(CodeMissing, "file", name).because(err)
	case err != nil:
		return nil, fmt.Errorf("pack: %w", err)
	case !info.Mode().IsRegular() || info.Size() > maxText: // opening a pipe would wait for its other end
		return nil, refuse(CodeAltered, "file", name)
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxText+1))
	if err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	return data, nil
}
