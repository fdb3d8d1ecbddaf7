package main

import (
	"time"

	"mostrador/sdk"
)

// zone is the store's time zone: what the Guide says, else that of the machine.
func zone(tx *sdk.Tx) *time.Location {
	where, err := sdk.Derive(tx, "zone", func() (*time.Location, error) {
		if name := tx.Setting("TiendaZonaHoraria").Text(); name != "" {
			return time.LoadLocation(name)
		}
		return time.Local, nil
	})
	if err != nil {
		return time.Local // a name that nobody knows
	}
	return where
}

const day = 24 * time.Hour

// after is when a wait is over that begins at a time and, when at is a time of day, lasts until that comes next. Whole
// days are days of the calendar, so that one that begins at ten ends at ten also where the clocks change between.
func after(begin time.Time, wait time.Duration, at string, in *time.Location) time.Time {
	end := begin.Add(wait)
	if wait > 0 && wait%day == 0 {
		end = begin.In(in).AddDate(0, 0, int(wait/day))
	}
	clock, err := time.Parse("15:04", at)
	if err != nil {
		return end.UTC()
	}
	for date := end.In(in); ; date = date.AddDate(0, 0, 1) {
		// A time that the change of clocks leaves out is taken an hour on; one that comes twice, the first time.
		leaves := time.Date(date.Year(), date.Month(), date.Day(), clock.Hour(), clock.Minute(), 0, 0, in)
		if !leaves.Before(end.Truncate(time.Minute)) {
			return leaves.UTC()
		}
		date = time.Date(date.Year(), date.Month(), date.Day(), 12, 0, 0, 0, in)
	}
}
