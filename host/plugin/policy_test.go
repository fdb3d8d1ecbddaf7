package plugin

import (
	"testing"
	"time"
)

func TestWhatFollowsAnEnd(t *testing.T) {
	type end struct {
		after  time.Duration
		worked bool
		batch  span
		pause  time.Duration
		aside  bool
	}
	const ms = time.Millisecond
	p := Policy{Strikes: 4, Backoff: 100 * ms, BackoffMax: 150 * ms, Window: time.Minute}.withDefaults()
	for name, ends := range map[string][]end{
		"at once, with growing pauses, then aside": {
			{pause: 0}, {pause: 100 * ms}, {pause: 150 * ms}, {aside: true},
		},
		"who works in between goes on for ever": {
			{pause: 0}, {pause: 100 * ms}, {worked: true, pause: 0}, {pause: 100 * ms}, {worked: true, pause: 0}, {worked: true},
		},
		"what is long ago is forgotten": {
			{pause: 0}, {pause: 100 * ms}, {after: 50 * time.Second, pause: 150 * ms}, {after: 20 * time.Second, pause: 100 * ms},
		},
		"the search for a poisonous event counts once": {
			{batch: span{1, 100}}, {batch: span{1, 100}}, {batch: span{1, 50}}, {batch: span{1, 50}}, {batch: span{26, 50}},
			{batch: span{26, 37}}, {batch: span{30, 30}}, {batch: span{30, 30}}, {batch: span{30, 30}},
			{batch: span{31, 100}, pause: 100 * ms}, {batch: span{31, 40}},
			{batch: span{41, 100}, pause: 150 * ms}, {batch: span{101, 101}, aside: true},
		},
		"an end without a batch is no part of a search": {
			{batch: span{1, 100}}, {pause: 100 * ms}, {pause: 150 * ms}, {aside: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var r record
			now := time.Unix(0, 0)
			for i, e := range ends {
				now = now.Add(e.after)
				pause, aside := r.end(p, now, e.worked, e.batch)
				if pause != e.pause || aside != e.aside {
					t.Errorf("end %d: pause %s, aside %v; want %s, %v", i+1, pause, aside, e.pause, e.aside)
				}
			}
		})
	}
}

func TestASearchThatFindsNothingEnds(t *testing.T) {
	p := Policy{}.withDefaults()
	var r record
	for n := range 10_000 {
		if _, aside := r.end(p, time.Unix(0, 0), false, span{7, 7}); aside {
			if n < maxNarrowing {
				t.Errorf("set aside after %d ends", n)
			}
			return
		}
	}
	t.Error("never set aside")
}
