package delivery

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/blob"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

const (
	// bucketReport holds what came in: id → SHA-256 of the kept mail, Report. An id sorts by time.
	bucketReport store.Bucket = "delivery_report"
	// bucketReportKind lists them by kind: kind (1 byte), id → nothing.
	bucketReportKind store.Bucket = "delivery_report_kind"
	// bucketReportOf lists them by customer: customer id, 0, report id → nothing.
	bucketReportOf store.Bucket = "delivery_report_customer"
)

// keepReports is how long reports are kept that were understood. What nobody understood stays until a person has settled
// it.
const keepReports = 400 * 24 * time.Hour

func kindKey(kind mostradorv1.ReportKind, id string) []byte { return append([]byte{byte(kind)}, id...) }
func reportOfKey(customerID, id string) []byte              { return []byte(customerID + "\x00" + id) }

// putReport keeps a report that is not listed yet.
func putReport(tx *store.Tx, r *mostradorv1.Report, mail [sha256.Size]byte) error {
	value, err := proto.MarshalOptions{}.MarshalAppend(mail[:], r)
	if err != nil {
		return fmt.Errorf("report %s: %w", r.Id, err)
	}
	tx.Put(bucketReport, []byte(r.Id), value)
	tx.Put(bucketReportKind, kindKey(r.Kind, r.Id), nil)
	for _, to := range r.Recipients {
		if to.CustomerId != "" {
			tx.Put(bucketReportOf, reportOfKey(to.CustomerId, r.Id), nil)
		}
	}
	return nil
}

// loadReport reads a report and the name of its mail.
func loadReport(tx *store.Tx, id string) (*mostradorv1.Report, [sha256.Size]byte, error) {
	var mail [sha256.Size]byte
	if id == "" {
		return nil, mail, ErrNoReport
	}
	value := tx.Get(bucketReport, []byte(id))
	if value == nil {
		return nil, mail, ErrNoReport
	}
	if len(value) < len(mail) {
		return nil, mail, fmt.Errorf("report %s: cut off", id)
	}
	r := new(mostradorv1.Report)
	copy(mail[:], value)
	if err := proto.Unmarshal(value[len(mail):], r); err != nil {
		return nil, mail, fmt.Errorf("report %s: %w", id, err)
	}
	return r, mail, nil
}

// unlist takes a report out of the lists.
func unlist(tx *store.Tx, r *mostradorv1.Report) {
	tx.Delete(bucketReportKind, kindKey(r.Kind, r.Id))
	for _, to := range r.Recipients {
		if to.CustomerId != "" {
			tx.Delete(bucketReportOf, reportOfKey(to.CustomerId, r.Id))
		}
	}
}

// dropReport deletes a report and its mail. That the mail came in stays known.
func dropReport(tx *store.Tx, r *mostradorv1.Report, mail [sha256.Size]byte) {
	unlist(tx, r)
	tx.Delete(bucketReport, []byte(r.Id))
	blob.Drop(tx, mail[:])
}

// Reports lists what came in, newest first.
func (s *Service) Reports(_ context.Context, q *mostradorv1.ListReportsRequest) (*mostradorv1.ListReportsResponse, error) {
	limit := int(q.GetLimit())
	if limit <= 0 || limit > pageLimit {
		limit = pageLimit
	}
	answer := new(mostradorv1.ListReportsResponse)
	err := s.cfg.Store.View(func(tx *store.Tx) error {
		bucket, prefix := bucketReport, []byte(nil)
		if q.GetKind() != mostradorv1.ReportKind_REPORT_KIND_UNSPECIFIED {
			bucket, prefix = bucketReportKind, kindKey(q.GetKind(), "")
		}
		var before []byte
		if q.GetPage() != "" {
			before = append(bytes.Clone(prefix), q.GetPage()...)
		}
		last := ""
		for key := range tx.ScanReverse(bucket, prefix, before) {
			if len(answer.Reports) == limit {
				answer.NextPage = last
				return nil
			}
			last = string(key[len(prefix):])
			r, _, err := loadReport(tx, last)
			if err != nil {
				return err
			}
			answer.Reports = append(answer.Reports, r)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list reports: %w", err)
	}
	return answer, nil
}

// Report returns a report with its mail, as it is and as people read it.
func (s *Service) Report(_ context.Context, id string) (*mostradorv1.GetReportResponse, error) {
	answer := new(mostradorv1.GetReportResponse)
	err := s.cfg.Store.View(func(tx *store.Tx) (err error) {
		var mail [sha256.Size]byte
		if answer.Report, mail, err = loadReport(tx, id); err == nil {
			answer.Eml = bytes.Clone(blob.Get(tx, mail[:]))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if s.cfg.Read != nil {
		if answer.Mail, err = s.cfg.Read(answer.Eml); err != nil {
			// Nobody promises that what comes in is well made: then it is read as it is.
			answer.Mail = &mostradorv1.RenderedMail{
				From: answer.Report.From, Subject: answer.Report.Subject, Text: strings.ToValidUTF8(string(answer.Eml), "�"),
			}
		}
	}
	return answer, nil
}

// Settle says what a report is that was not understood, and carries that out. A person's word is proof, so a hard bounce
// suppresses the address at once. What a person can mend is a *customer.Refused.
func (s *Service) Settle(ctx context.Context, actor *plgv1.Actor, q *mostradorv1.SettleReportRequest) (*mostradorv1.Report, error) {
	kind := q.GetKind()
	if _, known := mostradorv1.ReportKind_name[int32(kind)]; !known || kind <= mostradorv1.ReportKind_REPORT_KIND_UNKNOWN {
		return nil, s.refuse(ctx, "kind", "settle_kind")
	}
	if actor == nil {
		actor = new(plgv1.Actor)
	}
	bounce := q.GetBounce()
	if kind == mostradorv1.ReportKind_REPORT_KIND_BOUNCE {
		if bounce == nil || bounce.Kind == mostradorv1.Bounce_KIND_UNSPECIFIED {
			return nil, s.refuse(ctx, "bounce", "settle_bounce")
		}
		bounce = proto.CloneOf(bounce)
		if bounce.Reason == "" {
			bounce.Reason = "other"
		}
	}
	var now *mostradorv1.Report
	err := s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		r, mail, err := loadReport(tx, q.GetId())
		if err != nil {
			return err
		}
		if settled(r) {
			return s.refuse(ctx, "kind", "settle_known")
		}
		unlist(tx, r)
		r.Kind, r.SettledBy, r.Method = kind, actor, "staff"
		if q.GetEmail() != "" {
			r.Recipients = []*mostradorv1.ReportedRecipient{{Email: strings.TrimSpace(q.GetEmail())}}
			c, err := s.holder(tx, r.Recipients[0].Email)
			if err != nil {
				return err
			}
			r.Recipients[0].CustomerId = c.GetId()
		}
		if len(r.Recipients) == 0 && (kind == mostradorv1.ReportKind_REPORT_KIND_BOUNCE || kind == mostradorv1.ReportKind_REPORT_KIND_COMPLAINT) {
			return s.refuse(ctx, "email", "settle_email")
		}
		for _, to := range r.Recipients {
			if bounce != nil {
				to.Bounce = bounce
			}
		}
		if err := s.apply(tx, r, actor); err != nil {
			return err
		}
		now = r
		s.changed(tx)
		return putReport(tx, r, mail)
	})
	if err != nil {
		return nil, err
	}
	return now, nil
}

// settled tells whether it is known what a report is and something came of it: then there is nothing to say any more.
func settled(r *mostradorv1.Report) bool {
	switch r.Kind {
	case mostradorv1.ReportKind_REPORT_KIND_UNKNOWN, mostradorv1.ReportKind_REPORT_KIND_OTHER:
		return false
	case mostradorv1.ReportKind_REPORT_KIND_BOUNCE, mostradorv1.ReportKind_REPORT_KIND_COMPLAINT:
		return slices.ContainsFunc(r.Recipients, func(to *mostradorv1.ReportedRecipient) bool {
			return to.MessageId != "" || to.CustomerId != ""
		})
	}
	return true
}

// sweep deletes reports that were understood and are older than keepReports.
func (s *Service) sweep(ctx context.Context) error {
	const step = 500
	horizon := s.cfg.Now().Add(-keepReports)
	for {
		deleted := 0
		err := s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
			deleted = 0
			for _, kind := range mostradorv1.ReportKind_value {
				if kind == int32(mostradorv1.ReportKind_REPORT_KIND_UNKNOWN) {
					continue
				}
				for key := range tx.Scan(bucketReportKind, []byte{byte(kind)}, nil) {
					r, mail, err := loadReport(tx, string(key[1:]))
					if err != nil {
						return err
					}
					if r.Received.AsTime().After(horizon) || deleted == step {
						break
					}
					dropReport(tx, r, mail)
					tx.Delete(bucketSeen, mail[:])
					deleted++
				}
			}
			return nil
		})
		if err != nil || deleted < step {
			return err
		}
	}
}

// Forget takes a customer out: what came in about him or from him, and what is known of his address, which may be empty
// when it is not known. The counts, which name nobody, stay.
func (s *Service) Forget(tx *store.Tx, customerID, email string) error {
	var ids []string
	prefix := reportOfKey(customerID, "")
	for key := range tx.Scan(bucketReportOf, prefix, nil) {
		ids = append(ids, string(key[len(prefix):]))
	}
	for _, id := range ids {
		r, mail, err := loadReport(tx, id)
		if err != nil {
			return err
		}
		dropReport(tx, r, mail)
	}
	emails := []string{fold(email)}
	prefix = ownerKey(customerID, "")
	for key := range tx.Scan(bucketOwner, prefix, nil) {
		emails = append(emails, string(key[len(prefix):]))
	}
	for _, email := range emails {
		a, err := known(tx, email)
		if err != nil {
			return err
		}
		if a == nil {
			continue
		}
		tx.Delete(bucketTrouble, troubleKey(a))
		tx.Delete(bucketAddress, []byte(email))
		if a.CustomerId != "" {
			tx.Delete(bucketOwner, ownerKey(a.CustomerId, email))
		}
	}
	return nil
}
