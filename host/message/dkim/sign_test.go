package dkim

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	verifier "github.com/emersion/go-msgauth/dkim"
)

// FuzzSignedMailsVerify has go-msgauth verify what was signed: mails of any words, with space in all places.
func FuzzSignedMailsVerify(f *testing.F) {
	for _, body := range []string{
		"", "\r\n", "\r\n\r\n\r\n", "Hola", "Hola\r\n", " \t \r\n", "a  b\tc \r\n\r\n\r\n", "\r\n\r\nx \t", "  dos\r\n\r\n\t\r\n",
		strings.Repeat("Una línea larga, como las de los correos.\r\n", 100),
	} {
		f.Add("Oferta  de\r\n hoy\t", body)
	}
	f.Add("", "x")
	f.Add(" \r\n  \r\n\t", "x")
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	record := "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(private.Public().(ed25519.PublicKey))
	signer, err := NewSigner("tienda.example", "m", private)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, subject, body string) {
		if len(body) > 1<<16 || len(subject) > 1<<12 {
			return
		}
		// A field goes on as long as its lines begin with space, and a folded line that is empty ends the header for some.
		lines := strings.FieldsFunc(subject, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
		for i, line := range lines {
			lines[i] = line + "x"
		}
		mail := "From: hola@tienda.example\r\nTo: a@example.com\r\nTo: b@example.com\r\nSubject:" + strings.Join(lines, "\r\n ") + "\r\n\r\n" + body
		out, err := signer.Sign([]byte(mail))
		bare := strings.ReplaceAll(mail, "\r\n", "")
		if strings.ContainsAny(bare, "\r\n") {
			if !errors.Is(err, errLines) {
				t.Errorf("lines that end otherwise were signed: %v", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		found, err := verifier.VerifyWithOptions(bytes.NewReader(out), &verifier.VerifyOptions{
			LookupTXT: func(string) ([]string, error) { return []string{record}, nil },
		})
		if err != nil || len(found) != 1 || found[0].Err != nil {
			t.Fatalf("%v %+v\n%q", err, found, out)
		}
		for _, line := range strings.Split(string(out[:len(out)-len(mail)]), "\r\n") {
			if len(line) > 78 {
				t.Errorf("a line of %d characters: %s", len(line), line)
			}
		}
	})
}

// BenchmarkSignEd25519 is a mail of 4 KB with the signature of one key.
func BenchmarkSignEd25519(b *testing.B) {
	signer, err := NewSigner("tienda.example", "m", ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		b.Fatal(err)
	}
	long := []byte(mail + strings.Repeat("Una línea de unos sesenta caracteres, como las de los correos.\r\n", 60))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := signer.Sign(long); err != nil {
			b.Fatal(err)
		}
	}
}
