package plgtest

import (
	"maps"
	"slices"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/sdk"
	"mostrador/sdk/plgv1"
)

// PutState writes the plugin's record of a customer, as an older version may have left it.
func (y *Try) PutState(customerID string, record any) {
	y.t.Helper()
	data, err := sdk.Encode(record)
	if err != nil {
		y.t.Fatal(err)
	}
	y.states[customerID] = data
}

// Customers are the ids of those whom the plugin has a record of, ascending.
func (y *Try) Customers() []string { return slices.Sorted(maps.Keys(y.states)) }

// Migrate has the plugin bring its records from one version to another. A fault fails the test.
func (y *Try) Migrate(from, to string) {
	y.t.Helper()
	done := y.migrate(from, to)
	if fault := done.GetFault(); fault != nil {
		y.t.Fatalf("migration from %s to %s: %s", from, to, fault.GetMessage())
	}
	y.commit("", done.GetEffects())
}

// MigrateFault is Migrate where the plugin must fail; it returns what the plugin said. Nothing is kept of it.
func (y *Try) MigrateFault(from, to string) string {
	y.t.Helper()
	fault := y.migrate(from, to).GetFault()
	if fault == nil {
		y.t.Fatal("the migration succeeded")
	}
	return fault.GetMessage()
}

func (y *Try) migrate(from, to string) *plgv1.MigrateDone {
	y.t.Helper()
	return y.work(&plgv1.WorkRequest{Work: &plgv1.WorkRequest_Migrate{Migrate: &plgv1.MigrateCall{
		From: from, To: to, Time: timestamppb.New(y.Now),
	}}}).GetMigrate()
}

// Health asks the plugin how it is, and returns what it says to a person. A fault fails the test.
func (y *Try) Health() []sdk.Diagnostic {
	y.t.Helper()
	done := y.work(&plgv1.WorkRequest{Work: &plgv1.WorkRequest_Check{Check: &plgv1.CheckCall{
		Time: timestamppb.New(y.Now), Language: y.Language,
	}}}).GetCheck()
	if fault := done.GetFault(); fault != nil {
		y.t.Fatalf("health: %s", fault.GetMessage())
	}
	return diagnostics(done.GetDiagnostics())
}

// Validate shows the plugin a value that somebody wants to give to one of its settings, as a JSON value like in Set,
// and returns what it says about it. A fault fails the test.
func (y *Try) Validate(key string, value any) []sdk.Diagnostic {
	y.t.Helper()
	w, err := structpb.NewValue(value)
	if err != nil {
		y.t.Fatal(err)
	}
	done := y.work(&plgv1.WorkRequest{Work: &plgv1.WorkRequest_Validate{Validate: &plgv1.ValidateCall{
		Key: key, Value: w, Time: timestamppb.New(y.Now), Language: y.Language,
	}}}).GetValidate()
	if fault := done.GetFault(); fault != nil {
		y.t.Fatalf("validation of %s: %s", key, fault.GetMessage())
	}
	return diagnostics(done.GetDiagnostics())
}

func diagnostics(wire []*plgv1.Diagnostic) []sdk.Diagnostic {
	var all []sdk.Diagnostic
	for _, w := range wire {
		d := sdk.Diagnostic{Severity: sdk.Error, Summary: w.GetSummary(), Detail: w.GetDetail(), Path: w.GetPath(), Code: w.GetCode()}
		switch w.GetSeverity() {
		case plgv1.Severity_SEVERITY_WARNING:
			d.Severity = sdk.Warning
		case plgv1.Severity_SEVERITY_INFO:
			d.Severity = sdk.Info
		}
		switch w.GetBlame() {
		case plgv1.Blame_BLAME_PERSON:
			d.Blame = sdk.FaultOfPerson
		case plgv1.Blame_BLAME_PLUGIN:
			d.Blame = sdk.FaultOfPlugin
		case plgv1.Blame_BLAME_STORE:
			d.Blame = sdk.FaultOfStore
		case plgv1.Blame_BLAME_OUTSIDE:
			d.Blame = sdk.FaultOutside
		}
		all = append(all, d)
	}
	return all
}

// panel is a panel as its author wrote it.
func panel(w *plgv1.Panel) sdk.Panel {
	var p sdk.Panel
	for _, r := range w.GetRows() {
		p.Rows = append(p.Rows, sdk.Row{Label: r.GetLabel(), Value: r.GetValue()})
	}
	if w.GetTable() != nil {
		p.Table = &sdk.Table{}
		for _, c := range w.GetTable().GetColumns() {
			p.Table.Columns = append(p.Table.Columns, sdk.Column{Label: c.GetLabel(), Number: c.GetNumber()})
		}
		for _, r := range w.GetTable().GetRows() {
			p.Table.Rows = append(p.Table.Rows, r.GetCells())
		}
	}
	if w.GetChart() != nil {
		p.Chart = &sdk.Chart{Kind: sdk.Bar, Labels: w.GetChart().GetLabels(), Unit: w.GetChart().GetUnit()}
		if w.GetChart().GetKind() == plgv1.PanelChart_KIND_LINE {
			p.Chart.Kind = sdk.Line
		}
		for _, s := range w.GetChart().GetSeries() {
			p.Chart.Series = append(p.Chart.Series, sdk.Series{Name: s.GetName(), Values: s.GetValues()})
		}
	}
	return p
}
