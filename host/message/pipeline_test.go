package message

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	simple "github.com/xhit/go-simple-mail/v2"
)

// script is a server of which each write is answered by the next of its answers, after greeting and EHLO. It remembers in
// how many pieces mail came.
func script(t *testing.T, extension string, answers ...string) (set Settings, pieces chan string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	pieces = make(chan string, 100)
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		all := append([]string{"220 mx.example.com\r\n", "250-mx.example.com\r\n250 " + extension + "\r\n"}, answers...)
		block := make([]byte, 64<<10)
		for i, answer := range all {
			if i > 0 {
				n, err := conn.Read(block)
				if err != nil {
					return
				}
				pieces <- string(block[:n])
			}
			if _, err := io.WriteString(conn, answer); err != nil {
				return
			}
		}
		_, _ = conn.Read(block)
	}()
	t.Cleanup(func() { listener.Close(); <-done })
	set = testSettings
	set.Server, set.Port, set.Encryption = "127.0.0.1", listener.Addr().(*net.TCPAddr).Port, EncryptionNone
	return set, pieces
}

var oneMail = &Mail{ID: "m", From: "a@example.com", To: "b@example.com", Bytes: []byte("Subject: x\r\n\r\nhola\r\n")}

func sendOne(t *testing.T, set Settings) error {
	t.Helper()
	s := NewSMTP(hasty, 1)
	defer s.Close()
	return s.Send(t.Context(), set, oneMail)
}

func TestAMailGoesOutInTwoPieces(t *testing.T) {
	set, pieces := script(t, "PIPELINING", "250 ok\r\n250-yes\r\n250 ok\r\n354 go on\r\n", "250 queued\r\n")
	if err := sendOne(t, set); err != nil {
		t.Fatal(err)
	}
	<-pieces // EHLO
	if got := <-pieces; got != "MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n" {
		t.Errorf("%q", got)
	}
	if got := <-pieces; got != "Subject: x\r\n\r\nhola\r\n.\r\n" {
		t.Errorf("%q", got)
	}
}

func TestAServerThatDoesNotPipelineIsAskedOneByOne(t *testing.T) {
	set, pieces := script(t, "8BITMIME", "250 ok\r\n", "250 ok\r\n", "354 go on\r\n", "250 queued\r\n")
	if err := sendOne(t, set); err != nil {
		t.Fatal(err)
	}
	<-pieces
	if got := <-pieces; !strings.HasPrefix(got, "MAIL") || strings.Contains(got, "RCPT") {
		t.Errorf("%q", got)
	}
}

func TestTheFirstNoOfAGroupCounts(t *testing.T) {
	for name, test := range map[string]struct {
		answers []string
		code    int
		words   string
	}{
		"to the sender":    {[]string{"451 4.7.0 later\r\n503 no sender\r\n503 no recipient\r\n", "250 reset\r\n"}, 451, "later"},
		"to the recipient": {[]string{"250 ok\r\n550-5.1.1 no such\r\n550 user\r\n503 no recipient\r\n", "250 reset\r\n"}, 550, "no such"},
		"to DATA":          {[]string{"250 ok\r\n250 ok\r\n452 4.3.1 full\r\n", "250 reset\r\n"}, 452, "full"},
		// It wants the text although nobody is to get it: it gets none.
		"but go on": {[]string{"250 ok\r\n550 5.1.1 nobody\r\n354 go on\r\n", "554 no valid recipients\r\n", "250 reset\r\n"}, 550, "nobody"},
	} {
		set, _ := script(t, "PIPELINING", test.answers...)
		var refusal *Refusal
		if err := sendOne(t, set); !errors.As(err, &refusal) || refusal.Code != test.code || !strings.Contains(refusal.Words, test.words) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestALineThatBreaksInAGroupIsNoRefusal(t *testing.T) {
	set, _ := script(t, "PIPELINING", "250 ok\r\n550 5.1.1 no")
	var refusal *Refusal
	if err := sendOne(t, set); err == nil || errors.As(err, &refusal) {
		t.Errorf("%v", err)
	}
}

func TestALineThatCouldEndAMailIsLeftToTheLibrary(t *testing.T) {
	p := &pipeline{pipelines: true}
	for text, takes := range map[string]bool{
		"x: y\r\n\r\nhola\r\n": true, "x: y\r\n\r\n.\r\n.": true, "x: y\r\n\r\na\n.\r\nb\r\n": false, "x: y\r\n\r\na\r.\r\n": false,
		"a\n\r\nb": false, "a\r": false,
	} {
		if p.takes(&Mail{Bytes: []byte(text)}) != takes {
			t.Errorf("%q", text)
		}
	}
	if err := p.send(&Mail{From: "a@example.com>\r\nRSET", To: "b@example.com"}); !errors.Is(err, errEnvelope) {
		t.Error(err)
	}
}

// FuzzPipeline has a server answer anything, cut anywhere: no panic, no mail taken for sent that was not, no wait without
// end.
func FuzzPipeline(f *testing.F) {
	f.Add("220 x\r\n250 PIPELINING\r\n250 a\r\n250 b\r\n354 c\r\n250 d\r\n", uint8(7))
	f.Add("220 x\r\n250 PIPELINING\r\n250 a\r\n550 b\r\n354 c\r\n554 d\r\n", uint8(1))
	f.Add("220 x\r\n250 x\r\n250 a\r\n250 b\r\n354 c\r\n250 d\r\n", uint8(200))
	f.Add("220 x\r\n250-PIPELINING\r\n250 \r\n\n\n\n\n", uint8(3))
	f.Fuzz(func(t *testing.T, answers string, cut uint8) {
		if len(answers) > 1<<16 {
			return
		}
		here, there := net.Pipe()
		go func() {
			defer there.Close()
			go func() { _, _ = io.Copy(io.Discard, bufio.NewReader(there)) }()
			for rest := answers; rest != ""; {
				n := min(len(rest), int(cut)+1)
				if _, err := io.WriteString(there, rest[:n]); err != nil {
					return
				}
				rest = rest[n:]
			}
		}()
		_ = here.SetDeadline(time.Now().Add(5 * time.Second))
		pipe := &pipeline{Conn: here}
		server := &simple.SMTPServer{Host: "mx", Helo: "x", KeepAlive: true, CustomConn: pipe}
		client, err := server.Connect()
		switch {
		case err != nil:
		case pipe.takes(oneMail):
			err = pipe.send(oneMail)
		default:
			err = simple.SendMessage("a@example.com", []string{"b@example.com"}, "Subject: x\r\n\r\nhola\r\n", client)
		}
		here.Close()
		if err == nil && strings.Count(answers, "\n") < 5 { // the last answer may have lost its line's end with the line
			t.Errorf("a mail is taken for sent after %q", answers)
		}
	})
}
