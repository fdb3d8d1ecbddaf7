package plugin

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestDiscoverFindsWhatIsWholeAndNamesWhatIsNot(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	install(t, first, one)
	install(t, second, two)
	broken := map[string]func(folder string){
		"plg9003prueba": func(folder string) { check(t, os.Remove(filepath.Join(folder, manifestFile))) },
		"plg9004prueba": func(folder string) {
			check(t, os.WriteFile(filepath.Join(folder, manifestFile), []byte("id: X"), 0o600))
		},
		"plg9005prueba": func(folder string) {
			check(t, os.Remove(filepath.Join(folder, "plg9005prueba"+executableSuffix())))
		},
		"plg9006prueba": func(folder string) { // its default template is missing
			text := strings.Replace(manifestOf("PLG9006", "1.0.0", "1"), "type: text, default: sin texto",
				"type: template_file, default: templates/no.html", 1)
			check(t, os.WriteFile(filepath.Join(folder, manifestFile), []byte(text), 0o600))
		},
		"plg9007prueba": func(folder string) { // the same plugin as in first
			check(t, os.WriteFile(filepath.Join(folder, manifestFile), []byte(manifestOf(one, "1.0.0", "1")), 0o600))
		},
	}
	for name, spoil := range broken {
		install(t, second, "PLG"+name[3:7])
		spoil(filepath.Join(second, name))
	}
	touch(t, second, "readme.txt")
	check(t, os.Mkdir(filepath.Join(second, ".hidden"), 0o700))

	found, err := Discover(first, second, filepath.Join(first, "nothing"))
	if len(found) != 2 || found[0].ID() != one || found[1].ID() != two {
		t.Errorf("found %v", found)
	}
	for name := range broken {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named", name)
		}
	}
	var one *BrokenError
	if !errors.As(err, &one) || one.Dir == "" || one.Unwrap() == nil {
		t.Errorf("error %v", err)
	}
	if n := strings.Count(err.Error(), "plugin: package"); n != len(broken) {
		t.Errorf("%d are named: %v", n, err)
	}
}

func TestAPackageWithoutProblemsHasNoError(t *testing.T) {
	dir := t.TempDir()
	install(t, dir, one)
	if _, err := Discover(dir); err != nil {
		t.Error(err)
	}
}

func TestNothingOutsideThePackageIsRead(t *testing.T) {
	dir := t.TempDir()
	p := install(t, dir, one)
	secret := touch(t, dir, "secret")
	check(t, os.Mkdir(filepath.Join(p.Dir, "templates"), 0o700))
	touch(t, p.Dir, "templates", "good.html")
	if runtime.GOOS != "windows" {
		check(t, os.Symlink(secret, filepath.Join(p.Dir, "templates", "link.html")))
		check(t, os.Symlink("../../secret", filepath.Join(p.Dir, "templates", "relative.html")))
	}
	if _, err := p.ReadFile("templates/good.html"); err != nil {
		t.Error(err)
	}
	for _, name := range []string{
		"../secret", "templates/../../secret", secret, "templates/link.html", "templates/relative.html",
		"", ".", "templates", "/etc/passwd", `..\secret`, "no.html",
	} {
		if data, err := p.ReadFile(name); err == nil {
			t.Errorf("%q was read: %q", name, data)
		}
	}
	big, err := os.Create(filepath.Join(p.Dir, "big"))
	check(t, err)
	check(t, big.Truncate(maxFile+1))
	check(t, big.Close())
	var path *fs.PathError
	if _, err := p.ReadFile("big"); !errors.As(err, &path) {
		t.Errorf("too large: %v", err)
	}
}

func TestTwoPackagesOfOnePluginAreRefused(t *testing.T) {
	p := install(t, t.TempDir(), one)
	if _, err := NewManager(Config{Packages: []*Package{p, p}, RuntimeDir: t.TempDir()}); err == nil {
		t.Error("no error")
	}
}
