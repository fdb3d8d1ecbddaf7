package pack

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"aead.dev/minisign"

	"mostrador/sdk/manifest"
)

// File is an opened package: whole, in order, and just what its list of sums says. Who made it is another question: see
// Verify. It reads from the io.ReaderAt that it was opened with, and may be used from several goroutines.
type File struct {
	src       *source
	digest    string
	manifest  *manifest.Manifest
	programs  map[string]string // by platform: "linux/amd64", "any"
	entries   map[string]*zip.File
	sums      sums
	sumsText  []byte
	signature *minisign.Signature
}

// Open checks a package from end to end. It fails with a *Refused that says what is wrong with it, or with the error of
// reading it.
func Open(r io.ReaderAt, size int64) (*File, error) {
	f := &File{src: &source{r: r}, entries: map[string]*zip.File{}}
	entries, err := readDirectory(f.src, size)
	if err != nil {
		return nil, err
	}
	if err := checkEntries(entries); err != nil {
		return nil, err
	}
	if f.digest, err = digest(f.src, size, entries); err != nil {
		return nil, err
	}
	for _, e := range entries {
		f.entries[e.Name] = e
	}
	for _, step := range []func() error{f.checkSums, f.checkContent, f.checkSignature, f.checkManifest} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// checkSums reads the list of sums and compares it with what is there.
func (f *File) checkSums() (err error) {
	if f.sumsText, err = f.unpack(sumsFile); err != nil {
		return err
	}
	if f.sums, err = parseSums(f.sumsText); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(f.sums)) {
		if _, ok := f.entries[name]; !ok || rank(name) > 0 {
			return refuse(CodeMissing, "file", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.entries)) {
		if _, ok := f.sums[name]; !ok && rank(name) == 0 {
			return refuse(CodeExtra, "file", name)
		}
	}
	return nil
}

// checkContent unpacks every file once and compares it with its sum.
func (f *File) checkContent() error {
	for _, name := range slices.Sorted(maps.Keys(f.sums)) {
		if err := f.copy(io.Discard, name); err != nil {
			return err
		}
	}
	return nil
}

func (f *File) checkSignature() error {
	if f.entries[signatureFile] == nil {
		return nil
	}
	text, err := f.unpack(signatureFile)
	if err != nil {
		return err
	}
	f.signature = new(minisign.Signature)
	if err := f.signature.UnmarshalText(text); err != nil {
		return refuse(CodeForged, "key", "?").because(err)
	}
	return nil
}

func (f *File) checkManifest() error {
	text, err := f.ReadFile(manifestFile)
	if err != nil {
		return refuse(CodeMissing, "file", manifestFile).because(err)
	}
	if f.manifest, err = manifest.Parse(text, manifestFile); err != nil {
		return refuse(CodeManifest, "problem", err).because(err)
	}
	if !goodName(f.manifest.Version) { // it becomes the name of a folder
		return refuse(CodeManifest, "problem", "version "+f.manifest.Version)
	}
	f.programs, err = findPrograms(f.manifest, slices.Sorted(maps.Keys(f.sums)))
	if err != nil {
		return err
	}
	return checkTemplates(f.manifest, func(name string) bool { return f.entries[name] != nil })
}

// checkTemplates looks for the files that settings have as their default.
func checkTemplates(m *manifest.Manifest, has func(name string) bool) error {
	for _, s := range m.Settings {
		name, _ := s.Default.(string)
		if s.Type == manifest.TypeTemplateFile && name != "" && !has(name) {
			return refuse(CodeMissing, "file", name)
		}
	}
	return nil
}

// findPrograms returns the programs among the names of files, by platform.
func findPrograms(m *manifest.Manifest, names []string) (map[string]string, error) {
	programs := map[string]string{}
	if m.Runtime != "" {
		main := path.Join(programDir, anywhere, nodeProgram)
		for _, name := range names {
			if executable(name) && !strings.HasPrefix(name, path.Join(programDir, anywhere)+"/") {
				return nil, refuse(CodePrograms, "file", name)
			}
		}
		if !slices.Contains(names, main) {
			return nil, refuse(CodeMissing, "file", main)
		}
		return map[string]string{anywhere: main}, nil
	}
	var called string
	for _, name := range names {
		if !executable(name) {
			continue
		}
		os, arch, ok := strings.Cut(path.Base(path.Dir(name)), "-")
		base := path.Base(name)
		if os == "windows" {
			base, ok = strings.CutSuffix(base, ".exe")
		}
		if called == "" {
			called = base
		}
		if !ok || base != called || !programName.MatchString(base) ||
			!strings.HasPrefix(base, strings.ToLower(m.ID)) {
			return nil, refuse(CodePrograms, "file", name)
		}
		programs[os+"/"+arch] = name
	}
	if len(programs) == 0 {
		return nil, refuse(CodeMissing, "file", path.Join(programDir, "..."))
	}
	return programs, nil
}

// Manifest is what plugin.yaml says.
func (f *File) Manifest() *manifest.Manifest { return f.manifest }

// Digest is the SHA-256 of the whole file, in hex.
func (f *File) Digest() string { return f.digest }

// Platforms lists what the package has programs for, as "linux/amd64", or "any".
func (f *File) Platforms() []string { return slices.Sorted(maps.Keys(f.programs)) }

// Program returns the program for a platform, by its name within the package, and its SHA-256 in hex; or a *Refused
// with CodePlatform.
func (f *File) Program(goos, goarch string) (name, sum string, err error) {
	platform := goos + "/" + goarch
	for _, p := range []string{anywhere, platform} {
		if name, ok := f.programs[p]; ok {
			return name, f.sums[name], nil
		}
	}
	return "", "", refuse(CodePlatform, "platform", platform, "platforms", strings.Join(f.Platforms(), ", "))
}

// ReadFile returns a file of the package by its name, such as "templates/hola.html". The error for one that is not
// there is fs.ErrNotExist. Programs are too large for it.
func (f *File) ReadFile(name string) ([]byte, error) {
	if _, ok := f.sums[name]; !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	var b strings.Builder
	if err := f.copy(&limited{w: &b, left: maxText}, name); err != nil {
		return nil, err
	}
	return []byte(b.String()), nil
}

// limited is a writer of so many bytes.
type limited struct {
	w    io.Writer
	left int64
}

func (l *limited) Write(p []byte) (int, error) {
	if l.left -= int64(len(p)); l.left < 0 {
		return 0, errors.New("pack: too large to be read at once")
	}
	return l.w.Write(p)
}

// copy unpacks a file that the list names into w, and fails when it is not what the list says.
func (f *File) copy(w io.Writer, name string) error {
	e := f.entries[name]
	r, err := e.Open()
	if err != nil {
		return f.src.failed(refuse(CodeAltered, "file", name).because(err))
	}
	defer r.Close()
	sum, to := sha256.New(), &sink{w: w}
	// The reader itself gives no more than the directory said.
	if _, err := io.Copy(io.MultiWriter(sum, to), r); to.err != nil {
		return fmt.Errorf("pack: unpacking %s: %w", name, to.err)
	} else if err != nil {
		return f.src.failed(refuse(CodeAltered, "file", name).because(err))
	}
	if hex.EncodeToString(sum.Sum(nil)) != f.sums[name] {
		return refuse(CodeAltered, "file", name)
	}
	return nil
}

// sink remembers that writing failed, which is no fault of the package's.
type sink struct {
	w   io.Writer
	err error
}

func (s *sink) Write(p []byte) (n int, err error) {
	n, err = s.w.Write(p)
	s.err = err
	return n, err
}

// unpack returns a file that the list does not name: itself, or its signature.
func (f *File) unpack(name string) ([]byte, error) {
	e := f.entries[name]
	if e == nil {
		return nil, refuse(CodeMissing, "file", name)
	}
	r, err := e.Open()
	if err != nil {
		return nil, f.src.failed(refuse(CodeAltered, "file", name).because(err))
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxText+1)) // checkEntries bounds it too
	if err != nil {
		return nil, f.src.failed(refuse(CodeAltered, "file", name).because(err))
	}
	return data, nil
}
