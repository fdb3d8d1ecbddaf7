package message

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

var returning = Settings{Returns: "Rebotes@tienda.example", ReturnKey: []byte("key")}

func TestAReturnPathNamesItsMail(t *testing.T) {
	id := ID(time.UnixMilli(1_770_000_000_000), "PLG0074", "1", 0)
	path := ReturnPath(returning, id)
	if !safeAddress(path) || !strings.HasPrefix(path, "Rebotes+") || !strings.HasSuffix(path, "@tienda.example") {
		t.Fatal(path)
	}
	for name, recipient := range map[string]string{
		"as it was": path, "in capitals": strings.ToUpper(path), "in small letters": strings.ToLower(path),
	} {
		if got, ok := IDOfReturnPath(returning, recipient); !ok || got != id {
			t.Errorf("%s: %q %v", name, got, ok)
		}
	}
	other := returning
	other.ReturnKey = []byte("another")
	last := path[strings.Index(path, "@")-1]
	forged := strings.Replace(path, string(last)+"@", map[bool]string{true: "b@", false: "a@"}[last == 'a'], 1)
	for name, recipient := range map[string]string{
		"of another key": ReturnPath(other, id), "with another code": forged,
		"without a code": "rebotes@tienda.example", "cut": path[:20] + path[21:],
		"of another domain": strings.Replace(path, "tienda", "otra", 1), "of another box": "x" + path, "nothing": "",
	} {
		if got, ok := IDOfReturnPath(returning, recipient); ok {
			t.Errorf("%s: taken for %s", name, got)
		}
	}
	if got := ReturnPath(Settings{}, id); got != "" {
		t.Error(got)
	}
	if got := ReturnPath(returning, "no id"); got != returning.Returns {
		t.Error(got)
	}
	long := returning
	long.Returns = strings.Repeat("a", 40) + "@tienda.example"
	if got := ReturnPath(long, id); got != long.Returns {
		t.Error(got)
	}
}

func TestMailsLeaveWithTheirReturnPath(t *testing.T) {
	p := newPeer(t)
	set := p.settings()
	set.Returns, set.ReturnKey = returning.Returns, returning.ReturnKey
	o := freshOutbox(t, set)
	m := welcome("ana", 1)
	o.queue(m)
	o.until(m.Id, sent)
	if id, ok := IDOfReturnPath(set, p.got()[0].from); !ok || id != m.Id {
		t.Errorf("%s", p.got()[0].from)
	}
}

func FuzzReturnPath(f *testing.F) {
	f.Add("rebotes+aaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbb@tienda.example")
	f.Add(ReturnPath(returning, uuid.Nil.String()))
	f.Add("rebotes+@tienda.example")
	f.Add("@")
	f.Fuzz(func(t *testing.T, recipient string) {
		id, ok := IDOfReturnPath(returning, recipient)
		if ok && !strings.EqualFold(ReturnPath(returning, id), recipient) {
			t.Errorf("%q is taken for %s, whose is %q", recipient, id, ReturnPath(returning, id))
		}
	})
}
