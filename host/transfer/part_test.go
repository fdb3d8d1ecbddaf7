package transfer

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

func TestSorterBringsKeysInOrderThoughTheyAreMany(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	s := newSorter(t.TempDir())
	s.size = 2000 // many parts
	type record struct {
		key string
		row uint32
	}
	var want []record
	for row := range uint32(5000) {
		key := fmt.Sprintf("p+34%0*d", 1+random.IntN(14), random.IntN(1000))
		switch random.IntN(4) {
		case 0:
			key = fmt.Sprintf("e%c%d@example.com", 'a'+rune(random.IntN(26)), random.IntN(50))
		case 1:
			key = "c" + strings.Repeat("A", random.IntN(30)) + "1"
		}
		want = append(want, record{key, row})
		if err := s.add([]byte(key), row); err != nil {
			t.Fatal(err)
		}
	}
	slices.SortFunc(want, func(a, b record) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.row, b.row)) })
	n := 0
	if err := s.merge(func(key []byte, row uint32) error {
		if got := (record{string(key), row}); n >= len(want) || got != want[n] {
			return fmt.Errorf("record %d is %v", n, got)
		}
		n++
		return nil
	}); err != nil || n != len(want) {
		t.Errorf("%d of %d records came: %v", n, len(want), err)
	}
}

func TestColumnsAreRecognised(t *testing.T) {
	h, err := readHeadings()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Nombre": "name", "APELLIDOS": "name", "Nombre y Apellidos": "name", "full_name": "name", "FirstName": "name", "Фамилия": "name", "ФИО": "name",
		"Teléfono móvil": "phone", "Tel.": "phone", "Phone Number": "phone", "Номер телефона": "phone", "Teléfono del cliente": "phone",
		"E-Mail": "email", "Correo electrónico": "email", "Эл. почта": "email", "Email address": "email",
		"Nº de cliente": "", "Número de cliente": "number", "Tarjeta de fidelidad": "cards", "Etiquetas": "tags", "UUID": "id",
		"Consentimiento": "consent.state", "Fecha de consentimiento": "consent.when", "": "", "???": "", "Observaciones": "",
	} {
		if got := h.byName(name, nil); got != want && want != "" || want == "" && got != "" && name != "Nº de cliente" {
			t.Errorf("%q is taken for %q, not %q", name, got, want)
		}
	}
	for want, samples := range map[string][]string{
		"email": {"ana@example.com", "b@c.es"}, "phone": {"600 111 222", "+34 91 123 45 67"},
		"id": {"0190a5c0-0000-7000-8000-000000000001"}, "": {"Bilbao", "12"},
	} {
		if got := byValues(samples); got != want {
			t.Errorf("%q are taken for %q", samples, got)
		}
	}
}

func TestDatesAreReadAsTheirColumnSays(t *testing.T) {
	for _, test := range []struct{ value, format, want string }{
		{"03/04/2024", "", "03/04/2024"}, {"03/04/2024", "dmy", "2024-04-03"}, {"03/04/2024", "mdy", "2024-03-04"},
		{"2024/4/3", "ymd", "2024-04-03"}, {"2024-04-03", "mdy", "2024-04-03"}, {"31/02/2024", "dmy", "31/02/2024"}, {"12.11.84", "dmy", "1984-11-12"},
		{"hoy", "dmy", "hoy"},
	} {
		if got := isoDate(test.value, test.format); got != test.want {
			t.Errorf("%q as %q is %q", test.value, test.format, got)
		}
	}
	if f := dateFormat([]string{"01/02/2024", "01/31/2024"}); f != "mdy" {
		t.Errorf("the format is %q", f)
	}
	if f := dateFormat([]string{"01/02/2024", "31/01/2024"}); f != "" {
		t.Errorf("the format is %q", f)
	}
}

func FuzzCells(f *testing.F) {
	f.Add("03/04/2024", "Teléfono_Móvil", "mdy")
	f.Add("a;b|c,\n", "ÑÖ1", "ymd")
	f.Add("99.99.99", "ФИО", "dmy")
	h, err := readHeadings()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, cell, heading, format string) {
		if folded := foldHeading(heading); foldHeading(folded) != folded {
			t.Errorf("%q folds to %q, and that to %q", heading, folded, foldHeading(folded))
		}
		h.byName(heading, nil)
		byValues([]string{cell})
		if iso := isoDate(cell, format); iso != cell {
			if _, err := time.Parse(time.DateOnly, iso); err != nil {
				t.Errorf("%q became %q", cell, iso)
			}
		}
		moment(cell, time.UTC)
		for _, entry := range entries(cell) {
			if entry == "" || strings.TrimSpace(entry) != entry {
				t.Errorf("%q has the entry %q", cell, entry)
			}
		}
		m := &mapper{columns: []*mostradorv1.Column{{Target: targetName}, {Target: targetCards}, {Target: consentState}, {Target: "fields.x", Format: format}}}
		m.draft([]string{cell, cell, heading, cell, cell})
	})
}

func TestExportWritesTheSelectionAndIsTold(t *testing.T) {
	w := newWorld(t)
	w.register(&plgv1.Customer{Name: "Ana García", Phone: "600000001", Email: "ana@example.com", Tags: []string{"VIP"}})
	w.register(&plgv1.Customer{Name: "=Eva", Phone: "600000002", Fields: map[string]string{"ciudad": "Bilbao"}})
	for i := range 1200 {
		w.register(&plgv1.Customer{Name: fmt.Sprintf("Cliente %d", i), Phone: fmt.Sprintf("61%07d", i)})
	}
	export := func(req *mostradorv1.ExportCustomersRequest) (string, [][]string) {
		t.Helper()
		var b bytes.Buffer
		name := ""
		if err := w.transfer.Export(t.Context(), clerk, req, func(n string) error { name = n; return nil }, &b); err != nil {
			t.Fatal(err)
		}
		r := csv.NewReader(strings.NewReader(strings.TrimPrefix(b.String(), "\ufeff")))
		r.Comma = ';'
		rows, err := r.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return name, rows
	}
	name, rows := export(&mostradorv1.ExportCustomersRequest{Selection: &mostradorv1.Selection{All: true}, Columns: []string{"number", "name", "phone"}})
	if !strings.HasPrefix(name, "clientes-") || !strings.HasSuffix(name, ".csv") || len(rows) != 1203 {
		t.Errorf("%s has %d rows", name, len(rows))
	}
	if got := fmt.Sprint(rows[:3]); got != "[[Número de cliente Nombre Teléfono] [1 Ana García +34600000001] [2 '=Eva +34600000002]]" {
		t.Errorf("it begins %s", got)
	}
	_, rows = export(&mostradorv1.ExportCustomersRequest{Selection: &mostradorv1.Selection{All: true, Filter: &mostradorv1.Filter{Tags: []string{"VIP"}}}})
	if len(rows) != 2 || len(rows[0]) < 15 {
		t.Errorf("the filter exports %v", rows)
	}
	told := events(t, w, "customers.exported")
	if len(told) != 2 || told[0].Actor.Operator != clerk.Operator || told[0].GetCustom().Fields["customers"].GetNumberValue() != 1202 ||
		told[1].GetCustom().Fields["selection"].GetStringValue() != "con las etiquetas VIP" {
		t.Errorf("told are %v", told)
	}
	if err := w.transfer.Export(t.Context(), clerk, &mostradorv1.ExportCustomersRequest{Columns: []string{"secret"}}, func(string) error { return nil }, new(bytes.Buffer)); err == nil {
		t.Error("an unknown column is exported")
	}
}

func TestExportedCustomersComeBackAsTheSame(t *testing.T) {
	w := newWorld(t)
	for i := range 40 {
		w.register(&plgv1.Customer{Name: fmt.Sprintf("Cliente %d", i), Phone: fmt.Sprintf("61%07d", i), Cards: []string{fmt.Sprintf("A%d", i), fmt.Sprintf("B%d", i)}, Tags: []string{"VIP", "Feria"}})
	}
	var b bytes.Buffer
	if err := w.transfer.Export(t.Context(), clerk, &mostradorv1.ExportCustomersRequest{Selection: &mostradorv1.Selection{All: true}}, func(string) error { return nil }, &b); err != nil {
		t.Fatal(err)
	}
	i := w.upload("clientes.csv", b.String())
	if c := counts(w.plan(i)); c != "40 rows: 0 new, 0 changed, 40 same, 0 skipped, 0 refused" {
		t.Errorf("%s: %v", c, w.rows(i.Id)[:2])
	}
	if _, err := w.transfer.Apply(t.Context(), clerk, i.Id); err == nil {
		t.Error("an import that does nothing is carried out")
	}
}
