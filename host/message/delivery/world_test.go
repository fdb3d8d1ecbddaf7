package delivery

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/event"
	"mostrador/host/message/report"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// bucketRows is the outbox of the tests.
const bucketRows store.Bucket = "test_rows"

// world is a store whose outbox is a few rows and whose clock stands until it is moved.
type world struct {
	*Service
	t         testing.TB
	now       time.Time
	withdrawn []string
	changed   int
}

// noon is when the tests begin.
var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func newWorld(t testing.TB) *world {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "store.db"), store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	w := &world{t: t, now: noon}
	customers := map[string]*plgv1.Customer{}
	for _, name := range []string{"ana", "eva", "luis"} {
		customers[name] = &plgv1.Customer{Id: name, Name: strings.ToUpper(name), Email: name + "@example.com"}
	}
	w.Service = New(Config{
		Store: st, Log: event.NewLog(st), Now: func() time.Time { return w.now },
		Message:  row,
		Customer: func(_ *store.Tx, id string) (*plgv1.Customer, error) { return customers[id], nil },
		Holder: func(_ *store.Tx, email string) (*plgv1.Customer, error) {
			for _, c := range customers {
				if strings.EqualFold(c.Email, email) {
					return c, nil
				}
			}
			return nil, nil
		},
		Returned: func(recipient string) (string, bool) {
			local, _, _ := strings.Cut(recipient, "@")
			id, found := strings.CutPrefix(local, "rebotes+")
			return id, found
		},
		Recent: func(tx *store.Tx, customerID string, limit int) (rows []*mostradorv1.Message, err error) {
			for key := range tx.ScanReverse(bucketRows, nil, nil) {
				m, err := row(tx, string(key))
				if err != nil {
					return nil, err
				}
				if m.CustomerId == customerID && len(rows) < limit {
					rows = append(rows, m)
				}
			}
			return rows, nil
		},
		Change: func(tx *store.Tx, id string, change func(*mostradorv1.Message)) error {
			old, err := row(tx, id)
			if err != nil {
				return err
			}
			m, err := row(tx, id)
			if err != nil {
				return err
			}
			change(m)
			return w.putTx(tx, old, m)
		},
		Withdraw: func(_ *store.Tx, _ *plgv1.Actor, id string) error { w.withdrawn = append(w.withdrawn, id); return nil },
		Changed:  func() { w.changed++ },
	})
	return w
}

func row(tx *store.Tx, id string) (*mostradorv1.Message, error) {
	m := new(mostradorv1.Message)
	if found, err := store.GetProto(tx, bucketRows, []byte(id), m); !found || err != nil {
		return nil, err
	}
	return m, nil
}

func (w *world) putTx(tx *store.Tx, old, m *mostradorv1.Message) error {
	if err := store.PutProto(tx, bucketRows, []byte(m.Id), m); err != nil {
		return err
	}
	return w.Observe(tx, old, m)
}

// update runs fn in a transaction.
func (w *world) update(fn func(tx *store.Tx) error) {
	w.t.Helper()
	if err := w.cfg.Store.Update(context.Background(), fn); err != nil {
		w.t.Fatal(err)
	}
}

// put brings a row to what change makes of it; a new one is queued now.
func (w *world) put(id string, change func(m *mostradorv1.Message)) {
	w.t.Helper()
	w.update(func(tx *store.Tx) error {
		old, err := row(tx, id)
		if err != nil {
			return err
		}
		m, err := row(tx, id)
		if err != nil {
			return err
		}
		if m == nil {
			m = &mostradorv1.Message{
				Id: id, MessageId: id + "@shop.example", Kind: plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL, CustomerId: "ana",
				To: "ana@example.com", Plugin: "PLG0110", Template: "oferta", Queued: timestamppb.New(w.now),
				State: mostradorv1.MessageState_MESSAGE_STATE_QUEUED,
			}
			if err := w.putTx(tx, nil, m); err != nil {
				return err
			}
			if change == nil {
				return nil
			}
			old, _ = row(tx, id)
		}
		change(m)
		return w.putTx(tx, old, m)
	})
}

// sent is a change: the server took the mail.
func (w *world) sent(m *mostradorv1.Message) {
	m.State, m.Sent = mostradorv1.MessageState_MESSAGE_STATE_SENT, timestamppb.New(w.now)
}

// send queues a mail to an address and has it leave.
func (w *world) send(id, to string) {
	w.t.Helper()
	w.put(id, func(m *mostradorv1.Message) {
		m.To = to
		m.CustomerId, _, _ = strings.Cut(strings.ToLower(to), "@")
		w.sent(m)
	})
}

// receive takes in a mail that is read as this.
func (w *world) receive(eml, recipient string, is *mostradorv1.Report) *mostradorv1.Report {
	w.t.Helper()
	w.cfg.Parse = func([]byte) (*mostradorv1.Report, report.About) {
		var about report.About
		for _, to := range is.Recipients {
			about.MessageIDs = append(about.MessageIDs, to.MessageId)
		}
		return is, about
	}
	r, err := w.Receive(context.Background(), "http", []byte(eml), recipient)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// address is what is known of an address; nil when nothing is.
func (w *world) address(email string) (a *mostradorv1.Address) {
	w.t.Helper()
	if err := w.cfg.Store.View(func(tx *store.Tx) (err error) {
		if a, err = known(tx, email); a != nil {
			a, err = w.show(tx, a)
		}
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	return a
}

// standing is an address's state and reason in a word.
func (w *world) standing(email string) string {
	w.t.Helper()
	a := w.address(email)
	state := strings.ToLower(strings.TrimPrefix(a.GetState().String(), "ADDRESS_STATE_"))
	return strings.TrimSuffix(state+" "+a.GetReason(), " ")
}

// may tells whether a mail of a kind may leave to an address.
func (w *world) may(email string, kind plgv1.MessageKind) (passed bool, words string) {
	w.t.Helper()
	if err := w.cfg.Store.View(func(tx *store.Tx) error {
		check, err := w.Gate(tx, &mostradorv1.Message{To: email, Kind: kind}, nil)
		passed, words = check.GetPassed(), check.GetWords()
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	return passed, words
}

// dashboard is the dashboard of everything.
func (w *world) dashboard() *mostradorv1.DashboardResponse {
	w.t.Helper()
	d, err := w.Dashboard(context.Background(), &mostradorv1.DashboardRequest{})
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

func soft(reason string) *mostradorv1.Bounce {
	return &mostradorv1.Bounce{Kind: mostradorv1.Bounce_KIND_SOFT, Reason: reason}
}

func hard() *mostradorv1.Bounce {
	return &mostradorv1.Bounce{Kind: mostradorv1.Bounce_KIND_HARD, Reason: "unknown_user", Status: "5.1.1"}
}

// bounceOf is a report that a mail to an address came back; messageID names the mail, where it does.
func bounceOf(email, messageID string, b *mostradorv1.Bounce) *mostradorv1.Report {
	return &mostradorv1.Report{
		Kind:       mostradorv1.ReportKind_REPORT_KIND_BOUNCE,
		Recipients: []*mostradorv1.ReportedRecipient{{Email: email, MessageId: messageID, Bounce: b}},
	}
}

// counts writes counts as far as they are not zero.
func counts(c *mostradorv1.MessageCounts) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(fmt.Sprint(c), "  ", " ")), " ")
}
