package configguide_test

import "testing"

// BenchmarkOpen is what the Guide adds to the start of a host.
func BenchmarkOpen(b *testing.B) {
	w := newWorld(b)
	for b.Loop() {
		w.open()
	}
}
