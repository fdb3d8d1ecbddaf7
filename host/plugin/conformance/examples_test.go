package conformance_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// examples is the folder of plug-ins that are written as third parties write theirs.
var examples = filepath.Join("..", "..", "..", "sdk", "examples")

func TestTheExampleInGoIsFit(t *testing.T) {
	fit(t, install(t, filepath.Join(examples, "plg9005cumpleanos")))
}

// TestTheExampleInGoPassesItsOwnTests runs them as its author does: in its own module, beside an installed Mostrador.
func TestTheExampleInGoPassesItsOwnTests(t *testing.T) {
	bin := os.Getenv("MOSTRADOR_BIN")
	if bin == "" {
		bin = t.TempDir()
		build := exec.Command("go", "build", "-o", filepath.Join(bin, "mostrador"+suffix()), "mostrador/host/cmd/mostrador")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("go build: %v\n%s", err, out)
		}
	}
	for _, args := range [][]string{{"vet", "./..."}, {"test", "-count=1", "./..."}} {
		cmd := exec.Command("go", args...)
		cmd.Dir = filepath.Join(examples, "plg9005cumpleanos")
		cmd.Env = append(os.Environ(), "MOSTRADOR_BIN="+bin)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("go %s: %v\n%s", args[0], err, out)
		}
	}
}
