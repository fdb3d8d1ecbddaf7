package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"connectrpc.com/connect"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

type deliveryDashboardCmd struct {
	Last     int32  `default:"30" placeholder:"DAYS"`
	Plugin   string `placeholder:"PLUGIN"`
	Template string `placeholder:"TEMPLATE"`
	ByRule   string `placeholder:"RULE"`
}

type deliveryAddressesCmd struct {
	Text  string `arg:"" optional:""`
	State string `enum:"good,shaky,suppressed," default:"" placeholder:"good|shaky|suppressed"`
	Limit int32  `default:"50" placeholder:"N"`
	Page  string `placeholder:"PAGE"`
}

type deliverySuppressCmd struct {
	Address string `arg:""`
	Note    string `placeholder:"TEXT"`
}

type deliveryReleaseCmd struct {
	Address string `arg:""`
	Note    string `placeholder:"TEXT"`
}

type deliveryReportsCmd struct {
	Kind  string `enum:"unknown,bounce,complaint,auto_reply,reply,unsubscribe,delivered,other," default:"" placeholder:"unknown|bounce|complaint|auto_reply|reply|unsubscribe|delivered|other"`
	Limit int32  `default:"50" placeholder:"N"`
	Page  string `placeholder:"PAGE"`
}

type deliveryShowCmd struct {
	Report string `arg:""`
	Eml    bool
}

type deliverySettleCmd struct {
	Report  string `arg:""`
	As      string `arg:"" enum:"hard,soft,blocked,complaint,auto_reply,reply,unsubscribe,delivered,other"`
	Address string `placeholder:"ADDRESS"`
}

type deliveryReceiveCmd struct {
	Mail      string `arg:"" placeholder:"FILE.eml"`
	Recipient string `placeholder:"ADDRESS"`
}

type deliveryFetchCmd struct{}

type doctorMailCmd struct {
	Domain string `placeholder:"DOMAIN"`
}

func (c *deliveryDashboardCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.message.Dashboard(ctx, connect.NewRequest(&mostradorv1.DashboardRequest{
		Days: c.Last, Plugin: c.Plugin, Template: c.Template, Rule: c.ByRule,
	}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.dashboard(resp.Msg) })
}

// dashboard prints what is wrong, then what the numbers are.
func (s *session) dashboard(d *mostradorv1.DashboardResponse) {
	for _, a := range d.GetAlerts() {
		fmt.Fprintln(s.out, "* "+a.GetWords())
	}
	total := d.GetTotal()
	rows := s.pairs()
	for _, n := range []struct {
		key   string
		count uint64
	}{
		{"queued_mails", total.GetQueued()}, {"sent_mails", total.GetSent()}, {"delivered", total.GetDelivered()}, {"hard", total.GetHard()},
		{"soft", total.GetSoft()}, {"blocked", total.GetBlocked()}, {"complained", total.GetComplained()}, {"opened", total.GetOpened()},
		{"clicked", total.GetClicked()}, {"failed", total.GetFailed()}, {"held_back", total.GetSuppressed()}, {"waiting", d.GetWaiting()},
	} {
		rows.add(s.say("col_"+n.key), strconv.FormatUint(n.count, 10))
	}
	rows.add(s.say("col_latency"), fmt.Sprintf("%.2f s (p50), %.2f s (p99)", d.GetLatencyP50(), d.GetLatencyP99()))
	rows.print()
	if len(d.GetProviders()) > 0 {
		fmt.Fprintln(s.out)
		table := s.table("provider", "sent_mails", "delivered", "hard", "soft", "blocked", "complained")
		for _, p := range d.GetProviders() {
			n := p.GetCounts()
			table.add(cmp.Or(p.GetProvider(), s.say("other_providers")), fmt.Sprint(n.GetSent()), fmt.Sprint(n.GetDelivered()),
				fmt.Sprint(n.GetHard()), fmt.Sprint(n.GetSoft()), fmt.Sprint(n.GetBlocked()), fmt.Sprint(n.GetComplained()))
		}
		table.print()
	}
	if len(d.GetBounces()) > 0 {
		fmt.Fprintln(s.out)
		table := s.table("reason", "bounces")
		for _, b := range d.GetBounces() {
			table.add(s.bounceReason(b.GetReason()), strconv.FormatUint(b.GetCount(), 10))
		}
		table.print()
	}
}

// bounceReason is why a mail came back, in words.
func (s *session) bounceReason(reason string) string {
	key := "delivery.reason_" + reason
	if words := s.catalog.Text(s.lang, key); words != key {
		return words
	}
	return reason
}

func (c *deliveryAddressesCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.delivery.Addresses(ctx, connect.NewRequest(&mostradorv1.ListAddressesRequest{
		Text: c.Text, State: mostradorv1.AddressState(mostradorv1.AddressState_value["ADDRESS_STATE_"+strings.ToUpper(c.State)]),
		Limit: c.Limit, Page: c.Page,
	}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		rows := s.table("address", "state", "reason", "since", "customer")
		for _, a := range resp.Msg.GetAddresses() {
			rows.add(a.GetEmail(), s.addressState(a), s.addressReason(a), s.time(a.GetSince()), a.GetCustomerName())
		}
		rows.print()
		s.nextPage(resp.Msg.GetNextPage())
	})
}

func (s *session) addressState(a *mostradorv1.Address) string {
	return s.say("address_" + enum(a.GetState().String(), "ADDRESS_STATE_"))
}

func (s *session) addressReason(a *mostradorv1.Address) string {
	if a.GetReason() == "" {
		return ""
	}
	return s.say("suppressed_" + a.GetReason())
}

func (c *deliverySuppressCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.delivery.Suppress(ctx, connect.NewRequest(&mostradorv1.SuppressRequest{Email: c.Address, Note: c.Note}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.address(resp.Msg.GetAddress()) })
}

func (c *deliveryReleaseCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.delivery.Release(ctx, connect.NewRequest(&mostradorv1.ReleaseRequest{Email: c.Address, Note: c.Note}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.address(resp.Msg.GetAddress()) })
}

func (s *session) address(a *mostradorv1.Address) {
	rows := s.pairs()
	rows.add(s.say("col_address"), a.GetEmail())
	rows.add(s.say("col_state"), s.addressState(a))
	rows.addIf(s.say("col_reason"), s.addressReason(a))
	rows.add(s.say("col_since"), s.time(a.GetSince()))
	rows.addIf(s.say("col_note"), a.GetNote())
	rows.addIf(s.say("col_customer"), a.GetCustomerName())
	rows.print()
}

func (c *deliveryReportsCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.delivery.Reports(ctx, connect.NewRequest(&mostradorv1.ListReportsRequest{
		Kind: reportKind(c.Kind), Limit: c.Limit, Page: c.Page,
	}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		rows := s.table("report", "arrived", "kind", "from", "address", "subject")
		for _, r := range resp.Msg.GetReports() {
			rows.add(r.GetId(), s.time(r.GetReceived()), s.reportKind(r), r.GetFrom(), recipients(r), r.GetSubject())
		}
		rows.print()
		s.nextPage(resp.Msg.GetNextPage())
	})
}

func reportKind(name string) mostradorv1.ReportKind {
	return mostradorv1.ReportKind(mostradorv1.ReportKind_value["REPORT_KIND_"+strings.ToUpper(name)])
}

func (s *session) reportKind(r *mostradorv1.Report) string {
	return s.say("report_" + enum(r.GetKind().String(), "REPORT_KIND_"))
}

// recipients are the addresses of which a report speaks.
func recipients(r *mostradorv1.Report) string {
	var list []string
	for _, to := range r.GetRecipients() {
		list = append(list, to.GetEmail())
	}
	return strings.Join(list, ", ")
}

// Run prints a report and its mail, or with --eml only the mail as it came.
func (c *deliveryShowCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.delivery.GetReport(ctx, connect.NewRequest(&mostradorv1.GetReportRequest{Id: c.Report}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		if c.Eml {
			_, _ = s.out.Write(resp.Msg.GetEml())
			return
		}
		s.mailReport(resp.Msg.GetReport())
		fmt.Fprintf(s.out, "\n%s\n", resp.Msg.GetMail().GetText())
	})
}

func (s *session) mailReport(r *mostradorv1.Report) {
	rows := s.pairs()
	rows.add(s.say("col_report"), r.GetId())
	rows.add(s.say("col_arrived"), s.time(r.GetReceived()))
	rows.add(s.say("col_kind"), s.reportKind(r))
	rows.addIf(s.say("col_from"), r.GetFrom())
	rows.addIf(s.say("col_subject"), r.GetSubject())
	for _, to := range r.GetRecipients() {
		rows.add(s.say("col_address"), to.GetEmail())
		if b := to.GetBounce(); b != nil {
			rows.add(s.say("col_reason"), s.bounceReason(b.GetReason()))
			rows.addIf(s.say("col_answer"), strings.TrimSpace(b.GetStatus()+" "+b.GetWords()))
		}
		rows.addIf(s.say("col_message"), to.GetMessageId())
	}
	rows.print()
}

func (c *deliverySettleCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	req := &mostradorv1.SettleReportRequest{Id: c.Report, Email: c.Address, Kind: reportKind(c.As)}
	if kind, ok := mostradorv1.Bounce_Kind_value["KIND_"+strings.ToUpper(c.As)]; ok {
		req.Kind, req.Bounce = mostradorv1.ReportKind_REPORT_KIND_BOUNCE, &mostradorv1.Bounce{Kind: mostradorv1.Bounce_Kind(kind)}
	}
	resp, err := api.delivery.Settle(ctx, connect.NewRequest(req))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.mailReport(resp.Msg.GetReport()) })
}

// Run hands a mail over as a mail server does; "-" is what the command reads.
func (c *deliveryReceiveCmd) Run(ctx context.Context, s *session) error {
	var eml []byte
	var err error
	if c.Mail == "-" {
		eml, err = io.ReadAll(io.LimitReader(s.in, 8<<20))
	} else {
		eml, err = os.ReadFile(c.Mail)
	}
	if err != nil {
		return s.fault("file_unreadable", "file", c.Mail, "problem", err)
	}
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.delivery.Receive(ctx, connect.NewRequest(&mostradorv1.ReceiveRequest{Eml: eml, Recipient: c.Recipient}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.mailReport(resp.Msg.GetReport()) })
}

func (c *deliveryFetchCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.delivery.Fetch(ctx, connect.NewRequest(&mostradorv1.FetchRequest{}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.print("fetched", "n", resp.Msg.GetMails()) })
}

// Run says what is wrong with a mail domain and ends with 1 when something is.
func (c *doctorMailCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.delivery.Doctor(ctx, connect.NewRequest(&mostradorv1.DoctorRequest{Domain: c.Domain}))
	if err != nil {
		return err
	}
	marks := map[plgv1.Severity]string{
		plgv1.Severity_SEVERITY_ERROR: "✗", plgv1.Severity_SEVERITY_WARNING: "!", plgv1.Severity_SEVERITY_INFO: "✓",
	}
	err = s.answer(resp.Msg, func() {
		for _, f := range resp.Msg.GetFindings() {
			fmt.Fprintf(s.out, "%s %s: %s\n", marks[f.GetSeverity()], strings.ToUpper(f.GetCheck()), f.GetWords())
			if f.GetName() != "" {
				fmt.Fprintf(s.out, "    %s  %s  %s\n", f.GetName(), f.GetType(), f.GetValue())
			}
		}
	})
	wrong := 0
	for _, f := range resp.Msg.GetFindings() {
		if f.GetSeverity() == plgv1.Severity_SEVERITY_ERROR {
			wrong++
		}
	}
	if err == nil && wrong > 0 {
		return s.fault("mail_ill", "n", wrong)
	}
	return err
}
