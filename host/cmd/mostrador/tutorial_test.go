package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTheTutorialSaysWhatHappens does what sdk/TUTORIAL.md says, in one shell: it runs each block of sh, writes each
// block that names a file, and looks for the lines of each block of text in what the block of sh before it printed.
func TestTheTutorialSaysWhatHappens(t *testing.T) {
	source, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(source, "sdk", "TUTORIAL.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := fences(t, string(page))
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	bin, err := filepath.Abs(programs(t))
	if err != nil {
		t.Fatal(err)
	}
	home, err := os.MkdirTemp("", "mostrador-tutorial-") // t.TempDir may be too long for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, shell, "-eu")
	cmd.Dir = home
	cmd.Stdin = strings.NewReader(script(blocks))
	cmd.Env = append(os.Environ(), "LANG=en_US.UTF-8", "LC_ALL=", "LC_MESSAGES=", "MOSTRADOR_SDK="+source, "MOSTRADOR_PLUGINS=",
		"PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"), "GOPROXY=off", "GOFLAGS=")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 30 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	printed := map[int]string{}
	for part := range strings.SplitSeq(out.String(), mark) {
		var n int
		if number, text, ok := strings.Cut(part, "\n"); ok {
			if _, err := fmt.Sscan(number, &n); err == nil {
				printed[n] = text
			}
		}
	}
	for i, b := range blocks {
		if b.kind != "text" {
			continue
		}
		rest := printed[i-1]
		for line := range strings.Lines(b.text) {
			line = strings.TrimSpace(line)
			at := strings.Index(rest, line)
			if at < 0 {
				t.Errorf("line %d: %q is not printed, but\n%s", b.line, line, printed[i-1])
				break
			}
			rest = rest[at+len(line):]
		}
	}
}

// mark stands before the number of a block and what it printed.
const mark = "\n### block "

// fence is a fenced block of a page.
type fence struct {
	// kind is the first word behind the fence, file the second.
	kind, file string
	line       int
	text       string
}

// fences finds the blocks of a page that a reader would act upon.
func fences(t *testing.T, page string) []fence {
	t.Helper()
	var found []fence
	open := false
	line := 0
	for text := range strings.Lines(page) {
		line++
		info, isFence := strings.CutPrefix(text, "```")
		switch {
		case isFence && !open:
			words := append(strings.Fields(info), "", "")
			found = append(found, fence{kind: words[0], file: words[1], line: line})
			open = true
		case isFence:
			open = false
		case open:
			found[len(found)-1].text += text
		}
	}
	shells := 0
	for i, b := range found {
		switch {
		case b.kind == "sh":
			shells++
		case b.kind == "text" && i > 0 && found[i-1].kind == "sh", b.file != "":
		default:
			t.Fatalf("line %d: a block of %q that nothing can be done with", b.line, b.kind)
		}
	}
	if open || shells < 5 {
		t.Fatalf("%d blocks of sh, the last one open: %v", shells, open)
	}
	return found
}

// script is what a reader would type. What he left running ends with it.
func script(blocks []fence) string {
	var b strings.Builder
	b.WriteString("trap 'exit 1' TERM\ntrap 'kill \"${!-}\" 2>/dev/null && wait || true' EXIT\n")
	for i, block := range blocks {
		switch {
		case block.kind == "sh":
			fmt.Fprintf(&b, "printf '\\n### block %%d\\n' %d\n%s", i, block.text)
		case block.file != "":
			fmt.Fprintf(&b, "cat > %s <<'END OF THE FILE'\n%sEND OF THE FILE\n", block.file, block.text)
		}
	}
	return b.String()
}
