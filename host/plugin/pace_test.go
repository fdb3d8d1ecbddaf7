package plugin

import (
	"bytes"
	"io"
	"testing"
	"time"
)

func TestAFloodIsReadNoFasterThanItsPace(t *testing.T) {
	const size = paceBurst + paceRate/2
	began := time.Now()
	p := pace(io.NopCloser(bytes.NewReader(make([]byte, size))))
	n, err := io.Copy(io.Discard, struct{ io.Reader }{p})
	if n != size || err != nil {
		t.Fatalf("read %d bytes, %v", n, err)
	}
	if took := time.Since(began); took < 400*time.Millisecond { // half a second's worth is beyond the burst
		t.Errorf("read within %s", took)
	}
}

func TestLastWordsAreReadAtOnce(t *testing.T) {
	p := pace(io.NopCloser(bytes.NewReader(make([]byte, 1<<30))))
	p.over.Store(true)
	if n, err := io.CopyN(io.Discard, p, 64<<20); n != 64<<20 || err != nil { // at the pace: four minutes
		t.Fatalf("read %d bytes, %v", n, err)
	}
}
