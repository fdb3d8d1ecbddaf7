package tabular

import (
	"bytes"
	"io"
)

// recognise finds the format of a file by how it begins. What is neither CSV nor XLSX is refused by its own name, since
// what a person has to do about it differs.
func recognise(r io.ReaderAt, size int64) (Format, error) {
	if size == 0 {
		return "", refuse(RefusedEmpty)
	}
	head := make([]byte, min(size, 4096))
	n, err := r.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return "", err
	}
	head = head[:n]
	begins := func(marks ...string) bool {
		for _, m := range marks {
			if bytes.HasPrefix(head, []byte(m)) {
				return true
			}
		}
		return false
	}
	switch {
	case begins("PK\x03\x04"):
		return XLSX, nil
	case begins("PK\x05\x06", "\x1f\x8b", "Rar!", "7z\xbc\xaf\x27\x1c", "BZh", "\xfd7zXZ"):
		return "", refuse(RefusedZip)
	case begins("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
		return "", refuse(ole(r, size))
	case begins("\x09\x08", "\x09\x04\x06\x00", "\x09\x02\x06\x00", "\x09\x00\x04\x00"): // Excel 2 to 5, without OLE
		return "", refuse(RefusedXLS)
	case begins("%PDF", "{\\rtf", "\x89PNG", "\xff\xd8\xff", "GIF8", "BM", "SQLite format 3") && (!begins("BM") || bytes.IndexByte(head, 0) >= 0):
		return "", refuse(RefusedFormat)
	}
	text := bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(head, bomUTF8), " \t\r\n"))
	for _, mark := range []string{"<!doctype html", "<html", "<head", "<body", "<table", "<meta"} {
		if bytes.HasPrefix(text, []byte(mark)) {
			return "", refuse(RefusedWeb)
		}
	}
	if bytes.HasPrefix(text, []byte("<?xml")) {
		return "", refuse(RefusedXML)
	}
	return CSV, nil
}
