package report_test

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/message/report"
)

// known are the mails of the corpus that Parse gets wrong, with the reason why it stays so.
var known = map[string]string{}

// label is what a person says about one mail of testdata, see labels.txt there.
type label struct {
	name, kind string
	recipients []string // sorted as in the mail: "address kind reason status", or the address alone
}

// TestCorpusIsUnderstoodAsPeopleDo compares Parse with the labels, one by one, and logs how good it is as a whole.
func TestCorpusIsUnderstoodAsPeopleDo(t *testing.T) {
	labels := readLabels(t)
	if len(labels) < 200 {
		t.Errorf("only %d mails", len(labels))
	}
	var right, kinds int
	var hard struct{ said, right, there int }
	for _, l := range labels {
		r, _ := report.Parse(readMail(t, l.name))
		got := label{l.name, kindName(r.Kind), nil}
		for _, recipient := range r.Recipients {
			got.recipients = append(got.recipients, recipientWords(recipient))
		}
		if got.kind == l.kind {
			kinds++
		}
		for _, want := range l.recipients {
			if strings.Contains(want, " hard ") {
				hard.there++
			}
		}
		for i, said := range got.recipients {
			if strings.Contains(said, " hard ") {
				hard.said++
				if i < len(l.recipients) && strings.Contains(l.recipients[i], " hard ") {
					hard.right++
				}
			}
		}
		same := got.kind == l.kind && strings.Join(got.recipients, "; ") == strings.Join(l.recipients, "; ")
		switch reason, missed := known[l.name]; {
		case same && missed:
			t.Errorf("%s is right now, and no longer a known miss (%s)", l.name, reason)
		case same:
			right++
		case !missed:
			t.Errorf("%s (%s):\n got %s | %s\nwant %s | %s", l.name, r.Method, got.kind, strings.Join(got.recipients, "; "), l.kind, strings.Join(l.recipients, "; "))
		}
	}
	var table bytes.Buffer
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "mails\t%d\n", len(labels))
	fmt.Fprintf(w, "kind right\t%.3f\n", ratio(kinds, len(labels)))
	fmt.Fprintf(w, "all right\t%.3f\n", ratio(right, len(labels)))
	fmt.Fprintf(w, "hard: precision\t%.3f\t(%d of %d)\n", ratio(hard.right, hard.said), hard.right, hard.said)
	fmt.Fprintf(w, "hard: recall\t%.3f\t(%d of %d)\n", ratio(hard.right, hard.there), hard.right, hard.there)
	w.Flush()
	t.Logf("\n%s", table.String())
}

func ratio(a, b int) float64 { return float64(a) / float64(max(b, 1)) }

func readMail(t testing.TB, name string) []byte {
	t.Helper()
	eml, err := os.ReadFile(filepath.Join("testdata", name+".eml"))
	if err != nil {
		t.Fatal(err)
	}
	return eml
}

func readLabels(t testing.TB) []label {
	t.Helper()
	text, err := os.ReadFile("testdata/labels.txt")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/*.eml")
	if err != nil {
		t.Fatal(err)
	}
	var labels []label
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		fields := strings.SplitN(line+" ", "|", 3)
		l := label{name: strings.TrimSpace(fields[0]), kind: strings.TrimSpace(fields[1])}
		for recipient := range strings.SplitSeq(fields[2], ";") {
			if recipient = strings.TrimSpace(recipient); recipient != "" {
				l.recipients = append(l.recipients, recipient)
			}
		}
		labels = append(labels, l)
	}
	if len(labels) != len(files) {
		t.Errorf("%d labels for %d mails", len(labels), len(files))
	}
	return labels
}

func kindName(k mostradorv1.ReportKind) string {
	return strings.ToLower(strings.TrimPrefix(k.String(), "REPORT_KIND_"))
}

func recipientWords(r *mostradorv1.ReportedRecipient) string {
	if r.Bounce == nil {
		return r.Email
	}
	kind := strings.ToLower(strings.TrimPrefix(r.Bounce.Kind.String(), "KIND_"))
	return fmt.Sprintf("%s %s %s %s", cmp.Or(r.Email, "-"), kind, r.Bounce.Reason, cmp.Or(r.Bounce.Status, "-"))
}
