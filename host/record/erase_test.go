package record

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// secrets are what the store knows of Úrsula and of nobody else.
var secrets = []string{
	"Úrsula", "ursula", "Quintanilla", "+34600777888", "600777888", "u.quintanilla@example.com", "9876543210123", "1987-11-03", "Valdemoro",
	"petanca", "203.0.113.77", "Lynx-Rareza", "+34600777999", "alergia",
}

// lives has a customer do all that can be done in the shop, with a part and with a merge that was taken back.
func (s *shop) lives() *plgv1.Customer {
	s.t.Helper()
	ursula := s.register(&plgv1.Customer{
		Name: "Úrsula Quintanilla", Phone: "600777888", Email: "u.quintanilla@example.com", Cards: []string{"9876543210123"}, Tags: []string{"VIP"},
		Fields: map[string]string{"nacimiento": "1987-11-03", "ciudad": "Valdemoro", "aficiones": "petanca"},
	})
	part := s.register(&plgv1.Customer{Name: "Ursula Quintanilla", Phone: "600777999", Fields: map[string]string{"ciudad": "Valdemoro"}})
	other := s.register(&plgv1.Customer{Name: "Bea Sanz", Phone: "600111999"})
	s.update(func(tx *store.Tx) error {
		note, _ := structpb.NewStruct(map[string]any{"plugin": "PLG0009", "text": "Úrsula tiene alergia"})
		_, _, err := s.Consent.Invite(tx, luis, ursula.Id)
		return errors.Join(err,
			s.Log.Append(tx, &plgv1.Event{Type: "interaction.noted", Customer: s.mustGet(tx, ursula.Id), Detail: &plgv1.Event_Custom{Custom: note}}),
			s.Customers.Convert(tx, luis, s.mustGet(tx, ursula.Id), "Otoño"),
			s.Engine.Schedule(tx, "PLG0002", &plgv1.Schedule{
				Time: timestamppb.New(s.now.AddDate(100, 0, 0)), Name: "x", CustomerId: ursula.Id, Data: note,
			}, 0),
		)
	})
	s.accept(ursula.Id)
	s.sell("U-1", ursula.Id, 1000)
	s.sell("U-2", part.Id, 700)
	s.sell("B-1", other.Id, 100)
	s.mail(ursula.Id)
	s.work()
	s.update(func(tx *store.Tx) error {
		event.PutState(tx, "PLG0400", ursula.Id, []byte(`{"q":"petanca"}`))
		return nil
	})
	// A mistake of the staff: for a while she was part of somebody else.
	mistake := s.merge(other, ursula, "phone")
	s.set(&plgv1.Customer{Id: other.Id, Tags: []string{"VIP", "Nueva"}}, "tags")
	s.unmerge(mistake.Merge)
	s.merge(ursula, part)
	s.set(&plgv1.Customer{Id: ursula.Id, Fields: map[string]string{"ciudad": ""}}, "fields.ciudad")
	if err := s.Dismiss(context.Background(), ursula.Id, other.Id); err != nil {
		s.t.Fatal(err)
	}
	s.work()
	return s.get(ursula.Id)
}

// traces are the places where a secret stands.
func (s *shop) traces() (found []string) {
	for key, value := range s.everything() {
		for _, secret := range secrets {
			if strings.Contains(key, secret) || bytes.Contains(value, []byte(secret)) {
				bucket, _, _ := strings.Cut(key, "/")
				found = append(found, bucket+": "+secret)
			}
		}
	}
	return found
}

func TestWhoIsErasedIsNowhere(t *testing.T) {
	s := newShop(t)
	ursula := s.lives()
	if len(s.traces()) < 20 {
		t.Fatalf("the store knows little of her: %v", s.traces())
	}
	spool := filepath.Join(filepath.Dir(s.path), "spool")
	mails := s.spool(spool, ursula.Id)
	before := s.everything()
	preview, err := s.Erase(context.Background(), luis, &mostradorv1.EraseRequest{CustomerId: ursula.Id, Preview: true})
	if err != nil || len(preview.Erased) < 4 || len(preview.Kept) < 4 {
		t.Fatalf("the preview says %v, %v", preview, err)
	}
	same(t, "a preview", before, s.everything(), nil)

	if _, err := s.Erase(context.Background(), luis, &mostradorv1.EraseRequest{CustomerId: ursula.Id, Reason: "lo pidió"}); err != nil {
		t.Fatal(err)
	}
	s.work() // the plug-in is told
	if found := s.traces(); len(found) > 0 {
		t.Errorf("she is still in %q", found)
	}
	for _, mail := range mails {
		if _, err := os.Stat(mail); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a mail is still in the spool: %v", err)
		}
	}
	for _, key := range []string{ursula.Id, "600777888", "9876543210123", "u.quintanilla@example.com", "1", "2"} {
		if _, err := s.Customers.Find(context.Background(), key); !errors.Is(err, customer.ErrNotFound) {
			t.Errorf("%s finds somebody: %v", key, err)
		}
	}
	// What the law wants stays: sales that are nobody's, and the proof of consent.
	for _, receipt := range []string{"U-1", "U-2"} {
		if sale, err := s.Sales.Get(receipt); err != nil || sale.CustomerId != "" || sale.Total.GetMinor() == 0 {
			t.Errorf("sale %s is %v, %v", receipt, sale, err)
		}
	}
	if v, err := s.Consent.Verify(context.Background()); err != nil || !v.Ok {
		t.Errorf("the ledger: %v, %v", v, err)
	}
	s.view(func(tx *store.Tx) error {
		entries, err := s.Consent.Entries(tx, ursula.Id, 0, -1)
		if err != nil || len(entries) < 4 || entries[0].Act != mostradorv1.ConsentAct_CONSENT_ACT_ERASED || entries[0].Reason != "lo pidió" {
			t.Errorf("the proof is %v, %v", entries, err)
		}
		if n := s.Customers.LastNumber(tx); n != 3 {
			t.Errorf("the last number is %d", n)
		}
		if states := event.StatesOf(tx, ursula.Id); len(states) > 0 {
			t.Errorf("plug-ins keep %q", states)
		}
		return nil
	})
	// The others are as they were, and the shop goes on.
	if bea := s.get("600111999 "[:0] + s.find("B-1")); bea.Name != "Bea Sanz" || bea.Phone != "+34600111999" {
		t.Errorf("Bea is %v", bea)
	}
	if _, _, err := s.Sales.Refund(context.Background(), luis, "U-1", 0, ""); err != nil {
		t.Errorf("giving back: %v", err)
	}
	s.work()
	again := s.register(&plgv1.Customer{Name: "Úrsula Quintanilla", Phone: "600777888", Cards: []string{"9876543210123"}})
	if again.Number != 4 {
		t.Errorf("she comes back as number %d", again.Number)
	}
	if _, err := s.Erase(context.Background(), luis, &mostradorv1.EraseRequest{CustomerId: ursula.Id}); !errors.Is(err, customer.ErrNotFound) {
		t.Errorf("erasing twice: %v", err)
	}
}

// find is the id of the customer of a sale.
func (s *shop) find(receipt string) string {
	s.t.Helper()
	sale, err := s.Sales.Get(receipt)
	if err != nil {
		s.t.Fatal(err)
	}
	return sale.CustomerId
}

// spool writes the customer's mails as files, as the outbox does without a server.
func (s *shop) spool(dir, id string) (files []string) {
	s.t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		s.t.Fatal(err)
	}
	s.view(func(tx *store.Tx) error {
		rows, err := s.Messages.Rows(tx, id, "", 10)
		for _, m := range rows {
			files = append(files, filepath.Join(dir, m.Id+".eml"))
			err = errors.Join(err, os.WriteFile(files[len(files)-1], []byte("Para Úrsula"), 0o600))
		}
		return err
	})
	if len(files) == 0 {
		s.t.Fatal("no mail")
	}
	return files
}

func TestAPersonIsGivenAllThatIsKnown(t *testing.T) {
	s := newShop(t)
	ursula := s.lives()
	s.set(&plgv1.Customer{Id: ursula.Id, Fields: map[string]string{"ciudad": "Valdemoro"}}, "fields.ciudad")
	var file bytes.Buffer
	if err := s.Disclose(context.Background(), luis, ursula.Id, &file); err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) []byte {
		t.Helper()
		f, err := archive.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	var data struct {
		Format   string
		Customer struct {
			Name, Phone, Email string
			Cards, Tags        []string
			Fields             map[string]string
		}
		Parts                             []struct{ Number int }
		Facts                             struct{ Purchases string }
		History, Consent, Sales, Messages []map[string]any
		Plugins                           map[string]any
	}
	if err := json.Unmarshal(read("datos.json"), &data); err != nil {
		t.Fatal(err)
	}
	if data.Format != format || data.Customer.Phone != "+34600777888" || data.Customer.Fields["aficiones"] != "petanca" ||
		len(data.Parts) != 1 || data.Parts[0].Number != 2 || data.Facts.Purchases != "2" || len(data.Sales) != 2 || len(data.Messages) != 1 ||
		len(data.Consent) < 4 || data.Consent[0]["proof"] == "" || len(data.Plugins) != 3 {
		t.Errorf("the data are %+v", data)
	}
	answer, err := s.History(context.Background(), &mostradorv1.HistoryRequest{CustomerId: ursula.Id, Limit: 500})
	if err != nil || len(data.History) != len(answer.Entries) || answer.Entries[0].Kind != kindPrivacy {
		t.Errorf("%d entries of %d, %v", len(data.History), len(answer.Entries), err)
	}
	page := string(read("sus-datos.html"))
	for _, want := range []string{"<html lang=\"es\">", "Úrsula Quintanilla", "u.quintanilla@example.com", "petanca", "203.0.113.77", "U-1", "10,00 €", "alergia", "La Esquina", "no es"} {
		if want != "no es" && !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	for _, never := range []string{"<script", "record.", "http-equiv"} {
		if strings.Contains(page, never) {
			t.Errorf("the page has %q", never)
		}
	}
	// Nothing that somebody wrote becomes a part of the page.
	s.set(&plgv1.Customer{Id: ursula.Id, Fields: map[string]string{"ciudad": "<script>alert(1)</script>"}}, "fields.ciudad")
	file.Reset()
	if err := s.Disclose(context.Background(), luis, ursula.Id, &file); err != nil {
		t.Fatal(err)
	}
	if archive, err = zip.NewReader(bytes.NewReader(file.Bytes()), int64(file.Len())); err != nil {
		t.Fatal(err)
	}
	if page := string(read("sus-datos.html")); strings.Contains(page, "<script") || !strings.Contains(page, "&lt;script&gt;") {
		t.Error("the page runs what somebody wrote")
	}
}
