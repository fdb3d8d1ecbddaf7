package api

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

func TestEveryProcedureHasARole(t *testing.T) {
	procedures := map[string]bool{}
	protoregistry.GlobalFiles.RangeFilesByPackage("mostrador.v1", func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			service := f.Services().Get(i)
			for j := range service.Methods().Len() {
				procedures["/"+string(service.FullName())+"/"+string(service.Methods().Get(j).Name())] = true
			}
		}
		return true
	})
	if len(procedures) < 40 {
		t.Fatalf("only %d procedures found", len(procedures))
	}
	for p := range procedures {
		if _, ok := roles[p]; !ok {
			t.Errorf("%s has no role: nobody could call it", p)
		}
	}
	for p := range roles {
		if !procedures[p] {
			t.Errorf("%s has a role but does not exist", p)
		}
	}
	for p := range deadlines {
		if !procedures[p] {
			t.Errorf("%s has a deadline but does not exist", p)
		}
	}
}

func TestJSONHasEveryFieldAndRefusesUnknownOnes(t *testing.T) {
	line, err := MarshalJSON(&mostradorv1.RecordSaleResponse{Sale: &plgv1.Sale{Receipt: "T1", Refunded: &plgv1.Money{}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"repeated":false`, `"minor":"0"`, `"customerId":""`} {
		if !strings.Contains(string(line), want) {
			t.Errorf("%s lacks %s", line, want)
		}
	}
	codec := jsonCodec{"json"}
	for text, good := range map[string]bool{
		`{"receipt":"T1","amount":"1,50"}`: true,
		`{"recibo":"T1"}`:                  false,
		``:                                 false,
		`[]`:                               false,
	} {
		if err := codec.Unmarshal([]byte(text), new(mostradorv1.RecordSaleRequest)); (err == nil) != good {
			t.Errorf("Unmarshal(%q): %v", text, err)
		}
	}
}

func TestOneProcessAtATimeHasAHomeFolder(t *testing.T) {
	home := t.TempDir()
	first, err := ListenLocal(home)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ListenLocal(home); !errors.Is(err, ErrRunning) {
		t.Fatalf("a second host: %v", err)
	}
	conn, err := DialLocal(t.Context(), home)
	if err != nil {
		t.Fatalf("the second host took the first one's socket away: %v", err)
	}
	conn.Close()
	if info, err := os.Stat(filepath.Join(home, SocketName)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v", info.Mode(), err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := DialLocal(t.Context(), home); err == nil {
		t.Error("a closed host still answers")
	}
	again, err := ListenLocal(home)
	if err != nil {
		t.Fatalf("after the first has gone: %v", err)
	}
	again.Close()
}

func TestTheSocketOfAKilledHostIsReplaced(t *testing.T) {
	home := t.TempDir()
	stale, err := net.Listen("unix", filepath.Join(home, SocketName))
	if err != nil {
		t.Fatal(err)
	}
	stale.(*net.UnixListener).SetUnlinkOnClose(false)
	stale.Close()
	if _, err := os.Stat(filepath.Join(home, SocketName)); err != nil {
		t.Fatal("the test left no stale socket")
	}
	l, err := ListenLocal(home)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := DialLocal(t.Context(), home)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

func TestAHomeFolderWithAVeryLongPathIsRefusedInWords(t *testing.T) {
	home := filepath.Join(t.TempDir(), strings.Repeat("a", 120))
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := ListenLocal(home); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("listening: %v", err)
	}
	if _, err := DialLocal(context.Background(), home); err == nil {
		t.Error("dialing went well")
	}
	t.Chdir(filepath.Dir(home))
	if _, err := ListenLocal(home); err == nil {
		t.Fatal("the relative path is too long as well and was taken")
	}
	t.Chdir(home)
	l, err := ListenLocal(home)
	if err != nil {
		t.Fatalf("from within the folder: %v", err)
	}
	l.Close()
}

func FuzzAHeaderIsKeptShortAndPrintable(f *testing.F) {
	for _, seed := range []string{"", "Caja 3", "\x00\x1b[31m\r\n", strings.Repeat("ñ", 300), "\xff\xfe", "a\u2028b", "\u0085"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		kept := clean(value, 40)
		if n := len([]rune(kept)); n > 40 {
			t.Errorf("%d characters", n)
		}
		if !utf8.ValidString(kept) || strings.ContainsFunc(kept, unicode.IsControl) || strings.ContainsAny(kept, "\u2028\u2029") {
			t.Errorf("%q", kept)
		}
		if again := clean(kept, 40); again != strings.TrimSpace(kept) {
			t.Errorf("%q is kept as %q the second time", kept, again)
		}
	})
}

func FuzzNoTokenIsLeftInABlottedMail(f *testing.F) {
	f.Add("AbCdEfGhIjKlMnOpQrStUvWxYz0123456789")
	f.Add("0123456789-_0123456789")
	f.Fuzz(func(t *testing.T, token string) {
		if !regexp.MustCompile(`^[A-Za-z0-9_-]{16,}$`).MatchString(token) {
			return // no sealed token
		}
		mail := &mostradorv1.RenderedMail{
			Html:    `<a href="https://web.example/a/` + token + `">Activar</a>`,
			Text:    "Activar: https://web.example/a/" + token + "\nBaja: https://web.example/b/" + token + ".",
			Headers: []*mostradorv1.Header{{Name: "List-Unsubscribe", Value: "<https://web.example/b/" + token + ">"}},
		}
		blot(mail)
		if shown := mail.String(); strings.Contains(shown, token) || !strings.Contains(shown, "Activar") {
			t.Errorf("%q", shown)
		}
	})
}
