package host

import (
	"archive/zip"
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// leaves has a customer leave the general topic on the web.
func (h *Host) leaves(t *testing.T, c *plgv1.Customer, sequence uint64) {
	t.Helper()
	h.taken(t, &mostradorv1.WebAct{
		Sequence: sequence, Kind: mostradorv1.WebAct_KIND_PREFERENCES, CustomerId: c.Id, Topics: map[string]bool{"promociones": false},
		Time: timestamppb.Now(), Ip: "192.0.2.7",
	})
}

func (h *Host) hears(t *testing.T, c *plgv1.Customer) (on bool) {
	t.Helper()
	if err := h.store.View(func(tx *store.Tx) error {
		shown, err := h.subscriptions.Show(tx, c.Id, "es")
		on = err == nil && shown.Subscriptions[0].On
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return on
}

func TestWhatOneOfTwoRecordsLeftIsLeftWhileTheyAreOne(t *testing.T) {
	h := open(t, t.TempDir())
	defer shut(t, h)
	keep, gone := h.accepts(t, 1, 10), h.accepts(t, 2, 11)
	h.leaves(t, gone, 12)
	ctx := locale.NewContext(t.Context(), "es")
	answer, err := h.histories.Merge(ctx, clerk, &mostradorv1.MergeRequest{Keep: keep.Id, Gone: gone.Id})
	if err != nil {
		t.Fatal(err)
	}
	if h.hears(t, keep) || !slices.ContainsFunc(answer.Notes, func(n string) bool { return strings.Contains(n, "dejado de recibir") }) {
		t.Errorf("notes %v", answer.Notes)
	}
	if _, err := h.histories.Unmerge(ctx, clerk, answer.Merge); err != nil {
		t.Fatal(err)
	}
	if !h.hears(t, keep) || h.hears(t, gone) {
		t.Errorf("parted: who stayed hears %v, who went %v", h.hears(t, keep), h.hears(t, gone))
	}
}

func TestWhatACustomerHearsOfIsDisclosedAndForgotten(t *testing.T) {
	h := open(t, t.TempDir())
	defer shut(t, h)
	c := h.accepts(t, 1, 10)
	h.leaves(t, c, 11)
	h.taken(t, &mostradorv1.WebAct{Sequence: 12, Kind: mostradorv1.WebAct_KIND_REASON, CustomerId: c.Id, Reason: "other", Words: "me mudo a Soria", Time: timestamppb.Now()})
	ctx := locale.NewContext(t.Context(), "es")
	history, err := h.histories.History(ctx, &mostradorv1.HistoryRequest{CustomerId: c.Id, Kinds: []string{"consent"}})
	if err != nil {
		t.Fatal(err)
	}
	told := ""
	for _, e := range history.Entries {
		told += e.Summary + "\n"
	}
	for _, want := range []string{"Deja de recibir «Promociones».", "Dijo por qué se fue: Otro motivo, «me mudo a Soria»"} {
		if !strings.Contains(told, want) {
			t.Errorf("the history lacks %q:\n%s", want, told)
		}
	}
	var zipped bytes.Buffer
	if err := h.histories.Disclose(ctx, clerk, c.Id, &zipped); err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(zipped.Bytes()), int64(zipped.Len()))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range archive.File {
		r, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(text, []byte("me mudo a Soria")) || strings.HasSuffix(file.Name, ".html") && !bytes.Contains(text, []byte("Dejó «Promociones»")) {
			t.Errorf("%s does not tell what he left and why", file.Name)
		}
	}
	if _, err := h.histories.Erase(ctx, clerk, &mostradorv1.EraseRequest{CustomerId: c.Id}); err != nil {
		t.Fatal(err)
	}
	if err := h.store.View(func(tx *store.Tx) error {
		for _, b := range []store.Bucket{"subscription", "subscription_history", "subscription_reason", "event"} {
			for key, value := range tx.Scan(b, nil, nil) {
				if bytes.Contains(value, []byte("Soria")) || bytes.HasPrefix(key, []byte(c.Id)) {
					t.Errorf("left in %s: %q", b, key)
				}
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
