package sdk

import "mostrador/sdk/plgv1"

// Severity says how a Diagnostic is shown.
type Severity int

// The severities. An Error refuses what was asked; a Warning or an Info stands beside what was done.
const (
	Error Severity = iota + 1
	Warning
	Info
)

// Diagnostic is how a plugin speaks to the person at the screen. It is an error too, so that an action can
// refuse by returning it: that is no fault of the plugin.
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
}

// Error is the summary.
func (d Diagnostic) Error() string { return d.Summary }

func (d Diagnostic) write() *plgv1.Diagnostic {
	w := &plgv1.Diagnostic{Summary: d.Summary, Detail: d.Detail, Path: d.Path, Code: d.Code}
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
}

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

func (r Result) write() *plgv1.Result {
	w := &plgv1.Result{Message: r.Message}
	for _, d := range r.Diagnostics {
		w.Diagnostics = append(w.Diagnostics, d.write())
	}
	return w
}

// Panel is a read-only block of the quick sheet.
type Panel struct{ Rows []Row }

// Row is one line of a Panel.
type Row struct{ Label, Value string }

func (p Panel) write() *plgv1.Panel {
	w := &plgv1.Panel{}
	for _, r := range p.Rows {
		w.Rows = append(w.Rows, &plgv1.PanelRow{Label: r.Label, Value: r.Value})
	}
	return w
}
