package library

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/locale"
	"mostrador/host/message"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

const page = `<title>Pedido {{.Datos.recibo}}</title><p>Hola, {{.Cliente.PrimerNombre}}. Su pedido está en camino y llega mañana.</p>`

// shop is a library over a store, with a plug-in that brings two templates.
type shop struct {
	*Service
	t    *testing.T
	st   *store.Store
	now  time.Time
	used map[string][]string
}

func newShop(t *testing.T) *shop {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "store.db"), store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	s := &shop{t: t, st: st, now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), used: map[string][]string{}}
	s.open()
	return s
}

// open opens the library anew, as after a start of the program.
func (s *shop) open() {
	s.t.Helper()
	text := locale.New().Text
	messages := message.New(message.Config{
		Store: s.st, Text: text, Settings: func() message.Settings { return message.Settings{StoreName: "Sol", Language: "es", Currency: "EUR"} },
	})
	var err error
	s.Service, err = New(Config{
		Store: s.st, Messages: messages, Text: text, Language: func() string { return "es" },
		UsedBy: func(id string) []string { return s.used[id] },
		Now:    func() time.Time { s.now = s.now.Add(time.Minute); return s.now },
		Brought: func(string) []Brought {
			source := func(text, lang string) message.Source {
				src := message.NewSource(text, "")
				src.Language = lang
				return src
			}
			return []Brought{
				{ID: "PLG0110/templates/carrito-olvidado.html", Plugin: "PLG0110", Theme: "Mensajes", Source: source("<title>Su carrito</title><p>El del plug-in, en español.</p>", "es")},
				{ID: "PLG0110/templates/carrito-olvidado.html", Plugin: "PLG0110", Theme: "Mensajes", Source: source("<title>Your cart</title><p>The plug-in's own, in English.</p>", "en")},
				{ID: "PLG0074/templates/bienvenida.html", Plugin: "PLG0074", Theme: "Bienvenida", Setting: "PLG0074TextoFile", Source: source("<title>Hola</title>x", "es")},
			}
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

var marta = &plgv1.Actor{Operator: "Marta"}

func wish(id, name string, texts ...string) *mostradorv1.Template {
	t := &mostradorv1.Template{Id: id, Name: name, Theme: "Pedidos"}
	for i := 0; i < len(texts); i += 2 {
		t.Texts = append(t.Texts, &mostradorv1.TemplateText{Language: texts[i], Html: texts[i+1]})
	}
	return t
}

func (s *shop) put(t *mostradorv1.Template, remove ...string) *mostradorv1.Template {
	s.t.Helper()
	kept, _, err := s.Put(s.t.Context(), marta, t, remove, false)
	if err != nil {
		s.t.Fatal(err)
	}
	return kept
}

func (s *shop) source(id, lang string) message.Source {
	s.t.Helper()
	source, ok := s.Source(id, lang, false)
	if !ok {
		s.t.Fatalf("%s has no text for %s", id, lang)
	}
	return source
}

// code is the code of a refusal; "" for none.
func code(err error) string {
	var refused *customer.Refused
	if !errors.As(err, &refused) {
		return ""
	}
	return refused.Refusal.Diagnostics[0].Code
}

func TestEveryChangeIsAVersionThatSaysWhoMadeItAndWhen(t *testing.T) {
	s := newShop(t)
	kept := s.put(wish("", "Pedido en camino", "es", page))
	if kept.Id != "biblioteca/pedido-en-camino" || kept.Texts[0].Version != 1 || kept.Texts[0].Subject != "Pedido {{.Datos.recibo}}" {
		t.Fatalf("%v", kept)
	}
	s.put(wish(kept.Id, "", "es", page)) // the same text is no version
	changed := strings.Replace(page, "mañana", "hoy", 1)
	s.put(wish(kept.Id, "", "es", changed))
	s.put(wish(kept.Id, "", "en", page))
	s.open()
	versions, err := s.Versions(t.Context(), kept.Id, "es")
	if err != nil || len(versions) != 2 {
		t.Fatalf("%v %v", versions, err)
	}
	newest, first := versions[0], versions[1]
	if newest.Version != 2 || newest.Html != changed || newest.Actor.GetOperator() != "Marta" || first.Html != page ||
		!first.Time.AsTime().Before(newest.Time.AsTime()) {
		t.Errorf("%v", versions)
	}
	if got := s.source(kept.Id, "es-MX"); got.Version != 2 || got.HTML != changed || got.SHA256 != message.Sum(changed, "") {
		t.Errorf("in force is %v", got)
	}
	// An earlier one is put in force again as a new version.
	s.put(wish(kept.Id, "", "es", first.Html))
	if got := s.source(kept.Id, "es"); got.Version != 3 || got.HTML != page {
		t.Errorf("in force is %v", got)
	}
}

func TestWhoGetsWhichLanguage(t *testing.T) {
	s := newShop(t)
	id := s.put(wish("", "Pedido", "es", page, "en", strings.Replace(page, "Hola", "Hello", 1), "es-MX", strings.Replace(page, "Hola", "Qué tal", 1))).Id
	for lang, want := range map[string]string{"es": "es", "en": "en", "en-GB": "en", "es-MX": "es-MX", "es-AR": "es", "fr": "es", "": "es"} {
		if got := s.source(id, lang).Language; got != want {
			t.Errorf("%s gets %s", lang, got)
		}
	}
	s.put(wish(id, ""), "es", "es-MX")
	if got := s.source(id, "es").Language; got != "en" {
		t.Errorf("with nothing else there is %s", got)
	}
	if _, _, err := s.Put(t.Context(), marta, wish(id, ""), []string{"en"}, false); code(err) != "template_no_text" {
		t.Errorf("a template without any text: %v", err)
	}
}

func TestATextWithAnErrorIsRefusedAndTheFormerStays(t *testing.T) {
	s := newShop(t)
	id := s.put(wish("", "Pedido", "es", page)).Id
	for name, text := range map[string]string{
		"a password":    `<title>x</title>{{.Cliente.Contraseña}}`,
		"a slip":        `<title>x</title>{{.Cliente.Nonbre}}`,
		"no end":        `<title>x</title>{{if .Puntos}}`,
		"no title":      `<p>x</p>`,
		"another lang.": "",
	} {
		_, checks, err := s.Put(t.Context(), marta, wish(id, "", "es", text), nil, false)
		if code(err) != "template_syntax" || len(checks) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	promotion := wish("", "Rebajas", "es", page)
	promotion.Kind = plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL
	if _, _, err := s.Put(t.Context(), marta, promotion, nil, false); code(err) != "template_unsubscribe" {
		t.Errorf("advertising without a way out: %v", err)
	}
	toPromotion := wish(id, "")
	toPromotion.Kind = plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL
	if _, _, err := s.Put(t.Context(), marta, toPromotion, nil, false); code(err) != "template_unsubscribe" {
		t.Errorf("a text becomes advertising without a way out: %v", err)
	}
	for name, wish := range map[string]*mostradorv1.Template{
		"template_no_name":      wish("", " ", "es", page),
		"template_long_name":    wish("", strings.Repeat("x", 200), "es", page),
		"template_bad_language": wish("", "Pedido", "../x", page),
		"template_no_text":      wish("", "Pedido"),
		"template_in_guide":     wish("PLG0074/templates/bienvenida.html", "", "es", page),
	} {
		if _, _, err := s.Put(t.Context(), marta, wish, nil, false); code(err) != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := s.Put(t.Context(), marta, wish("biblioteca/nada", "", "es", page), nil, false); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
	if got := s.source(id, "es"); got.Version != 1 || got.HTML != page {
		t.Errorf("in force is %v", got)
	}
}

func TestHTMLIsKeptClean(t *testing.T) {
	s := newShop(t)
	kept := s.put(wish("", "Pedido", "es", page+`<script>x()</script><a href="javascript:x()" onclick="x()">{{.Puntos}}</a>`))
	if kept.Texts[0].Html != page+`<a>{{.Puntos}}</a>` {
		t.Errorf("kept %s", kept.Texts[0].Html)
	}
}

func TestAPluginsTemplateIsChangedByLanguageAndRestored(t *testing.T) {
	s := newShop(t)
	const id = "PLG0110/templates/carrito-olvidado.html"
	if _, ok := s.Source(id, "es", true); ok {
		t.Error("nobody has changed it yet")
	}
	kept := s.put(wish(id, "", "es", page))
	if !kept.Changed || kept.Plugin != "PLG0110" || kept.Name != "Carrito olvidado" || len(kept.Texts) != 2 || kept.Texts[1].Html != page {
		t.Errorf("%v", kept)
	}
	if _, ok := s.Source(id, "en", true); ok {
		t.Error("in English the plug-in's own is in force")
	}
	if err := s.Delete(t.Context(), id); code(err) != "template_a_plugins" {
		t.Errorf("%v", err)
	}
	kept, _, err := s.Put(t.Context(), marta, wish(id, ""), nil, true)
	if err != nil || kept.Changed || !strings.Contains(kept.Texts[1].Html, "El del plug-in") {
		t.Errorf("%v %v", kept, err)
	}
	if versions, err := s.Versions(t.Context(), id, ""); err != nil || len(versions) != 1 {
		t.Errorf("what was written is lost: %v %v", versions, err)
	}
	own := s.put(wish("", "Pedido", "es", page))
	if _, _, err := s.Put(t.Context(), marta, wish(own.Id, ""), nil, true); code(err) != "template_not_a_plugins" {
		t.Errorf("%v", err)
	}
}

func TestWhatIsUsedIsNotDeleted(t *testing.T) {
	s := newShop(t)
	id := s.put(wish("", "Pedido", "es", page)).Id
	s.used[id] = []string{"Carrito olvidado"}
	if err := s.Delete(t.Context(), id); code(err) != "template_used" || !strings.Contains(err.Error(), "Carrito olvidado") {
		t.Errorf("%v", err)
	}
	delete(s.used, id)
	if err := s.Delete(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	s.open()
	if _, ok := s.Source(id, "es", false); ok {
		t.Error("it is still there")
	}
	if err := s.Delete(t.Context(), id); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
	// Messages remember it, so its name is not given again.
	if again := s.put(wish("", "Pedido", "es", page)).Id; again == id {
		t.Errorf("%s means two templates", id)
	}
}

func TestTheListIsByThemeAndFoundByWords(t *testing.T) {
	s := newShop(t)
	s.put(wish("", "Pedido", "es", page))
	var ids []string
	for _, one := range s.List("es", "") {
		ids = append(ids, one.Id)
		for _, text := range one.Texts {
			if text.Html != "" || text.Subject == "" {
				t.Errorf("%v", one)
			}
		}
	}
	if got := strings.Join(ids, " "); got != "PLG0074/templates/bienvenida.html PLG0110/templates/carrito-olvidado.html biblioteca/pedido" {
		t.Errorf("%s", got)
	}
	for words, want := range map[string]int{"carrito": 1, "YOUR cart": 1, "pedidos pedido": 1, "nada": 0, "plg0110": 1} {
		if got := s.List("es", words); len(got) != want {
			t.Errorf("%q finds %v", words, got)
		}
	}
}

func TestAVersionKnowsHowManyMessagesLeftWithIt(t *testing.T) {
	s := newShop(t)
	id := s.put(wish("", "Pedido", "es", page)).Id
	queued := &mostradorv1.Message{Template: id, State: mostradorv1.MessageState_MESSAGE_STATE_QUEUED}
	sent := &mostradorv1.Message{Template: id, TemplateVersion: 1, Language: "es", State: mostradorv1.MessageState_MESSAGE_STATE_SENT}
	err := s.st.Update(context.Background(), func(tx *store.Tx) error {
		return errors.Join(s.Observe(tx, nil, queued), s.Observe(tx, queued, sent), s.Observe(tx, sent, sent))
	})
	if err != nil {
		t.Fatal(err)
	}
	if versions, err := s.Versions(t.Context(), id, "es"); err != nil || versions[0].Messages != 1 {
		t.Errorf("%v %v", versions, err)
	}
}
