package plugin

import (
	"strings"
	"testing"

	"mostrador/host/locale"
	"mostrador/host/plugin/sandbox"
	"mostrador/sdk/plgv1"
)

func TestBoundsAreSaidInWords(t *testing.T) {
	words := locale.New()
	var none sandbox.Support
	for _, part := range sandbox.Parts() {
		none.Missing = append(none.Missing, sandbox.Gap{Part: part, Reason: "not here"})
	}
	for _, test := range []struct {
		kept         sandbox.Applied
		want, absent string
	}{
		{sandbox.Applied{Support: sandbox.Support{Landlock: 7}, Memory: 256 << 20}, "Landlock 7, seccomp, 256 MiB", "sin"},
		{sandbox.Applied{Support: none}, "sin límite de archivos, puertos TCP", "Landlock"},
		{sandbox.Applied{Off: true}, "sin límites", "seccomp"},
	} {
		if got := boundsText(words, "es", test.kept); !strings.Contains(got, test.want) || strings.Contains(got, test.absent) {
			t.Errorf("%+v: %q", test.kept, got)
		}
	}
	for _, language := range []string{"es", "en"} {
		lines := machine(words, language, none)
		if len(lines) != len(sandbox.Parts()) {
			t.Errorf("lines %v", lines)
		}
		for _, l := range append(lines, machine(words, language, sandbox.Support{Landlock: 7})...) {
			if strings.HasPrefix(l.GetSummary(), "plugin.") || strings.Contains(l.GetSummary(), "plugin.part") {
				t.Errorf("no words for %q", l.GetSummary())
			}
		}
	}
	if lines := machine(words, "es", sandbox.Report()); len(lines) == 0 || lines[0].GetSeverity() == plgv1.Severity_SEVERITY_ERROR {
		t.Errorf("lines %v", lines)
	}
}
