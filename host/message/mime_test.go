package message

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	gomessage "github.com/emersion/go-message"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/blob"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// dot is a GIF of one point.
const dot = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"

func TestFilesAndPicturesTravelAlong(t *testing.T) {
	local := time.Local
	time.Local = time.UTC
	defer func() { time.Local = local }()
	st, err := store.Open(t.TempDir()+"/store.db", store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	picture, err := base64.StdEncoding.DecodeString(dot)
	if err != nil {
		t.Fatal(err)
	}
	row := testRow()
	err = st.Update(t.Context(), func(tx *store.Tx) error {
		for _, f := range []struct {
			name, kind string
			content    []byte
		}{{"Factura 7 «año».pdf", "application/pdf", []byte("%PDF-1.7 factura")}, {"logo.gif", "image/gif", append(picture, 0)}, {"../../x\r\ny.eml", "message/rfc822", []byte("x")}} {
			sum := blob.Put(tx, f.content)
			row.Files = append(row.Files, &mostradorv1.MessageFile{Name: f.name, ContentType: f.kind, Sha256: sum[:], Size: int64(len(f.content))})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	text := `<title>Su factura</title><p>Va adjunta.</p><img src="cid:logo.gif" alt="Tienda"><img src="data:image/gif;base64,` + dot + `" alt="">`
	s := New(Config{
		Store: st, Settings: func() Settings { return testSettings },
		Template: func(_, _, lang string) (Source, error) {
			source := NewSource(text, "")
			source.Version, source.Language = 4, "es"
			return source, nil
		},
	})
	mail, err := s.composeFor(row, testCustomer())
	if err != nil {
		t.Fatal(err)
	}
	if row.TemplateVersion != 4 || row.Language != "es" || row.Subject != "Su factura" {
		t.Errorf("%v", row)
	}
	golden(t, "factura.eml", mail.Bytes)
	if again, err := s.composeFor(row, testCustomer()); err != nil || !bytes.Equal(again.Bytes, mail.Bytes) {
		t.Errorf("the same row gives another mail: %v", err)
	}
	entity, err := gomessage.Read(bytes.NewReader(mail.Bytes))
	if err != nil {
		t.Fatal(err)
	}
	var parts []string
	err = entity.Walk(func(_ []int, part *gomessage.Entity, err error) error {
		kind, _, _ := part.Header.ContentType()
		disposition, params, _ := part.Header.ContentDisposition()
		parts = append(parts, strings.TrimSpace(kind+" "+disposition+" "+params["filename"]))
		return err
	})
	want := []string{
		"multipart/mixed", "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/gif inline", "image/gif inline",
		"application/pdf attachment Factura 7 «año».pdf", "application/octet-stream attachment .._.._x y.eml",
	}
	if err != nil || strings.Join(parts, "\n") != strings.Join(want, "\n") {
		t.Errorf("%v\n%s", err, strings.Join(parts, "\n"))
	}
	seen, err := Read(mail.Bytes)
	if err != nil || strings.Contains(seen.Html, "cid:logo") || strings.Contains(seen.Html, "data:") || strings.Count(seen.Html, "@mostrador") != 2 {
		t.Errorf("%v %s", err, seen.GetHtml())
	}
	row.Files[0].Sha256 = []byte("gone")
	if _, err := s.composeFor(row, testCustomer()); err == nil || !strings.Contains(err.Error(), "no_file") {
		t.Errorf("a mail without its file: %v", err)
	}
}

func TestLinksAreTrackedButNotThoseToConsent(t *testing.T) {
	opened := "https://tienda.example/o/x"
	s := New(Config{
		Settings: func() Settings { return testSettings },
		Template: func(_, _, _ string) (Source, error) {
			return NewSource(`<title>x</title><body><a href="https://e.com/?a=1&amp;b=2">Ver</a> <a href="mailto:a@e.com">Mail</a> <a href="{{.Enlaces.baja}}">Baja</a> <a href="{{.Enlaces.activar}}">Sí</a></body>`, ""), nil
		},
		TrackLink: func(_ *mostradorv1.Message, _ *plgv1.Customer, url string) string {
			if !strings.HasPrefix(url, "https://e.com") {
				t.Errorf("%s is tracked", url)
			}
			return "https://tienda.example/c/?u=" + strings.ToUpper(url)
		},
		TrackOpen: func(*mostradorv1.Message, *plgv1.Customer) string { return opened },
	})
	row := testRow()
	mail, err := s.composeFor(row, testCustomer())
	if err != nil {
		t.Fatal(err)
	}
	seen, err := Read(mail.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`<a href="https://tienda.example/c/?u=HTTPS://E.COM/?A=1&amp;B=2">Ver</a>`, `<a href="mailto:a@e.com">`,
		`<a href="https://tienda.example/b/` + row.Tokens["baja"] + `">`, `<img src="https://tienda.example/o/x" width="1" height="1" alt=""></body>`,
	} {
		if !strings.Contains(seen.Html, want) {
			t.Errorf("%s is missing in %s", want, seen.Html)
		}
	}
	if !strings.HasPrefix(seen.Text, "Ver: https://tienda.example/c/?u=HTTPS://E.COM/?A=1&B=2 Mail: mailto:a@e.com Baja: https://tienda.example/b/") {
		t.Errorf("%s", seen.Text)
	}
	opened = ""
	if mail, err = s.composeFor(row, testCustomer()); err != nil || bytes.Contains(mail.Bytes, []byte("<img")) {
		t.Errorf("a picture for nothing: %v", err)
	}
}

func FuzzFileNames(f *testing.F) {
	for _, name := range attacks {
		f.Add(name, "application/pdf")
	}
	f.Add("x.pdf", "multipart/mixed; boundary=x")
	f.Add("x.pdf", "text/html\r\nBcc: x")
	f.Fuzz(func(t *testing.T, name, kind string) {
		row := testRow()
		mail, err := write(row, testCustomer(), testSettings, paged("<title>x</title>y"), []file{{name, kind, []byte("z")}})
		if err != nil {
			t.Fatal(err)
		}
		checkHeader(t, name, mail.Bytes)
		entity, err := gomessage.Read(bytes.NewReader(mail.Bytes))
		if err != nil {
			t.Fatalf("%q %q: %v", name, kind, err)
		}
		parts := 0
		if err := entity.Walk(func(_ []int, _ *gomessage.Entity, err error) error { parts++; return err }); err != nil || parts != 5 {
			t.Errorf("%q %q: %d parts, %v\n%s", name, kind, parts, err, mail.Bytes)
		}
	})
}
