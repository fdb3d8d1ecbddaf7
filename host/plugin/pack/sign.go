package pack

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"aead.dev/minisign"
)

// KeyID names the key that the signature says it is of; empty when there is no signature. It is a hint until Verify.
func (f *File) KeyID() string {
	if f.signature == nil {
		return ""
	}
	return keyID(f.signature.KeyID)
}

// Verify returns the name of the trusted key that signed the package. It fails with a *Refused: CodeUnsigned,
// CodeUntrusted, or CodeForged.
func (f *File) Verify(trusted []TrustedKey) (signer string, err error) {
	if f.signature == nil {
		return "", refuse(CodeUnsigned)
	}
	signature, err := f.signature.MarshalText()
	if err != nil {
		return "", refuse(CodeForged, "key", f.KeyID()).because(err)
	}
	known := false
	for _, t := range trusted {
		// The id is no secret and anybody can make a key with it: several keys may have the same.
		if t.Key.ID() != f.signature.KeyID {
			continue
		}
		known = true
		if minisign.Verify(t.Key, f.sumsText, signature) {
			return t.Name, nil
		}
	}
	if known {
		return "", refuse(CodeForged, "key", f.KeyID())
	}
	return "", refuse(CodeUntrusted, "key", f.KeyID())
}

// Sign signs the package in the file at path, in place of the signature it may have. The file is replaced at once or
// stays as it is. A file that Open refuses is not signed.
func Sign(path string, key SecretKey) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	f, err := Open(in, info.Size())
	if err != nil {
		return err
	}
	out, err := os.CreateTemp(filepath.Dir(path), ".sign-*")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name()) // it is no longer there when all went well
	err = f.writeSigned(out, key)
	if err == nil {
		err = out.Chmod(info.Mode().Perm())
	}
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return fmt.Errorf("pack: signing: %w", err)
	}
	in.Close() // Windows replaces no open file
	return os.Rename(out.Name(), path)
}

// writeSigned writes the package again with another signature.
func (f *File) writeSigned(w io.Writer, key SecretKey) error {
	z := zip.NewWriter(w)
	for _, name := range f.names() {
		if name == signatureFile {
			continue
		}
		e := f.entries[name]
		raw, err := e.OpenRaw()
		if err == nil {
			err = writeEntry(z, name, e.Method, e.CRC32, e.UncompressedSize64, e.CompressedSize64, raw)
		}
		if err != nil {
			return err
		}
	}
	// The comments bear no time, so that the same package signed twice is the same file.
	trusted := fmt.Sprintf("%s %s", f.manifest.ID, f.manifest.Version)
	signature := minisign.SignWithComments(key, f.sumsText, trusted, "signature from secret key "+keyID(key.ID()))
	if _, err := addFile(z, signatureFile, bytes.NewReader(signature)); err != nil {
		return err
	}
	return z.Close()
}
