package conformance_test

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"mostrador/host/locale"
	"mostrador/host/plugin"
	"mostrador/host/plugin/conformance"
)

func TestThePluginsOfTheHouseAreFit(t *testing.T) {
	for _, name := range []string{"plg0002puntos", "plg0074bienvenida", "plg0110mensajes"} {
		t.Run(name, func(t *testing.T) { fit(t, install(t, filepath.Join("..", "..", "..", "plugins", name))) })
	}
}

// codes finds where a problem is named.
var codes = regexp.MustCompile(`(?:\.fail|\.warn|problem)\("([a-z_]+)"|return "([a-z_]+)", (?:nil|\[\]any)|code\s+string}{{"([a-z_]+)"`)

// fit checks a package and wants nothing found, not even a warning.
func fit(t *testing.T, pkg *plugin.Package) {
	t.Helper()
	report, err := conformance.Run(t.Context(), pkg)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		for _, p := range f.Problems {
			t.Errorf("%s: %s", f.Check, say("en", p))
		}
	}
	if t.Failed() {
		t.Logf("its log:\n%s", strings.Join(report.Log, "\n"))
	}
}

func say(lang string, p conformance.Problem) string {
	return locale.New().Text(lang, "conformance."+p.Code, p.Args...)
}

// install builds a plug-in's package out of its source.
func install(t *testing.T, source string) *plugin.Package {
	t.Helper()
	name := filepath.Base(source)
	dir := filepath.Join(t.TempDir(), name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"plugin.yaml", "templates", "locales"} {
		from := filepath.Join(source, part)
		info, err := os.Stat(from)
		switch {
		case err != nil:
			continue
		case info.IsDir():
			err = os.CopyFS(filepath.Join(dir, part), os.DirFS(from))
		default:
			var data []byte
			if data, err = os.ReadFile(from); err == nil {
				err = os.WriteFile(filepath.Join(dir, part), data, 0o600)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, name+suffix()), ".")
	build.Dir = source
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	pkg, err := plugin.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

func suffix() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

// crooked builds the plug-in that has one thing wrong.
func crooked(t *testing.T) *plugin.Package {
	t.Helper()
	return install(t, filepath.Join("testdata", "plg9200torcido"))
}

// broken is that plug-in under the name of what is wrong with it.
func broken(t *testing.T, crooked *plugin.Package, wrong string) *plugin.Package {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "plg9200"+wrong)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	// Links, not copies: a program that is open for writing, here or in a process just forked, cannot be started.
	for from, to := range map[string]string{"plugin.yaml": "plugin.yaml", filepath.Base(crooked.Program): filepath.Base(dir) + suffix()} {
		if err := os.Link(filepath.Join(crooked.Dir, from), filepath.Join(dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "aviso.html"), []byte("<p>Hola</p>"), 0o600); err != nil {
		t.Fatal(err)
	}
	pkg, err := plugin.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

func TestWhatIsWrongIsFoundAndNamed(t *testing.T) {
	sane := crooked(t)
	for _, c := range []struct{ wrong, check, code string }{
		{"nothing", "", ""},
		{"ends", "handshake", "ended_early"},
		{"talks", "handshake", "handshake_wrong"},
		{"elsewhere", "handshake", "handshake_elsewhere"},
		{"plain", "strangers", "tls_plain"},
		{"open", "strangers", "tls_without"},
		{"another", "describe", "describe_another"},
		{"agrees", "describe", "describe_agrees"},
		{"settings", "settings", "settings_odd"},
		{"mails", "batches", "effect_permission"},
		{"emits", "batches", "effect_emit"},
		{"faults", "batches", "event_fault"},
		{"short", "batches", "batch_count"},
		{"wrongkind", "batches", "answer_kind"},
		{"putstate", "batches", "effect_put_state"},
		{"random", "repeats", "repeat_differs"},
		{"remembers", "repeats", "repeat_differs"},
		{"forgets", "repeats", "repeat_differs"},
		{"panics", "unknown", "unknown_bytes"},
		{"takesall", "unknown", "unknown_action_taken"},
		{"guesses", "unknown", "unknown_work"},
		{"small", "large", "large_fails"},
		{"clicks", "actions", "action_differs"},
		{"refuses", "actions", "action_refuses"},
		{"grid", "panels", "panel_kind"},
		{"unfit", "abilities", "check_unfit"},
		{"defaults", "abilities", "validate_default"},
		{"migrates", "abilities", "effect_migration"},
		{"recalls", "abilities", "rehearse_differs"},
		{"stays", "shutdown", "shutdown_stays"},
		{"lingers", "hang_up", "hang_up_stays"},
		{"orphan", "orphan", "orphan_stays"},
		{"prints", "stdout", "stdout_lines"},
	} {
		t.Run(c.wrong, func(t *testing.T) {
			t.Parallel()
			report, err := conformance.Run(t.Context(), broken(t, sane, c.wrong))
			if err != nil {
				t.Fatal(err)
			}
			var found []string
			for _, f := range report.Findings {
				for _, p := range f.Problems {
					found = append(found, f.Check+"/"+p.Code)
				}
			}
			if c.check == "" {
				if len(found) > 0 {
					t.Errorf("found %v in a plug-in with nothing wrong\n%s", found, strings.Join(report.Log, "\n"))
				}
			} else if !slices.Contains(found, c.check+"/"+c.code) {
				t.Errorf("found %v, want %s/%s\n%s", found, c.check, c.code, strings.Join(report.Log, "\n"))
			}
			if want := c.check == "" || c.code == "check_unfit"; report.Fit() != want {
				t.Errorf("fit is %v: %v", report.Fit(), found)
			}
		})
	}
}

func TestEveryCheckHasWords(t *testing.T) {
	text := locale.New()
	for _, lang := range text.Languages() {
		for _, name := range conformance.Names() {
			if key := "conformance.check_" + name; text.Text(lang, key) == key {
				t.Errorf("%s: no words for %s", lang, key)
			}
		}
	}
}

// TestEveryProblemHasWords reads the codes out of the source, since no run finds all of them.
func TestEveryProblemHasWords(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	text := locale.New()
	var n int
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, code := range codes.FindAllStringSubmatch(string(data), -1) {
			n++
			name := cmp.Or(code[1:]...)
			for _, lang := range text.Languages() {
				if key := "conformance." + name; text.Text(lang, key) == key {
					t.Errorf("%s: no words for %s", lang, key)
				}
			}
		}
	}
	if n < 50 {
		t.Errorf("only %d codes found", n)
	}
}
