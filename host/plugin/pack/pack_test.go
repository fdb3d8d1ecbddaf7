package pack

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"mostrador/host/locale"
)

const testManifest = `id: PLG9005
name: {es: Saludo, en: Greeting}
version: 1.2.0
api: 1
permissions: [message.email:send]
settings:
  - {key: PLG9005Texto, path: [Plug-Ins], name: Texto, type: template_file, default: templates/hola.html}
`

// content is a plug-in's folder with its programs, by the names that they have in a package.
func content() map[string]string {
	return map[string]string{
		"plugin.yaml":                         testManifest,
		"templates/hola.html":                 "<p>hola</p>",
		"locales/es.yaml":                     "hello: Hola",
		"README.md":                           "A greeting.",
		"bin/linux-amd64/plg9005saludo":       "\x7fELF " + strings.Repeat("code ", 1000),
		"bin/windows-amd64/plg9005saludo.exe": "MZ " + strings.Repeat("code ", 1000),
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// writeFolder writes a plug-in's folder and returns it with the programs for Build.
func writeFolder(t testing.TB, files map[string]string) (dir string, programs []Program) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		check(t, os.MkdirAll(filepath.Dir(path), 0o700))
		check(t, os.WriteFile(path, []byte(text), 0o600))
		if rest, ok := strings.CutPrefix(name, "bin/"); ok {
			platform, _, _ := strings.Cut(rest, "/")
			goos, arch, _ := strings.Cut(platform, "-")
			if platform == anywhere {
				goos = ""
			}
			programs = append(programs, Program{goos, arch, path})
		}
	}
	return dir, programs
}

// build packs files that may be packed.
func build(t testing.TB, files map[string]string) []byte {
	t.Helper()
	dir, programs := writeFolder(t, files)
	var b bytes.Buffer
	check(t, Build(&b, dir, programs))
	return b.Bytes()
}

// forge packs files by Build's rules for the container and by none other, with a list of sums as given; nil makes the
// right one.
func forge(t testing.TB, files map[string]string, list []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z, right := zip.NewWriter(&b), sums{}
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.SortFunc(names, compareNames)
	for _, name := range names {
		sum, err := addFile(z, name, strings.NewReader(files[name]))
		check(t, err)
		right[name] = sum
	}
	if list == nil {
		list = right.format()
	}
	if string(list) != "none" {
		_, err := addFile(z, sumsFile, bytes.NewReader(list))
		check(t, err)
	}
	check(t, z.Close())
	return b.Bytes()
}

// plainZip packs as other programs do.
func plainZip(t testing.TB, edit func(z *zip.Writer)) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	edit(z)
	check(t, z.Close())
	return b.Bytes()
}

func open(data []byte) (*File, error) { return Open(bytes.NewReader(data), int64(len(data))) }

func opened(t testing.TB, data []byte) *File {
	t.Helper()
	f, err := open(data)
	check(t, err)
	return f
}

// with returns content with changes; an empty text takes a file away.
func with(changes ...string) map[string]string {
	files := content()
	for i := 0; i < len(changes); i += 2 {
		if changes[i+1] == "" {
			delete(files, changes[i])
		} else {
			files[changes[i]] = changes[i+1]
		}
	}
	return files
}

func TestAPackageGivesBackWhatWentIn(t *testing.T) {
	data := build(t, content())
	f := opened(t, data)
	if f.Manifest().ID != "PLG9005" || f.Manifest().Version != "1.2.0" || f.KeyID() != "" {
		t.Errorf("it is %s %s, signed by %q", f.Manifest().ID, f.Manifest().Version, f.KeyID())
	}
	if f.Digest() != hashOf(data) {
		t.Errorf("digest %s, want %s", f.Digest(), hashOf(data))
	}
	if got := f.Platforms(); !slices.Equal(got, []string{"linux/amd64", "windows/amd64"}) {
		t.Errorf("platforms %v", got)
	}
	for name, want := range content() {
		if got, err := f.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	if _, err := f.ReadFile("templates/no.html"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestTheSameFilesGiveTheSameBytes(t *testing.T) {
	if !bytes.Equal(build(t, content()), build(t, content())) {
		t.Error("two builds differ")
	}
}

func TestAnEarlierPackageStillOpens(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "golden.plg"))
	check(t, err)
	f := opened(t, data)
	signer, err := f.Verify([]TrustedKey{trusted(t, "Ana "+goldenKey)})
	if err != nil || signer != "Ana" {
		t.Errorf("signed by %q, %v", signer, err)
	}
}

func TestExtractWritesThePlatformsFiles(t *testing.T) {
	f := opened(t, build(t, content()))
	dir := filepath.Join(t.TempDir(), "1.2.0")
	check(t, f.Extract(dir, "linux", "amd64"))
	var names []string
	check(t, fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, name)
		}
		return err
	}))
	want := []string{"README.md", sumsFile, "bin/linux-amd64/plg9005saludo", "locales/es.yaml", "plugin.yaml", "templates/hola.html"}
	if !slices.Equal(names, want) {
		t.Errorf("it wrote %v, want %v", names, want)
	}
	for name, mode := range map[string]fs.FileMode{"bin/linux-amd64/plg9005saludo": 0o755, "plugin.yaml": 0o644, "bin": 0o755, ".": 0o755} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if err := f.Extract(dir, "linux", "amd64"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over what is there: %v", err)
	}
}

func TestExtractWritesAllOrNothing(t *testing.T) {
	data := build(t, content())
	f := opened(t, data)
	at := bytes.Index(data, []byte("templates/hola.html"))
	data[at+len("templates/hola.html")+3] ^= 0xff // the file changes after it was opened
	parent := t.TempDir()
	wantRefused(t, f.Extract(filepath.Join(parent, "x"), "linux", "amd64"), CodeAltered)
	if left, err := os.ReadDir(parent); err != nil || len(left) != 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}

func TestAnotherPlatformIsRefused(t *testing.T) {
	f := opened(t, build(t, content()))
	parent := t.TempDir()
	wantRefused(t, f.Extract(filepath.Join(parent, "x"), "plan9", "mips"), CodePlatform)
	if left, _ := os.ReadDir(parent); len(left) != 0 {
		t.Errorf("it left %v", left)
	}
	if name, sum, err := f.Program("windows", "amd64"); err != nil || name != "bin/windows-amd64/plg9005saludo.exe" || sum != hashOf([]byte(content()[name])) {
		t.Errorf("program %s %s, %v", name, sum, err)
	}
}

func TestAPackageForNodeRunsAnywhere(t *testing.T) {
	files := with("bin/linux-amd64/plg9005saludo", "", "bin/windows-amd64/plg9005saludo.exe", "",
		"bin/any/main.js", "process.exit(0)", "plugin.yaml", testManifest+"runtime: node\n")
	f := opened(t, build(t, files))
	if got := f.Platforms(); !slices.Equal(got, []string{"any"}) {
		t.Errorf("platforms %v", got)
	}
	dir := filepath.Join(t.TempDir(), "x")
	check(t, f.Extract(dir, "plan9", "mips"))
	if _, err := os.Stat(filepath.Join(dir, "bin", "any", "main.js")); err != nil {
		t.Error(err)
	}
}

// wantRefused asserts the code of a refusal.
func wantRefused(t *testing.T, err error, code string) {
	t.Helper()
	var r *Refused
	if !errors.As(err, &r) || r.Code != code {
		t.Errorf("refused with %v, want %s", err, code)
	}
}

func TestForgedPackagesAreRefused(t *testing.T) {
	zeros := strings.Repeat("\x00", 2<<20)
	good := build(t, content())
	link := func(z *zip.Writer) {
		h := &zip.FileHeader{Name: "templates/passwd"}
		h.SetMode(fs.ModeSymlink | 0o777)
		w, err := z.CreateHeader(h)
		check(t, err)
		_, err = io.WriteString(w, "/etc/passwd")
		check(t, err)
	}
	named := func(names ...string) []byte {
		return plainZip(t, func(z *zip.Writer) {
			for _, name := range names {
				_, err := z.Create(name)
				check(t, err)
			}
		})
	}
	list := func(edit func(sums)) []byte {
		s := sums{}
		for name, text := range content() {
			s[name] = hashOf([]byte(text))
		}
		edit(s)
		return s.format()
	}
	node := testManifest + "runtime: node\n"
	for name, test := range map[string]struct {
		data []byte
		code string
	}{
		"nothing":                     {nil, CodeNoPackage},
		"a text":                      {[]byte(strings.Repeat("hola ", 100)), CodeNoPackage},
		"cut off":                     {good[:len(good)-1], CodeNoPackage},
		"cut in half":                 {good[:len(good)/2], CodeNoPackage},
		"its end only":                {good[len(good)-200:], CodeNoPackage},
		"bytes before it":             {append([]byte("#!/bin/sh\n"), good...), CodeForeign},
		"bytes behind it":             {append(bytes.Clone(good), "more"...), CodeForeign},
		"another package behind it":   {append(bytes.Clone(good), good...), CodeForeign},
		"a zip of another program":    {plainOf(t, content()), CodeForeign},
		"bytes between":               {between(t, good), CodeForeign},
		"another name before a file":  {renamed(t, good), CodeForeign},
		"a second directory":          {twice(t, good), CodeForeign},
		"a comment":                   {plainZip(t, func(z *zip.Writer) { check(t, z.SetComment("hi")) }), CodeForeign},
		"zip slip":                    {named("templates/../../evil"), CodeName},
		"one up":                      {named("../evil"), CodeName},
		"an absolute name":            {named("/etc/cron.d/evil"), CodeName},
		"a backslash":                 {named(`templates\..\evil`), CodeName},
		"a drive":                     {named("C:evil"), CodeName},
		"a device":                    {named("templates/nul.html"), CodeName},
		"a stream":                    {named("templates/hola.html:evil"), CodeName},
		"a point at the end":          {named("templates/hola."), CodeName},
		"a hidden file":               {named("templates/.htaccess"), CodeName},
		"no name":                     {named(""), CodeName},
		"a line's end in a name":      {named("templates/a\nb"), CodeName},
		"letters beyond ASCII":        {named("templates/año.html"), CodeName},
		"a long name":                 {named("templates/" + strings.Repeat("x", 200)), CodeName},
		"a deep name":                 {named("templates/a/b/c/d/e/f/g/h/i"), CodeName},
		"a folder":                    {named("templates/"), CodeNoFile},
		"a name twice":                {named("templates/a", "templates/a"), CodeSameName},
		"names that differ in case":   {named("templates/a", "templates/A"), CodeSameName},
		"folders that differ in case": {named("templates/a/x", "templates/A/y"), CodeSameName},
		"a file that is a folder too": {named("templates/a", "templates/a/b"), CodeSameName},
		"a symbolic link":             {plainZip(t, link), CodeNoFile},
		"a file of no use":            {named("install.sh"), CodePlace},
		"a folder of no use":          {named("scripts/install.sh"), CodePlace},
		"a record of an installation": {named("package.json"), CodePlace},
		"a program without platform":  {named("bin/plg9005saludo"), CodePlace},
		"too many files":              {many(t, maxFiles+1), CodeTooMany},
		"more files than it says":     {undercounted(t, many(t, 66_000)), CodeTooMany},
		"a bomb":                      {forge0(t, "templates/zeros", zeros), CodeBomb},
		"a large template":            {announced(t, "templates/big", maxText+1), CodeTooLarge},
		"a large program":             {announced(t, "bin/linux-amd64/plg9005x", maxProgram+1), CodeTooLarge},
		"no list":                     {forge(t, content(), []byte("none")), CodeMissing},
		"an empty list":               {forge(t, content(), []byte{}), CodeExtra},
		"a broken list":               {forge(t, content(), []byte("hola\n")), CodeSums},
		"a list in no order":          {forge(t, content(), reversed(list(func(sums) {}))), CodeSums},
		"a list that leads out":       {forge(t, content(), append([]byte(hashOf(nil)+"  ../x\n"), list(func(sums) {})...)), CodeSums},
		"a file too few":              {forge(t, with("locales/es.yaml", ""), list(func(sums) {})), CodeMissing},
		"a file too many":             {forge(t, with("locales/en.yaml", "hello: Hi"), list(func(sums) {})), CodeExtra},
		"an altered file":             {forge(t, with("templates/hola.html", "<p>adiós</p>"), list(func(sums) {})), CodeAltered},
		"an altered program":          {forge(t, with("bin/linux-amd64/plg9005saludo", "evil"), list(func(sums) {})), CodeAltered},
		"a wrong hash":                {forge(t, content(), list(func(s sums) { s["plugin.yaml"] = hashOf(nil) })), CodeAltered},
		"no manifest":                 {forge(t, with("plugin.yaml", ""), nil), CodeMissing},
		"a broken manifest":           {forge(t, with("plugin.yaml", testManifest+"nombre: x\n"), nil), CodeManifest},
		"a version of endless length": {forge(t, with("plugin.yaml", strings.ReplaceAll(testManifest, "1.2.0", "1.2.0-"+strings.Repeat("x", 300))), nil), CodeManifest},
		"a template too few":          {forge(t, with("templates/hola.html", ""), nil), CodeMissing},
		"no programs":                 {forge(t, with("bin/linux-amd64/plg9005saludo", "", "bin/windows-amd64/plg9005saludo.exe", ""), nil), CodeMissing},
		"two programs for one":        {forge(t, with("bin/linux-amd64/plg9005otro", "x"), nil), CodePrograms},
		"programs of two names":       {forge(t, with("bin/linux-arm64/plg9005otro", "x"), nil), CodePrograms},
		"another plug-in's program":   {forge(t, map[string]string{"plugin.yaml": testManifest, "templates/hola.html": "x", "bin/linux-amd64/plg0002x": "x"}, nil), CodePrograms},
		"Windows without .exe":        {forge(t, with("bin/windows-amd64/plg9005saludo.exe", "", "bin/windows-amd64/plg9005saludo", "x"), nil), CodePrograms},
		"main.js without a runtime":   {forge(t, with("bin/any/main.js", "x"), nil), CodePrograms},
		"a program beside main.js":    {forge(t, with("bin/any/main.js", "x", "plugin.yaml", node), nil), CodePrograms},
		"a runtime without main.js":   {forge(t, map[string]string{"plugin.yaml": node, "templates/hola.html": "x", "bin/any/index.js": "x"}, nil), CodeMissing},
		"a broken signature":          {signedWith(t, "hola"), CodeForged},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := open(test.data)
			if f != nil {
				t.Error("it was opened")
			}
			wantRefused(t, err, test.code)
		})
	}
}

func TestAPackageTooLargeIsRefusedUnread(t *testing.T) {
	_, err := Open(&failing{}, maxPackage+1)
	wantRefused(t, err, CodeTooLarge)
}

func TestADirectoryOfTooManyFilesIsNotRead(t *testing.T) {
	data := undercounted(t, many(t, 66_000))
	if n := testing.AllocsPerRun(1, func() { _, _ = open(data) }); n > 1000 {
		t.Errorf("refusing it took %v allocations", n)
	}
}

func TestAFailureOfReadingIsNoFaultOfThePackage(t *testing.T) {
	data := build(t, content())
	for healthy := range 12 {
		_, err := Open(&failing{data: data, healthy: healthy}, int64(len(data)))
		var r *Refused
		if !errors.Is(err, errDisk) || errors.As(err, &r) {
			t.Errorf("after %d reads: %v", healthy, err)
		}
	}
}

var errDisk = errors.New("the disk is broken")

// failing reads data so many times, and then fails.
type failing struct {
	data    []byte
	healthy int
}

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	if f.healthy--; f.healthy < 0 {
		return 0, errDisk
	}
	return bytes.NewReader(f.data).ReadAt(p, off)
}

func TestBuildRefusesWhatOpenWould(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		code  string
	}{
		"no manifest":        {with("plugin.yaml", ""), CodeMissing},
		"a broken manifest":  {with("plugin.yaml", "id: 7"), CodeManifest},
		"an odd name":        {with("templates/dos palabras.html", "x"), CodeName},
		"no programs":        {with("bin/linux-amd64/plg9005saludo", "", "bin/windows-amd64/plg9005saludo.exe", ""), CodeMissing},
		"a program's name":   {with("bin/linux-arm64/saludo", "x"), CodePrograms},
		"a template too few": {with("templates/hola.html", ""), CodeMissing},
		"a large template":   {with("templates/hola.html", strings.Repeat("x", maxText+1)), CodeTooLarge},
		"a file of zeros":    {with("templates/hola.html", strings.Repeat("\x00", 2<<20)), CodeBomb},
	} {
		t.Run(name, func(t *testing.T) {
			dir, programs := writeFolder(t, test.files)
			wantRefused(t, Build(io.Discard, dir, programs), test.code)
		})
	}
	t.Run("a program twice", func(t *testing.T) {
		dir, programs := writeFolder(t, content())
		wantRefused(t, Build(io.Discard, dir, append(programs, programs[0])), CodeSameName)
	})
	t.Run("a symbolic link", func(t *testing.T) {
		dir, programs := writeFolder(t, content())
		check(t, os.Symlink("/etc/passwd", filepath.Join(dir, "templates", "passwd")))
		wantRefused(t, Build(io.Discard, dir, programs), CodeNoFile)
	})
}

func TestEveryRefusalHasASentence(t *testing.T) {
	c := locale.New()
	for _, lang := range c.Languages() {
		for _, code := range codes {
			if said := c.Text(lang, "pack."+code); said == "pack."+code || said == "" {
				t.Errorf("%s: %s has no sentence", lang, code)
			}
		}
	}
}

// FuzzOpen: whatever the bytes, Open returns, and what it takes is what Build writes and can be unpacked.
func FuzzOpen(f *testing.F) {
	good := build(f, content())
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add(append([]byte("x"), good...))
	f.Add(forge(f, with("templates/hola.html", "x"), nil))
	f.Add(plainOf(f, content()))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := open(data)
		if err != nil {
			var r *Refused
			if !errors.As(err, &r) || !slices.Contains(codes, r.Code) {
				t.Fatalf("not refused but failed: %v", err)
			}
			return
		}
		goos, arch, _ := strings.Cut(file.Platforms()[0], "/")
		dir := filepath.Join(t.TempDir(), "x")
		check(t, file.Extract(dir, goos, arch))
		if file.Digest() != hashOf(data) {
			t.Error("another digest")
		}
	})
}
