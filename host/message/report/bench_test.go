package report_test

import (
	"bytes"
	"io"
	"slices"
	"testing"
	"time"

	gomessage "github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // the peer reads text, too

	"mostrador/host/message/report"
)

// BenchmarkRow holds the row of `make bench` (see host/cmd/bench) about reports.
func BenchmarkRow(b *testing.B) {
	b.Run("bounce_rate", bounceRate)
}

// bounceRate compares how many mails of the corpus Parse understands a second with how many go-message just reads,
// through all their parts. Both read them in turns; the median counts.
func bounceRate(b *testing.B) {
	var mails [][]byte
	for _, l := range readLabels(b) {
		mails = append(mails, readMail(b, l.name))
	}
	const turns, rounds = 9, 20
	rate := func(read func([]byte)) float64 {
		began := time.Now()
		for range rounds {
			for _, eml := range mails {
				read(eml)
			}
		}
		return float64(rounds*len(mails)) / time.Since(began).Seconds()
	}
	var ours, peers []float64
	for range turns {
		ours = append(ours, rate(func(eml []byte) { report.Parse(eml) }))
		peers = append(peers, rate(readThrough))
	}
	slices.Sort(ours)
	slices.Sort(peers)
	value, peer := ours[turns/2], peers[turns/2]
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(0, "unit:mails/s")
	b.ReportMetric(value, "value")
	b.ReportMetric(peer, "floor")
	b.ReportMetric(value/peer, "ratio")
	b.ReportMetric(0.5, "atleast")
}

// readThrough reads a mail through all its parts. Broken ones end early, which favours the peer.
func readThrough(eml []byte) {
	entity, err := gomessage.Read(bytes.NewReader(eml))
	if entity == nil {
		return
	}
	_ = err // an unknown charset is no reason to stop
	_ = entity.Walk(func(_ []int, part *gomessage.Entity, err error) error {
		if part == nil {
			return err
		}
		_, err = io.Copy(io.Discard, part.Body)
		return err
	})
}
