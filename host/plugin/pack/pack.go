package pack

import (
	"errors"
	"fmt"
	"io"

	"mostrador/sdk/manifest"
)

// Program is one of the programs that a package is built with.
type Program struct {
	// OS and Arch are what Go calls them ("linux", "amd64"). Both are empty for a program that runs anywhere: the
	// main.js of a plug-in whose manifest says `runtime: node`.
	OS, Arch string
	// Path is the file to pack.
	Path string
}

// Refused says why a package is not taken. Host and command line say it in words: key "pack." + Code of the translation
// files, with Args.
type Refused struct {
	// Code is one of the Code constants.
	Code string
	// Args are the sentence's arguments, name and value in turns.
	Args []any
	// Err is the reason behind it, when there is one.
	Err error
}

func (r *Refused) Error() string {
	text := "pack: refused: " + r.Code
	for i := 0; i+1 < len(r.Args); i += 2 {
		text += fmt.Sprintf(" %v=%q", r.Args[i], fmt.Sprint(r.Args[i+1]))
	}
	if r.Err != nil {
		text += ": " + r.Err.Error()
	}
	return text
}

// Unwrap returns the reason behind it.
func (r *Refused) Unwrap() error { return r.Err }

// File is an opened package: whole, in order, and just what its list of sums says. Who made it is another question:
// see Verify. It reads from the io.ReaderAt that it was opened with, and may be used from several goroutines.
type File struct{}

// Open checks a package from end to end. It fails with a *Refused that says what is wrong with it, or with the error of
// reading it.
func Open(r io.ReaderAt, size int64) (*File, error) { return nil, errors.ErrUnsupported }

// Manifest is what plugin.yaml says.
func (f *File) Manifest() *manifest.Manifest { return nil }

// Digest is the SHA-256 of the whole file, in hex.
func (f *File) Digest() string { return "" }

// KeyID names the key that the signature says it is of; empty when there is no signature. It is a hint until Verify.
func (f *File) KeyID() string { return "" }

// Verify returns the name of the trusted key that signed the package. It fails with a *Refused: CodeUnsigned,
// CodeUntrusted, or CodeForged.
func (f *File) Verify(trusted []TrustedKey) (signer string, err error) {
	return "", errors.ErrUnsupported
}

// Platforms lists what the package has programs for, as "linux/amd64", or "any".
func (f *File) Platforms() []string { return nil }

// Program returns the name of the program for a platform within the package, or a *Refused (CodePlatform).
func (f *File) Program(goos, goarch string) (string, error) { return "", errors.ErrUnsupported }

// ReadFile returns a file of the package by its name, such as "templates/hola.html". The error for one that is not
// there is fs.ErrNotExist.
func (f *File) ReadFile(name string) ([]byte, error) { return nil, errors.ErrUnsupported }

// Extract writes the package's files for a platform into dir, which must not exist yet: all of them or, when it fails,
// none. They keep the names that they have in the package.
func (f *File) Extract(dir, goos, goarch string) error { return errors.ErrUnsupported }

// Build writes the unsigned package of the plug-in in dir (plugin.yaml, templates/, locales/) with those programs. The
// same files give the same bytes.
func Build(w io.Writer, dir string, programs []Program) error { return errors.ErrUnsupported }

// Sign signs the package in the file at path, in place of the signature it may have. The file is replaced at once or
// stays as it is.
func Sign(path string, key SecretKey) error { return errors.ErrUnsupported }
