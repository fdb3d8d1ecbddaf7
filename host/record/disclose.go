package record

import (
	"archive/zip"
	"context"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// typeDisclosed is the type of the event that tells that somebody was given what is known of him.
const typeDisclosed = "customer.disclosed"

// format names the structure of the JSON file. It is one object with
//
//	format, store, generated
//	customer     the record as the API has it, with its tags
//	parts        ids and numbers of records that became part of it
//	facts        what is counted of it
//	history      entries as in RecordService.History, newest first
//	consent      entries of the ledger, each with proof: the bytes (base64) of which, behind previousHash, SHA-256 is hash
//	subscriptions  what he hears of, every change of that, and why he left, as in SubscriptionService.Show
//	codes        of promotions, as in PromotionService.Codes
//	sales        as the API has them
//	messages     rows of the outbox, each with mail, as it left
//	plugins      by plug-in, its record of the customer: as it is when that is JSON, else {"base64": ...}
//
// Names within are those of the API's JSON.
const format = "mostrador.customer/1"

//go:embed page.html
var pageText string

// Disclose writes everything that the store knows of a customer as a ZIP with a page to read and JSON, and notes that
// it did. FileName is what the file should be called.
func (s *Service) Disclose(ctx context.Context, actor *plgv1.Actor, customerID string, w io.Writer) error {
	var id string
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		c, err := s.Customers.Get(tx, customerID)
		if err != nil {
			return err
		}
		id = c.Id
		return s.Log.Append(tx, &plgv1.Event{
			Type: typeDisclosed, Actor: actor, Customer: c, Detail: &plgv1.Event_Custom{Custom: &structpb.Struct{}},
		})
	})
	if err != nil {
		return err
	}
	d := &disclosure{s: s, ctx: ctx, id: id, lang: s.Text.Language(locale.FromContext(ctx)), at: s.Now()}
	if err := s.Store.View(d.read); err != nil {
		return err
	}
	archive := zip.NewWriter(w)
	for _, file := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{s.text(d.lang, "page_file") + ".html", d.page},
		{s.text(d.lang, "data_file") + ".json", d.json},
	} {
		entry, err := archive.CreateHeader(&zip.FileHeader{Name: file.name, Method: zip.Deflate, Modified: d.at})
		if err != nil {
			return fmt.Errorf("disclose: %w", err)
		}
		if err := file.write(entry); err != nil {
			return fmt.Errorf("disclose %s: %w", file.name, err)
		}
	}
	return archive.Close()
}

// FileName is what the ZIP of a customer should be called.
func (s *Service) FileName(ctx context.Context, customerID string) (string, error) {
	lang := locale.FromContext(ctx)
	name := ""
	err := s.Store.View(func(tx *store.Tx) error {
		c, err := s.Customers.Get(tx, customerID)
		name = s.text(lang, "zip_file", "number", c.GetNumber(), "date", s.Now().In(s.Location).Format(time.DateOnly)) + ".zip"
		return err
	})
	return name, err
}

// disclosure is what one customer is given. What may be much (history, messages) is read while it is written.
type disclosure struct {
	s        *Service
	ctx      context.Context
	id, lang string
	at       time.Time
	customer *plgv1.Customer
	facts    *mostradorv1.Facts
	parts    []customer.Part
	sales    []*plgv1.Sale
	states   map[string][]byte
	consent  []*mostradorv1.ConsentEntry
	proofs   map[uint64][]byte
	words    []string
	// subscribed is nil where there are no subscriptions.
	subscribed *mostradorv1.ShowSubscriptionsResponse
	// chosen says each change in words.
	chosen []string
	codes  []*mostradorv1.PromoCode
}

func (d *disclosure) read(tx *store.Tx) (err error) {
	if d.customer, err = d.s.Customers.Get(tx, d.id); err != nil {
		return err
	}
	if d.facts, err = d.s.Customers.Shown(tx, d.customer); err != nil {
		return err
	}
	d.parts = d.s.Customers.Parts(tx, uint32(d.customer.Number))
	if d.sales, err = d.s.Sales.Of(tx, d.id, 0); err != nil {
		return err
	}
	if d.words, err = d.s.Consent.Words(tx, d.id, d.lang); err != nil {
		return err
	}
	if err := d.subscriptions(tx); err != nil {
		return err
	}
	if d.s.Codes != nil {
		if d.codes, err = d.s.Codes(tx, d.id); err != nil {
			return err
		}
	}
	d.states, d.proofs = map[string][]byte{}, map[uint64][]byte{}
	for i, id := range d.s.Customers.IDs(tx, d.customer) {
		for plugin, state := range event.StatesOf(tx, id) {
			if i > 0 {
				plugin += " (" + id + ")"
			}
			d.states[plugin] = state
		}
		entries, err := d.s.Consent.Entries(tx, id, 0, -1)
		if err != nil {
			return err
		}
		for _, e := range entries {
			d.proofs[e.Sequence] = d.s.Consent.Proof(tx, e.Sequence)
		}
		d.consent = append(d.consent, entries...)
	}
	return nil
}

func (d *disclosure) subscriptions(tx *store.Tx) (err error) {
	if d.s.Subscriptions == nil {
		return nil
	}
	d.subscribed, err = d.s.Subscriptions.Show(tx, d.id, d.lang)
	for _, row := range d.subscribed.GetHistory() {
		d.chosen = append(d.chosen, d.s.Subscriptions.Words(tx, row, d.lang))
	}
	return err
}

// history yields the whole history, a page at a time.
func (d *disclosure) history(yield func(*mostradorv1.HistoryEntry) error) error {
	for page := ""; ; {
		answer, err := d.s.History(d.ctx, &mostradorv1.HistoryRequest{CustomerId: d.id, Limit: largest, Page: page})
		if err != nil {
			return err
		}
		for _, e := range answer.Entries {
			if err := yield(e); err != nil {
				return err
			}
		}
		if page = answer.NextPage; page == "" {
			return nil
		}
	}
}

// messages yields all messages with their mails, a few at a time.
func (d *disclosure) messages(yield func(*mostradorv1.Message, *mostradorv1.RenderedMail) error) error {
	if d.s.Messages == nil {
		return nil
	}
	const few = 20
	type letter struct {
		row  *mostradorv1.Message
		mail *mostradorv1.RenderedMail
	}
	for before := ""; ; {
		var letters []letter
		err := d.s.Store.View(func(tx *store.Tx) error {
			rows, err := d.s.Messages.Rows(tx, d.id, before, few)
			if err != nil {
				return err
			}
			for _, row := range rows {
				mail, err := d.s.Messages.Kept(tx, row.Id)
				if err != nil {
					return err
				}
				letters = append(letters, letter{row, mail})
				before = row.Id
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, l := range letters {
			if err := yield(l.row, l.mail); err != nil {
				return err
			}
		}
		if len(letters) < few {
			return nil
		}
	}
}

// json writes the file for machines.
func (d *disclosure) json(w io.Writer) error {
	j := &jsonWriter{w: w}
	j.raw("{")
	j.key("format", format)
	j.key("store", d.s.StoreName())
	j.key("generated", d.at.UTC().Format(time.RFC3339))
	j.key("customer", asJSON(d.customer))
	parts := []map[string]any{}
	for _, p := range d.parts {
		parts = append(parts, map[string]any{"id": p.ID, "number": p.Number})
	}
	j.key("parts", parts)
	j.key("facts", asJSON(d.facts))
	j.list("history", func(add func(any)) error {
		return d.history(func(e *mostradorv1.HistoryEntry) error { add(asJSON(e)); return j.err })
	})
	j.list("consent", func(add func(any)) error {
		for _, e := range d.consent {
			add(map[string]any{"entry": asJSON(e), "proof": base64.StdEncoding.EncodeToString(d.proofs[e.Sequence])})
		}
		return nil
	})
	if d.subscribed != nil {
		j.key("subscriptions", asJSON(d.subscribed))
	}
	j.list("codes", func(add func(any)) error {
		for _, c := range d.codes {
			add(asJSON(c))
		}
		return nil
	})
	j.list("sales", func(add func(any)) error {
		for _, sale := range d.sales {
			add(asJSON(sale))
		}
		return nil
	})
	j.list("messages", func(add func(any)) error {
		return d.messages(func(row *mostradorv1.Message, mail *mostradorv1.RenderedMail) error {
			both := map[string]any{"message": asJSON(row)}
			if mail != nil {
				both["mail"] = asJSON(mail)
			}
			add(both)
			return j.err
		})
	})
	plugins := map[string]any{}
	for plugin, state := range d.states {
		if json.Valid(state) {
			plugins[plugin] = json.RawMessage(state)
		} else {
			plugins[plugin] = map[string]string{"base64": base64.StdEncoding.EncodeToString(state)}
		}
	}
	j.key("plugins", plugins)
	j.raw("\n}\n")
	return j.err
}

// asJSON is a message as the API's JSON has it.
func asJSON(m proto.Message) json.RawMessage {
	data, err := protojson.MarshalOptions{}.Marshal(m)
	if err != nil { // texts are valid where they come in
		data = []byte("null")
	}
	return data
}

// jsonWriter writes one object, of which lists may be long. The first error stays.
type jsonWriter struct {
	w    io.Writer
	next string
	err  error
}

func (j *jsonWriter) raw(text string) {
	if j.err == nil {
		_, j.err = io.WriteString(j.w, text)
	}
}

func (j *jsonWriter) value(v any) {
	data, err := json.Marshal(v)
	if j.err == nil {
		j.err = err
	}
	j.raw(string(data))
}

func (j *jsonWriter) name(name string) {
	j.raw(j.next + "\n" + strconv.Quote(name) + ": ")
	j.next = ","
}

func (j *jsonWriter) key(name string, v any) {
	j.name(name)
	j.value(v)
}

func (j *jsonWriter) list(name string, each func(add func(any)) error) {
	j.name(name)
	j.raw("[")
	comma := ""
	err := each(func(v any) {
		j.raw(comma + "\n")
		comma = ","
		j.value(v)
	})
	if j.err == nil {
		j.err = err
	}
	j.raw("]")
}

// row is a line of a table of the page; the last cell may have several lines.
type row struct{ Cells []string }

// page writes the file to read.
func (d *disclosure) page(w io.Writer) error {
	t, err := template.New("page").Funcs(template.FuncMap{
		"t": func(key string, args ...any) string { return d.s.text(d.lang, key, args...) },
	}).Parse(pageText)
	if err != nil {
		return err
	}
	write := func(part string, data any) {
		if err == nil {
			err = t.ExecuteTemplate(w, part, data)
		}
	}
	table := func(title string, columns []string, fill func(add func(...string)) error) {
		begun := false
		failed := fill(func(cells ...string) {
			if !begun {
				begun = true
				write("table", map[string]any{"Title": title, "Columns": columns})
			}
			write("row", row{cells})
		})
		if begun {
			write("end_table", nil)
		}
		if err == nil {
			err = failed
		}
	}
	text := func(key string, args ...any) string { return d.s.text(d.lang, key, args...) }
	moment := func(at time.Time) string { return at.In(d.s.Location).Format(text("moment")) }
	write("head", map[string]any{
		"Lang": d.lang, "Store": d.s.StoreName(), "Name": d.customer.Name, "Date": moment(d.at), "Words": d.words,
		"File": text("data_file") + ".json",
	})
	table(text("page_record"), nil, func(add func(...string)) error {
		add(text("page_number"), strconv.FormatUint(d.customer.Number, 10))
		for _, path := range customer.Paths(d.customer, &plgv1.Customer{}) {
			if value := customer.TextOf(d.customer, path); value != "" || path == pathAplica {
				add(d.s.label(path, d.lang), d.s.value(path, value, d.lang))
			}
		}
		add(text("page_created"), moment(d.customer.Created.AsTime()))
		if d.facts.Purchases > 0 {
			add(text("page_purchases"), strconv.FormatUint(d.facts.Purchases, 10)+" · "+d.s.Sales.Format(d.lang, d.facts.Spent))
		}
		for _, id := range sortedKeys(d.facts.Measures) {
			add(d.s.measureName(id, d.lang), number(d.facts.Measures[id], d.lang))
		}
		for _, p := range d.parts {
			add(text("page_part"), strconv.FormatUint(uint64(p.Number), 10))
		}
		return nil
	})
	table(text("page_consent"), []string{text("col_when"), text("col_what"), text("col_where")}, func(add func(...string)) error {
		teller := &teller{s: d.s, lang: d.lang}
		for _, e := range d.consent {
			add(moment(e.Time.AsTime()), teller.consent(e), e.GetActor().GetIp())
		}
		return nil
	})
	table(text("page_subscriptions"), []string{text("col_when"), text("col_what")}, func(add func(...string)) error {
		for i, row := range d.subscribed.GetHistory() {
			add(moment(row.Since.AsTime()), strings.TrimSpace(d.chosen[i]+"\n"+row.Note))
		}
		for _, r := range d.subscribed.GetReasons() {
			add(moment(r.Time.AsTime()), strings.TrimSpace(d.s.Text.Text(d.lang, "subscription.reason_"+r.Reason)+"\n"+r.Words))
		}
		return nil
	})
	table(text("page_codes"), []string{text("col_when"), text("col_code"), text("col_what"), text("col_receipt")}, func(add func(...string)) error {
		for _, c := range d.codes {
			add(moment(c.Issued.AsTime()), c.Code, c.Benefit, c.Receipt)
		}
		return nil
	})
	table(text("page_sales"), []string{text("col_when"), text("col_receipt"), text("col_amount"), text("col_refunded")}, func(add func(...string)) error {
		for _, sale := range d.sales {
			refunded := ""
			if sale.GetRefunded().GetMinor() != 0 {
				refunded = d.s.Sales.Format(d.lang, sale.Refunded)
			}
			add(moment(sale.Time.AsTime()), sale.Receipt, d.s.Sales.Format(d.lang, sale.Total), refunded)
		}
		return nil
	})
	table(text("page_messages"), []string{text("col_when"), text("col_to"), text("col_what")}, func(add func(...string)) error {
		return d.messages(func(m *mostradorv1.Message, mail *mostradorv1.RenderedMail) error {
			content := m.GetSubject()
			if mail.GetText() != "" {
				content += "\n\n" + mail.GetText()
			}
			add(moment(m.GetQueued().AsTime()), m.GetTo(), content)
			return err
		})
	})
	table(text("page_plugins"), []string{text("col_plugin"), text("col_what")}, func(add func(...string)) error {
		for _, plugin := range sortedKeys(d.states) {
			content := string(d.states[plugin])
			if !json.Valid(d.states[plugin]) {
				content = base64.StdEncoding.EncodeToString(d.states[plugin])
			}
			add(d.s.pluginName(plugin, d.lang), content)
		}
		return nil
	})
	table(text("page_history"), []string{text("col_when"), text("col_who"), text("col_what")}, func(add func(...string)) error {
		return d.history(func(e *mostradorv1.HistoryEntry) error {
			content := e.Summary
			for _, c := range e.Changes {
				content += "\n" + text("change_line", "label", c.Label, "from", c.From, "to", c.To)
			}
			who := e.Way
			if operator := e.GetActor().GetOperator(); operator != "" {
				who = operator + " · " + who
			}
			add(moment(e.Time.AsTime()), who, content)
			return err
		})
	})
	write("tail", nil)
	return err
}
