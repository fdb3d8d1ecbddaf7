package ui

import (
	"strings"
	"testing"
	"time"
)

func TestNumbersAreReadAsPeopleWriteThem(t *testing.T) {
	for in, want := range map[string]string{
		"12": "12", "12,5": "12.5", "12.5": "12.5", "1.234,50": "1234.50", "1,234.50": "1234.50", "1 234,5": "1234.5",
		"1.234.567": "1234567", "-0,5": "-0.5", "": "", ",5": ".5",
	} {
		if got := decimal(in); got != want {
			t.Errorf("%q is read as %q, want %q", in, got, want)
		}
	}
}

func TestTimesAndDaysAreReadAsPeopleWriteThem(t *testing.T) {
	for in, want := range map[string]time.Duration{"7d": 7 * wholeDay, "2w": 14 * wholeDay, "1h 30m": 90 * time.Minute, "90s": 90 * time.Second} {
		if got, ok := parseSpan(in); !ok || got != want {
			t.Errorf("%q is %v, %v", in, got, ok)
		}
	}
	for _, in := range []string{"", "7", "-1h", "99999w9", "x"} {
		if got, ok := parseSpan(in); ok {
			t.Errorf("%q is %v", in, got)
		}
	}
	for in, want := range map[string]string{"168h": "7d", "1h30m0s": "1h30m", "0s": "0s", "90s": "1m30s", "24h1m": "24h1m", "nada": "nada"} {
		if got := Span(in); got != want {
			t.Errorf("Span(%q) = %q, want %q", in, got, want)
		}
	}
	for _, in := range []string{"9/3/2026", "09-03-2026", "09.03.2026", "09032026", "2026-03-09", " 9 3 2026 "} {
		if got := Day(in); got != "09/03/2026" {
			t.Errorf("Day(%q) = %q", in, got)
		}
	}
	for _, in := range []string{"31/2/2026", "9/3/26", "32/1/2026", "2026-13-01", "mañana"} {
		if _, ok := parseDay(in); ok {
			t.Errorf("%q is taken for a day", in)
		}
	}
}

func FuzzWhatIsReadIsReadAgain(f *testing.F) {
	for _, seed := range []string{"12,5", "7d", "1h30m", "31/12/2026", "#0f6674", "99999w", "0000-00-00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		if once := decimal(in); strings.Count(once, ".") == 1 && decimal(once) != once {
			t.Errorf("decimal(%q) is %q, then %q", in, once, decimal(once))
		}
		if span, ok := parseSpan(in); ok {
			if again, ok := parseSpan(Span(in)); !ok || again != span || span < 0 {
				t.Errorf("%q is %v, but %q is %v", in, span, Span(in), again)
			}
		}
		if day, ok := parseDay(in); ok {
			if again, ok := parseDay(day.Format(isoDay)); !ok || !again.Equal(day) {
				t.Errorf("%q is %v, then %v", in, day, again)
			}
		}
		_, _ = ParseColor(in)
	})
}
