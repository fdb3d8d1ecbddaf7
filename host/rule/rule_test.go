package rule_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/configguide"
	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/locale"
	"mostrador/host/rule"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

const setting = "PLG0900Reglas"

// guide keeps one setting, and refuses what its plug-in would.
type guide struct {
	rules []*plgv1.MessageRule
	by    []string
}

func (g *guide) Rules(key string) []*plgv1.MessageRule {
	if key != setting {
		return nil
	}
	return g.rules
}

func (g *guide) Try(_ context.Context, w configguide.Wish, _ string) error {
	for _, item := range w.Value.([]any) {
		fields := item.(map[string]any)
		if fields["condition"] == "malo" {
			return &configguide.Refused{Diagnostics: []*plgv1.Diagnostic{{
				Severity: plgv1.Severity_SEVERITY_ERROR, Summary: "No se entiende.", Path: fmt.Sprintf("%s.%s.condition", setting, fields["id"]), Code: "rule_wrong",
			}}}
		}
	}
	return nil
}

func (g *guide) Change(ctx context.Context, actor *plgv1.Actor, w configguide.Wish, lang string) (configguide.Entry, error) {
	if err := g.Try(ctx, w, lang); err != nil {
		return configguide.Entry{}, err
	}
	g.rules = nil
	for _, item := range w.Value.([]any) {
		fields := item.(map[string]any)
		r := &plgv1.MessageRule{Id: fields["id"].(string), Name: fields["name"].(string)}
		r.Event, _ = fields["event"].(string)
		r.Enabled, _ = fields["enabled"].(bool)
		g.rules = append(g.rules, r)
	}
	g.by = append(g.by, actor.GetOperator())
	return configguide.Entry{}, nil
}

// past is what a rehearsal tells of: a mail a minute.
func past(mails int) func(context.Context, string, map[string]any, time.Time, func(*plgv1.Rehearsed)) (map[string]uint64, bool, error) {
	return func(_ context.Context, plugin string, settings map[string]any, since time.Time, each func(*plgv1.Rehearsed)) (map[string]uint64, bool, error) {
		if plugin != "PLG0900" || len(settings[setting].([]any)) != 1 {
			return nil, false, errors.New("not this rule alone")
		}
		for i := range mails {
			mail := &plgv1.SendMail{Kind: plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL, To: "ana", Template: "x"}
			if i%2 == 1 {
				mail = &plgv1.SendMail{Address: "jefe@tienda.es", Template: "x"}
			}
			each(&plgv1.Rehearsed{
				Sequence: uint64(i), Time: timestamppb.New(since.Add(time.Duration(i) * time.Minute)), CustomerId: "ana",
				Effects: []*plgv1.Effect{{}, {Effect: &plgv1.Effect_SendMail{SendMail: mail}}},
			})
		}
		each(&plgv1.Rehearsed{Fault: &plgv1.Fault{Message: "roto"}})
		each(&plgv1.Rehearsed{Fault: &plgv1.Fault{Message: "roto"}})
		return map[string]uint64{"sale.completed": uint64(mails) * 2, "customer.changed": 7}, true, nil
	}
}

func newService(t *testing.T, g *guide, mails int) *rule.Service {
	t.Helper()
	m, err := manifest.Parse([]byte(`
id: PLG0900
name: {es: Prueba}
version: 1.0.0
api: 2
settings:
  - {key: PLG0900Reglas, path: [A], name: {es: Reglas, en: Rules}, type: message_rules, recipes: templates/recetas.yaml}
events: {handles: [sale.completed, external.*]}
`), "plugin.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return rule.New(rule.Config{
		Guide: g, Text: locale.New(), Rehearse: past(mails),
		Active: func() []*manifest.Manifest { return []*manifest.Manifest{m} },
		ReadFile: func(string, string) ([]byte, error) {
			return []byte("recipes:\n- {id: gracias, name: {es: Gracias, en: Thanks}, rule: {event: sale.completed, wait: 60s, to: RECIPIENT_CUSTOMER}}"), nil
		},
		Customer: func(id string) (*plgv1.Customer, error) {
			return &plgv1.Customer{Id: id, Name: "Ana", Email: "ana@example.com"}, nil
		},
		External: func(context.Context) ([]*mostradorv1.EventType, error) {
			return []*mostradorv1.EventType{{Type: "cart.abandoned", Name: "Carrito", NameEn: "Cart", Schema: `{"properties":{"total":{"title":"Total"},"cart":{}}}`}}, nil
		},
		Held: func(_ context.Context, m *mostradorv1.Message) (string, error) {
			if m.GetKind() == plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL {
				return "No aceptó promociones.", nil
			}
			return "", nil
		},
	})
}

func TestARuleIsPutAmongTheOthers(t *testing.T) {
	g := &guide{}
	s := newService(t, g, 0)
	ctx, ana := t.Context(), &plgv1.Actor{Operator: "ana"}
	put := func(r *plgv1.MessageRule) string {
		t.Helper()
		kept, err := s.Put(ctx, ana, setting, r)
		if err != nil {
			t.Fatal(err)
		}
		return kept.GetId()
	}
	for i, want := range []string{"gracias-por-comprar", "gracias-por-comprar-2", "regla"} {
		if got := put(&plgv1.MessageRule{Name: []string{"¡Gracias por comprar!", "Grácias, por COMPRAR", "…"}[i]}); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
	put(&plgv1.MessageRule{Id: "regla", Name: "Otra", Enabled: true})
	if len(g.rules) != 3 || g.rules[2].GetName() != "Otra" || !g.rules[2].GetEnabled() || !slices.Equal(g.by, []string{"ana", "ana", "ana", "ana"}) {
		t.Errorf("%v by %v", g.rules, g.by)
	}
	if err := s.Delete(ctx, ana, setting, "regla"); err != nil || len(g.rules) != 2 {
		t.Error(err, g.rules)
	}
	if err := s.Delete(ctx, ana, setting, "regla"); !errors.Is(err, rule.ErrNotFound) {
		t.Error(err)
	}
	if _, err := s.Put(ctx, ana, "TiendaNombre", &plgv1.MessageRule{}); !errors.Is(err, rule.ErrNotFound) {
		t.Error(err)
	}
}

func TestWhatIsWrongIsRefusedAtTheRulesField(t *testing.T) {
	s := newService(t, &guide{}, 0)
	wrong := &plgv1.MessageRule{Name: "Mala", Condition: "malo"}
	_, err := s.Put(t.Context(), nil, setting, proto.CloneOf(wrong))
	_, again := s.Rehearse(t.Context(), setting, wrong, 0, 0)
	for _, err := range []error{err, again} {
		var refused *customer.Refused
		if !errors.As(err, &refused) || refused.Refusal.GetDiagnostics()[0].GetPath() != "condition" {
			t.Errorf("%v", err)
		}
	}
}

func TestSetsComeWithRecipesAndEventsInTheLanguageOfWhoAsks(t *testing.T) {
	s := newService(t, &guide{}, 0)
	sets, err := s.List(locale.NewContext(t.Context(), "en"))
	if err != nil || len(sets) != 1 {
		t.Fatal(sets, err)
	}
	set := sets[0]
	if r := set.GetRecipes()[0]; set.GetName() != "Rules" || r.GetName() != "Thanks" || r.GetRule().GetName() != "Thanks" ||
		r.GetRule().GetRecipe() != "gracias" || r.GetRule().GetEnabled() || r.GetRule().GetWait().GetSeconds() != 60 {
		t.Errorf("%v", set)
	}
	if len(set.GetEvents()) != 2 { // what the plug-in handles
		t.Fatalf("%v", set.GetEvents())
	}
	sale, cart := set.GetEvents()[0], set.GetEvents()[1]
	if sale.GetType() != "sale.completed" || sale.GetName() != "A purchase is completed" || sale.GetVariables()[0].GetWritten() != "event.total" {
		t.Errorf("%v", sale)
	}
	if cart.GetType() != "external.cart.abandoned" || cart.GetName() != "Cart" || cart.GetVariables()[1].GetWritten() != "event.total" || cart.GetVariables()[1].GetWords() != "Total" {
		t.Errorf("%v", cart)
	}
	for _, lang := range []string{"es", "en"} {
		sets, err := s.List(locale.NewContext(t.Context(), lang))
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range sets[0].GetEvents()[0].GetVariables() {
			if len(v.GetWords()) == 0 || v.GetWords()[:1] == "r" && len(v.GetWords()) > 5 && v.GetWords()[:5] == "rule." {
				t.Errorf("%s: %s has no words", lang, v.GetWritten())
			}
		}
	}
}

func TestARehearsalCountsAllAndListsTheNewest(t *testing.T) {
	s := newService(t, &guide{}, 25)
	r := &plgv1.MessageRule{Name: "Gracias", Event: "sale.completed"}
	resp, err := s.Rehearse(t.Context(), setting, r, 7, 10)
	if err != nil {
		t.Fatal(err)
	}
	if resp.GetMessages() != 25 || resp.GetEvents() != 50 || !resp.GetPartial() || len(resp.GetList()) != 10 || len(resp.GetDiagnostics()) != 1 {
		t.Fatalf("%v", resp)
	}
	for i, m := range resp.GetList() {
		want := uint64(24 - i)
		to, held := "ana@example.com", "No aceptó promociones."
		if want%2 == 1 {
			to, held = "jefe@tienda.es", ""
		}
		if m.GetSequence() != want || m.GetTo() != to || m.GetHeld() != held || m.GetCustomerName() != "Ana" {
			t.Errorf("%d: %v", i, m)
		}
	}
	if r.GetEnabled() || r.GetId() != "" {
		t.Error("the rehearsal changed the rule")
	}
}
