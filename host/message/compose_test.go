package message

import (
	"bytes"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

var testSettings = Settings{
	StoreName: "Tienda Ñandú", Language: "es", Currency: "EUR", WebAddress: "https://tienda.example",
	Policy: map[string]string{"es": "Tratamos sus datos con cuidado.\nNo los cedemos."},
	Sender: "hola@tienda.example", SenderName: "Tienda Ñandú, la del barrio",
}

func testRow() *mostradorv1.Message {
	return &mostradorv1.Message{
		Id: "0198f2a0-0000-7000-8000-000000000001", MessageId: "0198f2a0-0000-7000-8000-000000000001@tienda.example",
		Kind: plgv1.MessageKind_MESSAGE_KIND_TRANSACTIONAL, CustomerId: "ana", To: "ana@example.com",
		Plugin: "PLG0074", Template: "bienvenida.html",
		Queued: timestamppb.New(time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)),
		Links: map[string]*plgv1.Link{
			"activar": {Kind: plgv1.Link_KIND_ACTIVATION, CustomerId: "ana"}, "baja": {Kind: plgv1.Link_KIND_OPT_OUT, CustomerId: "ana"},
		},
		Tokens: map[string]string{"activar": strings.Repeat("Act", 60), "baja": strings.Repeat("Baj", 60)},
	}
}

func testCustomer() *plgv1.Customer {
	return &plgv1.Customer{Id: "ana", Name: "Ana Muñoz, «la jefa»", Email: "ana@example.com", Phone: "+34600111222"}
}

func composeSample(t testing.TB, row *mostradorv1.Message) *Mail {
	t.Helper()
	text, err := os.ReadFile("testdata/bienvenida.html")
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	r, err := tmpl.render(newView(row, testCustomer(), testSettings, nil), voice{lang: "es", currency: "EUR"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := write(row, testCustomer(), testSettings, r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// paged is a page that was rendered.
func paged(page string) *rendered {
	title, text := plain(page)
	return &rendered{page: page, title: title, text: text}
}

// golden compares with a file; UPDATE_GOLDEN=1 writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.ReplaceAll(got, []byte("\r\n"), []byte("\n")), bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n"))) {
		t.Errorf("%s differs:\n%s", name, got)
	}
}

func TestGoldenMail(t *testing.T) {
	t.Setenv("TZ", "UTC")
	local := time.Local
	time.Local = time.UTC
	defer func() { time.Local = local }()
	m := composeSample(t, testRow())
	golden(t, "bienvenida.eml", m.Bytes)
	rendered, err := Read(m.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "bienvenida.txt", []byte(rendered.Text))
	if rendered.Subject != "Bienvenida a Tienda Ñandú, Ana" || !strings.Contains(rendered.Html, "<h1>¡Hola, Ana!</h1>") {
		t.Errorf("%q", rendered.Subject)
	}
}

func TestTheMailIsWhatItMustBe(t *testing.T) {
	row := testRow()
	m := composeSample(t, row)
	if row.Subject != "Bienvenida a Tienda Ñandú, Ana" || m.From != "hola@tienda.example" || m.To != "ana@example.com" {
		t.Errorf("%q %q %q", row.Subject, m.From, m.To)
	}
	for i, line := range bytes.Split(m.Bytes, []byte("\r\n")) {
		if bytes.ContainsAny(line, "\r\n") || len(line) > 998 {
			t.Errorf("line %d: %q", i, line)
		}
		for _, c := range line {
			if c >= 0x80 || c == 0 {
				t.Fatalf("line %d is not 7 bits: %q", i, line)
			}
		}
	}
	// Go's own parser as the other side.
	parsed, err := mail.ReadMessage(bytes.NewReader(m.Bytes))
	if err != nil {
		t.Fatal(err)
	}
	h := parsed.Header
	from, err := h.AddressList("From")
	if err != nil || from[0].Name != "Tienda Ñandú, la del barrio" || from[0].Address != "hola@tienda.example" {
		t.Errorf("%v %v", from, err)
	}
	to, err := h.AddressList("To")
	if err != nil || to[0].Name != "Ana Muñoz, «la jefa»" {
		t.Errorf("%v %v", to, err)
	}
	for name, want := range map[string]string{
		"Message-Id": "<" + row.MessageId + ">", "Mime-Version": "1.0", "Auto-Submitted": "auto-generated",
		"Content-Language": "es", "List-Unsubscribe": "", "List-Unsubscribe-Post": "",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if date, err := h.Date(); err != nil || !date.Equal(row.Queued.AsTime()) {
		t.Errorf("date %v %v", date, err)
	}
	if again := composeSample(t, testRow()); !bytes.Equal(again.Bytes, m.Bytes) {
		t.Error("the same row gives another mail")
	}
	row.Kind = plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL
	if parsed, err = mail.ReadMessage(bytes.NewReader(composeSample(t, row).Bytes)); err != nil {
		t.Fatal(err)
	}
	if parsed.Header.Get("List-Unsubscribe") != "<https://tienda.example/b/"+row.Tokens["baja"]+">" ||
		parsed.Header.Get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click" {
		t.Errorf("advertising cannot be left with one click: %v", parsed.Header)
	}
	row.Links = map[string]*plgv1.Link{"activar": row.Links["activar"]}
	if bytes.Contains(composeSample(t, row).Bytes, []byte("List-Unsubscribe")) {
		t.Error("a mail without an opt-out link names one")
	}
}

// attacks are what a header must not let through.
var attacks = []string{
	"Ana\r\nBcc: all@example.com", "Ana\nX: y", "Ana\r\n\r\n<html>", "Ana\x00", "Ana\u2028Bcc: x", "Ana\rX: y",
	"=?utf-8?q?Ana=0D=0ABcc:_x?=", `Ana" <x@example.com>, "b`, strings.Repeat("ñ", 5000), "\xff\xfe", "(comment", "Ana,Bea;",
}

func TestHeadersCannotBeInjected(t *testing.T) {
	for _, attack := range attacks {
		set := testSettings
		set.StoreName, set.SenderName = attack, attack
		row := testRow()
		row.MessageId = row.Id + "@" + senderDomain(set)
		customer := testCustomer()
		customer.Name, customer.Language = attack, attack
		m, err := write(row, customer, set, paged("<title>"+attack+"</title>x"), nil)
		if err != nil {
			t.Fatal(err)
		}
		checkHeader(t, attack, m.Bytes)
	}
}

func checkHeader(t *testing.T, attack string, eml []byte) {
	t.Helper()
	parsed, err := mail.ReadMessage(bytes.NewReader(eml))
	if err != nil {
		t.Fatalf("%q: %v", attack, err)
	}
	for name := range parsed.Header {
		switch name {
		case "From", "To", "Subject", "Date", "Message-Id", "Content-Language", "Auto-Submitted", "List-Unsubscribe",
			"List-Unsubscribe-Post", "Mime-Version", "Content-Type":
		default:
			t.Errorf("%q made a header field %q", attack, name)
		}
	}
	for _, field := range []string{"From", "To"} {
		list, err := parsed.Header.AddressList(field)
		if err != nil || len(list) != 1 || strings.ContainsAny(list[0].Name, "\r\n\x00\u2028") {
			t.Errorf("%q: %s is %v, %v", attack, field, list, err)
		}
	}
	header, _, _ := bytes.Cut(eml, []byte("\r\n\r\n"))
	for _, line := range bytes.Split(header, []byte("\r\n")) {
		if len(line) > 998 || bytes.ContainsAny(line, "\r\n\x00") {
			t.Errorf("%q: line %q", attack, line)
		}
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	for _, address := range []string{
		"", "ana", "@example.com", "ana@", "ana@example.com\r\nRCPT TO:<x@example.com>", "ana@example.com>", "<ana@example.com",
		"ana smith@example.com", "ana@exa mple.com", `"ana"@example.com`, "ana@example.com@x", "ana@-\n", "a..b@example.com",
		".a@example.com", "a.@example.com", "ana@example..com", "ñandú@example.com", "ana@ñandú.example", "a\x00@example.com",
		strings.Repeat("a", 65) + "@example.com", "a@" + strings.Repeat("b.", 126) + "example.com", "a,b@example.com", "a@b.com SIZE=1",
	} {
		row := testRow()
		row.To = address
		if _, err := write(row, testCustomer(), testSettings, paged("<title>x</title>"), nil); err == nil {
			t.Errorf("%q was taken as a recipient", address)
		}
		set := testSettings
		if set.Sender = address; address == "" {
			set.Server = "mx.example.com"
		}
		if _, err := write(testRow(), testCustomer(), set, paged("<title>x</title>"), nil); err == nil {
			t.Errorf("%q was taken as a sender", address)
		}
	}
	for _, address := range []string{"ana@example.com", "ana.m+x@sub.example.com", "o'neil_9@localhost", "a@xn--and-6ma2c.example"} {
		if !safeAddress(address) {
			t.Errorf("%q was refused", address)
		}
	}
}

func TestSendersWithoutSettings(t *testing.T) {
	if got := senderAddress(Settings{}); got != "mostrador@localhost" {
		t.Error(got)
	}
	if got := senderAddress(Settings{Server: "mx", Username: "tienda@example.com"}); got != "tienda@example.com" {
		t.Error(got)
	}
	if got := senderDomain(Settings{Server: "mx", Sender: "a@b\r\nc"}); got != "localhost" {
		t.Error(got)
	}
}

func TestMessageIDs(t *testing.T) {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	one := ID(at, "PLG0074", "12", 0)
	if one != ID(at, "PLG0074", "12", 0) {
		t.Error("the same effect has two ids")
	}
	seen := map[string]bool{one: true}
	for _, other := range []string{ID(at, "PLG0074", "12", 1), ID(at, "PLG0074", "1", 2), ID(at, "PLG0002", "12", 0), ID(at.Add(time.Second), "PLG0074", "12", 0)} {
		if seen[other] {
			t.Errorf("%s twice", other)
		}
		seen[other] = true
	}
	if later := ID(at.Add(time.Millisecond), "PLG0074", "1", 0); later <= one {
		t.Errorf("%s is not after %s", later, one)
	}
}

func FuzzHeaders(f *testing.F) {
	for _, attack := range attacks {
		f.Add(attack, attack, attack)
	}
	f.Fuzz(func(t *testing.T, name, title, address string) {
		set := testSettings
		set.SenderName = name
		row := testRow()
		customer := testCustomer()
		customer.Name, customer.Language = name, title
		if m, err := write(row, customer, set, paged("<title>"+title+"</title>"), nil); err != nil {
			t.Errorf("%q: %v", name, err)
		} else {
			checkHeader(t, name, m.Bytes)
		}
		row.To = address
		if m, err := write(row, customer, set, paged("<title>x</title>"), nil); err == nil {
			checkHeader(t, address, m.Bytes)
			if list, err := mail.ParseAddressList(m.To); err != nil || len(list) != 1 {
				t.Errorf("recipient %q: %v", m.To, err)
			}
		}
	})
}

func BenchmarkRender(b *testing.B) {
	text, err := os.ReadFile("testdata/bienvenida.html")
	if err != nil {
		b.Fatal(err)
	}
	source := NewSource(string(text), "")
	templates := newCache()
	row, customer := testRow(), testCustomer()
	b.ReportAllocs()
	for b.Loop() {
		tmpl, err := templates.get(source)
		if err != nil {
			b.Fatal(err)
		}
		r, err := tmpl.render(newView(row, customer, testSettings, nil), voice{lang: "es", currency: "EUR"}, nil)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := write(proto.CloneOf(row), customer, testSettings, r, nil); err != nil {
			b.Fatal(err)
		}
	}
}
