package message

import (
	"fmt"
	"time"
)

// Hours is a part of the day during which no advertising leaves, which may go over midnight. The zero value is none.
type Hours struct {
	// From and To are times of the day, "21:00" and "09:00"; from From on, and no longer at To. Either empty, or both
	// the same, is no quiet time.
	From, To string
}

// ParseClock reads a time of the day, "21:00", as minutes since midnight.
func ParseClock(text string) (minutes int, err error) {
	t, err := time.Parse("15:04", text)
	if err != nil {
		return 0, fmt.Errorf("%q is no time of the day", text)
	}
	return t.Hour()*60 + t.Minute(), nil
}

// until returns when the quiet time ends that now lies in; false when it lies in none. Hours are those that a clock on
// the wall of the store shows, also in the nights in which it is put forward or back.
func (h Hours) until(now time.Time, place *time.Location) (time.Time, bool) {
	from, errFrom := ParseClock(h.From)
	to, errTo := ParseClock(h.To)
	if errFrom != nil || errTo != nil || from == to {
		return time.Time{}, false
	}
	local := now.In(place)
	clock := local.Hour()*60 + local.Minute()
	day := local.Day()
	switch {
	case from < to && (clock < from || clock >= to):
		return time.Time{}, false
	case from > to && clock >= from:
		day++
	case from > to && clock >= to:
		return time.Time{}, false
	}
	end := time.Date(local.Year(), local.Month(), day, to/60, to%60, 0, 0, place)
	// In the night in which the clock is put back an hour comes twice: the first that is still to come counts.
	if earlier := end.Add(-time.Hour); earlier.After(now) && earlier.Hour() == end.Hour() {
		return earlier, true
	}
	for !end.After(now) {
		end = end.Add(time.Hour)
	}
	return end, true
}
