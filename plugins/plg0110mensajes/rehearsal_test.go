package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"mostrador/sdk"
)

// TestARehearsalSaysWhatWouldHaveBeenSent tells random stories to a plug-in at work, and the same events to one that
// rehearses: both send the same, to the same, at the same time.
func TestARehearsalSaysWhatWouldHaveBeenSent(t *testing.T) {
	all := recipes(t)
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 110))
		var rules []map[string]any
		for _, i := range r.Perm(len(all))[:8] {
			rules = append(rules, recipe(t, all[i].ID, nil))
		}
		w := newWorld(t, rules...)
		ids := []string{"ana", "eva", "luz"}
		for _, id := range ids {
			w.register(id)
		}
		for range 40 {
			id := ids[r.IntN(len(ids))]
			switch r.IntN(8) {
			case 0:
				w.consent(id, r.IntN(3) > 0)
			case 1:
				w.external("external.cart.abandoned", id, `{"cart":"c","total":10}`)
			case 2:
				w.external(eventPayment, id, `{"amount":1,"due":"2026-06-01"}`)
			case 3:
				w.external("external.newsletter.subscribed", []string{id, ""}[r.IntN(2)], `{"email":"luis@example.com"}`)
			case 4:
				w.external("external.password.reset_requested", "", `{"email":"luis@example.com","reset_url":"https://x.es/1"}`)
			default:
				w.sell(id, int64(r.IntN(30000)+1))
			}
			w.pass(time.Duration(r.IntN(14*24)) * time.Hour)
		}
		told := w.told
		w.pass(200 * day)
		live := []string{}
		for _, m := range w.sent {
			live = append(live, line(m.at, m.Mail))
		}
		rehearsed := []string{}
		for _, o := range w.try.Rehearse(nil, w.try.Now, told...) {
			for _, m := range o.Mails {
				rehearsed = append(rehearsed, line(o.Time, m))
			}
		}
		slices.Sort(live)
		slices.Sort(rehearsed)
		if !slices.Equal(live, rehearsed) || seed == 0 && len(live) == 0 {
			t.Fatalf("seed %d: live\n%s\nrehearsed\n%s", seed, strings.Join(live, "\n"), strings.Join(rehearsed, "\n"))
		}
	}
}

func line(at time.Time, m sdk.Mail) string {
	return fmt.Sprintf("%s %s%s %s %s", at.UTC().Format(time.RFC3339), m.To, m.Address, m.Template, m.Rule)
}

func TestARuleIsRehearsedBeforeItIsOn(t *testing.T) {
	w := newWorld(t)
	w.register("ana")
	w.sell("ana", 2000)
	w.pass(40 * day)
	got := w.try.Rehearse(map[string]any{settingRules: []any{recipe(t, "compra_repetir", nil)}}, w.try.Now, w.told...)
	if len(got) != 1 || len(got[0].Mails) != 1 || got[0].CustomerID != "ana" || !got[0].Time.Equal(time.Date(2026, 4, 1, 8, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", got)
	}
	if len(w.sent) > 0 {
		t.Error("the rehearsal sent something")
	}
}

// TestTemplatesAreWhatTheLawAndMailProgramsAsk looks into every text; the store's own check reads them in host/message.
func TestTemplatesAreWhatTheLawAndMailProgramsAsk(t *testing.T) {
	used := map[string]bool{}
	promotional := map[string]bool{}
	for _, r := range recipes(t) {
		name := r.Rule["template"].(string)
		used[name] = true
		promotional[name] = promotional[name] || r.Rule["kind"] == "MESSAGE_KIND_PROMOTIONAL"
		if r.Name["en"] == "" || r.Name["es"] == "" || r.Description["en"] == "" || r.Description["es"] == "" {
			t.Errorf("recipe %s is not told in both languages", r.ID)
		}
	}
	for name := range used {
		for _, file := range []string{name, strings.TrimSuffix(name, ".html") + ".en.html"} {
			text := read(t, file)
			if promotional[name] && !strings.Contains(text, ".Enlaces.baja") {
				t.Errorf("%s is promotional and has no way out", file)
			}
			for _, bad := range []string{"<script", "http-equiv", "src=\"http", "position:", "flex"} {
				if strings.Contains(text, bad) {
					t.Errorf("%s has %q, which mail programs do not take", file, bad)
				}
			}
		}
	}
}
