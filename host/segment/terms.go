package segment

import (
	"context"
	"slices"
	"strings"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/locale"
	"mostrador/host/store"
)

// Terms lists what conditions can be about, in the language of whoever asks, section by section.
func (s *Service) Terms(ctx context.Context) ([]*mostradorv1.Term, error) {
	terms, err := s.terms(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]*mostradorv1.Term, 0, len(terms))
	for _, t := range terms {
		shown := &mostradorv1.Term{
			Id: t.id, Name: t.label, Section: s.text(ctx, t.section), Type: t.typ, Choices: t.choices,
		}
		for i := range operatorsOf[t.manner] {
			o := &operatorsOf[t.manner][i]
			if o.optional && t.always {
				continue
			}
			typ := t.typ
			if o.days || o.years {
				typ = "integer"
			}
			operands := int32(o.operands)
			shown.Operators = append(shown.Operators, &mostradorv1.TermOperator{
				Id: o.id, Name: s.text(ctx, "op_"+string(t.manner)+"_"+o.id), Operands: operands, Type: typ,
			})
		}
		list = append(list, shown)
	}
	return list, nil
}

// terms are those of this store at this moment, with their labels.
func (s *Service) terms(ctx context.Context) ([]*term, error) {
	states := s.choices(ctx, "consent", "pending", "given", "withdrawn")
	terms := []*term{
		{id: "name", section: "section_person", typ: "text", manner: mannerText, always: true},
		{id: "phone", section: "section_person", typ: "phone", manner: mannerText},
		{id: "email", section: "section_person", typ: "email", manner: mannerText},
		{id: "language", section: "section_person", typ: "text", manner: mannerExact},
		{id: "cards", section: "section_person", typ: "text", manner: mannerList},
		{id: "number", section: "section_person", typ: "integer", manner: mannerNumber, always: true},
		{id: "registered", section: "section_person", typ: "date", manner: mannerDate, always: true},
		{id: "last_activity", section: "section_person", typ: "date", manner: mannerDate, always: true},
	}
	lang := locale.FromContext(ctx)
	for _, f := range s.fields(lang) {
		terms = append(terms, fieldTerm(f))
	}
	tags, segments, err := s.nameChoices()
	if err != nil {
		return nil, err
	}
	terms = append(terms,
		&term{id: "tags", section: "section_groups", typ: "choice", manner: mannerNames, choices: tags},
		&term{id: "segments", section: "section_groups", typ: "choice", manner: mannerNames, always: true, choices: segments},
		&term{id: "consent.programme", section: "section_consent", typ: "choice", manner: mannerExact, always: true, choices: states},
		&term{id: "consent.promotions", section: "section_consent", typ: "choice", manner: mannerExact, always: true, choices: states},
		&term{id: "aplica_promociones", section: "section_consent", typ: "yes_no", manner: mannerYesNo, always: true},
		&term{id: "purchases.count", section: "section_purchases", typ: "integer", manner: mannerNumber, always: true},
		&term{id: "purchases.total", section: "section_purchases", typ: "decimal", manner: mannerNumber, always: true},
		&term{id: "purchases.first", section: "section_purchases", typ: "date", manner: mannerDate},
		&term{id: "purchases.last", section: "section_purchases", typ: "date", manner: mannerDate},
	)
	for _, m := range s.measures() {
		label := m.Name.In(lang)
		if label == "" {
			label = m.ID
		}
		terms = append(terms, &term{
			id: "measures." + m.ID, label: label, section: "section_measures", typ: "decimal", manner: mannerNumber, always: true,
		})
	}
	for _, t := range terms {
		if t.label == "" {
			t.label = s.text(ctx, "term_"+strings.ReplaceAll(t.id, ".", "_"))
		}
	}
	return terms, nil
}

// fieldTerm is the term of a field of the data model.
func fieldTerm(f *mostradorv1.Field) *term {
	t := &term{id: "fields." + f.GetId(), label: f.GetName(), typ: f.GetType(), choices: f.GetChoices()}
	if t.label == "" {
		t.label = f.GetId()
	}
	switch {
	case f.GetOrigin() == mostradorv1.FieldOrigin_FIELD_ORIGIN_PLUGIN:
		t.section = "section_plugins"
	case f.GetCategory() == mostradorv1.FieldCategory_FIELD_CATEGORY_DEMOGRAPHIC:
		t.section = "section_demographic"
	default:
		t.section = "section_profile"
	}
	switch {
	case f.GetMany():
		t.manner = mannerList
	case typeOf(f) == dateType:
		t.manner, t.typ = mannerDate, "date"
	default:
		switch f.GetType() {
		case "integer", "decimal", "money", "number":
			t.manner = mannerNumber
		case "yes_no":
			t.manner = mannerYesNo
		case "choice", "country", "customer", "color":
			t.manner = mannerExact
		default:
			t.manner = mannerText
		}
	}
	return t
}

func (s *Service) choices(ctx context.Context, group string, values ...string) []*mostradorv1.Choice {
	list := make([]*mostradorv1.Choice, len(values))
	for i, v := range values {
		list[i] = &mostradorv1.Choice{Value: v, Label: s.text(ctx, group+"_"+v)}
	}
	return list
}

// nameChoices are the tags and the segments, each by name.
func (s *Service) nameChoices() (tags, segments []*mostradorv1.Choice, err error) {
	err = s.Store.View(func(tx *store.Tx) error {
		list, err := s.Customers.Tags(tx)
		for _, t := range list {
			tags = append(tags, &mostradorv1.Choice{Value: t.GetName(), Label: t.GetName()})
		}
		return err
	})
	for _, e := range s.graph().entries {
		segments = append(segments, &mostradorv1.Choice{Value: e.definition.GetName(), Label: e.definition.GetName()})
	}
	byName := func(a, b *mostradorv1.Choice) int { return strings.Compare(fold(a.Label), fold(b.Label)) }
	slices.SortFunc(tags, byName)
	slices.SortFunc(segments, byName)
	return tags, segments, err
}
