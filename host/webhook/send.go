package webhook

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
)

// maxWait is the longest that a receiver may ask to wait (Retry-After).
const maxWait = time.Hour

// reply is what came back: a status, or 0 and the key of a sentence that says why not. Of what the receiver wrote
// nothing is kept: it may be anything.
type reply struct {
	status int
	fault  string
	// wait is how long the receiver asks to wait.
	wait time.Duration
}

func (r reply) taken() bool { return r.status/100 == 2 }

// send makes one call. The error is of this side: nothing was sent then.
func (s *Service) send(ctx context.Context, w *mostradorv1.Webhook, st *state, id string, body []byte) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.GetUrl(), bytes.NewReader(body))
	if err != nil {
		return reply{fault: "url"}, nil
	}
	now := s.Now()
	signature, err := s.signature(w.GetId(), st, id, now, body)
	if err != nil {
		return reply{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Mostrador")
	r.Header.Set("webhook-id", id)
	r.Header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
	r.Header.Set("webhook-signature", signature)
	resp, err := s.client.Do(r)
	if err != nil {
		return reply{fault: faultOf(err)}, nil
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	got := reply{status: resp.StatusCode, fault: "status", wait: s.retryAfter(resp.Header.Get("Retry-After"))}
	switch {
	case got.status/100 == 3:
		got.fault = "redirect"
	case got.status == http.StatusGone:
		got.fault = "gone"
	}
	return got, nil
}

func (s *Service) retryAfter(header string) time.Duration {
	if seconds, err := strconv.Atoi(header); err == nil {
		return min(max(0, time.Duration(seconds)*time.Second), maxWait)
	}
	if at, err := http.ParseTime(header); err == nil {
		return min(max(0, at.Sub(s.Now())), maxWait)
	}
	return 0
}

// faultOf names why there was no answer.
func faultOf(err error) string {
	var dns *net.DNSError
	var alert tls.AlertError
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var record tls.RecordHeaderError
	var network net.Error
	switch {
	case errors.Is(err, errPrivate):
		return "private"
	case errors.As(err, &dns):
		return "dns"
	case errors.As(err, &alert), errors.As(err, &verification), errors.As(err, &authority), errors.As(err, &record),
		errors.Is(err, http.ErrSchemeMismatch):
		return "tls"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return "timeout"
	}
	return "connection"
}

// Test sends an example and says what came back; it is not among the calls.
func (s *Service) Test(ctx context.Context, id string) (*mostradorv1.WebhookCall, error) {
	var w *mostradorv1.Webhook
	var st *state
	if err := s.Store.View(func(tx *store.Tx) (err error) {
		if w, err = get(tx, id); err != nil {
			return err
		}
		st, err = readState(tx, id)
		return err
	}); err != nil {
		return nil, err
	}
	const kind = "webhook.test"
	now := s.Now()
	body, err := json.Marshal(payload{Type: kind, Timestamp: now, Data: data{Store: s.StoreName()}})
	if err != nil {
		return nil, err
	}
	call := id + "_test_" + strings.ToLower(rand.Text()[:10])
	got, err := s.send(ctx, w, st, call, body)
	if err != nil {
		return nil, err
	}
	answer := &mostradorv1.WebhookCall{
		Id: call, Webhook: id, Type: kind, Created: timestamppb.New(now), Attempts: 1, Status: int32(got.status),
		Answer: s.words(ctx, got.fault, int32(got.status)), Failed: !got.taken(),
	}
	if got.taken() {
		answer.Done = timestamppb.New(s.Now())
	}
	return answer, nil
}

// RetryCall makes a call again, at once, whether it failed, waits, or was taken, and returns what became of it.
func (s *Service) RetryCall(ctx context.Context, id string) (*mostradorv1.WebhookCall, error) {
	webhook, sequence, err := partsOf(id)
	if err != nil {
		return nil, err
	}
	j := &job{sequence: sequence}
	if err := s.Store.View(func(tx *store.Tx) (err error) {
		if j.webhook, err = get(tx, webhook); err != nil {
			return err
		}
		if j.state, err = readState(tx, webhook); err != nil {
			return err
		}
		switch c, err := readCall(tx, webhook, sequence); {
		case err != nil:
			return err
		case c == nil:
			return ErrNotFound
		}
		e, err := s.Log.Get(tx, sequence)
		if err != nil {
			return err
		}
		if e == nil {
			return ErrNotFound
		}
		j.kind = e.GetType()
		j.body, j.sent, err = s.view(tx, j.webhook, e)
		return err
	}); err != nil {
		return nil, err
	}
	if !j.sent {
		return nil, s.refuse(ctx, "", "erased")
	}
	got, err := s.send(ctx, j.webhook, j.state, id, j.body)
	if err != nil {
		return nil, err
	}
	// What was sent is recorded, though whoever asked has gone.
	c, err := s.record(context.WithoutCancel(ctx), j, got)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, ErrNotFound
	}
	return s.showCall(ctx, webhook, sequence, c), nil
}
