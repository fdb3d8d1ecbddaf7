package main

import (
	"strings"
	"testing"
)

func TestParseReadsRowsWhateverTheOrderOfMetrics(t *testing.T) {
	const output = `goos: linux
BenchmarkRow/register_vs_update-2         	       1	       1.300 atmost	       100.0 floor	       1.250 ratio	         0 unit:µs	       125.0 value
BenchmarkRow/events_vs_naive              	       1	 12 ratio	 15 atleast	 1 floor	 12 value	 0 unit:events/s	 55 ns/op
BenchmarkOther-2                          	       1	       1.0 ratio
PASS
`
	rows, err := parse(strings.NewReader(output))
	if err != nil {
		t.Fatal(err)
	}
	want := []Row{
		{Name: "events_vs_naive", Value: 12, Unit: "events/s", Floor: 1, Ratio: 12, Goal: ">= 15", Met: false},
		{Name: "register_vs_update", Value: 125, Unit: "µs", Floor: 100, Ratio: 1.25, Goal: "<= 1.3", Met: true},
	}
	if len(rows) != len(want) {
		t.Fatalf("got %d rows, want %d: %+v", len(rows), len(want), rows)
	}
	for i := range want {
		if rows[i] != want[i] {
			t.Errorf("row %d:\n got %+v\nwant %+v", i, rows[i], want[i])
		}
	}
}
