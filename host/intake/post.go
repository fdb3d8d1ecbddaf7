package intake

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// What a request may be.
const (
	maxIdempotencyKey = 200 // bytes
	maxCustomer       = 300 // bytes
	// maxAhead is how far a sender's clock may be ahead, maxBehind how late an event may be told.
	maxAhead  = 5 * time.Minute
	maxBehind = 10 * 365 * 24 * time.Hour
)

// Sender is who tells events.
type Sender struct {
	// Key is the API key that was shown; nil for staff, who share one set of idempotency keys.
	Key *mostradorv1.IntegrationKey
	// Actor is who is recorded.
	Actor *plgv1.Actor
}

// Outcome is what became of one event of several: one of the two is set.
type Outcome struct {
	Response *mostradorv1.PostEventResponse
	Err      error
}

// Post takes one event in. What a sender can mend is a *Refused.
func (s *Service) Post(ctx context.Context, from Sender, req *mostradorv1.PostEventRequest) (*mostradorv1.PostEventResponse, error) {
	outcomes, err := s.PostAll(ctx, from, []*mostradorv1.PostEventRequest{req})
	if err != nil {
		return nil, err
	}
	return outcomes[0].Response, outcomes[0].Err
}

// PostAll takes events in, in their order and in one transaction; one that is refused keeps none of the others out.
// The error is of the store: then none was taken in.
func (s *Service) PostAll(ctx context.Context, from Sender, reqs []*mostradorv1.PostEventRequest) ([]Outcome, error) {
	outcomes, postings, some := make([]Outcome, len(reqs)), make([]*posting, len(reqs)), false
	for i, req := range reqs {
		p := &posting{s: s, from: from, req: req}
		if outcomes[i].Response, outcomes[i].Err = p.prepare(ctx); outcomes[i] == (Outcome{}) {
			postings[i], some = p, true
		}
		if err := outcomes[i].Err; err != nil && !refused(err) {
			return nil, err
		}
	}
	if !some {
		return outcomes, nil
	}
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		for i, p := range postings {
			if p == nil {
				continue
			}
			outcomes[i].Err = tx.Try(func() (err error) {
				outcomes[i].Response, err = p.commit(ctx, tx)
				return err
			})
			if err := outcomes[i].Err; err != nil && !refused(err) {
				return err
			}
		}
		return nil
	})
	return outcomes, err
}

func refused(err error) bool {
	var r *Refused
	return errors.As(err, &r)
}

// posting is one event on its way in.
type posting struct {
	s    *Service
	from Sender
	req  *mostradorv1.PostEventRequest
	// key and hash are what the idempotency key and the request are kept as.
	key, hash []byte
	files     []file
	time      *timestamppb.Timestamp
}

// prepare says all that can be said outside a transaction; the answer is set when the event was taken in before.
func (p *posting) prepare(ctx context.Context) (*mostradorv1.PostEventResponse, error) {
	s, req := p.s, p.req
	const unfit = http.StatusUnprocessableEntity
	if p.from.Key != nil && len(p.from.Key.Types) > 0 && !slices.Contains(p.from.Key.Types, req.GetType()) {
		return nil, s.refuse(ctx, http.StatusForbidden, "/type", "key_type", "type", req.GetType())
	}
	switch key := req.GetIdempotencyKey(); {
	case strings.TrimSpace(key) == "":
		return nil, s.refuse(ctx, http.StatusBadRequest, "/idempotency_key", "idempotency_missing")
	case len(key) > maxIdempotencyKey || !utf8.ValidString(key):
		return nil, s.refuse(ctx, http.StatusBadRequest, "/idempotency_key", "idempotency_long", "n", maxIdempotencyKey)
	case len(req.GetCustomer()) > maxCustomer || !utf8.ValidString(req.GetCustomer()):
		return nil, s.refuse(ctx, unfit, "/customer", "customer_long", "n", maxCustomer)
	}
	if proto.Size(req.GetData()) > 2*maxData {
		return nil, s.refuse(ctx, http.StatusRequestEntityTooLarge, "/data", "data_long", "n", maxData>>10)
	}
	var err error
	if p.files, err = s.files(ctx, req.GetFiles()); err != nil {
		return nil, err
	}
	if err := p.judgeTime(ctx); err != nil {
		return nil, err
	}
	if values := 0; !measured(structpb.NewStructValue(req.GetData()), 1, &values) {
		return nil, s.refuse(ctx, unfit, "/data", "data_shape", "depth", maxDepth, "n", maxValues)
	}
	data, err := canonical(req.GetData())
	if err != nil {
		return nil, err
	}
	if len(data) > maxData {
		return nil, s.refuse(ctx, http.StatusRequestEntityTooLarge, "/data", "data_long", "n", maxData>>10)
	}
	if err := p.fingerprint(data); err != nil {
		return nil, err
	}
	var before *mostradorv1.PostEventResponse
	var kind *mostradorv1.EventType
	if err := s.Store.View(func(tx *store.Tx) (err error) {
		// What was taken in is answered before it is judged again: its type may have changed since.
		if before, err = p.before(ctx, tx); err != nil || before != nil {
			return err
		}
		kind, err = s.find(tx, req.GetType(), locale.FromContext(ctx))
		return err
	}); err != nil || before != nil {
		return before, err
	}
	if kind == nil {
		return nil, s.refuse(ctx, http.StatusNotFound, "/type", "no_type", "type", req.GetType())
	}
	schema, err := s.compile(ctx, kind.GetSchema())
	if err != nil {
		return nil, err
	}
	return nil, s.judge(ctx, schema, req.GetData(), "/data")
}

func (p *posting) judgeTime(ctx context.Context) error {
	now := p.s.Now()
	if p.time = timestamppb.New(now); p.req.GetTime() == nil {
		return nil
	}
	p.time = p.req.GetTime()
	at := p.time.AsTime()
	switch {
	case !p.time.IsValid() || at.Before(now.Add(-maxBehind)):
		return p.s.refuse(ctx, http.StatusUnprocessableEntity, "/time", "time_behind")
	case at.After(now.Add(maxAhead)):
		return p.s.refuse(ctx, http.StatusUnprocessableEntity, "/time", "time_ahead")
	}
	return nil
}

// fingerprint makes the keyed hashes of the idempotency key and of the request, whose data is given as JSON.
func (p *posting) fingerprint(data []byte) error {
	type sentFile struct {
		Name, Type string
		SHA        []byte
	}
	request := struct {
		Type, Customer string
		Data           json.RawMessage
		Time           string
		Register       bool
		Files          []sentFile
	}{Type: p.req.GetType(), Customer: p.req.GetCustomer(), Data: data, Register: p.req.GetRegister()}
	if p.req.GetTime() != nil {
		request.Time = p.time.AsTime().Format(time.RFC3339Nano)
	}
	for _, f := range p.files {
		request.Files = append(request.Files, sentFile{f.name, f.kind, f.sha[:]})
	}
	text, err := json.Marshal(request)
	if err != nil {
		return err
	}
	p.key = p.s.keyed([]byte("key\x00" + p.from.Key.GetId() + "\x00" + p.req.GetIdempotencyKey()))
	p.hash = p.s.keyed(append([]byte("request\x00"), text...))
	return nil
}

func (s *Service) keyed(data []byte) []byte {
	mac := hmac.New(sha256.New, s.hashKey)
	mac.Write(data)
	return mac.Sum(nil)
}

// commit takes the event in.
func (p *posting) commit(ctx context.Context, tx *store.Tx) (*mostradorv1.PostEventResponse, error) {
	s := p.s
	if before, err := p.before(ctx, tx); err != nil || before != nil {
		return before, err
	}
	who, registered, err := p.customer(ctx, tx)
	if err != nil {
		return nil, err
	}
	detail := &structpb.Struct{Fields: map[string]*structpb.Value{}}
	for name, value := range p.req.GetData().GetFields() {
		detail.Fields[name] = value
	}
	if len(p.files) > 0 {
		detail.Fields[filesMember] = keep(tx, p.files)
	}
	e := &plgv1.Event{
		Type: Prefix + p.req.GetType(), Time: p.time, Actor: p.from.Actor, Customer: who,
		Detail: &plgv1.Event_Custom{Custom: detail},
	}
	if err := s.Log.Append(tx, e); err != nil {
		return nil, err
	}
	if who != nil && len(p.files) > 0 {
		held(tx, who.GetId(), e.GetSequence(), p.files)
	}
	counted(tx, p.req.GetType(), s.Now())
	answer := &mostradorv1.PostEventResponse{Sequence: e.GetSequence(), CustomerId: who.GetId(), Registered: registered}
	tx.Put(bucketRequest, p.key, answered(p.hash, answer))
	return answer, nil
}

// answered is the record of what was taken in: the request's hash, sequence, whether somebody was registered, and his id.
func answered(hash []byte, a *mostradorv1.PostEventResponse) []byte {
	record := binary.BigEndian.AppendUint64(slices.Clone(hash), a.GetSequence())
	registered := byte(0)
	if a.GetRegistered() {
		registered = 1
	}
	return append(append(record, registered), a.GetCustomerId()...)
}

// before returns the answer to the same request under this key, nil when there was none, and refuses another one's.
func (p *posting) before(ctx context.Context, tx *store.Tx) (*mostradorv1.PostEventResponse, error) {
	const head = sha256.Size + 8 + 1
	record := tx.Get(bucketRequest, p.key)
	switch {
	case len(record) < head:
		return nil, nil
	case !hmac.Equal(record[:sha256.Size], p.hash):
		return nil, p.s.refuse(ctx, http.StatusConflict, "/idempotency_key", "idempotency_other")
	}
	return &mostradorv1.PostEventResponse{
		Sequence: binary.BigEndian.Uint64(record[sha256.Size:]), Registered: record[head-1] == 1,
		CustomerId: string(record[head:]), Repeated: true,
	}, nil
}

// customer is whom the event concerns; nil for nobody.
func (p *posting) customer(ctx context.Context, tx *store.Tx) (who *plgv1.Customer, registered bool, err error) {
	s, req := p.s, p.req
	fields := req.GetData().GetFields()
	said := func(name string) string { return fields[name].GetStringValue() }
	keys := []string{strings.TrimSpace(req.GetCustomer())}
	if keys[0] == "" {
		if !req.GetRegister() {
			return nil, false, nil
		}
		keys = []string{said("email"), said("phone")}
	}
	for _, key := range keys {
		if key == "" {
			continue
		}
		who, err := s.Customers.FindTx(ctx, tx, key)
		if !errors.Is(err, customer.ErrNotFound) {
			return who, false, s.ofCustomers(ctx, err, "/customer")
		}
	}
	if !req.GetRegister() {
		return nil, false, s.refuse(ctx, http.StatusNotFound, "/customer", "no_customer")
	}
	newcomer := &plgv1.Customer{Name: said("name"), Email: said("email"), Phone: said("phone"), Language: said("language")}
	if newcomer.Email == "" && newcomer.Phone == "" {
		if key := keys[0]; strings.Contains(key, "@") {
			newcomer.Email = key
		} else {
			return nil, false, s.refuse(ctx, http.StatusUnprocessableEntity, "/data/email", "register_who")
		}
	}
	if newcomer.Name == "" { // a newsletter's form asks for the address only
		newcomer.Name, _, _ = strings.Cut(newcomer.Email, "@")
	}
	who, err = s.Customers.RegisterTx(ctx, tx, p.from.Actor, newcomer, "")
	return who, err == nil, s.ofCustomers(ctx, err, "/data")
}

// ofCustomers makes what the customers' side refuses a refusal of this package, with paths under that pointer.
func (s *Service) ofCustomers(ctx context.Context, err error, path string) error {
	var no *customer.Refused
	if !errors.As(err, &no) {
		return err
	}
	if no.Duplicate() { // its sentence would tell another system who has that phone
		return s.refuse(ctx, http.StatusUnprocessableEntity, path, "register_taken")
	}
	r := &mostradorv1.Refusal{}
	for _, d := range no.Refusal.GetDiagnostics() {
		if d.GetSeverity() != plgv1.Severity_SEVERITY_ERROR {
			continue
		}
		d = proto.CloneOf(d)
		if d.Path == "" || path == "/customer" {
			d.Path = path
		} else {
			d.Path = path + "/" + strings.ReplaceAll(d.Path, ".", "/")
		}
		r.Diagnostics = append(r.Diagnostics, d)
	}
	return &Refused{Status: http.StatusUnprocessableEntity, Refusal: r}
}
