package delivery

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// TypeAlert is the type of the event that tells that a limit was passed.
const TypeAlert = "delivery.alert"

// bucketAlert holds the alerts that stand: code → MailAlert.
const bucketAlert store.Bucket = "delivery_alert"

// The policy about alerts.
const (
	// alertDays is the window of the rates, today included: a week has every weekday's habits in it.
	alertDays = 7
	// alertMails is how many mails must have left in the window before a rate says anything.
	alertMails = 100
	// alertCases is how many cases it takes beside: one complaint of a hundred mails is one person, not a rate.
	alertCases = 2
	// calm is which part of its limit a rate must have fallen to before its alert goes away, so that a rate at its limit
	// does not raise an alert every minute.
	calm = 0.8
)

// limits are where a warning and where an error begins.
type limits struct {
	code     string
	warn, no float64
}

var (
	// Gmail and Yahoo ask senders to stay below 0.1 % and never to reach 0.3 % (their rules for senders of 2024); their
	// rates count complaints of mails that arrived.
	limitComplaints = limits{"complaints", 0.001, 0.003}
	// Mails to addresses that there are not, or that servers do not want from here. Lists in good order stay below 2 %.
	limitBounces = limits{"bounces", 0.02, 0.05}
	// Mails that never left.
	limitFailures = limits{"failures", 0.05, 0.2}
	// How long ago the answer to a customer that waits longest should have left, in seconds.
	limitQueue = limits{"queue", (15 * time.Minute).Seconds(), time.Hour.Seconds()}
	// How long the mailbox cannot be read, in seconds. A visit that fails once is no trouble.
	limitMailbox = limits{"mailbox", (15 * time.Minute).Seconds(), (24 * time.Hour).Seconds()}
)

// measure is what is held against a limit.
type measure struct {
	limits
	rate float64
	// cases of mails are behind the rate, where it is one.
	cases, of uint64
}

// badness orders severities; nothing is the least bad.
func badness(s plgv1.Severity) int {
	switch s {
	case plgv1.Severity_SEVERITY_ERROR:
		return 2
	case plgv1.Severity_SEVERITY_WARNING:
		return 1
	}
	return 0
}

// severity is how bad a measure is; before is how bad it was, SEVERITY_UNSPECIFIED when it was not.
func (m measure) severity(before plgv1.Severity) (plgv1.Severity, float64) {
	for _, step := range []struct {
		severity plgv1.Severity
		limit    float64
	}{
		{plgv1.Severity_SEVERITY_ERROR, m.no},
		{plgv1.Severity_SEVERITY_WARNING, m.warn},
	} {
		limit := step.limit
		if badness(before) >= badness(step.severity) {
			limit *= calm
		}
		if m.rate >= limit {
			return step.severity, step.limit
		}
	}
	return plgv1.Severity_SEVERITY_UNSPECIFIED, 0
}

// rate is a measure of cases among mails; too few of either are no rate.
func rate(l limits, cases, of uint64) measure {
	m := measure{limits: l, cases: cases, of: of}
	if of >= alertMails && cases >= alertCases {
		m.rate = float64(cases) / float64(of)
	}
	return m
}

// measures is how everything stands that has a limit.
func (s *Service) measures(tx *store.Tx, now time.Time) []measure {
	var total cell
	for _, value := range (place{}).from(tx, bucketCount, firstDay(now, alertDays)) {
		c := readCell(value)
		total.sum(&c)
	}
	n := func(counter int) uint64 { return uint64(total[counter]) }
	list := []measure{
		rate(limitComplaints, n(countComplained), n(countDelivered)),
		rate(limitBounces, n(countHard)+n(countBlocked), n(countSent)+n(countFailed)),
		rate(limitFailures, n(countFailed), n(countSent)+n(countFailed)),
	}
	queue, mailbox := measure{limits: limitQueue}, measure{limits: limitMailbox}
	// Advertising may take its time: a campaign of a million is no fault.
	if answers, _ := s.due(tx); !answers.IsZero() {
		queue.rate = max(0, now.Sub(answers).Seconds())
	}
	if since, _ := s.boxes.failing(); !since.IsZero() {
		mailbox.rate = now.Sub(since).Seconds()
	}
	return append(list, queue, mailbox)
}

// due is when the mail that waits longest was to leave, of the answers to customers and of all; zero when none waits.
func (s *Service) due(tx *store.Tx) (answers, all time.Time) {
	if s.cfg.Due == nil {
		return time.Time{}, time.Time{}
	}
	return s.cfg.Due(tx)
}

// CheckAlerts holds what is measured against the limits. Whoever passes one, or a worse one, is told once by an event;
// what is well again goes by itself. Run does it every minute.
func (s *Service) CheckAlerts(ctx context.Context) error {
	changes := false
	if err := s.cfg.Store.View(func(tx *store.Tx) error {
		return s.compare(tx, func(string, *mostradorv1.MailAlert, *mostradorv1.MailAlert) error { changes = true; return nil })
	}); err != nil || !changes {
		return err
	}
	return s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		return s.compare(tx, func(code string, before, now *mostradorv1.MailAlert) error {
			s.changed(tx)
			if now == nil {
				tx.Delete(bucketAlert, []byte(code))
				return nil
			}
			if s.cfg.Log != nil && badness(now.Severity) > badness(before.GetSeverity()) {
				detail, err := structpb.NewStruct(map[string]any{
					"code": code, "severity": strings.ToLower(strings.TrimPrefix(now.Severity.String(), "SEVERITY_")),
					"rate": now.Rate, "limit": now.Limit, "words": now.Words,
				})
				if err != nil {
					return err
				}
				if err := s.cfg.Log.Append(tx, &plgv1.Event{
					Type: TypeAlert, Time: now.Since, Actor: &plgv1.Actor{Channel: "host"}, Detail: &plgv1.Event_Custom{Custom: detail},
				}); err != nil {
					return err
				}
			}
			return store.PutProto(tx, bucketAlert, []byte(code), now)
		})
	})
}

// compare calls found for each alert that begins, changes its severity, or ends (now is nil then).
func (s *Service) compare(tx *store.Tx, found func(code string, before, now *mostradorv1.MailAlert) error) error {
	at := s.cfg.Now()
	for _, m := range s.measures(tx, at) {
		before := new(mostradorv1.MailAlert)
		if there, err := store.GetProto(tx, bucketAlert, []byte(m.code), before); err != nil {
			return err
		} else if !there {
			before = nil
		}
		alert := s.alert(s.cfg.Language(), m, before.GetSeverity())
		if alert.GetSeverity() == before.GetSeverity() {
			continue
		}
		if alert != nil {
			alert.Since = timestamppb.New(at)
		}
		if err := found(m.code, before, alert); err != nil {
			return err
		}
	}
	return nil
}

// alert is what a measure gives to say, nil when it is within its limits.
func (s *Service) alert(lang string, m measure, before plgv1.Severity) *mostradorv1.MailAlert {
	severity, limit := m.severity(before)
	if severity == plgv1.Severity_SEVERITY_UNSPECIFIED {
		return nil
	}
	a := &mostradorv1.MailAlert{Code: m.code, Severity: severity, Rate: m.rate, Limit: limit}
	switch m.code {
	case limitQueue.code:
		a.Words = s.text(lang, "alert_queue", "minutes", int(m.rate/60))
	case limitMailbox.code:
		_, err := s.boxes.failing()
		a.Words = s.text(lang, "alert_mailbox", "minutes", int(m.rate/60), "problem", s.cfg.Explain(lang, err))
	default:
		a.Words = s.text(lang, "alert_"+m.code, "rate", percent(m.rate), "limit", percent(limit), "n", int(m.cases), "of", int(m.of))
	}
	return a
}

// percent is a rate as people read it, with as many digits as it needs.
func percent(rate float64) string {
	return strconv.FormatFloat(float64(int(rate*10000+0.5))/100, 'f', -1, 64)
}

// alerts is what is wrong now, worst first.
func (s *Service) alerts(tx *store.Tx, lang string) ([]*mostradorv1.MailAlert, error) {
	at := s.cfg.Now()
	var list []*mostradorv1.MailAlert
	for _, m := range s.measures(tx, at) {
		before := new(mostradorv1.MailAlert)
		if _, err := store.GetProto(tx, bucketAlert, []byte(m.code), before); err != nil {
			return nil, err
		}
		if a := s.alert(lang, m, before.Severity); a != nil {
			a.Since = timestamppb.New(at)
			if before.Severity == a.Severity {
				a.Since = before.Since
			}
			list = append(list, a)
		}
	}
	slices.SortStableFunc(list, func(a, b *mostradorv1.MailAlert) int { return cmp.Compare(badness(b.Severity), badness(a.Severity)) })
	return list, nil
}
