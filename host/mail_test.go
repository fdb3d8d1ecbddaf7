package host

import (
	"bytes"
	"encoding/hex"
	"path/filepath"
	"strings"
	"testing"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/blob"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

func TestAnAddressIsOneAddressAndNothingMore(t *testing.T) {
	for address, want := range map[string]bool{
		"jefe@tienda.es": true, "a.b+c@sub.tienda.es": true, "ñ@tienda.es": true,
		"": false, "jefe": false, "@tienda.es": false, "jefe@tienda": false, "a@b.es, c@d.es": false, "a@b.es\r\nBcc: c@d.es": false,
		"Jefe <a@b.es>": false, "a@b.es\u2028": false, "\"a b\"@b.es": false, "a@[127.0.0.1]": false,
		strings.Repeat("a", 65) + "@b.es": false, "a@" + strings.Repeat("b", 260) + ".es": false, "a b@c.es": false, "a\x00@b.es": false,
	} {
		if plainAddress(address) != want {
			t.Errorf("%q: %t", address, !want)
		}
	}
}

func TestAFileOfAMailIsHeldAndBounded(t *testing.T) {
	s, err := store.Open(filepath.Join(t.TempDir(), "store.db"), store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.Update(t.Context(), func(tx *store.Tx) error {
		sent := blob.Put(tx, []byte("%PDF"))
		m := &mostradorv1.Message{}
		for _, a := range []*plgv1.Attachment{
			{Name: `C:\facturas\F1.pdf`, Blob: hex.EncodeToString(sent[:])},
			{Name: "notas.txt", Data: []byte("hola")},
			{Name: "raro", ContentType: "text/plain; =\r\nX: y", Data: []byte("x")},
		} {
			if err := attach(tx, m, a); err != nil {
				t.Errorf("%s: %v", a.GetName(), err)
			}
		}
		if f := m.GetFiles()[0]; f.GetName() != "F1.pdf" || f.GetContentType() != "application/pdf" || f.GetSize() != 4 {
			t.Errorf("%v", f)
		}
		if f := m.GetFiles()[2]; f.GetContentType() != "application/octet-stream" {
			t.Errorf("%v", f)
		}
		blob.Drop(tx, sent[:]) // the event's
		for _, f := range m.GetFiles() {
			if blob.Get(tx, f.GetSha256()) == nil {
				t.Errorf("%s is gone", f.GetName())
			}
		}
		for name, a := range map[string]*plgv1.Attachment{
			"gone":       {Name: "a.pdf", Blob: strings.Repeat("00", 32)},
			"no hash":    {Name: "a.pdf", Blob: "../../etc/passwd"},
			"no name":    {Name: "facturas/", Data: nil},
			"two lines":  {Name: "a\r\nb.pdf", Data: []byte("x")},
			"empty":      {Name: "a.pdf"},
			"very large": {Name: "a.pdf", Data: bytes.Repeat([]byte("x"), maxMailFile+1)},
		} {
			if err := attach(tx, &mostradorv1.Message{}, a); err == nil {
				t.Errorf("%s is attached", name)
			}
		}
		many := &mostradorv1.Message{}
		for range maxMailFiles {
			if err := attach(tx, many, &plgv1.Attachment{Name: "a", Data: []byte("x")}); err != nil {
				t.Error(err)
			}
		}
		if attach(tx, many, &plgv1.Attachment{Name: "a", Data: []byte("x")}) == nil {
			t.Error("files without end")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
