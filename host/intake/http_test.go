package intake_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

// answer is what came back.
type answer struct {
	status int
	header http.Header
	text   string
	json   map[string]any
}

func (w *world) call(method, path, body string, headers ...string) answer {
	w.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	w.intake.Handler().ServeHTTP(rec, r)
	a := answer{status: rec.Code, header: rec.Header(), text: rec.Body.String()}
	if err := json.Unmarshal([]byte(a.text), &a.json); err != nil {
		w.Fatalf("the answer is no JSON: %q", a.text)
	}
	return a
}

const question = `{"type":"faq.asked","data":{"question":"¿Abren?"}}`

func TestEventsAreToldOverHTTP(t *testing.T) {
	w := newWorld(t)
	secret, _ := w.key()
	auth := []string{"Authorization", "Bearer " + secret, "Idempotency-Key", "k1"}
	first := w.call("POST", "/v1/events", question, auth...)
	if first.status != 201 || first.json["sequence"] != 2.0 || first.json["repeated"] != false {
		t.Errorf("got %d %s", first.status, first.text)
	}
	again := w.call("POST", "/v1/events", " "+question+"\n", auth...)
	if again.status != 200 || again.json["sequence"] != 2.0 || again.json["repeated"] != true {
		t.Errorf("again: %d %s", again.status, again.text)
	}
	events := w.events("external.faq.asked")
	if len(events) != 1 || events[0].GetActor().GetOperator() != "Tienda web" || events[0].GetActor().GetChannel() != "api" {
		t.Errorf("events %v", events)
	}
	types := w.call("GET", "/v1/events/types", "", "Authorization", "bearer "+secret, "Accept-Language", "en-GB,en;q=0.9")
	list, _ := types.json["types"].([]any)
	if types.status != 200 || len(list) != 17 || types.header.Get("Content-Language") != "en" {
		t.Errorf("%d types, %d", len(list), types.status)
	}
	if kind := list[0].(map[string]any); kind["type"] != "blog.commented" || kind["name"] != "Blog comment" || kind["schema"].(map[string]any)["type"] != "object" {
		t.Errorf("type %v", kind)
	}
}

func TestWrongRequestsAreRefusedInWords(t *testing.T) {
	w := newWorld(t)
	secret, _ := w.key("faq.asked", "invoice.issued")
	for name, test := range map[string]struct {
		method, path, body string
		headers            []string
		status             int
		code, pointer      string
	}{
		"no key":         {"POST", "/v1/events", question, []string{"Authorization", ""}, 401, "key_unknown", ""},
		"wrong key":      {"POST", "/v1/events", question, []string{"Authorization", "Bearer mk_secreto1"}, 401, "key_unknown", ""},
		"basic":          {"POST", "/v1/events", question, []string{"Authorization", "Basic " + secret}, 401, "key_unknown", ""},
		"method":         {"GET", "/v1/events", "", nil, 405, "method", ""},
		"form":           {"POST", "/v1/events", "a=b", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "content_type", ""},
		"no JSON":        {"POST", "/v1/events", `{"type":`, nil, 400, "body_json", ""},
		"broken JSON":    {"POST", "/v1/events", `{"type" "secreto1"}`, nil, 400, "body_syntax", ""},
		"nothing":        {"POST", "/v1/events", "", nil, 400, "body_json", ""},
		"two":            {"POST", "/v1/events", question + question, nil, 400, "body_more", ""},
		"list":           {"POST", "/v1/events", "[]", nil, 400, "body_kind", "#/"},
		"unknown member": {"POST", "/v1/events", `{"tipo":"x"}`, nil, 400, "body_unknown", "#/tipo"},
		"wrong kind":     {"POST", "/v1/events", `{"register":"secreto1"}`, nil, 400, "body_kind", "#/register"},
		"not UTF-8":      {"POST", "/v1/events", "{\"type\":\"\xff\"}", nil, 400, "body_utf8", ""},
		"deep":           {"POST", "/v1/events", strings.Repeat("[", 10000) + strings.Repeat("]", 10000), nil, 400, "body_deep", ""},
		"no idempotency": {"POST", "/v1/events", question, []string{"Idempotency-Key", ""}, 400, "idempotency_missing", "#/idempotency_key"},
		"scope":          {"POST", "/v1/events", `{"type":"cart.abandoned"}`, nil, 403, "key_type", "#/type"},
		"no customer":    {"POST", "/v1/events", `{"type":"faq.asked","customer":"x@example.com","data":{"question":"?"}}`, nil, 404, "no_customer", "#/customer"},
		"schema":         {"POST", "/v1/events", `{"type":"faq.asked","data":{"question":7}}`, nil, 422, "fault_type", "#/data/question"},
		"data":           {"POST", "/v1/events", `{"type":"faq.asked","data":[]}`, nil, 422, "data_object", "#/data"},
		"twice":          {"POST", "/v1/events", `{"type":"faq.asked","data":{"question":"a","question":"b"}}`, nil, 422, "data_object", "#/data"},
		"time":           {"POST", "/v1/events", `{"type":"faq.asked","time":"ayer","data":{"question":"a"}}`, nil, 422, "time_format", "#/time"},
		"base64":         {"POST", "/v1/events", `{"type":"faq.asked","files":[{"data":"***"}]}`, nil, 400, "body_json", ""},
		"long data":      {"POST", "/v1/events", `{"type":"faq.asked","data":{"question":"` + strings.Repeat("a", 70<<10) + `"}}`, nil, 413, "data_long", "#/data"},
		"long body":      {"POST", "/v1/events", `{"type":"` + strings.Repeat("a", 16<<20) + `"}`, nil, 413, "body_long", ""},
		"no batch":       {"POST", "/v1/events/batch", `{"events":[]}`, nil, 422, "batch_size", "#/events"},
		"large batch":    {"POST", "/v1/events/batch", `{"events":[{}` + strings.Repeat(",{}", 100) + `]}`, nil, 422, "batch_size", "#/events"},
	} {
		t.Run(name, func(t *testing.T) {
			headers := append([]string{"Authorization", "Bearer " + secret, "Idempotency-Key", "key " + name}, test.headers...)
			a := w.call(test.method, test.path, test.body, headers...)
			if a.status != test.status || a.json["code"] != test.code || a.json["status"] != float64(test.status) {
				t.Fatalf("got %d %s", a.status, a.text)
			}
			if a.header.Get("Content-Type") != "application/problem+json" || a.json["title"] != http.StatusText(test.status) {
				t.Errorf("no problem of RFC 9457: %v %s", a.header, a.text)
			}
			if detail, _ := a.json["detail"].(string); len(detail) < 10 || strings.Contains(detail, "intake.") {
				t.Errorf("no sentence: %s", a.text)
			}
			if test.pointer != "" {
				errors, _ := a.json["errors"].([]any)
				if len(errors) == 0 || errors[0].(map[string]any)["pointer"] != test.pointer {
					t.Errorf("errors %v, want %s", a.json["errors"], test.pointer)
				}
			}
			if strings.Contains(a.text, "secreto1") || strings.Contains(a.text, secret) {
				t.Errorf("the answer repeats a secret: %s", a.text)
			}
			if test.status == 401 && !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") {
				t.Error("401 without WWW-Authenticate")
			}
		})
	}
	if n := len(w.events("external.faq.asked")); n != 0 {
		t.Errorf("%d events were taken in", n)
	}
}

func TestABatchAnswersForEach(t *testing.T) {
	w := newWorld(t)
	secret, _ := w.key()
	body := `{"events":[` + question + `,{"type":"faq.asked","data":{}},{"type":"faq.asked","data":7},{"type":"faq.asked","idempotency_key":"own","data":{"question":"b"}}]}`
	send := func() []string {
		a := w.call("POST", "/v1/events/batch", body, "Authorization", "Bearer "+secret, "Idempotency-Key", "lote-1")
		if a.status != 200 {
			t.Fatalf("%d %s", a.status, a.text)
		}
		var each []string
		for _, r := range a.json["results"].([]any) {
			m := r.(map[string]any)
			each = append(each, fmt.Sprintf("%v:%v", m["status"], m["code"]))
		}
		return each
	}
	if got := fmt.Sprint(send()); got != "[201:<nil> 422:fault_required 422:data_object 201:<nil>]" {
		t.Errorf("first %s", got)
	}
	if got := fmt.Sprint(send()); got != "[200:<nil> 422:fault_required 422:data_object 200:<nil>]" {
		t.Errorf("again %s", got)
	}
	a := w.call("POST", "/v1/events", `{"type":"faq.asked","idempotency_key":"own","data":{"question":"b"}}`, "Authorization", "Bearer "+secret)
	if a.status != 200 {
		t.Errorf("alone: %d %s", a.status, a.text)
	}
}

func TestAKeyHasARate(t *testing.T) {
	w := newWorld(t)
	w.rate = 20 // ten at once
	secret, _ := w.key()
	other, _ := w.key()
	tell := func(secret string, n int) answer {
		return w.call("POST", "/v1/events", question, "Authorization", "Bearer "+secret, "Idempotency-Key", fmt.Sprint(n))
	}
	for n := range 10 {
		if a := tell(secret, n); a.status != 201 {
			t.Fatalf("%d: %s", n, a.text)
		}
	}
	a := tell(secret, 10)
	if a.status != 429 || a.header.Get("Retry-After") != "3" || a.json["code"] != "too_fast" {
		t.Errorf("%d %v %s", a.status, a.header, a.text)
	}
	if a := tell(other, 0); a.status != 201 {
		t.Errorf("another key waits too: %s", a.text)
	}
	w.now = w.now.Add(3 * time.Second)
	if a := tell(secret, 10); a.status != 201 {
		t.Errorf("after the wait: %s", a.text)
	}
	// A batch counts as many, and one that is larger than the bucket passes when that is full.
	batch := `{"events":[` + question + strings.Repeat(","+question, 19) + `]}`
	a = w.call("POST", "/v1/events/batch", batch, "Authorization", "Bearer "+other, "Idempotency-Key", "lote")
	if a.status != 429 {
		t.Errorf("batch: %d %s", a.status, a.text)
	}
}

func TestLogsHoldNoSecrets(t *testing.T) {
	w := newWorld(t)
	var log bytes.Buffer
	w.intake.Logger = hclog.New(&hclog.LoggerOptions{Output: &log, Level: hclog.Trace})
	secret, _ := w.key()
	body := `{"type":"password.reset_requested","data":{"reset_url":"https://x.es/secreto1"}}`
	w.call("POST", "/v1/events", body, "Authorization", "Bearer "+secret, "Idempotency-Key", "k")
	w.store.Close() // from now on the store fails
	a := w.call("POST", "/v1/events", body, "Authorization", "Bearer "+secret, "Idempotency-Key", "k2")
	if a.status != 500 || a.json["code"] != "internal" {
		t.Errorf("%d %s", a.status, a.text)
	}
	if log.Len() == 0 {
		t.Error("a fault of the store is not logged")
	}
	for _, hidden := range []string{secret, "secreto1"} {
		if strings.Contains(log.String(), hidden) {
			t.Errorf("the log has a secret: %s", log.String())
		}
	}
}

func FuzzBody(f *testing.F) {
	f.Add(question)
	f.Add(`{"type":"invoice.issued","customer":"1","time":"2026-11-20T10:00:00Z","register":true,"data":{"invoice":"F1","total":6e1,"currency":"EUR"},"files":[{"name":"a.pdf","content_type":"application/pdf","data":"JVBERi0="}]}`)
	f.Add(`{"type":"cart.abandoned","data":{"cart":"\u0000","items":[{"article":"\ud800","name":"","quantity":1e308}]}}`)
	f.Add(`{"events":[` + question + `]}`)
	f.Add("\xef\xbb\xbf{}")
	w := newWorld(f)
	secret, _ := w.key()
	handler := w.intake.Handler()
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{"/v1/events", "/v1/events/batch"} {
			r := httptest.NewRequest("POST", path, strings.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+secret)
			r.Header.Set("Idempotency-Key", body[:min(len(body), 30)])
			rec := httptest.NewRecorder()
			handler.ServeHTTP(rec, r)
			data, _ := io.ReadAll(rec.Body)
			if rec.Code >= 500 || !json.Valid(data) {
				t.Fatalf("%s: %d %s", path, rec.Code, data)
			}
		}
	})
}
