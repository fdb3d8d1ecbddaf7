package transfer

import (
	"fmt"
	"strings"
	"testing"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/sdk/plgv1"
)

func TestImportBringsNewCustomersAndChangesKnownOnes(t *testing.T) {
	w := newWorld(t)
	known := w.register(&plgv1.Customer{Name: "Marta Soler", Phone: "600100200", Fields: map[string]string{"ciudad": "Bilbao"}})
	w.register(&plgv1.Customer{Name: "Juan Pérez", Phone: "600100300", Email: "juan@example.com"})
	i := w.upload("lista.csv", strings.Join([]string{
		"Nombre;Móvil;E-mail;Tarjetas;Etiquetas",
		"Ana García;600 111 222;ana@example.com;A-1;VIP",
		"Marta Soler Ruiz;+34 600 100 200;marta@example.com;;",
		"Juan Pérez;600100300;JUAN@example.com;;",
		"Sin Contacto;;;;",
		"Malo;12;;;",
		"Ana Repetida;;ana@example.com;;",
		";600999888;;;",
	}, "\n"))
	got := map[string]string{}
	for _, c := range i.Columns {
		got[c.Name] = c.Target + " by " + c.Guessed
	}
	for name, target := range map[string]string{"Nombre": "name", "Móvil": "phone", "E-mail": "email", "Tarjetas": "cards", "Etiquetas": "tags"} {
		if got[name] != target+" by name" {
			t.Errorf("the column %s is proposed for %q", name, got[name])
		}
	}
	i.Tags = nil
	planned := w.plan(i)
	if c := counts(planned); c != "7 rows: 1 new, 1 changed, 1 same, 0 skipped, 4 refused" {
		t.Error(c)
	}
	want := map[uint64]string{5: "contact_empty", 6: "phone_short", 7: "row_repeated", 8: "name_empty"}
	for _, row := range w.rows(i.Id, refused) {
		if codes(row) != want[row.Line] {
			t.Errorf("line %d is refused with %q", row.Line, codes(row))
		}
	}
	if rows := w.rows(i.Id, changed); len(rows) != 1 || len(rows[0].Changes) != 2 || rows[0].Changes[0].From != "Marta Soler" {
		t.Errorf("changed are %v", rows)
	}
	before := w.content()
	done := w.apply(i.Id)
	if done.Changed != 2 {
		t.Errorf("%d customers were changed", done.Changed)
	}
	ana := w.find("600111222")
	if ana.GetName() != "Ana García" || ana.GetEmail() != "ana@example.com" || len(ana.GetCards()) != 1 || strings.Join(ana.GetTags(), " ") != "VIP" {
		t.Errorf("the new customer is %v", ana)
	}
	if found := w.find("ana@example.com"); found.GetId() != ana.GetId() {
		t.Errorf("the e-mail finds %v", found)
	}
	marta := w.find("600100200")
	if marta.GetId() != known.GetId() || marta.GetName() != "Marta Soler Ruiz" || marta.GetEmail() != "marta@example.com" || marta.GetFields()["ciudad"] != "Bilbao" {
		t.Errorf("the known customer is %v", marta)
	}
	for _, e := range events(t, w, "customer.changed") {
		if e.Actor.GetChannel() != channel(i.Id) {
			t.Errorf("a change came by %q", e.Actor.GetChannel())
		}
	}
	if n := len(events(t, w, "customer.registered")); n != 2 {
		t.Errorf("%d registrations were told of", n)
	}
	if told := events(t, w, "customers.imported"); len(told) != 1 || told[0].GetCustom().Fields["new"].GetNumberValue() != 1 {
		t.Errorf("the import was told as %v", told)
	}
	w.undo(done.Id)
	if after := w.content(); after != before {
		t.Errorf("after the undo the store has %s, before %s", after, before)
	}
	if !w.get(i.Id).Undone {
		t.Error("the import is not undone")
	}
}

func TestPoliciesForKnownCustomers(t *testing.T) {
	for _, test := range []struct {
		policy  mostradorv1.DuplicatePolicy
		outcome mostradorv1.RowOutcome
		name    string
		email   string
	}{
		{mostradorv1.DuplicatePolicy_DUPLICATE_POLICY_UPDATE, changed, "Marta Nueva", "marta@example.com"},
		{mostradorv1.DuplicatePolicy_DUPLICATE_POLICY_FILL, changed, "Marta Soler", "marta@example.com"},
		{mostradorv1.DuplicatePolicy_DUPLICATE_POLICY_SKIP, skipped, "Marta Soler", ""},
		{mostradorv1.DuplicatePolicy_DUPLICATE_POLICY_REFUSE, refused, "Marta Soler", ""},
	} {
		t.Run(test.policy.String(), func(t *testing.T) {
			w := newWorld(t)
			w.register(&plgv1.Customer{Name: "Marta Soler", Phone: "600100200"})
			i := w.upload("a.csv", "nombre,telefono,correo\nMarta Nueva,600100200,marta@example.com\nOtra,600100201,otra@example.com\n")
			i.Duplicates = test.policy
			w.plan(i)
			if rows := w.rows(i.Id); len(rows) != 2 || rows[0].Outcome != test.outcome || rows[0].MatchedBy != "phone" && test.outcome != refused {
				t.Errorf("the rows are %v", rows)
			}
			w.apply(i.Id)
			if c := w.find("600100200"); c.GetName() != test.name || c.GetEmail() != test.email {
				t.Errorf("the customer is %v", c)
			}
		})
	}
}

func TestRowThatMeansTwoCustomersIsRefused(t *testing.T) {
	w := newWorld(t)
	w.register(&plgv1.Customer{Name: "Marta", Phone: "600100200"})
	w.register(&plgv1.Customer{Name: "Juan", Email: "juan@example.com"})
	w.register(&plgv1.Customer{Name: "Luz", Phone: "600100201"})
	i := w.upload("a.csv", "nombre,telefono,correo,numero de cliente\nX,600100200,juan@example.com,\nMarta,600100201,,2\n,,nueva@example.com,1\n")
	w.plan(i)
	rows := w.rows(i.Id)
	if len(rows) != 3 || codes(rows[0]) != "two_customers" || codes(rows[1]) != "two_customers" || rows[2].Outcome != changed || rows[2].MatchedBy != "number" {
		t.Fatalf("the rows are %v", rows)
	}
	if words := rows[0].Diagnostics[0].Summary; !strings.Contains(words, "Marta") || !strings.Contains(words, "Juan") {
		t.Errorf("it says %q", words)
	}
}

func TestUsedCustomersStayWhenAnImportIsUndone(t *testing.T) {
	w := newWorld(t)
	marta := w.register(&plgv1.Customer{Name: "Marta", Phone: "600100200", Language: "es"})
	i := w.upload("a.csv", "nombre,telefono,idioma\nAna,600000001,\nEva,600000002,\nIvo,600000003,\nMarta Soler,600100200,en\n")
	w.plan(i)
	done := w.apply(i.Id)
	eva := w.find("600000002")
	if _, err := w.customers.Update(t.Context(), clerk, &plgv1.Customer{Id: eva.Id, Name: "Eva Gil"}, []string{"name"}); err != nil {
		t.Fatal(err)
	}
	ivo := w.find("600000003")
	if _, err := w.consent.Withdraw(t.Context(), clerk, ivo.Id); err != nil {
		t.Fatal(err)
	}
	if _, err := w.customers.Update(t.Context(), clerk, &plgv1.Customer{Id: marta.Id, Name: "Marta Otra"}, []string{"name"}); err != nil {
		t.Fatal(err)
	}
	w.undo(done.Id)
	if w.find("600000001") != nil || w.find("600000002") == nil || w.find("600000003") == nil {
		t.Error("the wrong customers stayed")
	}
	if c := w.find("600100200"); c.GetName() != "Marta Otra" || c.GetLanguage() != "es" {
		t.Errorf("the known customer is %v", c)
	}
	got := map[uint64]string{}
	for _, row := range w.rows(i.Id, kept) {
		got[row.Line] = codes(row)
	}
	if fmt.Sprint(got) != "map[3:kept_edited 4:kept_consent 5:kept_fields]" {
		t.Errorf("what stays is %v", got)
	}
	if k := w.get(i.Id).Kept; k != 3 {
		t.Errorf("%d are said to stay", k)
	}
}

func TestRefusedRowsComeBackMended(t *testing.T) {
	w := newWorld(t)
	i := w.upload("lista.csv", "Nombre;Móvil;Cosa\nAna;600111222;x\nEva;12;y\nIvo;;z\n")
	i.Columns[2].Target = "fields.cosa"
	w.plan(i)
	w.apply(i.Id)
	name, text := w.refusedFile(i.Id)
	if name != "lista - rechazados.csv" {
		t.Errorf("the file is called %q", name)
	}
	lines := strings.Split(strings.TrimSpace(strings.TrimPrefix(text, "\ufeff")), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "Nombre;Móvil;Cosa;Motivo") || !strings.HasPrefix(lines[1], "Eva;12;y;") || len(lines[1]) < 15 {
		t.Fatalf("the file is %q", text)
	}
	mended := w.upload(name, strings.NewReplacer("Eva;12;", "Eva;600111223;", "Ivo;;", "Ivo;600111224;").Replace(text))
	for n, c := range mended.Columns[:3] {
		if c.Target != i.Columns[n].Target || c.Guessed != guessedRemembered {
			t.Errorf("the column %s is mapped to %q by %q", c.Name, c.Target, c.Guessed)
		}
	}
	if c := counts(w.plan(mended)); c != "2 rows: 2 new, 0 changed, 0 same, 0 skipped, 0 refused" {
		t.Error(c)
	}
	w.apply(mended.Id)
	if c := w.find("600111223"); c.GetFields()["cosa"] != "y" {
		t.Errorf("the mended row became %v", c)
	}
}

func TestConsentComesOnlyWithItsEvidence(t *testing.T) {
	w := newWorld(t)
	i := w.upload("a.csv", "nombre,telefono,consentimiento\nAna,600000001,si\n")
	if _, _, err := w.transfer.Plan(t.Context(), clerk, i); err == nil || !strings.Contains(err.Error(), "cuatro columnas") {
		t.Fatalf("a consent without evidence is planned: %v", err)
	}
	i = w.upload("b.csv", strings.Join([]string{
		"nombre;telefono;consentimiento;fecha consentimiento;medio consentimiento;texto consentimiento",
		"Ana;600000001;Sí;03/04/2024;Formulario firmado;Acepto recibir ofertas",
		"Eva;600000002;Sí;03/04/2024;;Acepto recibir ofertas",
		"Ivo;600000003;no;;;",
		"Ula;600000004;baja;2025-01-01;;",
		"Ada;600000005;sí;03/04/2099;Web;Acepto",
	}, "\n"))
	before := w.content()
	if c := counts(w.plan(i)); c != "5 rows: 3 new, 0 changed, 0 same, 0 skipped, 2 refused" {
		t.Errorf("%s: %v", c, w.rows(i.Id))
	}
	done := w.apply(i.Id)
	for phone, want := range map[string]plgv1.ConsentState{
		"600000001": plgv1.ConsentState_CONSENT_STATE_GIVEN, "600000003": plgv1.ConsentState_CONSENT_STATE_PENDING,
		"600000004": plgv1.ConsentState_CONSENT_STATE_WITHDRAWN,
	} {
		if got := w.find(phone).GetConsent().GetPromotions(); got != want {
			t.Errorf("the consent of %s is %v", phone, got)
		}
	}
	if given := events(t, w, "consent.given"); len(given) != 1 || given[0].GetConsentGiven().Means != plgv1.Means_MEANS_IMPORT {
		t.Errorf("consent was told as %v", given)
	}
	if verified, err := w.consent.Verify(t.Context()); err != nil || !verified.Ok {
		t.Errorf("the ledger is %v, %v", verified, err)
	}
	w.undo(done.Id)
	if after := w.content(); after != before {
		t.Errorf("after the undo the store has %s, before %s: %v", after, before, w.rows(i.Id, kept))
	}
}

func TestTillThatTakesAPendingPhoneIsRefusedOrWins(t *testing.T) {
	w := newWorld(t)
	i := w.upload("a.csv", people(50))
	w.plan(i)
	// The till is faster than the import: its row is refused, and the row's e-mail is free again.
	phone := w.rows(i.Id)[10].Customer.Phone
	email := w.rows(i.Id)[10].Customer.Email
	w.register(&plgv1.Customer{Name: "Rápida", Phone: phone})
	done := w.apply(i.Id)
	if c := w.find(phone); c.GetName() != "Rápida" {
		t.Errorf("the phone is of %v", c)
	}
	if w.find(email) != nil {
		t.Error("the refused row has left its e-mail")
	}
	if done.Changed != 49 || done.Failed != 1 {
		t.Errorf("the import made %d customers, and %d rows failed", done.Changed, done.Failed)
	}
	late := w.rows(i.Id, refused)
	if len(late) != 1 || codes(late[0]) != "taken_meanwhile" {
		t.Errorf("refused are %v", late)
	}
	w.register(&plgv1.Customer{Name: "Otra", Email: email})
}

func TestTagsForAllGoToNewAndChangedCustomers(t *testing.T) {
	w := newWorld(t)
	w.register(&plgv1.Customer{Name: "Marta", Phone: "600100200", Tags: []string{"Antigua"}})
	i := w.upload("a.csv", "nombre,telefono\nMarta,600100200\nAna,600000001\n")
	i.Tags = []string{"Feria"}
	if c := counts(w.plan(i)); c != "2 rows: 1 new, 1 changed, 0 same, 0 skipped, 0 refused" {
		t.Error(c)
	}
	before := w.content()
	done := w.apply(i.Id)
	if c := w.find("600100200"); strings.Join(c.GetTags(), " ") != "Antigua Feria" {
		t.Errorf("the known one has the tags %v", c.GetTags())
	}
	if c := w.find("600000001"); strings.Join(c.GetTags(), " ") != "Feria" {
		t.Errorf("the new one has the tags %v", c.GetTags())
	}
	w.undo(done.Id)
	if after := w.content(); after != before {
		t.Errorf("after the undo the store has %s, before %s", after, before)
	}
}

func TestDiscardedImportLeavesNothing(t *testing.T) {
	w := newWorld(t)
	i := w.upload("a.csv", people(3))
	if err := w.transfer.Discard(t.Context(), i.Id); err != nil {
		t.Fatal(err)
	}
	if _, err := w.transfer.Get(i.Id); err == nil {
		t.Error("it is still there")
	}
	if _, _, err := w.transfer.Upload(t.Context(), clerk, "leer.csv", strings.NewReader("")); err == nil {
		t.Error("an empty file is taken")
	} else if refusal, ok := err.(*customer.Refused); !ok && refusal == nil {
		t.Logf("refused: %v", err)
	}
	if list, err := w.transfer.List(10); err != nil || len(list) != 0 {
		t.Errorf("the imports are %v, %v", list, err)
	}
}
