package message

import (
	"bytes"
	"compress/flate"
	"os"
	"strings"
	"testing"

	"mostrador/host/store"
)

func TestKeptMailsComeBackWhole(t *testing.T) {
	page, err := os.ReadFile("testdata/bienvenida.html")
	if err != nil {
		t.Fatal(err)
	}
	p := newPeer(t)
	o := patientOutbox(t, p.settings())
	o.template = string(page)
	for i := range 20 {
		o.queue(welcome("ana", i))
	}
	if err := o.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	left := map[string]bool{}
	for _, mail := range p.got() {
		left[string(mail.body)] = true
	}
	for i := range 20 {
		id := welcome("ana", i).Id
		if got := o.get(id); !left[string(got.Eml)] || !bytes.Contains(got.Eml, []byte(id)) {
			t.Errorf("what is kept of %s is not what left", id)
		}
		_ = o.st.View(func(tx *store.Tx) error {
			if n, whole := len(tx.Get(bucketMail, []byte(id))), len(p.got()[0].body); n > whole/8 {
				t.Errorf("%d of %d bytes are kept", n, whole)
			}
			for _, sample := range tx.Scan(bucketDictionary, nil, nil) {
				if strings.Contains(string(sample), "Ana") || strings.Contains(string(sample), "SECRETTOKEN") {
					t.Error("the sample knows a customer")
				}
			}
			return nil
		})
	}
}

func TestMailsOfFormerVersionsAreRead(t *testing.T) {
	o := patientOutbox(t, testSettings)
	var old bytes.Buffer
	w, _ := flate.NewWriter(&old, flate.DefaultCompression)
	_, _ = w.Write([]byte("Subject: x\r\n\r\nhola\r\n"))
	w.Close()
	for _, value := range [][]byte{old.Bytes(), {sampleMark}, {sampleMark, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {}} {
		err := o.st.Update(t.Context(), func(tx *store.Tx) error { tx.Put(bucketMail, []byte("m"), value); return nil })
		if err != nil {
			t.Fatal(err)
		}
		_ = o.st.View(func(tx *store.Tx) error {
			got, err := unpack(tx, "m")
			if readable := bytes.Equal(value, old.Bytes()); readable != (err == nil) || readable && !strings.HasSuffix(string(got), "hola\r\n") {
				t.Errorf("%x: %q %v", value, got, err)
			}
			return nil
		})
	}
}
