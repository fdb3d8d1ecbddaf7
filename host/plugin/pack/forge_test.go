package pack

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// plainOf packs the right files as other programs do.
func plainOf(t testing.TB, files map[string]string) []byte {
	list := sums{}
	for name, text := range files {
		list[name] = hashOf([]byte(text))
	}
	files[sumsFile] = string(list.format())
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.SortFunc(names, compareNames)
	return plainZip(t, func(z *zip.Writer) {
		for _, name := range names {
			w, err := z.Create(name)
			check(t, err)
			_, err = io.WriteString(w, files[name])
			check(t, err)
		}
	})
}

// between puts bytes between the files and the directory of a package, in a way that every unzip program takes.
func between(t testing.TB, good []byte) []byte {
	t.Helper()
	end := len(good) - endSize
	directory := int(binary.LittleEndian.Uint32(good[end+16:]))
	data := slices.Concat(good[:directory], []byte("hidden"), good[directory:])
	binary.LittleEndian.PutUint32(data[len(data)-endSize+16:], uint32(directory+len("hidden")))
	if _, err := zip.NewReader(bytes.NewReader(data), int64(len(data))); err != nil {
		t.Fatalf("this is no zip: %v", err)
	}
	return data
}

// renamed has a file bear another name where it stands than in the directory.
func renamed(t testing.TB, good []byte) []byte {
	t.Helper()
	data := bytes.Clone(good)
	at := bytes.Index(data, []byte("templates/hola.html"))
	copy(data[at:], "templates/evil.html")
	if _, err := zip.NewReader(bytes.NewReader(data), int64(len(data))); err != nil {
		t.Fatalf("this is no zip: %v", err)
	}
	return data
}

// twice has the directory and the end once more behind the end.
func twice(t testing.TB, good []byte) []byte {
	t.Helper()
	end := len(good) - endSize
	directory := int(binary.LittleEndian.Uint32(good[end+16:]))
	data := slices.Concat(good, good[directory:])
	binary.LittleEndian.PutUint32(data[len(data)-endSize+16:], uint32(len(good)))
	if _, err := zip.NewReader(bytes.NewReader(data), int64(len(data))); err != nil {
		t.Fatalf("this is no zip: %v", err)
	}
	return data
}

// many packs so many empty files.
func many(t testing.TB, n int) []byte {
	return plainZip(t, func(z *zip.Writer) {
		for i := range n {
			_, err := z.CreateRaw(&zip.FileHeader{Name: "templates/" + strconv.Itoa(i)})
			check(t, err)
		}
	})
}

// undercounted has a zip of more than 65,535 files say, in the old record at its end, that it has a few.
func undercounted(t testing.TB, data []byte) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	check(t, err)
	start := bytes.Index(data, []byte("PK\x01\x02"))
	n := len(z.File)
	// The records of the large format, between the directory and the old one, go.
	length := bytes.Index(data, []byte("PK\x06\x06")) - start
	data = append(bytes.Clone(data[:start+length]), data[len(data)-endSize:]...)
	end := data[len(data)-endSize:]
	binary.LittleEndian.PutUint16(end[8:], uint16(n))
	binary.LittleEndian.PutUint16(end[10:], uint16(n))
	binary.LittleEndian.PutUint32(end[12:], uint32(length))
	binary.LittleEndian.PutUint32(end[16:], uint32(start))
	return data
}

// forge0 packs one file, however large it becomes.
func forge0(t testing.TB, name, text string) []byte {
	return plainZip(t, func(z *zip.Writer) {
		w, err := z.Create(name)
		check(t, err)
		_, err = io.WriteString(w, text)
		check(t, err)
	})
}

// announced packs a file that is said to be so large.
func announced(t testing.TB, name string, size uint64) []byte {
	return plainZip(t, func(z *zip.Writer) {
		w, err := z.CreateRaw(&zip.FileHeader{Name: name, Method: zip.Deflate, UncompressedSize64: size, CompressedSize64: 4})
		check(t, err)
		_, err = io.WriteString(w, "\x03\x00\x00\x00")
		check(t, err)
	})
}

// signedWith packs the right files with that text for a signature.
func signedWith(t testing.TB, text string) []byte {
	t.Helper()
	files, list := content(), sums{}
	for name, text := range files {
		list[name] = hashOf([]byte(text))
	}
	files[sumsFile] = string(list.format())
	files[signatureFile] = text
	return forge(t, files, []byte("none"))
}

// reversed has the last line of a text first.
func reversed(text []byte) []byte {
	lines := slices.Collect(strings.Lines(string(text)))
	slices.Reverse(lines)
	return []byte(strings.Join(lines, ""))
}
