package pack

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"math"
	"sync"
)

// Limits of a package: far above any honest one, far below what could hurt the store. In bytes, but for the first.
const (
	maxFiles   = 2000
	maxPackage = 256 << 20
	maxProgram = 256 << 20
	// maxText bounds each file that is no program.
	maxText = 4 << 20
	// maxTotal bounds all files together, unpacked.
	maxTotal = 1 << 30
	// maxGrowth is how many times its size a file may become when it is unpacked, once it is larger than smallFile.
	// Programs become three or four times as large.
	maxGrowth = 100
	smallFile = 1 << 20
	// maxDirectory bounds the zip's directory.
	maxDirectory = maxFiles * (46 + maxName + 64)
)

// endSize is the size of a zip's last record without a comment; endMark is how it begins.
const (
	endSize = 22
	endMark = "PK\x05\x06"
)

// source is where a package is read from. It remembers that reading failed, which is no fault of the package's.
type source struct {
	r  io.ReaderAt
	mu sync.Mutex
	// err is the first failure.
	err error
}

func (s *source) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.r.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.err == nil {
			s.err = err
		}
	}
	return n, err
}

// failed returns the failure of reading, if there was one, and otherwise r.
func (s *source) failed(r *Refused) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return fmt.Errorf("pack: reading: %w", s.err)
	}
	return r
}

// readDirectory returns the entries of a zip, after it made sure that its directory is small and stands at the end of
// the file, which starts with the first entry.
func readDirectory(src *source, size int64) ([]*zip.File, error) {
	switch {
	case size > maxPackage:
		return nil, refuse(CodeTooLarge, "file", ".plg", "limit", mebibytes(maxPackage))
	case size < endSize:
		return nil, refuse(CodeNoPackage)
	}
	tail := make([]byte, min(size, endSize+math.MaxUint16))
	if _, err := src.ReadAt(tail, size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return nil, src.failed(refuse(CodeNoPackage).because(err))
	}
	end := tail[len(tail)-endSize:]
	if string(end[:4]) != endMark || end[20] != 0 || end[21] != 0 {
		if i := bytes.LastIndex(tail, []byte(endMark)); i >= 0 && i+endSize <= len(tail) {
			return nil, refuse(CodeForeign) // something follows it
		}
		return nil, refuse(CodeNoPackage)
	}
	count := int64(binary.LittleEndian.Uint16(end[10:]))
	length := int64(binary.LittleEndian.Uint32(end[12:]))
	offset := int64(binary.LittleEndian.Uint32(end[16:]))
	// The count is 16 bits of the true one, so the size of the directory is what bounds it.
	switch at := size - endSize - length; {
	case count > maxFiles || length > maxDirectory:
		return nil, refuse(CodeTooMany, "limit", maxFiles)
	case offset < at:
		return nil, refuse(CodeForeign)
	case offset > at:
		return nil, refuse(CodeNoPackage)
	}
	z, err := zip.NewReader(src, size)
	if err != nil {
		return nil, src.failed(refuse(CodeNoPackage).because(err))
	}
	return z.File, nil
}

// checkEntries looks at what a zip's directory says, before anything is unpacked.
func checkEntries(entries []*zip.File) error {
	names := make([]string, len(entries))
	var total uint64
	for i, e := range entries {
		names[i] = e.Name
		limit := uint64(maxText)
		if executable(e.Name) {
			limit = maxProgram
		}
		total += min(e.UncompressedSize64, maxTotal+1)
		switch {
		case !e.Mode().IsRegular():
			return refuse(CodeNoFile, "file", e.Name)
		case !goodName(e.Name):
			return refuse(CodeName, "file", e.Name)
		case !hasPlace(e.Name):
			return refuse(CodePlace, "file", e.Name)
		case e.UncompressedSize64 > limit:
			return refuse(CodeTooLarge, "file", e.Name, "limit", mebibytes(limit))
		case total > maxTotal:
			return refuse(CodeTooLarge, "file", ".plg", "limit", mebibytes(maxTotal))
		case e.UncompressedSize64 > smallFile && e.UncompressedSize64/maxGrowth > e.CompressedSize64:
			return refuse(CodeBomb, "file", e.Name)
		case e.Method != zip.Deflate && e.Method != zip.Store:
			return refuse(CodeForeign)
		}
	}
	if one, other, found := clashes(names); found {
		return refuse(CodeSameName, "file", one, "other", other)
	}
	return nil
}

// digest compares the file with what writeEntry would write for these entries. It returns the SHA-256 of both, which
// is one when they are the same.
func digest(src *source, size int64, entries []*zip.File) (string, error) {
	m := &matcher{src: src, left: size, sum: sha256.New()}
	w := zip.NewWriter(m)
	last := ""
	for _, e := range entries {
		if last != "" && compareNames(last, e.Name) >= 0 {
			return "", refuse(CodeForeign)
		}
		last = e.Name
		raw, err := e.OpenRaw()
		if err == nil {
			err = writeEntry(w, e.Name, e.Method, e.CRC32, e.UncompressedSize64, e.CompressedSize64, raw)
		}
		if err != nil {
			return "", src.failed(refuse(CodeForeign).because(err))
		}
	}
	if err := w.Close(); err != nil {
		return "", src.failed(refuse(CodeForeign).because(err))
	}
	if m.left != 0 {
		return "", refuse(CodeForeign)
	}
	return hex.EncodeToString(m.sum.Sum(nil)), nil
}

// errDiffers ends a comparison.
var errDiffers = errors.New("pack: the archive differs from what Build writes")

// matcher is written the bytes that a source should have.
type matcher struct {
	src      *source
	at, left int64
	sum      hash.Hash
	buf      []byte
}

func (m *matcher) Write(p []byte) (int, error) {
	if int64(len(p)) > m.left {
		return 0, errDiffers
	}
	if len(m.buf) < len(p) {
		m.buf = make([]byte, len(p))
	}
	buf := m.buf[:len(p)]
	if n, err := m.src.ReadAt(buf, m.at); n < len(buf) {
		return 0, err
	}
	if !bytes.Equal(buf, p) {
		return 0, errDiffers
	}
	m.at += int64(len(p))
	m.left -= int64(len(p))
	m.sum.Write(p) // a hash takes everything
	return len(p), nil
}

// writeEntry adds a file whose packed bytes are known. There is one way only to write it: no time, no comment, and the
// mode that its name asks for.
func writeEntry(w *zip.Writer, name string, method uint16, crc uint32, size, packed uint64, data io.Reader) error {
	h := &zip.FileHeader{Name: name, Method: method, CRC32: crc, UncompressedSize64: size, CompressedSize64: packed}
	h.SetMode(modeOf(name))
	to, err := w.CreateRaw(h)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, data)
	return err
}

// modeOf is the mode of a file, in the zip and where it is unpacked.
func modeOf(name string) fs.FileMode {
	if executable(name) {
		return 0o755
	}
	return 0o644
}

// addFile packs a file into w and returns its SHA-256.
func addFile(w *zip.Writer, name string, data io.Reader) (string, error) {
	limit := int64(maxText)
	if executable(name) {
		limit = maxProgram
	}
	var packed bytes.Buffer
	deflate, err := flate.NewWriter(&packed, flate.BestSpeed) // a tenth larger than the best, in a fifth of the time
	if err != nil {
		return "", err
	}
	crc, sum := crc32.NewIEEE(), sha256.New()
	size, err := io.Copy(io.MultiWriter(deflate, crc, sum), io.LimitReader(data, limit+1))
	if err == nil {
		err = deflate.Close()
	}
	switch {
	case err != nil:
		return "", fmt.Errorf("pack: %s: %w", name, err)
	case size > limit:
		return "", refuse(CodeTooLarge, "file", name, "limit", mebibytes(limit))
	case size > smallFile && size/maxGrowth > int64(packed.Len()):
		return "", refuse(CodeBomb, "file", name)
	}
	if err := writeEntry(w, name, zip.Deflate, crc.Sum32(), uint64(size), uint64(packed.Len()), &packed); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// mebibytes writes a limit for people.
func mebibytes[N int64 | uint64 | int](n N) string { return fmt.Sprintf("%d MiB", n>>20) }
