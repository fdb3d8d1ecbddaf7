package doctor

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// zone is a DNS server on the loopback: "name TYPE" → values. "SERVFAIL" as a value makes it fail.
type zone map[string][]string

// serve answers from the zone until the test ends, and returns a resolver that asks nobody else.
func (z zone) serve(t *testing.T) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if answer := z.answer(buf[:n]); answer != nil {
				_, _ = conn.WriteTo(answer, from)
			}
		}
	})
	t.Cleanup(func() { conn.Close(); done.Wait() })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func (z zone) answer(query []byte) []byte {
	var p dnsmessage.Parser
	header, err := p.Start(query)
	if err != nil {
		return nil
	}
	q, err := p.Question()
	if err != nil {
		return nil
	}
	name := strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))
	kind := strings.TrimPrefix(q.Type.String(), "Type")
	values, exists := z[name+" "+kind]
	if !exists {
		for key := range z {
			exists = exists || strings.HasPrefix(key, name+" ")
		}
	}
	answer := dnsmessage.Header{ID: header.ID, Response: true, RecursionAvailable: true, RecursionDesired: true}
	switch {
	case len(values) == 1 && values[0] == "SERVFAIL":
		answer.RCode, values = dnsmessage.RCodeServerFailure, nil
	case !exists:
		answer.RCode = dnsmessage.RCodeNameError
	}
	b := dnsmessage.NewBuilder(nil, answer)
	_ = b.StartQuestions()
	_ = b.Question(q)
	_ = b.StartAnswers()
	h := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 60}
	for _, v := range values {
		switch q.Type {
		case dnsmessage.TypeTXT:
			var parts []string
			for len(v) > 255 {
				parts, v = append(parts, v[:255]), v[255:]
			}
			err = b.TXTResource(h, dnsmessage.TXTResource{TXT: append(parts, v)})
		case dnsmessage.TypeA:
			err = b.AResource(h, dnsmessage.AResource{A: [4]byte(net.ParseIP(v).To4())})
		case dnsmessage.TypeAAAA:
			err = b.AAAAResource(h, dnsmessage.AAAAResource{AAAA: [16]byte(net.ParseIP(v).To16())})
		case dnsmessage.TypeMX:
			err = b.MXResource(h, dnsmessage.MXResource{Pref: 10, MX: dnsmessage.MustNewName(v)})
		case dnsmessage.TypePTR:
			err = b.PTRResource(h, dnsmessage.PTRResource{PTR: dnsmessage.MustNewName(v)})
		}
		if err != nil {
			return nil
		}
	}
	out, err := b.Finish()
	if err != nil {
		return nil
	}
	return out
}

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
