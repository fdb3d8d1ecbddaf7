package pack

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"mostrador/sdk/manifest"
)

// Program is one of the programs that a package is built with.
type Program struct {
	// OS and Arch are what Go calls them ("linux", "amd64"). Both are empty for a file that runs anywhere: the main.js
	// of a plug-in whose manifest says `runtime: node`, and what lies beside it.
	OS, Arch string
	// Path is the file to pack. In the package it has the same base name (with .exe for Windows).
	Path string
}

// Build writes the unsigned package of the plug-in in dir (plugin.yaml, templates/, locales/, LICENSE, README.md) with
// those programs. The same files give the same bytes. What Open would refuse fails here with the same *Refused.
func Build(w io.Writer, dir string, programs []Program) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	defer root.Close()
	files, err := contentOf(root)
	if err != nil {
		return err
	}
	for _, p := range programs {
		name := path.Join(programDir, p.OS+"-"+p.Arch, filepath.Base(p.Path))
		switch {
		case p.OS == "" && p.Arch == "":
			name = path.Join(programDir, anywhere, filepath.Base(p.Path))
		case p.OS == "windows" && path.Ext(name) != ".exe":
			name += ".exe"
		}
		if files[name] != nil {
			return refuse(CodeSameName, "file", name, "other", name)
		}
		files[name] = func() (io.ReadCloser, error) { return os.Open(p.Path) }
	}
	names := slices.SortedFunc(maps.Keys(files), compareNames)
	if err := checkNames(root, names); err != nil {
		return err
	}
	z, list := zip.NewWriter(w), sums{}
	for _, name := range names {
		in, err := files[name]()
		if err != nil {
			return fmt.Errorf("pack: %w", err)
		}
		list[name], err = addFile(z, name, in)
		if err = errors.Join(err, in.Close()); err != nil {
			return err
		}
	}
	if _, err := addFile(z, sumsFile, bytes.NewReader(list.format())); err != nil {
		return err
	}
	return z.Close()
}

// opener opens one file that goes into a package.
type opener func() (io.ReadCloser, error)

// contentOf finds what a plug-in's folder gives to its package, by name.
func contentOf(root *os.Root) (map[string]opener, error) {
	files := map[string]opener{}
	add := func(name string, info fs.FileInfo) error {
		if !info.Mode().IsRegular() {
			return refuse(CodeNoFile, "file", name)
		}
		files[name] = func() (io.ReadCloser, error) { return root.Open(filepath.FromSlash(name)) }
		return nil
	}
	for _, name := range append([]string{manifestFile}, contentFiles...) {
		info, err := root.Lstat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist) && name == manifestFile:
			return nil, refuse(CodeMissing, "file", name).because(err)
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err == nil:
			err = add(name, info)
		}
		if err != nil {
			return nil, err
		}
	}
	for _, dir := range contentDirs {
		err := fs.WalkDir(root.FS(), dir, func(name string, e fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist) && name == dir:
				return fs.SkipDir
			case err != nil:
				return err
			case e.IsDir():
				return nil
			}
			info, err := e.Info()
			if err != nil {
				return err
			}
			return add(name, info)
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// checkNames looks at everything that can be said about a package from its manifest and the names of its files.
func checkNames(root *os.Root, names []string) error {
	if len(names)+2 > maxFiles {
		return refuse(CodeTooMany, "limit", maxFiles)
	}
	for _, name := range names {
		switch {
		case !goodName(name):
			return refuse(CodeName, "file", name)
		case !hasPlace(name):
			return refuse(CodePlace, "file", name)
		}
	}
	if one, other, found := clashes(names); found {
		return refuse(CodeSameName, "file", one, "other", other)
	}
	in, err := root.Open(manifestFile)
	if err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxText))
	if err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	m, err := manifest.Parse(text, manifestFile)
	if err != nil {
		return refuse(CodeManifest, "problem", err).because(err)
	}
	if _, err := findPrograms(m, names); err != nil {
		return err
	}
	return checkTemplates(m, func(name string) bool { return slices.Contains(names, name) })
}
