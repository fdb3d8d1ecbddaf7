package main

import (
	"strings"
	"testing"
	"time"

	"mostrador/sdk"
	"mostrador/sdk/plgtest"
)

// born is a customer with that date of birth.
func born(date string) sdk.Customer {
	return sdk.Customer{ID: "ana", Name: "Ana Ruiz", Email: "ana@example.com", Fields: map[string]string{bornField: date}}
}

func day(date string) time.Time {
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		panic(err)
	}
	return t
}

func registered(at, date string) sdk.CustomerRegistered {
	return sdk.CustomerRegistered{Event: sdk.Event{Time: day(at), Customer: born(date)}}
}

// due is the reminder that was scheduled, when its time has come.
func due(c sdk.Customer, later sdk.Later) sdk.Scheduled {
	return sdk.Scheduled{Event: sdk.Event{Time: later.Time, Customer: c}, Name: later.Name, Data: later.Data}
}

func TestTheNextBirthdayIsScheduled(t *testing.T) {
	for _, c := range []struct{ name, today, born, want string }{
		{"later this year", "2026-03-01", "1990-05-17", "2026-05-17T09:00:00Z"},
		{"next year", "2026-06-01", "1990-05-17", "2027-05-17T09:00:00Z"},
		{"today", "2026-05-17", "1990-05-17", "2026-05-17T09:00:00Z"},
		{"a leap day in another year", "2026-01-01", "2000-02-29", "2026-02-28T09:00:00Z"},
		{"a leap day in its year", "2028-01-01", "2000-02-29", "2028-02-29T09:00:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			y := plgtest.New(t, newPlugin())
			e := y.Handle(registered(c.today, c.born))
			if len(e.Scheduled) != 1 || e.Scheduled[0].Time.Format(time.RFC3339) != c.want {
				t.Errorf("scheduled %+v, want %s", e.Scheduled, c.want)
			}
		})
	}
}

func TestDaysAheadAndHourAreTheSettings(t *testing.T) {
	y := plgtest.New(t, newPlugin())
	y.Set("PLG9005DiasAntes", 7)
	y.Set("PLG9005Hora", 18)
	e := y.Handle(registered("2026-03-01", "1990-01-03"))
	if got := e.Scheduled[0].Time.Format(time.RFC3339); got != "2026-12-27T18:00:00Z" {
		t.Errorf("scheduled for %s", got)
	}
	greeted := y.Handle(due(born("1990-01-03"), e.Scheduled[0]))
	if len(greeted.Mails) != 1 || greeted.Mails[0].Data["Edad"] != 37.0 {
		t.Errorf("%+v", greeted.Mails)
	}
	if got := greeted.Scheduled[0].Time.Format(time.RFC3339); got != "2027-12-27T18:00:00Z" {
		t.Errorf("and then for %s", got)
	}
}

func TestWhoIsGreetedIsGreetedOnceAYear(t *testing.T) {
	y := plgtest.New(t, newPlugin())
	ana := born("1990-05-17")
	first := y.Handle(registered("2026-03-01", "1990-05-17")).Scheduled[0]
	e := y.Handle(due(ana, first))
	if len(e.Mails) != 1 || e.Mails[0].Kind != sdk.Promotional || !e.Mails[0].Links["baja"].OptOut() {
		t.Fatalf("%+v", e.Mails)
	}
	if got := e.Scheduled[0].Time.Year(); got != 2027 {
		t.Errorf("the next one is in %d", got)
	}
	if again := y.Handle(due(ana, first)); len(again.Mails) != 0 || len(again.Scheduled) != 0 {
		t.Errorf("the same reminder again: %+v", again)
	}
}

func TestACorrectedBirthdayMovesTheGreeting(t *testing.T) {
	y := plgtest.New(t, newPlugin())
	first := y.Handle(registered("2026-03-01", "1990-05-17")).Scheduled[0]
	moved := y.Handle(sdk.CustomerChanged{
		Event:   sdk.Event{Time: day("2026-03-02"), Customer: born("1990-06-17")},
		Changes: []sdk.FieldChange{{Field: bornField, From: "1990-05-17", To: "1990-06-17"}},
	})
	if len(moved.Scheduled) != 1 || moved.Scheduled[0].Time.Month() != time.June {
		t.Fatalf("%+v", moved.Scheduled)
	}
	if e := y.Handle(due(born("1990-06-17"), first)); len(e.Mails) != 0 {
		t.Error("the first date was greeted")
	}
	if e := y.Handle(due(born("1990-06-17"), moved.Scheduled[0])); len(e.Mails) != 1 {
		t.Error("the corrected date was not greeted")
	}
}

func TestWithoutEMailOrDateNothingIsSent(t *testing.T) {
	y := plgtest.New(t, newPlugin())
	if e := y.Handle(registered("2026-03-01", "")); len(e.Scheduled) != 0 {
		t.Errorf("%+v", e)
	}
	ana := born("1990-05-17")
	ana.Email = ""
	e := y.Handle(sdk.CustomerRegistered{Event: sdk.Event{Time: day("2026-03-01"), Customer: ana}})
	if e := y.Handle(due(ana, e.Scheduled[0])); len(e.Mails) != 0 || len(e.Scheduled) != 1 {
		t.Errorf("without an address: %+v", e)
	}
}

func TestTheReportCountsByMonth(t *testing.T) {
	y := plgtest.New(t, newPlugin())
	y.Handle(registered("2026-03-01", "1990-05-17"))
	panel := y.Panel("por_mes", sdk.Customer{})
	if panel.Chart == nil || len(panel.Chart.Labels) != 12 || panel.Chart.Series[0].Values[4] != 1 {
		t.Errorf("%+v", panel.Chart)
	}
}

// TestInAStore is the same story in a real store, with the plug-in as the process that it will be.
func TestInAStore(t *testing.T) {
	store := plgtest.Run(t)
	today := time.Now().UTC()
	store.Set("PLG9005Hora", 0)
	ana := store.Register(sdk.Customer{
		Name: "Ana Ruiz", Phone: "600111222", Email: "ana@example.com",
		Fields: map[string]string{bornField: today.AddDate(-36, 0, 0).Format(time.DateOnly)},
	})
	store.Within("the birthday is known and greeted", func() bool {
		rows := store.Panel("PLG9005", "cumpleanos", ana.ID).Rows
		return len(rows) == 2 && strings.Contains(rows[1].Value, today.Format("2006"))
	})
	if parked := store.Parked(); len(parked) != 0 {
		t.Errorf("parked: %v", parked)
	}
}
