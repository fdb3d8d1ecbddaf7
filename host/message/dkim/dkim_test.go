package dkim

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mostrador/host/store"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// keyring is an empty keyring whose clock stands at noon.
func keyring(t testing.TB, now *time.Time) (*Service, *store.Store) {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "store.db"), store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	s, err := New(Config{Store: st, Key: bytes.Repeat([]byte{7}, 32), Now: func() time.Time { return *now }})
	if err != nil {
		t.Fatal(err)
	}
	return s, st
}

// published makes the keys of a domain and has them sign.
func published(t testing.TB, s *Service, domain string) []Key {
	t.Helper()
	keys, err := s.Keys(t.Context(), domain)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if err := s.Published(t.Context(), domain, k.Selector); err != nil {
			t.Fatal(err)
		}
	}
	return keys
}

const mail = "From: Tienda <hola@tienda.example>\r\nTo: ana@example.com\r\nSubject: Oferta  de\r\n hoy\r\nDate: Sat, 28 Nov 2026 12:00:00 +0000\r\n" +
	"Message-ID: <1@tienda.example>\r\nList-Unsubscribe: <https://tienda.example/b/x>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" +
	"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHola, Ana.  \r\n\r\nHasta pronto\r\n\r\n\r\n"

// verify asks Debian's dkimpy about the two signatures of each mail.
const verify = `
import dkim, json, sys
keys = json.load(open(sys.argv[1]))
def txt(name, timeout=5):
    value = keys.get(name.decode().rstrip("."))
    return value.encode() if value else None
for name in sys.argv[2:]:
    mail = open(name, "rb").read()
    for i in range(2):
        d = dkim.DKIM(mail, minkey=2048)
        try:
            ok = d.verify(idx=i, dnsfunc=txt)
        except dkim.DKIMException:
            ok = False
        print(d.signature_fields.get(b"a", b"?").decode(), ok)
`

// dkimpy returns what it says of each signature of each mail, one a line.
func dkimpy(t *testing.T, keys []Key, mails [][]byte) []string {
	t.Helper()
	const interpreter = "/usr/bin/python3" // Debian's, which has Debian's modules
	if out, err := exec.Command(interpreter, "-c", "import dkim, nacl").CombinedOutput(); err != nil {
		t.Skipf("python3-dkim and python3-nacl are not installed: %s", out)
	}
	dir := t.TempDir()
	records := map[string]string{}
	for _, k := range keys {
		records[k.Name()] = k.Value()
	}
	data, err := json.Marshal(records)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"-c", verify}
	for i, content := range append([][]byte{data}, mails...) {
		name := filepath.Join(dir, strconv.Itoa(i))
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, name)
	}
	out, err := exec.Command(interpreter, args...).Output()
	if err != nil {
		t.Fatalf("dkimpy: %v", err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

func TestAnotherVerifierTakesBothSignatures(t *testing.T) {
	now := noon
	s, _ := keyring(t, &now)
	keys := published(t, s, "Tienda.example.")
	signer, err := s.Signer("tienda.example")
	if err != nil {
		t.Fatal(err)
	}
	out, err := signer.Sign([]byte(mail))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasSuffix(out, []byte(mail)) {
		t.Error("the mail itself was changed")
	}
	tests := []struct {
		name, from, to string
		valid          bool
	}{
		{"as it left", "", "", true},
		{"spaces changed on the way", "Oferta  de\r\n hoy", "Oferta de hoy", true},
		{"another body", "Hola", "Adiós", false},
		{"another way to leave", "One-Click\r\n", "Two-Clicks\r\n", false},
		{"a second sender", "From: ", "From: Otro <x@malo.example>\r\nFrom: ", false},
		{"an answer led elsewhere", "To: ana", "Reply-To: x@malo.example\r\nTo: ana", false},
	}
	var mails [][]byte
	for _, test := range tests {
		mails = append(mails, bytes.Replace(out, []byte(test.from), []byte(test.to), 1))
	}
	said := dkimpy(t, keys, mails)
	for i, test := range tests {
		want := []string{"rsa-sha256 False", "ed25519-sha256 False"}
		if test.valid {
			want = []string{"rsa-sha256 True", "ed25519-sha256 True"}
		}
		if got := said[2*i : 2*i+2]; !slices.Equal(got, want) {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

func TestAKeySignsOnceDNSHasIt(t *testing.T) {
	now := noon
	s, _ := keyring(t, &now)
	keys, err := s.Keys(t.Context(), "tienda.example")
	if err != nil || len(keys) != 2 {
		t.Fatalf("%v, %v", keys, err)
	}
	signatures := func() int {
		signer, err := s.Signer("tienda.example")
		if err != nil {
			t.Fatal(err)
		}
		out, err := signer.Sign([]byte(mail))
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Count(out, []byte("DKIM-Signature:"))
	}
	if n := signatures(); n != 0 {
		t.Errorf("%d signatures with keys that nobody can find", n)
	}
	for i, k := range keys {
		if err := s.Published(t.Context(), "tienda.example", k.Selector); err != nil {
			t.Fatal(err)
		}
		if n := signatures(); n != i+1 {
			t.Errorf("%d signatures with %d keys in DNS", n, i+1)
		}
	}
}

func TestAfterAYearASuccessorTakesOver(t *testing.T) {
	now := noon
	s, _ := keyring(t, &now)
	old := published(t, s, "tienda.example")
	if again, _ := s.Keys(t.Context(), "tienda.example"); len(again) != 2 || again[0].Selector != old[0].Selector {
		t.Fatalf("the keys changed: %v", again)
	}
	now = now.Add(lifetime)
	keys, err := s.Keys(t.Context(), "tienda.example")
	if err != nil || len(keys) != 4 {
		t.Fatalf("%v, %v", keys, err)
	}
	if keys[0].Signs || keys[1].Signs || !keys[2].Signs || !keys[3].Signs {
		t.Errorf("who signs before DNS has the new keys: %+v", keys)
	}
	if err := s.Published(t.Context(), "tienda.example", keys[0].Selector, keys[1].Selector); err != nil {
		t.Fatal(err)
	}
	keys, _ = s.Keys(t.Context(), "tienda.example")
	if !keys[0].Signs || !keys[1].Signs || keys[2].Signs || keys[3].Signs {
		t.Errorf("who signs afterwards: %+v", keys)
	}
}

func TestPrivateKeysAreSealed(t *testing.T) {
	now := noon
	s, st := keyring(t, &now)
	published(t, s, "tienda.example")
	other, err := New(Config{Store: st, Key: bytes.Repeat([]byte{8}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Signer("tienda.example"); err == nil || !strings.Contains(err.Error(), "cannot be opened") {
		t.Errorf("another store's key opens them: %v", err)
	}
	if err := st.Update(t.Context(), func(tx *store.Tx) error {
		for key, value := range tx.Scan(bucketKey, nil, nil) {
			tx.Put(bucketKey, append([]byte("other.example\x00"), bytes.SplitN(key, []byte{0}, 2)[1]...), value)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Signer("other.example"); err == nil {
		t.Error("a key signs for a domain that it was not made for")
	}
}

func TestADomainIsADomain(t *testing.T) {
	now := noon
	s, _ := keyring(t, &now)
	for _, domain := range []string{"", ".", "a b", "a\x00b"} {
		if _, err := s.Keys(t.Context(), domain); err == nil {
			t.Errorf("%q got keys", domain)
		}
	}
}

// BenchmarkSign is a mail of 4 KB with both signatures.
func BenchmarkSign(b *testing.B) {
	now := noon
	s, _ := keyring(b, &now)
	published(b, s, "tienda.example")
	signer, err := s.Signer("tienda.example")
	if err != nil {
		b.Fatal(err)
	}
	long := []byte(mail + strings.Repeat("Una línea de unos sesenta caracteres, como las de los correos.\r\n", 60))
	for b.Loop() {
		if _, err := signer.Sign(long); err != nil {
			b.Fatal(err)
		}
	}
}
