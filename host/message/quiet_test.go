package message

import (
	"testing"
	"time"
)

func TestQuietHoursFollowTheClockOnTheWall(t *testing.T) {
	madrid, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		t.Fatal(err)
	}
	night := Hours{"21:00", "09:00"}
	for name, test := range map[string]struct {
		hours     Hours
		now, want string // RFC 3339; want is "" for no quiet time
	}{
		"in the evening":           {night, "2026-03-10T21:00:00+01:00", "2026-03-11T09:00:00+01:00"},
		"after midnight":           {night, "2026-03-11T00:30:00+01:00", "2026-03-11T09:00:00+01:00"},
		"just before":              {night, "2026-03-10T20:59:59+01:00", ""},
		"at its end":               {night, "2026-03-11T09:00:00+01:00", ""},
		"clock asked from afar":    {night, "2026-03-11T02:00:00-05:00", "2026-03-11T09:00:00+01:00"},
		"by day":                   {Hours{"14:00", "16:30"}, "2026-03-10T15:00:00+01:00", "2026-03-10T16:30:00+01:00"},
		"by day, over":             {Hours{"14:00", "16:30"}, "2026-03-10T16:30:00+01:00", ""},
		"end of the month":         {night, "2026-02-28T23:00:00+01:00", "2026-03-01T09:00:00+01:00"},
		"the night goes forward":   {night, "2026-03-28T23:00:00+01:00", "2026-03-29T09:00:00+02:00"},
		"the night goes back":      {night, "2026-10-24T23:00:00+02:00", "2026-10-25T09:00:00+01:00"},
		"ends in the missing hour": {Hours{"23:00", "02:30"}, "2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00"},
		"ends in the double hour":  {Hours{"23:00", "02:30"}, "2026-10-25T02:10:00+02:00", "2026-10-25T02:30:00+02:00"},
		"the second of them":       {Hours{"23:00", "02:30"}, "2026-10-25T02:10:00+01:00", "2026-10-25T02:30:00+01:00"},
		"not set":                  {Hours{}, "2026-03-10T23:00:00+01:00", ""},
		"half set":                 {Hours{From: "21:00"}, "2026-03-10T23:00:00+01:00", ""},
		"empty":                    {Hours{"21:00", "21:00"}, "2026-03-10T21:00:00+01:00", ""},
	} {
		now, err := time.Parse(time.RFC3339, test.now)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if end, quiet := test.hours.until(now, madrid); quiet {
			got = end.Format(time.RFC3339)
			if !end.After(now) {
				t.Errorf("%s: it ends before it is asked", name)
			}
		}
		want := test.want
		if want != "" {
			at, _ := time.Parse(time.RFC3339, want)
			want = at.In(madrid).Format(time.RFC3339)
		}
		if got != want {
			t.Errorf("%s: until %q, want %q", name, got, want)
		}
	}
}
