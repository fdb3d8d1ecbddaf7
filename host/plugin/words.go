package plugin

import (
	"strings"

	"mostrador/host/locale"
	"mostrador/host/plugin/sandbox"
	"mostrador/sdk/plgv1"
)

// boundsText says in a few words how a process is kept in bounds.
func boundsText(words *locale.Catalog, language string, kept sandbox.Applied) string {
	say := func(key string, args ...any) string { return words.Text(language, "plugin."+key, args...) }
	if kept.Off {
		return say("sandbox_off")
	}
	var have, lack []string
	if kept.Landlock > 0 {
		have = append(have, say("sandbox_landlock", "version", kept.Landlock))
	}
	if !kept.Lacks(sandbox.PartCalls) {
		have = append(have, say("sandbox_calls"))
	}
	if kept.Memory > 0 {
		have = append(have, say("sandbox_memory", "memory", kept.Memory>>20))
	}
	for _, gap := range kept.Missing {
		lack = append(lack, say("part_"+string(gap.Part)))
	}
	if len(lack) > 0 {
		have = append(have, say("sandbox_without", "parts", strings.Join(lack, ", ")))
	}
	return strings.Join(have, ", ")
}

// Machine says what this machine and system can do to keep plug-ins in bounds: one line for all that holds, and a
// warning for each thing that is missing.
func (m *Manager) Machine(language string) []*plgv1.Diagnostic {
	return machine(m.shared.words, language, sandbox.Report())
}

func machine(words *locale.Catalog, language string, s sandbox.Support) []*plgv1.Diagnostic {
	say := func(key string, args ...any) string { return words.Text(language, "plugin."+key, args...) }
	var have []string
	for _, part := range sandbox.Parts() {
		if !s.Lacks(part) {
			have = append(have, say("part_"+string(part)))
		}
	}
	var lines []*plgv1.Diagnostic
	if len(have) > 0 {
		lines = append(lines, &plgv1.Diagnostic{
			Severity: plgv1.Severity_SEVERITY_INFO, Code: "sandbox",
			Summary: say("machine_has", "parts", strings.Join(have, ", ")),
		})
	}
	for _, gap := range s.Missing {
		lines = append(lines, &plgv1.Diagnostic{
			Severity: plgv1.Severity_SEVERITY_WARNING, Code: "sandbox_" + string(gap.Part),
			Summary: say("machine_lacks_" + string(gap.Part)), Detail: gap.Reason,
		})
	}
	return lines
}
