package plugin

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mostrador/host/plugin/pack"
)

// packageFile packs a trial plug-in of that version for this machine, whose program has that text.
func packageFile(t testing.TB, id, version, program string) *pack.File {
	t.Helper()
	dir := t.TempDir()
	manifest := strings.Replace(strings.ReplaceAll(manifestText, "%[1]s", id), "%s", id, 1)
	manifest = strings.Replace(manifest, "version: 1.0.0", "version: "+version, 1)
	check(t, os.WriteFile(filepath.Join(dir, manifestFile), []byte(manifest), 0o600))
	check(t, os.Mkdir(filepath.Join(dir, "templates"), 0o700))
	check(t, os.WriteFile(filepath.Join(dir, "templates", "hola.html"), []byte("<p>"+version+"</p>"), 0o600))
	path := filepath.Join(dir, strings.ToLower(id)+"prueba"+executableSuffix())
	check(t, os.WriteFile(path, []byte(program), 0o700))
	var b bytes.Buffer
	check(t, pack.Build(&b, dir, []pack.Program{{OS: runtime.GOOS, Arch: runtime.GOARCH, Path: path}}))
	f, err := pack.Open(bytes.NewReader(b.Bytes()), int64(b.Len()))
	check(t, err)
	return f
}

func newLibrary(t testing.TB, cfg LibraryConfig) *Library {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = filepath.Join(t.TempDir(), "plugins")
	}
	l, err := NewLibrary(cfg)
	check(t, err)
	return l
}

// inLibrary lists the versions of a plug-in with their origins.
func inLibrary(l *Library, id string) string {
	var list []string
	for _, p := range l.Versions(id) {
		list = append(list, p.Manifest.Version+" "+string(p.Origin))
	}
	return strings.Join(list, ", ")
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestInstalledVersionsStandSideBySide(t *testing.T) {
	l := newLibrary(t, LibraryConfig{})
	for _, version := range []string{"1.2.0", "1.10.0", "1.9.0"} {
		p, err := l.Install(packageFile(t, "PLG9005", version, "program "+version), "Ana", noon)
		check(t, err)
		text, err := p.ReadFile("templates/hola.html")
		if err != nil || string(text) != "<p>"+version+"</p>" {
			t.Errorf("%s: its template is %q, %v", version, text, err)
		}
		program, err := os.ReadFile(p.Program)
		if err != nil || string(program) != "program "+version {
			t.Errorf("%s: its program is %q, %v", version, program, err)
		}
	}
	want := "1.10.0 package, 1.9.0 package, 1.2.0 package"
	if got := inLibrary(l, "PLG9005"); got != want {
		t.Errorf("there are %s, want %s", got, want)
	}
	again := newLibrary(t, l.cfg)
	if got := inLibrary(again, "PLG9005"); got != want {
		t.Errorf("after a restart there are %s, want %s", got, want)
	}
	if got := again.IDs(); !slices.Equal(got, []string{"PLG9005"}) {
		t.Errorf("the plug-ins are %v", got)
	}
}

func TestWhereAVersionCameFromIsKept(t *testing.T) {
	l := newLibrary(t, LibraryConfig{})
	f := packageFile(t, "PLG9005", "1.2.0", "program")
	_, err := l.Install(f, "Ana Soft", noon)
	check(t, err)
	p := newLibrary(t, l.cfg).Choose("PLG9005", "1.2.0")
	_, sum, err := f.Program(runtime.GOOS, runtime.GOARCH)
	check(t, err)
	if p.Origin != OriginPackage || p.Signer != "Ana Soft" || !p.Installed.Equal(noon) || p.Digest != f.Digest() || p.ProgramHash != sum {
		t.Errorf("it is %+v", p)
	}
}

func TestTheSamePackageTwiceIsOneAndAnotherOfItsVersionIsRefused(t *testing.T) {
	l := newLibrary(t, LibraryConfig{})
	first, err := l.Install(packageFile(t, "PLG9005", "1.2.0", "program"), "Ana", noon)
	check(t, err)
	again, err := l.Install(packageFile(t, "PLG9005", "1.2.0", "program"), "Ana", noon.Add(time.Hour))
	if err != nil || again.Dir != first.Dir || !again.Installed.Equal(noon) {
		t.Errorf("the same again: %+v, %v", again, err)
	}
	_, err = l.Install(packageFile(t, "PLG9005", "1.2.0", "another"), "Ana", noon)
	var r *pack.Refused
	if !errors.As(err, &r) || r.Code != pack.CodeTaken {
		t.Errorf("another one: %v", err)
	}
	if data, err := os.ReadFile(first.Program); err != nil || string(data) != "program" {
		t.Errorf("the program is %q now, %v", data, err)
	}
}

func TestChooseFollowsThePointer(t *testing.T) {
	came := t.TempDir()
	install(t, came, "PLG9005") // 1.0.0
	workshop := t.TempDir()
	l := newLibrary(t, LibraryConfig{Programs: []string{came}})
	for _, version := range []string{"0.9.0", "1.2.0", "1.3.0"} {
		for _, id := range []string{"PLG9005", "PLG9006"} {
			_, err := l.Install(packageFile(t, id, version, "x"), "", noon)
			check(t, err)
		}
	}
	choices := func(when string, want map[string]string) {
		t.Helper()
		for which, version := range want {
			id, pointer, _ := strings.Cut(which, " ")
			got := "nothing"
			if p := l.Choose(id, pointer); p != nil {
				got = p.Manifest.Version + " " + string(p.Origin)
			}
			if got != version {
				t.Errorf("%s: for %s %q it chooses %s, want %s", when, id, pointer, got, version)
			}
		}
	}
	choices("without a development folder", map[string]string{
		"PLG9005 1.2.0": "1.2.0 package", // an older one, as after a rollback
		"PLG9005 1.0.0": "1.0.0 program",
		"PLG9005":       "1.0.0 program", // what is installed is not used before somebody says so
		"PLG9005 7.0.0": "1.0.0 program",
		"PLG9006":       "1.3.0 package",
		"PLG9006 0.9.0": "0.9.0 package",
		"PLG0001":       "nothing",
	})
	install(t, workshop, "PLG9005")
	check(t, os.Mkdir(filepath.Join(workshop, "notes"), 0o700)) // which is no plug-in
	check(t, l.SetDevelopment(workshop))
	choices("with one", map[string]string{
		"PLG9005 1.2.0": "1.0.0 development",
		"PLG9006 1.2.0": "1.2.0 package",
	})
	if got, want := inLibrary(l, "PLG9005"), "1.3.0 package, 1.2.0 package, 1.0.0 development, 1.0.0 program, 0.9.0 package"; got != want {
		t.Errorf("there are %s, want %s", got, want)
	}
	check(t, l.SetDevelopment(filepath.Join(workshop, "plg9005prueba"))) // the plug-in's own folder
	choices("with its own folder", map[string]string{"PLG9005 1.2.0": "1.0.0 development"})
	check(t, l.SetDevelopment(""))
	choices("without one again", map[string]string{"PLG9005 1.2.0": "1.2.0 package"})
}

func TestWhatIsBrokenInTheDevelopmentFolderIsNamed(t *testing.T) {
	workshop := t.TempDir()
	install(t, workshop, "PLG9005")
	unbuilt := install(t, workshop, "PLG9006")
	check(t, os.Remove(unbuilt.Program))
	l := newLibrary(t, LibraryConfig{})
	err := l.SetDevelopment(workshop)
	var broken *BrokenError
	if !errors.As(err, &broken) || broken.Dir != unbuilt.Dir {
		t.Errorf("the error is %v", err)
	}
	if got := l.IDs(); !slices.Equal(got, []string{"PLG9005"}) {
		t.Errorf("the plug-ins are %v", got)
	}
}

func TestAPluginIsOpenedByARelativePath(t *testing.T) {
	p := install(t, t.TempDir(), "PLG9005")
	t.Chdir(p.Dir)
	if here, err := Open("."); err != nil || here.Program != p.Program {
		t.Errorf("it is %+v, %v", here, err)
	}
}

func TestRemoveTakesWhatWasInstalledOnly(t *testing.T) {
	came := t.TempDir()
	install(t, came, "PLG9005")
	l := newLibrary(t, LibraryConfig{Programs: []string{came}})
	for _, version := range []string{"1.2.0", "1.3.0", "1.4.0"} {
		_, err := l.Install(packageFile(t, "PLG9005", version, "x"), "", noon)
		check(t, err)
	}
	check(t, l.Remove("PLG9005", "1.3.0"))
	if got, want := inLibrary(l, "PLG9005"), "1.4.0 package, 1.2.0 package, 1.0.0 program"; got != want {
		t.Errorf("there are %s, want %s", got, want)
	}
	for _, version := range []string{"1.3.0", "1.0.0", "../PLG9005/1.2.0", "..", "."} {
		if err := l.Remove("PLG9005", version); !errors.Is(err, ErrNotInstalled) {
			t.Errorf("removing %q: %v", version, err)
		}
	}
	for _, id := range []string{"", "..", "PLG0001", "PLG9005/1.2.0"} {
		if err := l.Remove(id, ""); !errors.Is(err, ErrNotInstalled) {
			t.Errorf("removing %q: %v", id, err)
		}
	}
	check(t, l.Remove("PLG9005", ""))
	if got, want := inLibrary(l, "PLG9005"), "1.0.0 program"; got != want {
		t.Errorf("there are %s, want %s", got, want)
	}
	if left, err := os.ReadDir(l.cfg.Dir); err != nil || len(left) != 0 {
		t.Errorf("it left %v, %v", left, err)
	}
	check(t, newLibrary(t, l.cfg).Reload())
}

func TestADamagedVersionIsLeftOutAndCanBeInstalledAgain(t *testing.T) {
	for name, damage := range map[string]func(p *Package) error{
		"a template": func(p *Package) error {
			return os.WriteFile(filepath.Join(p.Dir, "templates", "hola.html"), nil, 0o600)
		},
		"the manifest":  func(p *Package) error { return os.WriteFile(filepath.Join(p.Dir, manifestFile), nil, 0o600) },
		"no manifest":   func(p *Package) error { return os.Remove(filepath.Join(p.Dir, manifestFile)) },
		"the list":      func(p *Package) error { return os.Remove(filepath.Join(p.Dir, "SHA256SUMS")) },
		"the record":    func(p *Package) error { return os.WriteFile(filepath.Join(p.Dir, provenanceFile), []byte("{}"), 0o600) },
		"no record":     func(p *Package) error { return os.Remove(filepath.Join(p.Dir, provenanceFile)) },
		"no program":    func(p *Package) error { return os.Remove(p.Program) },
		"its own name":  func(p *Package) error { return os.Rename(p.Dir, filepath.Join(filepath.Dir(p.Dir), "1.2.1")) },
		"a lying path":  func(p *Package) error { return replaceIn(filepath.Join(p.Dir, provenanceFile), `"bin/`, `"../`) },
		"a lying claim": func(p *Package) error { return replaceIn(filepath.Join(p.Dir, provenanceFile), "PLG9005", "PLG9006") },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLibrary(t, LibraryConfig{})
			_, err := l.Install(packageFile(t, "PLG9005", "1.1.0", "x"), "", noon)
			check(t, err)
			p, err := l.Install(packageFile(t, "PLG9005", "1.2.0", "x"), "", noon)
			check(t, err)
			check(t, damage(p))
			again, err := NewLibrary(l.cfg)
			var broken *BrokenError
			if !errors.As(err, &broken) || filepath.Dir(broken.Dir) != filepath.Dir(p.Dir) {
				t.Errorf("the error is %v", err)
			}
			if got := inLibrary(again, "PLG9005"); got != "1.1.0 package" {
				t.Errorf("there are %s", got)
			}
			_, err = again.Install(packageFile(t, "PLG9005", "1.2.0", "x"), "", noon)
			check(t, err)
			if got := inLibrary(again, "PLG9005"); got != "1.2.0 package, 1.1.0 package" {
				t.Errorf("after installing there are %s", got)
			}
			check(t, again.Remove("PLG9005", "")) // what is broken goes as well
			check(t, again.Reload())
		})
	}
}

func replaceIn(path, old, with string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, bytes.Replace(data, []byte(old), []byte(with), 1), 0o600)
}

func TestAnInstallationThatDidNotEndIsSwept(t *testing.T) {
	l := newLibrary(t, LibraryConfig{})
	_, err := l.Install(packageFile(t, "PLG9005", "1.2.0", "x"), "", noon)
	check(t, err)
	for _, remains := range []string{".install-1/files", ".removed-2/files"} {
		check(t, os.MkdirAll(filepath.Join(l.cfg.Dir, "PLG9005", remains), 0o700))
	}
	again := newLibrary(t, l.cfg)
	entries, err := os.ReadDir(filepath.Join(l.cfg.Dir, "PLG9005"))
	if err != nil || len(entries) != 1 || inLibrary(again, "PLG9005") != "1.2.0 package" {
		t.Errorf("there are %v, %v", entries, err)
	}
}

func TestAPackageForAnotherMachineIsNotInstalled(t *testing.T) {
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, manifestFile), []byte("id: PLG9005\nname: x\nversion: 1.0.0\napi: 1\n"), 0o600))
	path := filepath.Join(dir, "plg9005x")
	check(t, os.WriteFile(path, []byte("x"), 0o600))
	var b bytes.Buffer
	check(t, pack.Build(&b, dir, []pack.Program{{OS: "plan9", Arch: "mips", Path: path}}))
	f, err := pack.Open(bytes.NewReader(b.Bytes()), int64(b.Len()))
	check(t, err)
	l := newLibrary(t, LibraryConfig{})
	_, err = l.Install(f, "", noon)
	var r *pack.Refused
	if !errors.As(err, &r) || r.Code != pack.CodePlatform {
		t.Errorf("the error is %v", err)
	}
	if _, err := os.Stat(l.cfg.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was made: %v", err)
	}
}

func TestInstallationsAtOnceDoNotDisturbEachOther(t *testing.T) {
	l := newLibrary(t, LibraryConfig{})
	var installing sync.WaitGroup
	for i := range 8 {
		f := packageFile(t, "PLG9005", []string{"1.0.0", "2.0.0"}[i%2], "x")
		installing.Go(func() {
			if _, err := l.Install(f, "", noon); err != nil {
				t.Error(err)
			}
		})
	}
	installing.Wait()
	if got := inLibrary(l, "PLG9005"); got != "2.0.0 package, 1.0.0 package" {
		t.Errorf("there are %s", got)
	}
}
