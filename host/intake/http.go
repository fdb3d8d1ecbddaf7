package intake

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/locale"
	"mostrador/sdk/plgv1"
)

const (
	// maxBody is the longest body: the files of an event in Base64, and its data.
	maxBody = 15 << 20
	// maxBatch is how many events one request may tell.
	maxBatch = 100
	// maxBodyDepth is how deep a body nests: the data of an event in a batch.
	maxBodyDepth = maxDepth + 4
	// timeout bounds a request.
	timeout = 30 * time.Second
)

// Paths are where Handler answers.
var Paths = []string{"/v1/events", "/v1/events/batch", "/v1/events/types"}

// Handler answers at Paths: POST /v1/events tells one event, POST /v1/events/batch up to 100 as {"events": [...]}, and GET
// /v1/events/types lists what may be told. All of them need "Authorization: Bearer mk_…"; an event needs an
// idempotency key, in the header Idempotency-Key or as its member "idempotency_key". An event of a batch without one has
// the header's with its place behind it.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/events", s.served(http.MethodPost, s.serveOne))
	mux.HandleFunc("/v1/events/batch", s.served(http.MethodPost, s.serveBatch))
	mux.HandleFunc("/v1/events/types", s.served(http.MethodGet, s.serveTypes))
	return mux
}

// served finds out who asks, and answers what serve returns or refuses.
func (s *Service) served(method string, serve func(r *http.Request, from Sender) (int, any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		lang, _, _ := strings.Cut(r.Header.Get("Accept-Language"), ",")
		lang, _, _ = strings.Cut(lang, ";")
		if lang = strings.TrimSpace(lang); lang == "" || lang == "*" {
			lang = s.Language()
		}
		lang = s.Text.Language(lang)
		ctx = locale.NewContext(ctx, lang)
		w.Header().Set("Content-Language", lang)
		w.Header().Set("Cache-Control", "no-store")
		if r.Method != method {
			w.Header().Set("Allow", method)
			s.answerRefusal(ctx, w, s.refuse(ctx, http.StatusMethodNotAllowed, "", "method", "method", method))
			return
		}
		from, err := s.sender(ctx, r)
		if err != nil {
			s.answerRefusal(ctx, w, err)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		status, answer, err := serve(r.WithContext(ctx), from)
		if err != nil {
			s.answerRefusal(ctx, w, err)
			return
		}
		write(w, status, "application/json", answer)
	}
}

// sender is whose API key a request shows.
func (s *Service) sender(ctx context.Context, r *http.Request) (Sender, error) {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		secret = ""
	}
	key, err := s.Authenticate(ctx, strings.TrimSpace(secret))
	if err != nil {
		return Sender{}, err
	}
	actor := &plgv1.Actor{Operator: key.GetName(), Channel: "api"}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		actor.Ip = host
	}
	return Sender{Key: key, Actor: actor}, nil
}

// pace refuses what comes too fast.
func (s *Service) pace(ctx context.Context, from Sender, n int) error {
	if wait := s.rates.take(from.Key.GetId(), n, max(1, s.Rate()), s.Now()); wait > 0 {
		r := s.refuse(ctx, http.StatusTooManyRequests, "", "too_fast", "n", int(math.Ceil(wait.Seconds())))
		r.RetryAfter = wait
		return r
	}
	return nil
}

func (s *Service) serveOne(r *http.Request, from Sender) (int, any, error) {
	ctx := r.Context()
	if err := s.pace(ctx, from, 1); err != nil {
		return 0, nil, err
	}
	var sent sentEvent
	if err := s.read(r, &sent); err != nil {
		return 0, nil, err
	}
	req, err := sent.request(s, ctx, r.Header.Get("Idempotency-Key"))
	if err != nil {
		return 0, nil, err
	}
	answer, err := s.Post(ctx, from, req)
	if err != nil {
		return 0, nil, err
	}
	taken := takenOf(answer)
	return taken.Status, taken, nil
}

func (s *Service) serveBatch(r *http.Request, from Sender) (int, any, error) {
	ctx := r.Context()
	if err := s.pace(ctx, from, 1); err != nil {
		return 0, nil, err
	}
	var batch struct {
		Events []sentEvent `json:"events"`
	}
	if err := s.read(r, &batch); err != nil {
		return 0, nil, err
	}
	if n := len(batch.Events); n == 0 || n > maxBatch {
		return 0, nil, s.refuse(ctx, http.StatusUnprocessableEntity, "/events", "batch_size", "n", maxBatch)
	}
	if err := s.pace(ctx, from, len(batch.Events)-1); err != nil {
		return 0, nil, err
	}
	results := make([]any, len(batch.Events))
	var reqs []*mostradorv1.PostEventRequest
	var places []int
	for i := range batch.Events {
		key := r.Header.Get("Idempotency-Key")
		if key != "" {
			key += "/" + strconv.Itoa(i)
		}
		req, err := batch.Events[i].request(s, ctx, key)
		if err != nil {
			results[i] = s.problem(ctx, err)
			continue
		}
		reqs, places = append(reqs, req), append(places, i)
	}
	outcomes, err := s.PostAll(ctx, from, reqs)
	if err != nil {
		return 0, nil, err
	}
	for i, o := range outcomes {
		if o.Err != nil {
			results[places[i]] = s.problem(ctx, o.Err)
		} else {
			results[places[i]] = takenOf(o.Response)
		}
	}
	return http.StatusOK, map[string]any{"results": results}, nil
}

func (s *Service) serveTypes(r *http.Request, from Sender) (int, any, error) {
	if err := s.pace(r.Context(), from, 1); err != nil {
		return 0, nil, err
	}
	types, err := s.Types(r.Context())
	if err != nil {
		return 0, nil, err
	}
	type shownType struct {
		Type        string          `json:"type"`
		Name        string          `json:"name"`
		Description string          `json:"description,omitempty"`
		Schema      json.RawMessage `json:"schema"`
		Example     json.RawMessage `json:"example,omitempty"`
	}
	list := make([]shownType, len(types))
	for i, t := range types {
		list[i] = shownType{Type: t.Type, Name: t.Name, Description: t.Description, Schema: json.RawMessage(t.Schema)}
		if locale.FromContext(r.Context()) == "en" && t.NameEn != "" {
			list[i].Name = t.NameEn
		}
		if t.Example != "" {
			list[i].Example = json.RawMessage(t.Example)
		}
	}
	return http.StatusOK, map[string]any{"types": list}, nil
}

// sentEvent is an event as JSON has it.
type sentEvent struct {
	Type           string          `json:"type"`
	IdempotencyKey string          `json:"idempotency_key"`
	Customer       string          `json:"customer"`
	Data           json.RawMessage `json:"data"`
	Time           string          `json:"time"`
	Register       bool            `json:"register"`
	Files          []struct {
		Name        string `json:"name"`
		ContentType string `json:"content_type"`
		Data        []byte `json:"data"`
	} `json:"files"`
}

// request is what the event asks for. Key is the idempotency key unless it has its own.
func (e *sentEvent) request(s *Service, ctx context.Context, key string) (*mostradorv1.PostEventRequest, error) {
	req := &mostradorv1.PostEventRequest{
		Type: e.Type, IdempotencyKey: e.IdempotencyKey, Customer: e.Customer, Register: e.Register, Data: &structpb.Struct{},
	}
	if req.IdempotencyKey == "" {
		req.IdempotencyKey = key
	}
	if len(e.Data) > maxData {
		return nil, s.refuse(ctx, http.StatusRequestEntityTooLarge, "/data", "data_long", "n", maxData>>10)
	}
	if len(e.Data) > 0 {
		// Protobuf's reader refuses a name that is there twice, of which others take the one or the other.
		if e.Data[0] != '{' || req.Data.UnmarshalJSON(e.Data) != nil {
			return nil, s.refuse(ctx, http.StatusUnprocessableEntity, "/data", "data_object")
		}
	}
	if e.Time != "" {
		at, err := time.Parse(time.RFC3339, e.Time)
		if err != nil {
			return nil, s.refuse(ctx, http.StatusUnprocessableEntity, "/time", "time_format")
		}
		req.Time = timestamppb.New(at)
	}
	for _, f := range e.Files {
		req.Files = append(req.Files, &mostradorv1.PostedFile{Name: f.Name, ContentType: f.ContentType, Data: f.Data})
	}
	return req, nil
}

// read reads the body, one JSON value of known members, into v.
func (s *Service) read(r *http.Request, v any) error {
	ctx := r.Context()
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return s.refuse(ctx, http.StatusUnsupportedMediaType, "", "content_type")
	}
	body, err := io.ReadAll(r.Body)
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return s.refuse(ctx, http.StatusRequestEntityTooLarge, "", "body_long", "n", maxBody>>20)
	case err != nil:
		return s.refuse(ctx, http.StatusBadRequest, "", "body_broken")
	case !utf8.Valid(body):
		return s.refuse(ctx, http.StatusBadRequest, "", "body_utf8")
	case depth(body) > maxBodyDepth:
		return s.refuse(ctx, http.StatusBadRequest, "", "body_deep", "n", maxBodyDepth)
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return s.unreadable(ctx, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return s.refuse(ctx, http.StatusBadRequest, "", "body_more")
	}
	return nil
}

// unreadable says in words why JSON is not what is read here.
func (s *Service) unreadable(ctx context.Context, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return s.refuse(ctx, http.StatusBadRequest, "", "body_syntax", "n", syntax.Offset)
	case errors.As(err, &kind):
		return s.refuse(ctx, http.StatusBadRequest, "/"+strings.ReplaceAll(kind.Field, ".", "/"), "body_kind", "name", kind.Field)
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		name := strings.Trim(strings.TrimPrefix(err.Error(), "json: unknown field "), `"`)
		return s.refuse(ctx, http.StatusBadRequest, "/"+pointerStep(name), "body_unknown", "name", name)
	}
	return s.refuse(ctx, http.StatusBadRequest, "", "body_json")
}

// taken is the answer to an event that was taken in: 201, or 200 when it was before.
type taken struct {
	Status     int    `json:"status"`
	Sequence   uint64 `json:"sequence"`
	CustomerID string `json:"customer_id,omitempty"`
	Repeated   bool   `json:"repeated"`
	Registered bool   `json:"registered"`
}

func takenOf(a *mostradorv1.PostEventResponse) *taken {
	t := &taken{http.StatusCreated, a.GetSequence(), a.GetCustomerId(), a.GetRepeated(), a.GetRegistered()}
	if t.Repeated {
		t.Status = http.StatusOK
	}
	return t
}

// problem is RFC 9457's; code names it for programs, errors are all that is wrong.
type problem struct {
	Type   string         `json:"type"`
	Title  string         `json:"title"`
	Status int            `json:"status"`
	Detail string         `json:"detail"`
	Code   string         `json:"code"`
	Errors []problemError `json:"errors,omitempty"`
}

type problemError struct {
	Pointer string `json:"pointer"`
	Code    string `json:"code"`
	Detail  string `json:"detail"`
}

// problem is an error as the sender reads it. What is not his is logged, and he is asked to try again.
func (s *Service) problem(ctx context.Context, err error) *problem {
	var no *Refused
	if !errors.As(err, &no) {
		status, code := http.StatusInternalServerError, "internal"
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			status, code = http.StatusServiceUnavailable, "too_slow"
		} else {
			s.Logger.Error("an event of another system was not taken in", "error", err)
		}
		no = s.refuse(ctx, status, "", code)
	}
	p := &problem{Type: "about:blank", Title: http.StatusText(no.Status), Status: no.Status, Detail: no.Error()}
	for _, d := range no.Refusal.GetDiagnostics() {
		if p.Code == "" {
			p.Code = d.GetCode()
		}
		if d.GetPath() != "" {
			p.Errors = append(p.Errors, problemError{"#" + d.GetPath(), d.GetCode(), d.GetSummary()})
		}
	}
	return p
}

func (s *Service) answerRefusal(ctx context.Context, w http.ResponseWriter, err error) {
	p := s.problem(ctx, err)
	var no *Refused
	if errors.As(err, &no) && no.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(no.RetryAfter.Seconds()))))
	}
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="mostrador"`)
	}
	write(w, p.Status, "application/problem+json", p)
}

func write(w http.ResponseWriter, status int, kind string, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n')) // whoever has gone does not read it
}
