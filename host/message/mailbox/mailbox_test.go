package mailbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mostrador/host/locale"
)

var quick = limits{dial: 10 * time.Second, idle: 10 * time.Second, visit: time.Minute}

// taken counts how often each mail was handed over, by its subject.
type taken struct {
	subjects   map[string]int
	recipients map[string]string
}

func newTaken() *taken { return &taken{map[string]int{}, map[string]string{}} }

func (k *taken) keep(_ context.Context, raw []byte, recipient string) error {
	_, rest, _ := strings.Cut(string(raw), "Subject: ")
	subject, _, _ := strings.Cut(rest, "\n")
	subject = strings.TrimSpace(subject)
	k.subjects[subject]++
	k.recipients[subject] = recipient
	return nil
}

func eml(i int) string {
	return fmt.Sprintf("Return-Path: <>\nDelivered-To: rebotes+m%d.x@tienda.example\nSubject: s%02d\n\n%s\n.\n..two dots\n", i, i, strings.Repeat("words of a mail\n", 200))
}

func (s *server) settings(kind Kind, encryption Encryption) Settings {
	set := Settings{Kind: kind, Server: "127.0.0.1", Encryption: encryption, User: testUser, Password: testPassword}
	switch {
	case kind == IMAP && encryption == EncryptionTLS:
		set.Port = s.imaps
	case kind == IMAP:
		set.Port = s.imap
	case encryption == EncryptionTLS:
		set.Port = s.pop3s
	default:
		set.Port = s.pop3
	}
	return set
}

func (s *server) open(t *testing.T, set Settings) Source {
	t.Helper()
	source, err := open(set, dialer{limits: quick, tls: s.trust})
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// TestEveryMailIsTakenOnceOverEveryLine reads a real server over IMAP and POP3, open and encrypted in both ways.
func TestEveryMailIsTakenOnceOverEveryLine(t *testing.T) {
	s := startDovecot(t)
	next := 0
	for _, kind := range []Kind{IMAP, POP3} {
		for _, encryption := range []Encryption{EncryptionNone, EncryptionSTARTTLS, EncryptionTLS} {
			t.Run(string(kind)+" "+string(encryption), func(t *testing.T) {
				source := s.open(t, s.settings(kind, encryption))
				k := newTaken()
				first := next
				for range 3 {
					s.deliver(t, fmt.Sprintf("%d.test", next), eml(next))
					next++
				}
				for visit, want := range []int{3, 0} {
					n, err := source.Fetch(t.Context(), k.keep)
					if err != nil || n != want {
						t.Fatalf("visit %d: %d mails, %v", visit, n, err)
					}
				}
				for i := first; i < next; i++ {
					subject := fmt.Sprintf("s%02d", i)
					if k.subjects[subject] != 1 || k.recipients[subject] != fmt.Sprintf("rebotes+m%d.x@tienda.example", i) {
						t.Errorf("%s: %d times, for %q", subject, k.subjects[subject], k.recipients[subject])
					}
				}
				// An IMAP folder keeps them, a POP3 mailbox does not; this makes room for the next.
				if kind == POP3 {
					if left := files(t, s.mail); len(left) != 0 {
						t.Errorf("left: %v", left)
					}
				} else {
					if left := files(t, s.mail); len(left) != 3 {
						t.Errorf("an IMAP folder lost mails: %v", left)
					}
					if n, err := s.open(t, s.settings(POP3, EncryptionNone)).Fetch(t.Context(), newTaken().keep); n != 3 || err != nil {
						t.Fatal(n, err)
					}
				}
			})
		}
	}
}

func TestIMAPMovesWhatWasKept(t *testing.T) {
	s := startDovecot(t)
	for i := range 3 {
		s.deliver(t, fmt.Sprintf("%d.test", i), eml(i))
	}
	set := s.settings(IMAP, EncryptionSTARTTLS)
	set.Done = "Procesados"
	if n, err := s.open(t, set).Fetch(t.Context(), newTaken().keep); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	if left, moved := files(t, s.mail), files(t, filepath.Join(s.mail, ".Procesados")); len(left) != 0 || len(moved) != 3 {
		t.Errorf("left %v, moved %v", left, moved)
	}
	set.Done = "Ninguna"
	s.deliver(t, "4.test", eml(4))
	k := newTaken()
	n, err := s.open(t, set).Fetch(t.Context(), k.keep)
	if problem(err) != NotMarked || n != 1 || len(files(t, s.mail)) != 1 {
		t.Errorf("%d mails, %v", n, err)
	}
}

// TestWhatKeepRefusesStays stops at the mail that could not be kept, and begins there again.
func TestWhatKeepRefusesStays(t *testing.T) {
	s := startDovecot(t)
	full := errors.New("disk full")
	for _, kind := range []Kind{IMAP, POP3, Maildir} {
		t.Run(string(kind), func(t *testing.T) {
			for i := range 3 {
				s.deliver(t, fmt.Sprintf("%d.%s", i, kind), eml(i))
			}
			set := s.settings(kind, EncryptionNone)
			if kind == Maildir {
				set = Settings{Kind: Maildir, Path: s.mail}
			}
			source := s.open(t, set)
			k := newTaken()
			calls := 0
			n, err := source.Fetch(t.Context(), func(ctx context.Context, raw []byte, recipient string) error {
				if calls++; calls == 2 {
					return full
				}
				return k.keep(ctx, raw, recipient)
			})
			if n != 1 || !errors.Is(err, full) {
				t.Fatalf("%d mails, %v", n, err)
			}
			if n, err := source.Fetch(t.Context(), k.keep); n != 2 || err != nil {
				t.Fatalf("%d mails, %v", n, err)
			}
			if want := map[string]int{"s00": 1, "s01": 1, "s02": 1}; !maps.Equal(k.subjects, want) {
				t.Errorf("taken %v", k.subjects)
			}
			if _, err := s.open(t, s.settings(POP3, EncryptionNone)).Fetch(t.Context(), newTaken().keep); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestNothingIsLostWhenTheLineBreaks cuts the line after ever more bytes; whatever happened, the next visits bring all.
func TestNothingIsLostWhenTheLineBreaks(t *testing.T) {
	s := startDovecot(t)
	const mails = 4
	for _, kind := range []Kind{IMAP, POP3} {
		t.Run(string(kind), func(t *testing.T) {
			broken := 0
			for cut := 0; cut < 18_000; cut += 1100 {
				for i := range mails {
					s.deliver(t, fmt.Sprintf("%d.%s%d", i, kind, cut), eml(i))
				}
				set := s.settings(kind, EncryptionNone)
				set.Port = cutter(t, set.Port, cut)
				source := s.open(t, set)
				k := newTaken()
				n, err := source.Fetch(t.Context(), k.keep)
				if err != nil {
					broken++
					if p := problem(err); p != Interrupted && p != NotMarked && p != Unreachable {
						t.Fatalf("cut at %d: %v", cut, err)
					}
				}
				if sum(k.subjects) != n {
					t.Fatalf("cut at %d: %d mails reported, %d kept", cut, n, sum(k.subjects))
				}
				// The cutter lets later lines pass.
				if _, err := source.Fetch(t.Context(), k.keep); err != nil {
					t.Fatalf("cut at %d, second visit: %v", cut, err)
				}
				if len(k.subjects) != mails || slices.Max(slices.Collect(maps.Values(k.subjects))) > 2 {
					t.Fatalf("cut at %d: taken %v", cut, k.subjects)
				}
				if kind == POP3 && sum(k.subjects) > mails {
					t.Fatalf("cut at %d: read again in spite of its UIDL: %v", cut, k.subjects)
				}
				if kind == IMAP {
					if _, err := s.open(t, s.settings(POP3, EncryptionNone)).Fetch(t.Context(), newTaken().keep); err != nil {
						t.Fatal(err)
					}
				}
				if left := files(t, s.mail); len(left) != 0 {
					t.Fatalf("cut at %d: left %v", cut, left)
				}
			}
			if broken < 10 {
				t.Errorf("only %d visits were broken", broken)
			}
		})
	}
}

func TestStaffLearnWhatIsWrong(t *testing.T) {
	s := startDovecot(t)
	for _, kind := range []Kind{IMAP, POP3} {
		for name, tc := range map[string]struct {
			change func(*Settings)
			want   Problem
		}{
			"wrong password":  {func(set *Settings) { set.Password = "otra" }, SignIn},
			"nobody there":    {func(set *Settings) { set.Port = freePort(t) }, Unreachable},
			"TLS on open":     {func(set *Settings) { set.Encryption = EncryptionTLS }, NoEncryption},
			"no such folder":  {func(set *Settings) { set.Folder = "Nada" }, NoFolder},
			"another program": {func(set *Settings) { set.Port = script(t, "SSH-2.0-x\r\n") }, Interrupted},
		} {
			if kind == POP3 && tc.want == NoFolder {
				continue
			}
			set := s.settings(kind, EncryptionNone)
			tc.change(&set)
			_, err := s.open(t, set).Fetch(t.Context(), newTaken().keep)
			if p := problem(err); p != tc.want && !(name == "another program" && p == Unreachable) {
				t.Errorf("%s, %s: %v", kind, name, err)
			}
		}
		set := s.settings(kind, EncryptionSTARTTLS)
		source, err := open(set, dialer{limits: quick}) // the system does not trust the test's certificate
		if err != nil {
			t.Fatal(err)
		}
		if _, err := source.Fetch(t.Context(), newTaken().keep); problem(err) != NoEncryption {
			t.Errorf("%s: %v", kind, err)
		}
	}
	for _, set := range []Settings{{Kind: IMAP}, {Kind: POP3, Server: "x"}, {Kind: Maildir}, {Kind: "x"}} {
		if _, err := Open(set); problem(err) != Incomplete {
			t.Errorf("%v: %v", set, err)
		}
	}
	if _, err := (&maildir{path: filepath.Join(t.TempDir(), "no")}).Fetch(t.Context(), nil); problem(err) != NoFolder {
		t.Error(err)
	}
}

// TestAServerThatStallsOrFloodsIsLeft talks to servers that are not what they claim.
func TestAServerThatStallsOrFloodsIsLeft(t *testing.T) {
	brief := limits{dial: time.Second, idle: 100 * time.Millisecond, visit: time.Second}
	for name, tc := range map[string]struct {
		kind   Kind
		script []string
	}{
		"pop3 silence":          {POP3, nil},
		"pop3 silence in login": {POP3, []string{"+OK\r\n", "+OK\r\n"}},
		"pop3 endless line":     {POP3, []string{"+OK " + strings.Repeat("x", 100_000)}},
		"pop3 odd list":         {POP3, []string{"+OK\r\n", "+OK\r\n", "+OK\r\n", "+OK\r\n1 x\r\n.\r\n"}},
		"imap silence":          {IMAP, nil},
		"imap all mails":        {IMAP, []string{"* PREAUTH [CAPABILITY IMAP4rev1 ESEARCH] x\r\n", "T1 OK x\r\n", "* SEARCH 1\r\n* ESEARCH (TAG \"T2\") UID ALL 1:4294967295\r\nT2 OK x\r\n"}},
		"imap dynamic set":      {IMAP, []string{"* PREAUTH [CAPABILITY IMAP4rev1 ESEARCH] x\r\n", "T1 OK x\r\n", "* ESEARCH (TAG \"T2\") UID ALL 1:*\r\nT2 OK x\r\n"}},
		"imap huge literal":     {IMAP, []string{"* PREAUTH [CAPABILITY IMAP4rev1] x\r\n", "T1 OK x\r\n", "* SEARCH 1\r\nT2 OK x\r\n", "* 1 FETCH (UID 1 BODY[]<0> {4000000000}\r\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			set := Settings{Kind: tc.kind, Server: "127.0.0.1", Port: script(t, tc.script...), User: "u", Password: "p"}
			source, err := open(set, dialer{limits: brief})
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			n, err := source.Fetch(t.Context(), newTaken().keep)
			if n != 0 || problem(err) == "" {
				t.Errorf("%d mails, %v", n, err)
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestFetchEndsWithTheContext(t *testing.T) {
	for _, kind := range []Kind{IMAP, POP3} {
		ctx, cancel := context.WithCancel(t.Context())
		set := Settings{Kind: kind, Server: "127.0.0.1", Port: script(t), User: "u", Password: "p"}
		source, err := open(set, dialer{limits: limits{dial: time.Minute, idle: time.Minute, visit: time.Minute}})
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(50*time.Millisecond, cancel)
		if _, err := source.Fetch(ctx, newTaken().keep); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestMaildirTakesUnreadMailOnly(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"new/2.a": eml(2), "cur/1.a:2,": eml(1), "cur/3.a:2,S": eml(3), "cur/4.a:2,RS": eml(4), "cur/5.a:2,T": eml(5),
		"cur/6.a:2,F": eml(6), "new/.hidden": eml(7), "tmp/8.a": eml(8), "new/sub/9": eml(9),
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(eml(10)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(dir, "new/10.a")); err != nil {
		t.Fatal(err)
	}
	source, err := Open(Settings{Kind: Maildir, Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	k := newTaken()
	if n, err := source.Fetch(t.Context(), k.keep); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	if want := map[string]int{"s01": 1, "s02": 1, "s06": 1}; !maps.Equal(k.subjects, want) {
		t.Errorf("taken %v", k.subjects)
	}
	for _, name := range []string{"cur/1.a:2,S", "cur/2.a:2,S", "cur/6.a:2,FS"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if n, err := source.Fetch(t.Context(), k.keep); n != 0 || err != nil {
		t.Error(n, err)
	}
}

func TestNoMailboxIsNoTrouble(t *testing.T) {
	source, err := Open(Settings{Kind: None})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := source.Fetch(t.Context(), nil); n != 0 || err != nil {
		t.Error(n, err)
	}
}

// TestEveryProblemHasItsSentence keeps the translation files complete.
func TestEveryProblemHasItsSentence(t *testing.T) {
	texts := locale.New()
	for _, p := range []Problem{Incomplete, Unreachable, NoEncryption, OpenPassword, SignIn, NoFolder, Interrupted, NotMarked} {
		e := &Error{Problem: p, Where: "imap.example.com", Err: errors.New("cause")}
		for _, lang := range []string{"es", "en"} {
			if said := texts.Text(lang, e.Key(), "where", e.Where, "what", e.What()); said == "" || strings.Contains(said, e.Key()) || strings.Contains(said, "{") {
				t.Errorf("%s in %s: %q", p, lang, said)
			}
		}
	}
}

func problem(err error) Problem {
	var e *Error
	if errors.As(err, &e) {
		return e.Problem
	}
	return ""
}

func sum(m map[string]int) (n int) {
	for _, v := range m {
		n += v
	}
	return n
}

// files are the mails of a Maildir.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	for _, folder := range []string{"new", "cur"} {
		entries, err := os.ReadDir(filepath.Join(dir, folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			all = append(all, e.Name())
		}
	}
	return all
}

// cutter stands before a server and breaks the first line after so many bytes from it; later ones pass.
func cutter(t *testing.T, port, after int) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		for first := true; ; first = false {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", address(port))
			if err != nil {
				near.Close()
				return
			}
			wg.Go(func() { io.Copy(far, near); far.Close() })
			wg.Go(func() {
				if first {
					io.CopyN(near, far, int64(after))
				} else {
					io.Copy(near, far)
				}
				near.Close()
				far.Close()
			})
		}
	})
	return l.Addr().(*net.TCPAddr).Port
}

// script is a server that says its lines, the first as greeting and one after each command, and then nothing more.
func script(t *testing.T, lines ...string) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		buf := make([]byte, 4096)
		for _, line := range lines {
			if _, err := io.WriteString(conn, line); err != nil {
				return
			}
			if _, err := conn.Read(buf); err != nil {
				return
			}
		}
		_, _ = io.Copy(io.Discard, conn)
	})
	return l.Addr().(*net.TCPAddr).Port
}
