package wire

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestAnAttachmentIsReadAsItWasWritten(t *testing.T) {
	host, _ := issue(t)
	dir := t.TempDir()
	if _, err := ReadAttachment(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty folder: %v", err)
	}
	for _, a := range []Attachment{
		{ID: "PLG9005", Pid: 7, Network: "unix", Address: "/run/x", Host: host},
		{ID: "PLG9005", Pid: 8, Network: "tcp", Address: "127.0.0.1:4000", Host: host}, // a second one takes its place
	} {
		if err := a.Write(dir); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadAttachment(dir); err != nil || got != a {
			t.Errorf("%+v, %v", got, err)
		}
	}
	info, err := os.Stat(filepath.Join(dir, AttachFile))
	if err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("others may read the key: %v, %v", info.Mode(), err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("%d files are left", len(left))
	}
}

func TestAnAttachmentThatLeadsAwayIsRefused(t *testing.T) {
	for name, content := range map[string]string{
		"another machine": `{"network":"tcp","address":"192.0.2.1:80"}`,
		"any machine":     `{"network":"tcp","address":":80"}`,
		"another network": `{"network":"udp","address":"127.0.0.1:80"}`,
		"no JSON":         `PLG9005`,
		"too much":        `{"id":"` + strings.Repeat("x", maxAttachment) + `"}`,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, AttachFile), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if a, err := ReadAttachment(dir); err == nil {
			t.Errorf("%s: %+v was taken", name, a)
		}
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, AttachFile), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadAttachment(dir); err == nil {
		t.Error("a folder was read as a file")
	}
}

func FuzzParseAttachments(f *testing.F) {
	f.Add(``)
	f.Add(`[]`)
	f.Add(`[{"id":"PLG9005","pid":7,"network":"unix","address":"/run/x","host":{"ca":"","cert":"","key":""}}]`)
	f.Add(`[{"network":"tcp","address":"127.0.0.1:4000"},{"network":"tcp","address":"[::1]:0"}]`)
	f.Fuzz(func(t *testing.T, value string) {
		all, err := ParseAttachments(value)
		if err != nil {
			return
		}
		for _, a := range all {
			if _, err := a.Addr(); err != nil {
				t.Fatalf("%+v was taken: %v", a, err)
			}
		}
		data, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseAttachments(string(data))
		if err != nil || !slices.Equal(again, all) {
			t.Fatalf("%+v became %+v, %v", all, again, err)
		}
	})
}

func TestVersionsAreTheBestFirst(t *testing.T) {
	if v := Versions(); !slices.Equal(v, []int32{2, 1}) {
		t.Errorf("%v", v)
	}
}

// An older host must get through the handshake, whatever protocol comes after it.
func TestTheHandshakeIsThatOfTheFirstProtocol(t *testing.T) {
	if v := Handshake().ProtocolVersion; v != 1 {
		t.Errorf("version %d", v)
	}
	l, err := Listen(echo{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if line := l.Handshake(); line != "1|1|"+l.Addr().Network()+"|"+l.Addr().String()+"|grpc|" {
		t.Errorf("it says %q", line)
	}
}
