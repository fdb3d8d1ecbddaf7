package main

import (
	"bytes"
	"html/template"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"mostrador/sdk"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgtest"
)

var ana = sdk.Customer{
	ID: "ana", Name: "Ana María Núñez", Email: "ana@example.com",
	Consent: sdk.Consent{Programme: sdk.Pending, Promotions: sdk.Pending},
}

// with is Ana after a change.
func with(change func(*sdk.Customer)) sdk.Customer {
	c := ana
	change(&c)
	return c
}

func noEmail(c *sdk.Customer)   { c.Email = "" }
func accepted(c *sdk.Customer)  { c.Consent = sdk.Consent{Programme: sdk.Given, Promotions: sdk.Given} }
func left(c *sdk.Customer)      { c.Consent = sdk.Consent{Programme: sdk.Given, Promotions: sdk.Withdrawn} }
func leftFirst(c *sdk.Customer) { c.Consent.Promotions = sdk.Withdrawn }

func about(c sdk.Customer) sdk.Event { return sdk.Event{Customer: c} }

func emailChanged(c sdk.Customer, from string) sdk.CustomerChanged {
	return sdk.CustomerChanged{Event: about(c), Changes: []sdk.FieldChange{{Field: "name", From: "Ana", To: c.Name}, {Field: "email", From: from, To: c.Email}}}
}

// mailed fails unless exactly one mail with this template and these links was sent to Ana.
func mailed(t *testing.T, e plgtest.Effects, template string, links ...string) {
	t.Helper()
	if len(e.Mails) != 1 {
		t.Fatalf("%d mails", len(e.Mails))
	}
	m := e.Mails[0]
	if m.To != ana.ID || m.Template != template || m.Kind != sdk.Transactional {
		t.Errorf("%+v", m)
	}
	var names []string
	for name, l := range m.Links {
		names = append(names, name)
		if l.CustomerID() != ana.ID || (name == "activar") != l.Activation() || (name == "baja") != l.OptOut() {
			t.Errorf("link %s is %+v", name, l)
		}
	}
	slices.Sort(names)
	if !slices.Equal(names, links) {
		t.Errorf("links %v, want %v", names, links)
	}
}

func TestWhoIsRegisteredWithAnEmailIsWelcomed(t *testing.T) {
	y := plgtest.New(t, newPlugin())
	mailed(t, y.Handle(sdk.CustomerRegistered{Event: about(ana)}), "templates/bienvenida.html", "activar", "baja")
}

func TestWhoHasNoEmailIsWelcomedOnceItIsKnown(t *testing.T) {
	y := plgtest.New(t, newPlugin())
	if e := y.Handle(sdk.CustomerRegistered{Event: about(with(noEmail))}); len(e.Mails) != 0 {
		t.Fatalf("%+v", e.Mails)
	}
	mailed(t, y.Handle(emailChanged(ana, "")), "templates/bienvenida.html", "activar", "baja")
	if e := y.Handle(emailChanged(with(noEmail), ana.Email)); len(e.Mails) != 0 {
		t.Errorf("after the e-mail was taken out: %+v", e.Mails)
	}
	if e := y.Handle(emailChanged(ana, "")); len(e.Mails) != 0 {
		t.Errorf("welcomed a second time: %+v", e.Mails)
	}
}

func TestAChangeWelcomesNobodyElse(t *testing.T) {
	for name, e := range map[string]sdk.CustomerChanged{
		"another field":        {Event: about(ana), Changes: []sdk.FieldChange{{Field: "phone", To: "+34600111222"}}},
		"a corrected e-mail":   emailChanged(ana, "ana@example.org"),
		"a removed e-mail":     emailChanged(with(noEmail), ana.Email),
		"who accepted already": emailChanged(with(accepted), ""),
		"who left already":     emailChanged(with(leftFirst), ""),
	} {
		if e := plgtest.New(t, newPlugin()).Handle(e); len(e.Mails) != 0 {
			t.Errorf("%s: %+v", name, e.Mails)
		}
	}
}

func TestAcceptanceIsThankedWithTheWayOut(t *testing.T) {
	for _, means := range []sdk.Means{sdk.ByLink, sdk.ByShortCode} {
		y := plgtest.New(t, newPlugin())
		e := y.Handle(sdk.ConsentGiven{Event: about(with(accepted)), Purposes: []sdk.Purpose{sdk.Programme, sdk.Promotions}, Means: means})
		mailed(t, e, "templates/gracias.html", "baja")
	}
	y := plgtest.New(t, newPlugin())
	c := with(accepted)
	noEmail(&c)
	if e := y.Handle(sdk.ConsentGiven{Event: about(c)}); len(e.Mails) != 0 {
		t.Errorf("without e-mail: %+v", e.Mails)
	}
}

func TestLeavingIsConfirmedWithTheWayBack(t *testing.T) {
	y := plgtest.New(t, newPlugin())
	e := y.Handle(sdk.ConsentWithdrawn{Event: about(with(left)), Purposes: []sdk.Purpose{sdk.Promotions}, Means: sdk.ByOneClick})
	mailed(t, e, "templates/baja.html", "activar", "baja")
	c := with(left)
	noEmail(&c)
	if e := y.Handle(sdk.ConsentWithdrawn{Event: about(c)}); len(e.Mails) != 0 {
		t.Errorf("without e-mail: %+v", e.Mails)
	}
}

func TestResendSendsTheTemplateInForce(t *testing.T) {
	y := plgtest.New(t, newPlugin())
	y.Set("PLG0074TextoFile", "mio.html")
	r, e := y.Act("reenviar", sdk.Press{Customer: ana})
	mailed(t, e, "mio.html", "activar", "baja")
	if r.Message != "La bienvenida va en camino a ana@example.com." || len(r.Diagnostics) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestResendIsRefusedWithoutAValidEmail(t *testing.T) {
	for _, email := range []string{"", "ana", "@example.com", "ana@"} {
		y := plgtest.New(t, newPlugin())
		r, e := y.Act("reenviar", sdk.Press{Customer: with(func(c *sdk.Customer) { c.Email = email })})
		if len(e.Mails) != 0 || len(r.Diagnostics) != 1 || r.Diagnostics[0].Code != "email_missing" {
			t.Errorf("%q: %+v, %+v", email, r, e.Mails)
		}
	}
}

func TestResendIsLimitedPerDay(t *testing.T) {
	y := plgtest.New(t, newPlugin())
	y.Set("PLG0074ReenviosPorDia", 2)
	press := func() bool {
		r, e := y.Act("reenviar", sdk.Press{Customer: ana})
		refused := len(r.Diagnostics) == 1 && r.Diagnostics[0].Code == "resent_too_often"
		if refused == (len(e.Mails) == 1) {
			t.Fatalf("%+v, %+v", r, e)
		}
		return !refused
	}
	for _, step := range []struct {
		after time.Duration
		sent  bool
	}{
		{0, true}, {time.Hour, true}, {time.Hour, false}, {21 * time.Hour, false}, {time.Hour, true}, {time.Minute, false},
	} {
		y.Now = y.Now.Add(step.after)
		if sent := press(); sent != step.sent {
			t.Errorf("at %s: sent is %v", y.Now, sent)
		}
	}
}

func TestResendCountsAsTheWelcome(t *testing.T) {
	y := plgtest.New(t, newPlugin())
	y.Act("reenviar", sdk.Press{Customer: ana})
	if e := y.Handle(emailChanged(ana, "")); len(e.Mails) != 0 {
		t.Errorf("welcomed again: %+v", e.Mails)
	}
}

func TestTheShortCodeIsHandedToTheHost(t *testing.T) {
	y := plgtest.New(t, newPlugin())
	r, e := y.Act("codigo_corto", sdk.Press{Customer: ana, Form: sdk.Form{"codigo": " 0412 "}})
	if len(e.Codes) != 1 || e.Codes[0] != (plgtest.Code{CustomerID: ana.ID, Code: "0412"}) || r.Message == "" {
		t.Errorf("%+v, %+v", r, e)
	}
	r, e = y.Act("codigo_corto", sdk.Press{Customer: ana, Form: sdk.Form{"codigo": " "}})
	if len(e.Codes) != 0 || len(r.Diagnostics) != 1 || r.Diagnostics[0].Path != "codigo" {
		t.Errorf("without code: %+v, %+v", r, e)
	}
}

// FuzzShortCode: whatever is typed, the plugin hands on one code or refuses, and nothing else.
func FuzzShortCode(f *testing.F) {
	for _, s := range []string{"0412", "", "４１２０", "٠٤١٢", "12 34", "<b>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		if !isText(typed) {
			return
		}
		y := plgtest.New(t, newPlugin())
		r, e := y.Act("codigo_corto", sdk.Press{Customer: ana, Form: sdk.Form{"codigo": typed}})
		if len(e.Codes)+len(r.Diagnostics) != 1 || len(e.Mails) != 0 {
			t.Fatalf("%q: %+v, %+v", typed, r, e)
		}
	})
}

// isText tells whether the wire would carry s: a string of protobuf is UTF-8.
func isText(s string) bool { return strings.ToValidUTF8(s, "") == s }

// The mails that ship, rendered with and without what may be missing.
func TestShippedMailsAreWhole(t *testing.T) {
	type m = map[string]any
	for name, links := range map[string]m{
		"bienvenida": {"activar": "https://example.com/a/1", "baja": "https://example.com/b/1"},
		"gracias":    {"activar": "", "baja": "https://example.com/b/1"},
		"baja":       {"activar": "https://example.com/a/1", "baja": "https://example.com/b/1"},
	} {
		tmpl, err := template.ParseFiles(filepath.Join("templates", name+".html"))
		if err != nil {
			t.Fatal(err)
		}
		for _, known := range []bool{true, false} {
			customer, policy := m{"PrimerNombre": "Ana", "Nombre": "Ana <b>", "Correo": "ana@example.com"}, "Texto\nde política."
			if !known {
				customer, policy = m{"PrimerNombre": "", "Nombre": "", "Correo": ""}, ""
			}
			var out bytes.Buffer
			if err := tmpl.Execute(&out, m{"Cliente": customer, "Tienda": m{"Nombre": "La Esquina"}, "Enlaces": links, "Politica": policy, "Datos": m{}}); err != nil {
				t.Fatal(err)
			}
			html := out.String()
			for what, pattern := range map[string]string{
				"a subject":        `<title>[^<{]*La Esquina[^<]*</title>`,
				"its language":     `<html lang="es"`,
				"the way out":      `href="https://example.com/b/1"`,
				"layout tables":    `<table role="presentation"`,
				"a single heading": `(?s)^[^\x00]*<h1[^\x00]*$`,
			} {
				if !regexp.MustCompile(pattern).MatchString(html) {
					t.Errorf("%s (known %v) lacks %s", name, known, what)
				}
			}
			if links["activar"] != "" && !strings.Contains(html, `href="https://example.com/a/1"`) {
				t.Errorf("%s lacks its button", name)
			}
			if strings.Contains(html, "ZgotmplZ") || strings.Contains(html, `href=""`) || strings.Contains(html, "<no value>") {
				t.Errorf("%s (known %v) has a hole: %s", name, known, html)
			}
			if !known && (strings.Contains(html, "Hola, ") || strings.Contains(html, " en .")) {
				t.Errorf("%s greets nobody by name", name)
			}
			if name != "baja" && strings.Contains(html, "política") != known {
				t.Errorf("%s (known %v): the policy", name, known)
			}
		}
	}
}

func TestTheSettingsAreWhereTheSeedSays(t *testing.T) {
	data, err := os.ReadFile("plugin.yaml")
	if err != nil {
		t.Fatal(err)
	}
	m, err := manifest.Parse(data, "plugin.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, ok := m.Setting("PLG0074TextoFile")
	if !ok || s.Name.In("es") != "Texto del mensaje de bienvenida para correo" || s.Type != manifest.TypeTemplateFile {
		t.Fatalf("%+v", s)
	}
	var path []string
	for _, p := range s.Path {
		path = append(path, p.In("es"))
	}
	if got := strings.Join(path, " > "); got != "Plug-Ins > Promociones > Clientes" {
		t.Errorf("it stands at %s", got)
	}
	for _, s := range m.Settings {
		if s.Type != manifest.TypeTemplateFile {
			continue
		}
		if _, err := os.Stat(s.Default.(string)); err != nil {
			t.Errorf("%s: %v", s.Key, err)
		}
	}
}
