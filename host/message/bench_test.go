package message

import (
	"bytes"
	"html/template"
	"os"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
)

// BenchmarkRow holds the rows of `make bench` (see host/cmd/bench) about what a mail contains.
func BenchmarkRow(b *testing.B) { b.Run("render_rate", renderRate) }

// renderRate is how many mails a second are rendered and composed whole, as one sender does it: the template's HTML and
// plain text filled in for a customer, and the MIME message written. The peer is Go's html/template alone, which
// executes the same template with the same values in the same run, and writes nothing else.
func renderRate(b *testing.B) {
	text, err := os.ReadFile("../../plugins/plg0074bienvenida/templates/bienvenida.html")
	if err != nil {
		b.Fatal(err)
	}
	row, customer, set := testRow(), testCustomer(), testSettings
	vo := voice{lang: "es", currency: "EUR"}
	peer, err := template.New("m").Option("missingkey=zero").Funcs(vo.functions()).Parse(string(text))
	if err != nil {
		b.Fatal(err)
	}
	source := NewSource(string(text), "")
	s := New(Config{
		Settings: func() Settings { return set },
		Template: func(_, _, _ string) (Source, error) {
			return source, nil
		},
	})
	var out bytes.Buffer
	executed, written := func() {
		out.Reset()
		if err := peer.Execute(&out, newView(row, customer, set, nil)); err != nil {
			b.Fatal(err)
		}
	}, func() {
		if _, err := s.composeFor(proto.CloneOf(row), customer); err != nil {
			b.Fatal(err)
		}
	}
	executed()
	written()
	// They take turns, so that what else the machine does meets both; the best turn of each counts.
	const turns, mails = 100, 50
	fastest := func(best time.Duration, work func()) time.Duration {
		begin := time.Now()
		for range mails {
			work()
		}
		if took := time.Since(begin); best == 0 || took < best {
			return took
		}
		return best
	}
	var ours, peers time.Duration
	for b.Loop() {
		for range turns {
			peers = fastest(peers, executed)
			ours = fastest(ours, written)
		}
	}
	rate := func(took time.Duration) float64 { return mails / took.Seconds() }
	b.ReportMetric(rate(ours), "value")
	b.ReportMetric(rate(peers), "floor")
	b.ReportMetric(rate(ours)/rate(peers), "ratio")
	b.ReportMetric(0.1, "atleast")
	b.ReportMetric(0, "unit:mails/s")
}
