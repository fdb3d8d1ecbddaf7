//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestCommandsAtOnceTakeTurns runs many commands on one folder without a server: each opens the store or shares
// the one that another has open, and none is lost.
func TestCommandsAtOnceTakeTurns(t *testing.T) {
	p := newPlayer(t)
	const at = 6
	var all sync.WaitGroup
	failures := make([]string, at)
	for i := range at {
		all.Go(func() {
			cmd := p.command(t.Context(), "customer", "register", "--name", "Cliente", "--phone", fmt.Sprintf("60011122%d", i))
			if out, err := cmd.CombinedOutput(); err != nil {
				failures[i] = fmt.Sprintf("%v: %s", err, out)
			}
		})
	}
	all.Wait()
	for _, f := range failures {
		if f != "" {
			t.Error(f)
		}
	}
	if err := p.play("done customer search Cliente --json"); err != nil {
		t.Fatal(err)
	}
	var found struct{ Customers []json.RawMessage }
	if err := json.Unmarshal([]byte(p.out), &found); err != nil || len(found.Customers) != at {
		t.Errorf("%d customers of %d, %v", len(found.Customers), at, err)
	}
}

// TestServeSaysOneLineAndEndsCleanly: one line when it is ready, exit code 0 when asked to end.
func TestServeSaysOneLineAndEndsCleanly(t *testing.T) {
	p := newPlayer(t)
	for _, how := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		cmd := p.command(t.Context(), "serve", "--listen", "127.0.0.1:0", "--web-listen", "127.0.0.1:0", "--log", "off")
		var log bytes.Buffer
		cmd.Stderr = &log
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		if !lines.Scan() || !strings.Contains(lines.Text(), p.home) || strings.Count(lines.Text(), "http://127.0.0.1:") != 2 {
			t.Errorf("the ready line is %q", lines.Text())
		}
		if err := cmd.Process.Signal(how); err != nil {
			t.Fatal(err)
		}
		if lines.Scan() {
			t.Errorf("a second line: %q", lines.Text())
		}
		if err := wait(cmd, 30*time.Second); err != nil {
			t.Errorf("%v: %v", how, err)
		}
		if log.Len() > 0 {
			t.Errorf("%v: stderr has %s", how, log.String())
		}
	}
}

func TestAnAddressThatIsTakenIsSaidInWords(t *testing.T) {
	p := newPlayer(t)
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	other := newPlayer(t)
	taken := strings.TrimPrefix(p.vars["api"], "http://")
	if err := other.run(refused, []string{"serve", "--listen", taken, "--web-listen", "127.0.0.1:0"}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(other.err, taken) {
		t.Errorf("stderr: %s", other.err)
	}
	if err := p.end(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}

func wait(cmd *exec.Cmd, limit time.Duration) error {
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-time.After(limit):
		return cmd.Process.Kill()
	}
}
