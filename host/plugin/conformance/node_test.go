package conformance_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"mostrador/host/plugin"
	"mostrador/host/plugin/pack"
)

// TestTheExampleInTypeScriptIsFit builds it from its lock file, as its author would on a machine of his own, and checks
// the folder and the package made of it.
func TestTheExampleInTypeScriptIsFit(t *testing.T) {
	dir := copyOfTypeScript(t)
	npm := func(args ...string) {
		t.Helper()
		cmd := exec.Command("npm", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("npm %v: %v (this test needs Node.js 18 or later, with npm)\n%s", args, err, out)
		}
	}
	program := filepath.Join(dir, "bin", "any", "main.js")
	npm("ci")
	npm("run", "build")
	first := read(t, program)
	npm("run", "build")
	if !bytes.Equal(first, read(t, program)) {
		t.Error("the same sources gave two programs")
	}
	npm("test")

	pkg, err := plugin.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	fit(t, pkg)
	fit(t, shipped(t, dir, pack.Program{Path: program}))
}

// copyOfTypeScript is the example and the contract in a folder where npm may write.
func copyOfTypeScript(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	made := []string{"node_modules", "bin", "dist", "gen"}
	for _, part := range []string{"proto", filepath.Join("examples", "plg9006saludo-ts")} {
		from := filepath.Join(examples, "..", part)
		if err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if entry.IsDir() {
				if slices.Contains(made, entry.Name()) {
					return fs.SkipDir
				}
				return nil
			}
			within, err := filepath.Rel(from, path)
			if err != nil {
				return err
			}
			to := filepath.Join(root, part, within)
			if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
				return err
			}
			return os.WriteFile(to, read(t, path), 0o600)
		}); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(root, "examples", "plg9006saludo-ts")
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// shipped is the package in dir, packed into a .plg file and unpacked again.
func shipped(t *testing.T, dir string, program pack.Program) *plugin.Package {
	t.Helper()
	var file bytes.Buffer
	if err := pack.Build(&file, dir, []pack.Program{program}); err != nil {
		t.Fatal(err)
	}
	opened, err := pack.Open(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	unpacked := filepath.Join(t.TempDir(), "plg9006saludo")
	if err := opened.Extract(unpacked, "linux", "amd64"); err != nil {
		t.Fatal(err)
	}
	pkg, err := plugin.Open(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}
