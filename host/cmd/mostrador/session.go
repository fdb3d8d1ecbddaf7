package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"mostrador/host"
	"mostrador/host/api"
	"mostrador/host/api/mostradorv1"
	"mostrador/host/api/mostradorv1/mostradorv1connect"
	"mostrador/sdk/plgv1"
)

// session is one command at work: the command line, the streams, and the API once it is needed.
type session struct {
	*grammar
	*words
	streams
	api *clients
	// opening guards own, which a call may have to open.
	opening sync.Mutex
	own     *ownHost
}

// clients are the services of the API.
type clients struct {
	access      mostradorv1connect.AccessServiceClient
	customer    mostradorv1connect.CustomerServiceClient
	consent     mostradorv1connect.ConsentServiceClient
	event       mostradorv1connect.EventServiceClient
	field       mostradorv1connect.FieldServiceClient
	message     mostradorv1connect.MessageServiceClient
	integration mostradorv1connect.IntegrationServiceClient
	plugin      mostradorv1connect.PluginServiceClient
	promotion   mostradorv1connect.PromotionServiceClient
	record      mostradorv1connect.RecordServiceClient
	rule        mostradorv1connect.RuleServiceClient
	sale        mostradorv1connect.SaleServiceClient
	segment     mostradorv1connect.SegmentServiceClient
	setting     mostradorv1connect.SettingServiceClient
	transfer    mostradorv1connect.TransferServiceClient
	tag         mostradorv1connect.TagServiceClient
	delivery    mostradorv1connect.DeliveryServiceClient

	subscription mostradorv1connect.SubscriptionServiceClient

	template mostradorv1connect.TemplateServiceClient
	task     mostradorv1connect.TaskServiceClient
}

// refusal is an end of a command that is no fault: the sentence was said, or is in the diagnostics.
type refusal struct {
	*mostradorv1.Refusal
}

func (r *refusal) Error() string {
	if len(r.GetDiagnostics()) == 0 {
		return ""
	}
	return r.GetDiagnostics()[0].GetSummary()
}

// misused is an end of a command whose arguments are wrong in a way that the parser cannot see.
type misused string

func (m misused) Error() string { return string(m) }

// errSaid ends a command that failed after it said all that there is to say.
var errSaid = errors.New("refused, and said so")

// connect returns the API of the home folder's host: the running one's, or that of a host in this process.
func (s *session) connect(ctx context.Context) (*clients, error) {
	if s.api != nil {
		return s.api, nil
	}
	home, err := s.homeFolder()
	if err != nil {
		return nil, err
	}
	if s.own, err = s.reach(ctx, home); err != nil {
		return nil, err
	}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return s.dial(ctx, home) },
	}
	client, base := &http.Client{Transport: transport}, "http://mostrador"
	opt := connect.WithInterceptors(connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
			req.Header().Set(api.HeaderLanguage, s.lang)
			if s.Till != "" {
				req.Header().Set(api.HeaderTill, s.Till)
			}
			resp, err := next(ctx, req)
			for range maxRepeats {
				answered := err == nil || connect.IsWireError(err) && connect.CodeOf(err) != connect.CodeUnavailable
				if answered || ctx.Err() != nil || !s.repeatable(req.Spec().Procedure) {
					break
				}
				time.Sleep(reachPause)
				resp, err = next(ctx, req)
			}
			return resp, err
		}
	}))
	s.api = &clients{
		access:      mostradorv1connect.NewAccessServiceClient(client, base, opt),
		customer:    mostradorv1connect.NewCustomerServiceClient(client, base, opt),
		consent:     mostradorv1connect.NewConsentServiceClient(client, base, opt),
		event:       mostradorv1connect.NewEventServiceClient(client, base, opt),
		field:       mostradorv1connect.NewFieldServiceClient(client, base, opt),
		integration: mostradorv1connect.NewIntegrationServiceClient(client, base, opt),
		message:     mostradorv1connect.NewMessageServiceClient(client, base, opt),
		plugin:      mostradorv1connect.NewPluginServiceClient(client, base, opt),
		promotion:   mostradorv1connect.NewPromotionServiceClient(client, base, opt),
		record:      mostradorv1connect.NewRecordServiceClient(client, base, opt),
		sale:        mostradorv1connect.NewSaleServiceClient(client, base, opt),
		segment:     mostradorv1connect.NewSegmentServiceClient(client, base, opt),
		setting:     mostradorv1connect.NewSettingServiceClient(client, base, opt),
		transfer:    mostradorv1connect.NewTransferServiceClient(client, base, opt),
		rule:        mostradorv1connect.NewRuleServiceClient(client, base, opt),
		tag:         mostradorv1connect.NewTagServiceClient(client, base, opt),
		delivery:    mostradorv1connect.NewDeliveryServiceClient(client, base, opt),

		subscription: mostradorv1connect.NewSubscriptionServiceClient(client, base, opt),

		template: mostradorv1connect.NewTemplateServiceClient(client, base, opt),
		task:     mostradorv1connect.NewTaskServiceClient(client, base, opt),
	}
	return s.api, nil
}

// maxRepeats is how often a call is made again that a host in closing did not take.
const maxRepeats = 5

// repeatable reports whether a call that was not answered may be made again. The host of another command may close
// just when a call comes; it answers what it has begun, so the call was not done. All that commands do is harmless
// when repeated, but for a plug-in's button.
func (s *session) repeatable(procedure string) bool {
	s.opening.Lock()
	defer s.opening.Unlock()
	return s.own == nil && procedure != mostradorv1connect.CustomerServiceRunProcedure
}

// dial connects to the home folder's host. Where the one that was there has gone meanwhile, this command's own takes
// its place: nothing was sent to the other yet.
func (s *session) dial(ctx context.Context, home string) (net.Conn, error) {
	conn, err := api.DialLocal(ctx, home)
	if err == nil {
		return conn, nil
	}
	s.opening.Lock()
	defer s.opening.Unlock()
	if s.own == nil {
		if s.own, err = s.reach(ctx, home); err != nil {
			return nil, err
		}
	}
	return api.DialLocal(ctx, home)
}

// reachTime bounds the wait for a home folder that another command is about to leave.
const reachTime = 10 * time.Second

// reachPause is the pause before the next try.
const reachPause = 20 * time.Millisecond

// reach makes sure that somebody answers on the home folder's socket. It returns the host that it opened for
// that, or nil when one runs already. Two commands at once take turns, or share the host of the first.
func (s *session) reach(ctx context.Context, home string) (*ownHost, error) {
	wait, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	for {
		conn, err := api.DialLocal(ctx, home)
		if err == nil {
			return nil, conn.Close()
		}
		own, err := s.openHost(ctx, home)
		switch {
		case err == nil:
			return own, nil
		case !inUse(err) || wait.Err() != nil:
			return nil, s.unopened(home, err)
		}
		select {
		case <-time.After(reachPause):
		case <-wait.Done():
		}
	}
}

// homeFolder returns the home folder's absolute path.
func (s *session) homeFolder() (string, error) {
	if s.Home != "" {
		return filepath.Abs(s.Home)
	}
	return host.DefaultHome()
}

// close ends what the command opened, after what it set off has settled.
func (s *session) close(ctx context.Context) error {
	s.opening.Lock()
	defer s.opening.Unlock()
	if s.own == nil {
		return nil
	}
	return s.own.settle(ctx)
}

// report says how the command ended and returns the exit code.
func (s *session) report(err error) int {
	var wrong misused
	switch {
	case err == nil:
		return done
	case errors.Is(err, errSaid):
		return refused
	case errors.As(err, &wrong):
		fmt.Fprintln(s.err, s.say("misuse", "problem", string(wrong)))
		return misuse
	}
	r := s.refusalOf(err)
	for _, d := range r.GetDiagnostics() {
		fmt.Fprintln(s.err, s.diagnostic(d))
	}
	for _, c := range r.GetDuplicates() {
		fmt.Fprintf(s.err, "  %s  %s\n", c.GetId(), strings.Join(nonEmpty(c.GetName(), c.GetPhone(), c.GetEmail()), " · "))
	}
	if s.JSON {
		s.printJSON(r)
	}
	return refused
}

// refusalOf returns what an error says to a person: the Refusal that it carries, or one with its sentence and
// Connect's name of its kind ("not_found") as code.
func (s *session) refusalOf(err error) *mostradorv1.Refusal {
	var own *refusal
	if errors.As(err, &own) {
		return own.Refusal
	}
	d := &plgv1.Diagnostic{Severity: plgv1.Severity_SEVERITY_ERROR, Summary: err.Error(), Code: connect.CodeOf(err).String()}
	var failed *connect.Error
	if errors.As(err, &failed) {
		for _, detail := range failed.Details() {
			if value, err := detail.Value(); err == nil {
				if r, ok := value.(*mostradorv1.Refusal); ok {
					return r
				}
			}
		}
		d.Summary = failed.Message()
		if failed.Code() == connect.CodeUnavailable {
			d.Summary, d.Detail = s.say("unavailable"), failed.Message()
		}
	}
	return &mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{d}}
}

// diagnostic is one diagnostic as a line: where it is, the sentence, and the detail below.
func (s *session) diagnostic(d *plgv1.Diagnostic) string {
	line := d.GetSummary()
	if d.GetPath() != "" {
		line = d.GetPath() + ": " + line
	}
	if d.GetDetail() != "" {
		line += "\n  " + strings.ReplaceAll(strings.TrimSpace(d.GetDetail()), "\n", "\n  ")
	}
	return line
}

// answer prints a response: as the API's JSON, or by the function for people.
func (s *session) answer(m proto.Message, people func()) error {
	if s.JSON {
		return s.printJSON(m)
	}
	people()
	return nil
}

func (s *session) printJSON(m proto.Message) error {
	line, err := api.MarshalJSON(m)
	if err != nil {
		return err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, line, "", "  "); err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.out, indented.String())
	return err
}

// print writes a line for people.
func (s *session) print(key string, args ...any) { fmt.Fprintln(s.out, s.say(key, args...)) }

func nonEmpty(values ...string) []string {
	var kept []string
	for _, v := range values {
		if v != "" {
			kept = append(kept, v)
		}
	}
	return kept
}

// readSecret returns value, or the first line of standard input when value is "-".
func (s *session) readSecret(value string) (string, error) {
	if value != "-" {
		return value, nil
	}
	data, err := readLimited(s.in)
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(data), "\n")
	return strings.TrimSuffix(line, "\r"), nil
}

// readFile returns a file's text, or standard input's when name is "-".
func (s *session) readFile(name string) (string, error) {
	if name == "-" {
		data, err := readLimited(s.in)
		return string(data), err
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return "", s.fault("file_unreadable", "file", name, "problem", err)
	}
	return string(data), nil
}

// fault is a refusal of the command line's own.
func (s *session) fault(key string, args ...any) error {
	return &refusal{&mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{{
		Severity: plgv1.Severity_SEVERITY_ERROR, Summary: s.say(key, args...), Code: key,
	}}}}
}
