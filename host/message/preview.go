package message

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// Draft is a mail to be looked at before it is sent to anybody.
type Draft struct {
	Source Source
	Kind   plgv1.MessageKind
	// Customer is whom it is written to; nil for one who does not exist.
	Customer *plgv1.Customer
	// Data is the event's; nil for an example.
	Data *structpb.Struct
	// Language is the one to write in; the customer's when empty.
	Language string
}

// Draw writes a draft's mail, with the store's settings and what is known of the customer. Links lead nowhere, and
// nothing is kept. What is wrong with the template comes beside it, in the language lang; with an error among it there
// is no mail.
func (s *Service) Draw(d Draft, lang string) (*Mail, *mostradorv1.RenderedMail, []*plgv1.Diagnostic, error) {
	tmpl, err := s.templates.get(d.Source)
	var faults Faults
	if errors.As(err, &faults) {
		return nil, nil, s.diagnostics(faults, lang), nil
	}
	if err != nil {
		return nil, nil, nil, err
	}
	said := s.diagnostics(tmpl.warnings, lang)
	set := s.cfg.Settings()
	set.WebAddress = "https://example.com"
	// A sender that is missing yet is no fault of the template.
	if !safeAddress(senderAddress(set)) {
		set.Sender = "tienda@example.com"
	}
	row, customer := sampleMessage(), sampleCustomer()
	known := sampleKnown(s.cfg.Now())
	if d.Customer != nil {
		customer, known = proto.CloneOf(d.Customer), &Known{Code: known.Code}
		row.CustomerId, row.To = d.Customer.GetId(), d.Customer.GetEmail()
		if !safeAddress(row.To) {
			row.To = "sin-correo@example.com"
		}
		if tmpl.asks() && s.cfg.Known != nil {
			err := s.cfg.Store.View(func(tx *store.Tx) error {
				var err error
				known, err = s.cfg.Known(tx, row, customer)
				return err
			})
			if err != nil {
				return nil, nil, nil, fmt.Errorf("what is known for a preview: %w", err)
			}
		}
	}
	if d.Language != "" {
		customer.Language = d.Language
	}
	row.MessageId = row.Id + "@" + senderDomain(set)
	row.Queued = timestamppb.New(s.cfg.Now().Truncate(time.Second))
	row.Kind, row.Data = d.Kind, d.Data
	if d.Data == nil {
		if object, ok := tmpl.data.example("").(map[string]any); ok {
			if row.Data, err = structpb.NewStruct(object); err != nil {
				return nil, nil, nil, fmt.Errorf("an example for a preview: %w", err)
			}
		}
	}
	row.Language = languageOf(customer, set)
	r, err := tmpl.render(newView(row, customer, set, known), voice{lang: row.Language, currency: set.Currency}, nil)
	var mail *Mail
	if err == nil {
		mail, err = write(row, customer, set, r, nil)
	}
	var seen *mostradorv1.RenderedMail
	if err == nil {
		seen, err = Read(mail.Bytes)
	}
	if err != nil {
		// The template is right in itself but not with this data (it compares what a plugin would send).
		return nil, nil, append(said, s.diagnostics(Faults{syntaxFault(err)}, lang)...), nil
	}
	return mail, seen, said, nil
}

// Preview renders a template's text for a customer who does not exist, without data of a plugin. What Check finds
// comes beside it; with an error among it there is no mail.
func (s *Service) Preview(text, lang string, links ...string) (*mostradorv1.RenderedMail, []*plgv1.Diagnostic) {
	d := Draft{Source: NewSource(text, ""), Kind: plgv1.MessageKind_MESSAGE_KIND_TRANSACTIONAL, Language: lang}
	_, seen, said, err := s.Draw(d, lang)
	if err != nil {
		return nil, s.diagnostics(Faults{syntaxFault(err)}, lang)
	}
	if seen != nil {
		said = s.Check(text, lang, links...)
	}
	return seen, said
}

// Check returns what a person should know about a template's text before it is put in force, in his language:
// errors, which forbid it, and warnings. The sentence names the line. links are the links that the mail is
// useless without ("activar"); their lack is worth a warning.
func (s *Service) Check(text, lang string, links ...string) []*plgv1.Diagnostic {
	return s.diagnostics(check(text, links), lang)
}

// check is Check without sentences.
func check(text string, links []string) Faults {
	tmpl, err := Parse(text)
	var faults Faults
	if errors.As(err, &faults) {
		return faults
	}
	faults = tmpl.warnings
	for _, link := range links {
		if !tmpl.links[link] {
			faults = append(faults, Fault{Code: "template_no_link", What: ".Enlaces." + link, Warning: true})
		}
	}
	return faults
}

func (s *Service) diagnostics(faults Faults, lang string) []*plgv1.Diagnostic {
	var all []*plgv1.Diagnostic
	for _, f := range faults {
		d := &plgv1.Diagnostic{
			Severity: plgv1.Severity_SEVERITY_ERROR, Summary: s.sentence(f, lang), Code: f.Code,
		}
		if f.Warning {
			d.Severity = plgv1.Severity_SEVERITY_WARNING
		}
		all = append(all, d)
	}
	return all
}

// sentence says what a fault is, and in which line.
func (s *Service) sentence(f Fault, lang string) string {
	words := s.cfg.Text(lang, "message."+f.Code, "what", f.What)
	if f.Line > 0 {
		words = s.cfg.Text(lang, "message.template_line", "line", f.Line, "what", words)
	}
	if f.Plain {
		words = s.cfg.Text(lang, "message.template_plain", "what", words)
	}
	return words
}

// sampleMessage is a mail to sampleCustomer.
func sampleMessage() *mostradorv1.Message {
	kinds := map[string]plgv1.Link_Kind{
		LinkActivate: plgv1.Link_KIND_ACTIVATION, LinkOptOut: plgv1.Link_KIND_OPT_OUT,
		LinkPreferences: plgv1.Link_KIND_PREFERENCES, LinkReason: plgv1.Link_KIND_REASON,
		LinkOnce: plgv1.Link_KIND_ONCE,
	}
	m := &mostradorv1.Message{
		Id: uuid.Nil.String(), To: "maria@example.com", Links: map[string]*plgv1.Link{}, Tokens: map[string]string{},
	}
	for name, kind := range kinds {
		m.Links[name], m.Tokens[name] = &plgv1.Link{Kind: kind}, "ejemplo"
	}
	return m
}

// sampleCustomer is a customer who does not exist.
func sampleCustomer() *plgv1.Customer {
	return &plgv1.Customer{
		Name: "María José Pérez Núñez", Phone: "+34600111222", Email: "maria@example.com", Number: 1042, Cards: []string{"2900000010427"},
		Fields: map[string]string{"direccion": "Calle Mayor 1, 28013 Madrid", "usuario": "maria.perez"},
	}
}

// sampleKnown is what is known of sampleCustomer.
func sampleKnown(now time.Time) *Known {
	day := func(ago int) *timestamppb.Timestamp { return timestamppb.New(now.AddDate(0, 0, -ago)) }
	return &Known{
		Facts: &plgv1.Facts{
			Purchases: 12, SpentMinor: 48_350, FirstPurchase: day(400), LastPurchase: day(3), Measures: map[string]float64{"puntos": 340},
		},
		Sales: []*plgv1.Sale{
			{Receipt: "A-1024", Time: day(3), Total: &plgv1.Money{Minor: 4_990}, Lines: []*plgv1.SaleLine{
				{Article: "Z-42", Name: "Zapatos de piel", Quantity: 1, Minor: 4_490}, {Article: "C-7", Name: "Crema", Quantity: 2, Minor: 500},
			}},
			{Receipt: "A-0990", Time: day(40), Total: &plgv1.Money{Minor: 1_250}},
		},
		Offers: []*mostradorv1.ChosenOffer{{Offer: &mostradorv1.Offer{
			Title: "Cinturones a juego", TitleEn: "Belts to match", Text: "Con sus zapatos nuevos.", TextEn: "With your new shoes.",
			Url: "https://example.com/cinturones", Action: "Ver", ActionEn: "See", Image: "https://example.com/cinturon.jpg",
		}}},
		Code: &mostradorv1.PromoCode{Code: "K7QFM-2XW9P", Benefit: "10 %", Expires: timestamppb.New(now.AddDate(0, 1, 0))},
	}
}

//go:embed test.html
var testTemplate string

// SendTest sends one small mail to an address, at once and through the transport in force, and returns what
// happened in words. Its error is a *Failed, or ctx's.
func (s *Service) SendTest(ctx context.Context, to, lang string) (answer string, err error) {
	set := s.cfg.Settings()
	data, err := structpb.NewStruct(map[string]any{
		"lang":  lang,
		"title": s.cfg.Text(lang, "message.test_title", "store", set.StoreName),
		"text":  s.cfg.Text(lang, "message.test_text", "store", set.StoreName),
	})
	if err != nil {
		return "", fmt.Errorf("the test mail: %w", err)
	}
	row := &mostradorv1.Message{To: to, Data: data}
	tmpl, err := s.templates.get(NewSource(testTemplate, ""))
	if err != nil {
		return "", fmt.Errorf("the test mail: %w", err)
	}
	customer := &plgv1.Customer{Language: lang}
	r, err := tmpl.render(newView(row, customer, set, nil), voice{lang: lang, currency: set.Currency}, nil)
	if err != nil {
		return "", &Failed{Words: s.wordsIn(lang, err), Err: err}
	}
	return s.sendNow(ctx, row, customer, r, lang)
}

// SendDraft sends what Draw shows to an address, at once, and returns what happened in words. A fault of the template
// is among the diagnostics; the error is a *Failed, or ctx's.
func (s *Service) SendDraft(ctx context.Context, d Draft, to, lang string) (answer string, said []*plgv1.Diagnostic, err error) {
	mail, _, said, err := s.Draw(d, lang)
	if mail == nil || err != nil {
		return "", said, err
	}
	seen, err := Read(mail.Bytes)
	if err != nil {
		return "", nil, err
	}
	tmpl, err := s.templates.get(d.Source)
	if err != nil {
		return "", nil, err
	}
	row := &mostradorv1.Message{To: to, Kind: d.Kind}
	r := &rendered{page: seen.GetHtml(), title: seen.GetSubject(), text: seen.GetText(), images: tmpl.images}
	customer := &plgv1.Customer{Language: cmp.Or(d.Language, d.Customer.GetLanguage())}
	answer, err = s.sendNow(ctx, row, customer, r, lang)
	return answer, nil, err
}

// sendNow writes and sends one mail that is nowhere in the outbox.
func (s *Service) sendNow(ctx context.Context, row *mostradorv1.Message, c *plgv1.Customer, r *rendered, lang string) (string, error) {
	set := s.cfg.Settings()
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("name a message: %w", err)
	}
	row.Id, row.MessageId = id.String(), id.String()+"@"+senderDomain(set)
	row.Queued = timestamppb.New(s.cfg.Now().Truncate(time.Second))
	mail, err := write(row, c, set, r, nil)
	if err == nil {
		err = s.transport(set).Send(ctx, set, mail)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		return "", &Failed{Words: s.wordsIn(lang, err), Err: err}
	case set.Server == "":
		return s.cfg.Text(lang, "message.test_spooled", "to", row.To), nil
	}
	return s.cfg.Text(lang, "message.test_accepted", "server", set.Server, "to", row.To), nil
}

// Failed is the error of SendTest: what went wrong, as a sentence for the person who asked.
type Failed struct {
	Words string
	Err   error
}

func (f *Failed) Error() string { return f.Words }
func (f *Failed) Unwrap() error { return f.Err }
