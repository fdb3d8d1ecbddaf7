package host_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// TestImportsPointOneWay keeps the plan of the house: plugins know the SDK, the SDK knows nothing of ours, the
// screens know the API's clients, and nothing knows a screen or a plugin.
func TestImportsPointOneWay(t *testing.T) {
	allowed := []struct {
		from string
		to   []string
	}{
		// The longest matching prefix speaks for a package.
		{"mostrador/sdk", []string{"mostrador/sdk"}},
		{"mostrador/plugins", []string{"mostrador/sdk"}},
		{"mostrador/configguide", []string{"mostrador/configguide", "mostrador/sdk"}},
		{"mostrador/host", []string{"mostrador/host", "mostrador/configguide", "mostrador/sdk"}},
		{"mostrador/host/interplay", []string{"mostrador/host/interplay", "mostrador/sdk"}},
		{"mostrador/host/store", []string{"mostrador/host/store"}},
		{"mostrador/gui", []string{"mostrador/gui", "mostrador/host/api/mostradorv1", "mostrador/sdk/plgv1"}},
		{"mostrador/gui/embedded", []string{"mostrador/host"}},
	}
	rule := func(pkg string) []string {
		var best string
		var to []string
		for _, r := range allowed {
			if within(pkg, r.from) && len(r.from) > len(best) {
				best, to = r.from, r.to
			}
		}
		return to
	}
	for _, pkg := range listPackages(t) {
		to := rule(pkg.ImportPath)
		if to == nil {
			t.Errorf("%s: the plan of the house has no such folder", pkg.ImportPath)
			continue
		}
		for _, imp := range pkg.Imports {
			if !within(imp, "mostrador") {
				continue
			}
			var ok bool
			for _, prefix := range to {
				ok = ok || within(imp, prefix)
			}
			// What a plugin's own parts are called among themselves is its own affair.
			ok = ok || within(imp, "mostrador/plugins") && samePlugin(pkg.ImportPath, imp)
			if !ok {
				t.Errorf("%s imports %s, against the plan of the house", pkg.ImportPath, imp)
			}
		}
	}
}

type listed struct {
	ImportPath string
	Imports    []string
}

func listPackages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Imports", "mostrador/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("reading go list: %v", err)
		}
		packages = append(packages, p)
	}
	if len(packages) < 10 {
		t.Fatalf("go list found only %d packages", len(packages))
	}
	return packages
}

func within(pkg, prefix string) bool {
	return pkg == prefix || strings.HasPrefix(pkg, prefix+"/")
}

func samePlugin(a, b string) bool {
	plugin := func(p string) string {
		name, _, _ := strings.Cut(strings.TrimPrefix(p, "mostrador/plugins/"), "/")
		return name
	}
	return within(a, "mostrador/plugins") && plugin(a) == plugin(b)
}
