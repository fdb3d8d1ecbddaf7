package pack

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// goldenKey is the public key of the one who signed testdata/golden.plg.
const goldenKey = "RWRKTAHHUaZ9aOV8+I66tzdAZ2Vec8gZdMm4ejwxTz7YvSuFrrID26Sh"

func trusted(t testing.TB, line string) TrustedKey {
	t.Helper()
	k, err := ParseTrustedKey(line)
	check(t, err)
	return k
}

// pair makes a key and how a store that trusts it knows it.
func pair(t testing.TB, name string) (TrustedKey, SecretKey) {
	t.Helper()
	public, secret, err := GenerateKey()
	check(t, err)
	return TrustedKey{name, public}, secret
}

// signed writes a package to a file and signs it.
func signed(t testing.TB, data []byte, key SecretKey) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.plg")
	check(t, os.WriteFile(path, data, 0o600))
	check(t, Sign(path, key))
	data, err := os.ReadFile(path)
	check(t, err)
	return data
}

func TestTheSignersNameIsFound(t *testing.T) {
	ana, secret := pair(t, "Ana Soft")
	luis, _ := pair(t, "Luis")
	f := opened(t, signed(t, build(t, content()), secret))
	if got, err := f.Verify([]TrustedKey{luis, ana}); err != nil || got != "Ana Soft" {
		t.Errorf("signed by %q, %v", got, err)
	}
	if f.KeyID() != KeyID(ana.Key) {
		t.Errorf("key %s, want %s", f.KeyID(), KeyID(ana.Key))
	}
}

func TestSigningAgainReplacesTheSignature(t *testing.T) {
	ana, secret := pair(t, "Ana")
	luis, other := pair(t, "Luis")
	data := build(t, content())
	once := signed(t, data, secret)
	if twice := signed(t, once, secret); string(twice) != string(once) {
		t.Error("the same key gave another file")
	}
	f := opened(t, signed(t, once, other))
	if got, err := f.Verify([]TrustedKey{ana, luis}); err != nil || got != "Luis" {
		t.Errorf("signed by %q, %v", got, err)
	}
}

func TestWhoDidNotSignIsNotBelieved(t *testing.T) {
	ana, secret := pair(t, "Ana")
	luis, other := pair(t, "Luis")
	_, err := opened(t, build(t, content())).Verify([]TrustedKey{ana})
	wantRefused(t, err, CodeUnsigned)

	mine := opened(t, signed(t, build(t, content()), secret))
	_, err = mine.Verify([]TrustedKey{luis})
	wantRefused(t, err, CodeUntrusted)
	_, err = mine.Verify(nil)
	wantRefused(t, err, CodeUntrusted)

	// The signature of another package, and one by a key that pretends to be Ana's.
	signature, err := mine.unpack(signatureFile)
	check(t, err)
	files := with("templates/hola.html", "<p>other</p>")
	list := sums{}
	for name, text := range files {
		list[name] = hashOf([]byte(text))
	}
	files[sumsFile], files[signatureFile] = string(list.format()), string(signature)
	_, err = opened(t, forge(t, files, []byte("none"))).Verify([]TrustedKey{ana})
	wantRefused(t, err, CodeForged)

	theirs := opened(t, signed(t, build(t, content()), other))
	theirs.signature.KeyID = mine.signature.KeyID
	_, err = theirs.Verify([]TrustedKey{luis, ana})
	wantRefused(t, err, CodeForged)
}

func TestAFileThatIsNoPackageIsNotSigned(t *testing.T) {
	_, secret := pair(t, "Ana")
	dir := t.TempDir()
	path := filepath.Join(dir, "x.plg")
	check(t, os.WriteFile(path, []byte("hola"), 0o600))
	wantRefused(t, Sign(path, secret), CodeNoPackage)
	if data, err := os.ReadFile(path); err != nil || string(data) != "hola" {
		t.Errorf("it is %q now, %v", data, err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("it left %v", left)
	}
}

func TestKeysAreReadAsTheyAreWritten(t *testing.T) {
	public, secret, err := GenerateKey()
	check(t, err)
	text, err := FormatSecretKey(secret, "")
	check(t, err)
	if again, err := ParseSecretKey(text, "not needed"); err != nil || !again.Equal(secret) {
		t.Errorf("the secret key: %v", err)
	}
	for _, text := range []string{string(FormatPublicKey(public)), public.String(), " " + public.String() + "\r\n"} {
		if again, err := ParsePublicKey(text); err != nil || !again.Equal(public) {
			t.Errorf("%q: %v", text, err)
		}
	}
	k, err := ParseTrustedKey("  Ana   Soft " + public.String() + " ")
	if err != nil || k.Name != "Ana Soft" || !k.Key.Equal(public) {
		t.Errorf("%+v, %v", k, err)
	}
	for _, line := range []string{"", "Ana", public.String(), "Ana RWQ", "Ana " + strings.ToLower(public.String())} {
		if k, err := ParseTrustedKey(line); err == nil {
			t.Errorf("%q is %+v", line, k)
		}
	}
}

// sealedKey is sealed with the password "clave", as minisign does it but with less work.
const sealedKey = `untrusted comment: minisign encrypted secret key
RWRTY0IyBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcAgAAAAAAAAAAAAAEAAAAAty4Op/e6qOImnL6pLFlEyPxe0N0Rv9vjI+TeIMuufsVsohBe+jgj6bgXkuwN0aDzDn3HikGlcKlJqsOmMXJRzspMxQxSrLtTEeHA6FDlNrIb/aXcY9QpelQGEZLC2EY+AmRlCyehR2c=`

func TestASealedKeyNeedsItsPassword(t *testing.T) {
	if _, err := ParseSecretKey([]byte(sealedKey), "clave"); err != nil {
		t.Error(err)
	}
	for _, password := range []string{"", "otra"} {
		if _, err := ParseSecretKey([]byte(sealedKey), password); !errors.Is(err, ErrPassword) {
			t.Errorf("with %q: %v", password, err)
		}
	}
	if _, err := ParseSecretKey([]byte("hola"), ""); err == nil || errors.Is(err, ErrPassword) {
		t.Errorf("no key: %v", err)
	}
}
