package scaffold

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mostrador/sdk/manifest"
)

// sdkFolder is the source that this test is part of.
func sdkFolder(t *testing.T) string {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	sdk, err := FindSDK(here)
	if err != nil {
		t.Fatal(err)
	}
	return sdk
}

// TestANewPluginBuildsAndPassesItsTestsOffline is the promise of `mostrador plugin new`.
func TestANewPluginBuildsAndPassesItsTestsOffline(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "plg9005saludo")
	name := `Saludo "de prueba": {uno}`
	written, err := Write(t.Context(), dir, Plugin{ID: "PLG9005", Name: name, SDK: sdkFolder(t)})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"go.mod", "go.sum", "main.go", "greeting.go", "greeting_test.go", "plugin.yaml", "locales/es.yaml", "locales/en.yaml", ".gitignore", "README.md"} {
		if !slices.Contains(written, want) {
			t.Errorf("there is no %s in %v", want, written)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "plugin.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := manifest.Parse(text, "plugin.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if m.ID != "PLG9005" || m.Name.In("es") != name || m.Settings[0].Path[1].In("es") != name {
		t.Errorf("it is %s %v", m.ID, m.Name)
	}
	for _, args := range [][]string{{"vet", "./..."}, {"test", "./..."}, {"build"}} {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOPROXY=off", "GOWORK=off", "GOFLAGS=-mod=readonly", "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	unformatted, err := exec.CommandContext(t.Context(), "gofmt", "-l", dir).CombinedOutput()
	if err != nil || len(unformatted) > 0 {
		t.Errorf("gofmt: %s %v", unformatted, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "plg9005saludo")); err != nil { // as the development folder wants it
		t.Error(err)
	}
}

func TestNothingIsWrittenWhereItDoesNotBelong(t *testing.T) {
	sdk := sdkFolder(t)
	full := filepath.Join(t.TempDir(), "plg9005saludo")
	if err := os.MkdirAll(filepath.Join(full, "mine"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		dir string
		p   Plugin
		err error
	}{
		"an id of another kind":  {"plg9005saludo", Plugin{ID: "9005", SDK: sdk}, ErrID},
		"a small id":             {"plg9005saludo", Plugin{ID: "plg9005", SDK: sdk}, ErrID},
		"a folder of any name":   {"saludo", Plugin{ID: "PLG9005", SDK: sdk}, ErrName},
		"another plug-in's name": {"plg9006saludo", Plugin{ID: "PLG9005", SDK: sdk}, ErrName},
		"the id alone":           {"plg9005", Plugin{ID: "PLG9005", SDK: sdk}, ErrName},
		"a name with a sign":     {"plg9005-saludo", Plugin{ID: "PLG9005", SDK: sdk}, ErrName},
		"a folder that is used":  {full, Plugin{ID: "PLG9005", SDK: sdk}, ErrExists},
		"no SDK":                 {"plg9005saludo", Plugin{ID: "PLG9005", SDK: t.TempDir()}, ErrNoSDK},
	} {
		dir := test.dir
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(t.TempDir(), dir)
		}
		if _, err := Write(t.Context(), dir, test.p); !errors.Is(err, test.err) {
			t.Errorf("%s: %v", name, err)
		}
		if left, _ := os.ReadDir(dir); dir != full && len(left) != 0 {
			t.Errorf("%s: it wrote %v", name, left)
		}
	}
}

func TestTheSDKIsFoundAboveAFolder(t *testing.T) {
	sdk := sdkFolder(t)
	elsewhere := t.TempDir()
	if got, err := FindSDK(elsewhere, filepath.Join(sdk, "host", "plugin")); err != nil || got != sdk {
		t.Errorf("found %s, %v", got, err)
	}
	if got, err := FindSDK(elsewhere); !errors.Is(err, ErrNoSDK) {
		t.Errorf("found %s, %v", got, err)
	}
}
