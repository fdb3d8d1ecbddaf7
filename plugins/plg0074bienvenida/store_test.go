package main

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"mostrador/sdk"
	"mostrador/sdk/plgtest"
)

// TestCustomersAreWelcomedInTheirLanguage has the mails of the package in the customer's own.
func TestCustomersAreWelcomedInTheirLanguage(t *testing.T) {
	store := plgtest.Run(t)
	for lang, want := range map[string]string{"en": "Activate your loyalty account", "en-GB": "Activate your", "fr": "Active su cuenta"} {
		c := store.Register(sdk.Customer{Name: "Ann " + lang, Email: strings.ToLower(lang) + "@example.com", Language: lang})
		if welcome := store.Outbox(c.ID, 1)[0]; !strings.Contains(welcome.Subject, want) {
			t.Errorf("%s: %+v", lang, welcome.Subject)
		}
	}
}

// TestTheWholeStory is seed 000 in a real store, together with PLG0002.
func TestTheWholeStory(t *testing.T) {
	store := plgtest.Run(t, "../plg0002puntos")
	ana := store.Register(sdk.Customer{Name: "Ana Ruiz", Phone: "600111222", Email: "ana@example.com"})
	welcome := store.Outbox(ana.ID, 1)[0]
	if welcome.To != "ana@example.com" || !strings.Contains(welcome.Subject, "Active su cuenta") {
		t.Errorf("%+v", welcome)
	}

	if err := store.SetPromotions(ana.ID, true); err == nil {
		t.Error("promotions were set by hand")
	}
	refused := store.Press("PLG0074", "codigo_corto", ana.ID, sdk.Form{"codigo": "no"})
	if len(refused.Diagnostics) != 1 || refused.Diagnostics[0].Path != "codigo" {
		t.Errorf("a wrong code: %+v", refused)
	}
	if r := store.Press("PLG0074", "reenviar", ana.ID, nil); r.Message == "" || len(r.Diagnostics) != 0 {
		t.Errorf("resend: %+v", r)
	}
	store.Outbox(ana.ID, 2)

	code := press(t, link(t, welcome.HTML, "/a/"))
	accepted := func() bool {
		c := store.Customer(ana.ID)
		return c.Consent.Programme == sdk.Given && c.AplicaPromociones
	}
	store.Within("the acceptance arrives", accepted)
	if digits := regexp.MustCompile(`(<span>\d</span>){4}`).FindString(code); digits == "" {
		t.Error("the page shows no code")
	}
	thanks := store.Outbox(ana.ID, 3)[2]
	if !strings.Contains(thanks.Subject, "está activa") {
		t.Errorf("%+v", thanks)
	}

	press(t, link(t, thanks.HTML, "/b/"))
	store.Within("the farewell arrives", func() bool {
		c := store.Customer(ana.ID)
		return c.Consent.Promotions == sdk.Withdrawn && c.Consent.Programme == sdk.Given && !c.AplicaPromociones
	})
	farewell := store.Outbox(ana.ID, 4)[3]
	if !strings.Contains(farewell.Subject, "Ya no recibirá promociones") {
		t.Errorf("%+v", farewell)
	}

	press(t, link(t, farewell.HTML, "/a/"))
	store.Within("she is back", accepted)
	store.Outbox(ana.ID, 5)
	if parked := store.Parked(); len(parked) != 0 {
		t.Errorf("parked: %v", parked)
	}
}

func TestAnEmailThatComesLateIsWelcomed(t *testing.T) {
	store := plgtest.Run(t)
	luis := store.Register(sdk.Customer{Name: "Luis Gil", Phone: "600111333"})
	store.SetEmail(luis.ID, "luis@example.com")
	if to := store.Outbox(luis.ID, 1)[0].To; to != "luis@example.com" {
		t.Errorf("the welcome went to %s", to)
	}
}

// link is the first link of a mail to this kind of page.
func link(t *testing.T, html, page string) string {
	t.Helper()
	m := regexp.MustCompile(`href="(http://[^"]*` + page + `[^"]*)"`).FindStringSubmatch(html)
	if m == nil {
		t.Fatalf("no link to %s in %s", page, html)
	}
	return m[1]
}

// press opens a page and presses its button, and returns the page that follows.
func press(t *testing.T, address string) string {
	t.Helper()
	answer, err := http.Get(address)
	page := body(t, answer, err)
	hidden := url.Values{}
	for _, m := range regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`).FindAllStringSubmatch(page, -1) {
		hidden.Set(m[1], m[2])
	}
	answer, err = http.PostForm(address, hidden)
	return body(t, answer, err)
}

func body(t *testing.T, answer *http.Response, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v\n%s", answer.Request.URL, answer.Status, err, data)
	}
	return string(data)
}
