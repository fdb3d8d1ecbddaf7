package mailview

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"mostrador/gui/ui"
)

// Browse shows a mail in the browser, from a file that only this person may read.
func Browse(d *ui.Desk, html string) {
	address, err := writePage(html)
	if err != nil {
		d.Fail(d.T("error.browser"))
		return
	}
	d.Open(address)
}

// writePage puts HTML into the temp folder under one name, so that no heap of mails collects there. A policy in
// the page keeps scripts and everything from elsewhere out.
func writePage(html string) (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	dir = filepath.Join(dir, "mostrador")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("mailview: %w", err)
	}
	file := filepath.Join(dir, "correo.html")
	const policy = `<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">`
	if err := errors.Join(os.WriteFile(file, []byte(policy+html), 0o600), os.Chmod(file, 0o600)); err != nil {
		return "", fmt.Errorf("mailview: %w", err)
	}
	slashed := filepath.ToSlash(file)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // C:/...
	}
	return (&url.URL{Scheme: "file", Path: slashed}).String(), nil
}
