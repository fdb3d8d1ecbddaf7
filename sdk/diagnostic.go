package sdk

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"mostrador/sdk/plgv1"
)

// Severity says how a Diagnostic is shown.
type Severity int

// The severities. An Error refuses what was asked; a Warning or an Info stands beside what was done.
const (
	Error Severity = iota + 1
	Warning
	Info
)

// Diagnostic is how a plugin speaks to the person at the screen. It is an error too, so that an action can
// refuse by returning it, or several joined (errors.Join): that is no fault of the plugin.
type Diagnostic struct {
	// Severity is Error when left out.
	Severity Severity
	// Summary is one sentence in the person's language that says what to do next (Tx.Text).
	Summary string
	// Detail may say more.
	Detail string
	// Path is the field of the form that it is about; empty for all.
	Path string
	// Code names it for programs: "email_missing".
	Code string
	// Blame is FaultOfPerson when left out.
	Blame Blame
}

// Blame says whose fault something is, so that whoever reads of it knows where to turn.
type Blame int

// Whose fault it may be: of the person who asked or typed and can mend it; of the plugin's program; of the store,
// which did not give what it must; or of something outside, like a gateway that does not answer, where waiting
// may help.
const (
	FaultOfPerson Blame = iota + 1
	FaultOfPlugin
	FaultOfStore
	FaultOutside
)

// Blamed is err with whose fault it is. A handler that fails because a server elsewhere does not answer returns
// Blamed(FaultOutside, err), so that nobody looks for a mistake in the plugin.
func Blamed(whose Blame, err error) error {
	if err == nil {
		return nil
	}
	return &blamed{whose: whose, err: err}
}

type blamed struct {
	whose Blame
	err   error
}

func (b *blamed) Error() string { return b.err.Error() }
func (b *blamed) Unwrap() error { return b.err }

// WhoseFault tells whose fault an error is: what Blamed says, else a Diagnostic's, else the plugin's.
func WhoseFault(err error) Blame {
	var b *blamed
	if errors.As(err, &b) {
		return b.whose
	}
	var d Diagnostic
	if errors.As(err, &d) {
		return cmp.Or(d.Blame, FaultOfPerson)
	}
	return FaultOfPlugin
}

func (b Blame) write() plgv1.Blame {
	switch b {
	case FaultOfPerson:
		return plgv1.Blame_BLAME_PERSON
	case FaultOfPlugin:
		return plgv1.Blame_BLAME_PLUGIN
	case FaultOfStore:
		return plgv1.Blame_BLAME_STORE
	case FaultOutside:
		return plgv1.Blame_BLAME_OUTSIDE
	}
	return plgv1.Blame_BLAME_UNSPECIFIED
}

// Error is the summary.
func (d Diagnostic) Error() string { return d.Summary }

func (d Diagnostic) write() *plgv1.Diagnostic {
	w := &plgv1.Diagnostic{Summary: d.Summary, Detail: d.Detail, Path: d.Path, Code: d.Code, Blame: d.Blame.write()}
	switch d.Severity {
	case Warning:
		w.Severity = plgv1.Severity_SEVERITY_WARNING
	case Info:
		w.Severity = plgv1.Severity_SEVERITY_INFO
	default:
		w.Severity = plgv1.Severity_SEVERITY_ERROR
	}
	return w
}

// diagnosed parts an error into what it says to a person and what else it is: nil when there is nothing else.
func diagnosed(err error) ([]Diagnostic, error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []Diagnostic
		for _, e := range joined.Unwrap() {
			spoken, other := diagnosed(e)
			if other != nil {
				return nil, err
			}
			all = append(all, spoken...)
		}
		return all, nil
	}
	var d Diagnostic
	if errors.As(err, &d) {
		return []Diagnostic{d}, nil
	}
	return nil, err
}

// Press is a press on one of the plugin's buttons.
type Press struct {
	// Customer is whose sheet is open; the zero Customer for a button that stands elsewhere.
	Customer Customer
	// Form is what was typed into the action's form.
	Form Form
	// Actor is who pressed.
	Actor Actor
}

// Result is what the screen shows after an action. The zero Result shows nothing.
type Result struct {
	// Message is one sentence.
	Message string
	// Diagnostics stand at their fields. One of severity Error refuses: nothing that the action told its Tx
	// is then done.
	Diagnostics []Diagnostic
	// Open is what the screen opens next: a customer's sheet (Sheet) or a page of the web ("https://..."); empty
	// for nothing.
	Open string
}

// Sheet is the Result.Open that opens the quick sheet of a customer.
func Sheet(customerID string) string { return sheetScheme + customerID }

const sheetScheme = "customer:"

// Done is the Result that says one sentence.
func Done(message string) Result { return Result{Message: message} }

func (r Result) refuses() bool {
	for _, d := range r.Diagnostics {
		if d.Severity != Warning && d.Severity != Info {
			return true
		}
	}
	return false
}

// check refuses to open what no screen would.
func (r Result) check() error {
	id, sheet := strings.CutPrefix(r.Open, sheetScheme)
	if r.Open == "" || sheet && id != "" || strings.HasPrefix(r.Open, "https://") {
		return nil
	}
	return fmt.Errorf("sdk: %q is neither a customer's sheet nor an https address", r.Open)
}

func (r Result) write() *plgv1.Result {
	w := &plgv1.Result{Message: r.Message, Open: r.Open}
	for _, d := range r.Diagnostics {
		w.Diagnostics = append(w.Diagnostics, d.write())
	}
	return w
}
