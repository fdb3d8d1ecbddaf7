package configguide_test

import "testing"

func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		w := &world{T: &testing.T{}, kv: &memory{records: map[string]string{}}, dir: b.TempDir()}
		w.open()
	}
}
