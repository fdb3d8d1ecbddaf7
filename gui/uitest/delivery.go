package uitest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/api/mostradorv1/mostradorv1connect"
	"mostrador/sdk/plgv1"
)

// Dashboard is what the fixed store says of its mails: a month with a bad day.
func Dashboard(days int) *mostradorv1.DashboardResponse {
	res := &mostradorv1.DashboardResponse{Total: &mostradorv1.MessageCounts{}, Waiting: 1204, Oldest: at(38), LatencyP50: 0.18, LatencyP99: 0.94}
	for i := range days {
		sent := uint64(40 + i*7%60)
		c := &mostradorv1.MessageCounts{Queued: sent + 3, Sent: sent, Delivered: sent - sent/20, Hard: sent / 40, Soft: sent / 50, Blocked: sent / 80, Complained: uint64(i % 29 / 27),
			Opened: sent / 3, Clicked: sent / 9, Failed: uint64(i % 3 / 2), Suppressed: 1, Machine: sent / 6}
		res.Days = append(res.Days, &mostradorv1.DayCounts{Day: day.AddDate(0, 0, i+1-days).Format("2006-01-02"), Counts: c})
		t := res.Total
		t.Queued, t.Sent, t.Delivered, t.Hard, t.Soft, t.Blocked = t.Queued+c.Queued, t.Sent+c.Sent, t.Delivered+c.Delivered, t.Hard+c.Hard, t.Soft+c.Soft, t.Blocked+c.Blocked
		t.Complained, t.Opened, t.Clicked, t.Failed, t.Suppressed, t.Machine = t.Complained+c.Complained, t.Opened+c.Opened, t.Clicked+c.Clicked, t.Failed+c.Failed, t.Suppressed+c.Suppressed, t.Machine+c.Machine
	}
	t := res.Total
	part := func(n uint64) *mostradorv1.MessageCounts {
		return &mostradorv1.MessageCounts{Sent: t.Sent / n, Delivered: t.Delivered / n, Hard: t.Hard / n, Soft: t.Soft / n, Blocked: t.Blocked / n, Complained: t.Complained / n, Opened: t.Opened / n, Clicked: t.Clicked / n}
	}
	res.Providers = []*mostradorv1.ProviderCounts{{Provider: "gmail.com", Counts: part(2)}, {Provider: "hotmail.com", Counts: part(4)}, {Provider: "yahoo.es", Counts: part(9)}, {Provider: "", Counts: part(7)}}
	res.Templates = []*mostradorv1.TemplateCounts{{Plugin: "PLG0110", Template: "biblioteca/cesta", Counts: part(2)}, {Plugin: "PLG0074", Template: "templates/bienvenida.html", Counts: part(3)}}
	res.Bounces = []*mostradorv1.ReasonCount{{Reason: "unknown_user", Kind: mostradorv1.Bounce_KIND_HARD, Count: 21}, {Reason: "mailbox_full", Kind: mostradorv1.Bounce_KIND_SOFT, Count: 14},
		{Reason: "spam", Kind: mostradorv1.Bounce_KIND_BLOCKED, Count: 9}, {Reason: "greylisted", Kind: mostradorv1.Bounce_KIND_SOFT, Count: 4}, {Reason: "unknown_domain", Kind: mostradorv1.Bounce_KIND_HARD, Count: 2}}
	for i, count := range []uint64{310, 820, 640, 90, 21, 4, 1} {
		res.Latency = append(res.Latency, &mostradorv1.LatencyCount{Seconds: []float64{0.1, 0.25, 0.5, 1, 5, 60, 0}[i], Count: count})
	}
	res.Alerts = []*mostradorv1.MailAlert{{Code: "complaints", Severity: plgv1.Severity_SEVERITY_WARNING, Words: "Las quejas por correo no deseado pasan del 0,1 %. Revise a quién escriben las promociones.", Rate: 0.0014, Limit: 0.001, Since: at(-60 * 30)}}
	return res
}

func (h messages) Dashboard(_ context.Context, req *connect.Request[mostradorv1.DashboardRequest]) (*connect.Response[mostradorv1.DashboardResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	h.s.called(fmt.Sprint("dashboard ", req.Msg.Days))
	if h.s.Quiet {
		return connect.NewResponse(&mostradorv1.DashboardResponse{Total: &mostradorv1.MessageCounts{}}), nil
	}
	return connect.NewResponse(Dashboard(int(req.Msg.Days))), nil
}

// someAddresses are the addresses of which the fixed store knows trouble.
func someAddresses() []*mostradorv1.Address {
	hard := &mostradorv1.Bounce{Kind: mostradorv1.Bounce_KIND_HARD, Reason: "unknown_user", Status: "5.1.1", Words: "550 5.1.1 User unknown", AtOnce: true}
	full := &mostradorv1.Bounce{Kind: mostradorv1.Bounce_KIND_SOFT, Reason: "mailbox_full", Status: "4.2.2", Words: "452 4.2.2 Mailbox full"}
	marta := &plgv1.Actor{Operator: "Marta Ruiz", Till: "1", Channel: "gui"}
	return []*mostradorv1.Address{
		{Email: "joseluis.benitez.montoro@correo.example.com", State: mostradorv1.AddressState_ADDRESS_STATE_SUPPRESSED, Reason: "hard_bounce", Bounce: hard, Since: at(40), Weight: 4, Limit: 4, CustomerId: "c4", CustomerName: "José Luis Benítez de la Vega y Montoro",
			Events: []*mostradorv1.AddressEvent{{Time: at(40), Kind: "suppressed"}, {Time: at(40), Kind: "bounce", Bounce: hard, MessageId: "m2"}, {Time: at(-3000), Kind: "sent", MessageId: "m1"}}},
		{Email: "prensa@example.org", State: mostradorv1.AddressState_ADDRESS_STATE_SUPPRESSED, Reason: "staff", Since: at(-4000), Actor: marta, Note: "Pidió por teléfono que no se le escriba.",
			Events: []*mostradorv1.AddressEvent{{Time: at(-4000), Kind: "suppressed", Actor: marta, Note: "Pidió por teléfono que no se le escriba."}}},
		{Email: "nuria@example.com", State: mostradorv1.AddressState_ADDRESS_STATE_SHAKY, Reason: "soft_bounces", Bounce: full, Since: at(-900), Weight: 1.5, Limit: 4, CustomerId: "c5", CustomerName: "Nuria Pons",
			Events: []*mostradorv1.AddressEvent{{Time: at(-900), Kind: "bounce", Bounce: full}}},
		{Email: "andres.molina@example.com", State: mostradorv1.AddressState_ADDRESS_STATE_GOOD, Since: at(5), Limit: 4, CustomerId: "c2", CustomerName: "Andrés Molina"},
	}
}

// someReports are mails that came in about mails.
func someReports() []*mostradorv1.Report {
	return []*mostradorv1.Report{
		{Id: "r3", Received: at(52), Source: "imap", Kind: mostradorv1.ReportKind_REPORT_KIND_UNKNOWN, From: "postmaster@antiguo.example.net", Subject: "Ihre Nachricht konnte nicht zugestellt werden"},
		{Id: "r2", Received: at(41), Source: "imap", Kind: mostradorv1.ReportKind_REPORT_KIND_BOUNCE, From: "MAILER-DAEMON@mx.correo.example.com", Subject: "Undelivered Mail Returned to Sender", Method: "rfc3464",
			Recipients: []*mostradorv1.ReportedRecipient{{Email: "joseluis.benitez.montoro@correo.example.com", MessageId: "m2", CustomerId: "c4", Bounce: &mostradorv1.Bounce{Kind: mostradorv1.Bounce_KIND_HARD, Reason: "unknown_user", Status: "5.1.1", Words: "550 5.1.1 User unknown"}}}},
		{Id: "r1", Received: at(-500), Source: "imap", Kind: mostradorv1.ReportKind_REPORT_KIND_AUTO_REPLY, From: "andres.molina@example.com", Subject: "Fuera de la oficina", Method: "rfc3834", Recipients: []*mostradorv1.ReportedRecipient{{Email: "andres.molina@example.com"}}},
	}
}

type delivery struct {
	mostradorv1connect.UnimplementedDeliveryServiceHandler
	s *Store
}

func (h delivery) Addresses(_ context.Context, req *connect.Request[mostradorv1.ListAddressesRequest]) (*connect.Response[mostradorv1.ListAddressesResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	res := &mostradorv1.ListAddressesResponse{}
	for _, a := range h.s.Addresses {
		if (req.Msg.State == 0 || a.State == req.Msg.State) && strings.Contains(a.Email, strings.ToLower(req.Msg.Text)) {
			res.Addresses = append(res.Addresses, proto.CloneOf(a))
		}
	}
	return connect.NewResponse(res), nil
}

func (h delivery) set(email, note string, state mostradorv1.AddressState, kind string) (*mostradorv1.Address, error) {
	h.s.Lock()
	defer h.s.Unlock()
	i := slices.IndexFunc(h.s.Addresses, func(a *mostradorv1.Address) bool { return a.Email == email })
	if i < 0 {
		if !strings.Contains(email, "@") {
			return nil, refuse(connect.CodeInvalidArgument, &mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{wrong("email", "email_wrong", "A este correo le falta la parte que sigue a la @.")}})
		}
		i, h.s.Addresses = 0, append([]*mostradorv1.Address{{Email: email, Limit: 4}}, h.s.Addresses...)
	}
	h.s.called(kind + " " + email + " " + note)
	a, marta := h.s.Addresses[i], &plgv1.Actor{Operator: "Marta Ruiz", Till: "1", Channel: "gui"}
	a.State, a.Reason, a.Since, a.Actor, a.Note, a.Weight, a.Bounce = state, "staff", at(90), marta, note, 0, nil
	a.Events = append([]*mostradorv1.AddressEvent{{Time: at(90), Kind: kind, Actor: marta, Note: note}}, a.Events...)
	return proto.CloneOf(a), nil
}

func (h delivery) Suppress(_ context.Context, req *connect.Request[mostradorv1.SuppressRequest]) (*connect.Response[mostradorv1.SuppressResponse], error) {
	a, err := h.set(req.Msg.Email, req.Msg.Note, mostradorv1.AddressState_ADDRESS_STATE_SUPPRESSED, "suppressed")
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.SuppressResponse{Address: a}), nil
}

func (h delivery) Release(_ context.Context, req *connect.Request[mostradorv1.ReleaseRequest]) (*connect.Response[mostradorv1.ReleaseResponse], error) {
	a, err := h.set(req.Msg.Email, req.Msg.Note, mostradorv1.AddressState_ADDRESS_STATE_GOOD, "released")
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.ReleaseResponse{Address: a}), nil
}

func (h delivery) Reports(_ context.Context, req *connect.Request[mostradorv1.ListReportsRequest]) (*connect.Response[mostradorv1.ListReportsResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	res := &mostradorv1.ListReportsResponse{}
	for _, r := range h.s.Reports {
		if req.Msg.Kind == 0 || r.Kind == req.Msg.Kind {
			res.Reports = append(res.Reports, proto.CloneOf(r))
		}
	}
	return connect.NewResponse(res), nil
}

func (h delivery) report(id string) *mostradorv1.Report {
	for _, r := range h.s.Reports {
		if r.Id == id {
			return r
		}
	}
	return nil
}

func (h delivery) GetReport(_ context.Context, req *connect.Request[mostradorv1.GetReportRequest]) (*connect.Response[mostradorv1.GetReportResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	r := h.report(req.Msg.Id)
	if r == nil {
		return nil, notFound(req.Msg.Id)
	}
	words := "Ihre Nachricht an lucia@example.com vom 9. März wurde nicht zugestellt.\nDas Postfach ist überfüllt.\n"
	eml := "From: " + r.From + "\r\nSubject: " + r.Subject + "\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + words
	return connect.NewResponse(&mostradorv1.GetReportResponse{Report: proto.CloneOf(r), Eml: []byte(eml), Mail: &mostradorv1.RenderedMail{From: r.From, Subject: r.Subject, Text: words}}), nil
}

func (h delivery) Settle(_ context.Context, req *connect.Request[mostradorv1.SettleReportRequest]) (*connect.Response[mostradorv1.SettleReportResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	r := h.report(req.Msg.Id)
	h.s.called(fmt.Sprintf("settle %s %s %s %s %s", r.Id, req.Msg.Kind, req.Msg.Email, req.Msg.Bounce.GetKind(), req.Msg.Bounce.GetReason()))
	r.Kind, r.SettledBy = req.Msg.Kind, &plgv1.Actor{Operator: "Marta Ruiz", Till: "1", Channel: "gui"}
	if req.Msg.Email != "" {
		r.Recipients = []*mostradorv1.ReportedRecipient{{Email: req.Msg.Email, Bounce: req.Msg.Bounce}}
	}
	return connect.NewResponse(&mostradorv1.SettleReportResponse{Report: proto.CloneOf(r)}), nil
}

func (h delivery) Fetch(context.Context, *connect.Request[mostradorv1.FetchRequest]) (*connect.Response[mostradorv1.FetchResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	h.s.called("fetch")
	return connect.NewResponse(&mostradorv1.FetchResponse{Mails: 2}), nil
}

func (h delivery) Doctor(_ context.Context, req *connect.Request[mostradorv1.DoctorRequest]) (*connect.Response[mostradorv1.DoctorResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	h.s.called("doctor " + req.Msg.Domain)
	info, warning, bad := plgv1.Severity_SEVERITY_INFO, plgv1.Severity_SEVERITY_WARNING, plgv1.Severity_SEVERITY_ERROR
	return connect.NewResponse(&mostradorv1.DoctorResponse{Findings: []*mostradorv1.DoctorFinding{
		{Check: "dkim", Severity: bad, Words: "Los correos se firman, pero el DNS no tiene la clave: quien los recibe no puede comprobarla.", Name: "mostrador._domainkey.example.com", Type: "TXT", Value: "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="},
		{Check: "dmarc", Severity: warning, Words: "No hay política DMARC. Los grandes proveedores la piden.", Found: "", Name: "_dmarc.example.com", Type: "TXT", Value: "v=DMARC1; p=none; rua=mailto:dmarc@example.com"},
		{Check: "spf", Severity: info, Words: "El servidor de correo puede enviar por este dominio.", Found: "v=spf1 include:_spf.correo.example -all"},
		{Check: "tls", Severity: info, Words: "El servidor cifra con TLS 1.3 y su certificado vale."},
	}}), nil
}
