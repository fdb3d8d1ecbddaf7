package plugin

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	goplugin "github.com/hashicorp/go-plugin/runner"

	"mostrador/host/plugin/sandbox"
)

// drain is how long the last log lines are waited for when the process is gone but something that it
// started still holds its standard error.
const drain = 100 * time.Millisecond

// keptVariables are what a plugin sees of the host's environment: what programs need to find their way on
// the machine, and nothing that could hold a secret.
var keptVariables = []string{"TZ", "LANG", "LC_ALL", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT"}

// process is one operating system process, started once, in the form that go-plugin wants. It is its own so
// that the host starts it on the right thread, reads its log by itself and knows of its end at once.
type process struct {
	cmd    *exec.Cmd
	bounds sandbox.Bounds
	logs   *logSink
	stdout *paced // the host's end
	// kept is how the process is kept in bounds, once it was started.
	kept sandbox.Applied

	// foreign is the id of a process that the host has not started (see attach.go); cmd is nil then.
	foreign int
	left    sync.Once

	started atomic.Bool
	// killed is set when the host itself ends the process.
	killed atomic.Bool
	// exited is closed at the end of the process; err is how it ended, ours whether the host had killed it.
	exited chan struct{}
	err    error
	ours   bool
	// closed is closed when its last log line was read, too.
	closed chan struct{}
}

var _ goplugin.Runner = (*process)(nil)

// newProcess prepares a process of a program with its arguments, in dir.
func newProcess(program []string, dir string, bounds sandbox.Bounds, logs *logSink) *process {
	cmd := exec.Command(program[0], program[1:]...)
	cmd.Dir = dir
	for _, name := range keptVariables {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.SysProcAttr = attributes()
	return &process{cmd: cmd, bounds: bounds, logs: logs, exited: make(chan struct{}), closed: make(chan struct{})}
}

// Start starts the process within its bounds.
func (p *process) Start(context.Context) error {
	stdout, stdoutEnd, err := os.Pipe()
	if err != nil {
		return err
	}
	stderr, stderrEnd, err := os.Pipe()
	if err != nil {
		stdout.Close()
		stdoutEnd.Close()
		return err
	}
	p.stdout = pace(stdout)
	p.cmd.Stdout, p.cmd.Stderr = stdoutEnd, stderrEnd
	kept, ended, err := sandbox.Start(p.cmd, p.bounds)
	stdoutEnd.Close()
	stderrEnd.Close()
	var kin family
	if err == nil {
		if kin, err = adopt(p.cmd.Process, p.bounds, ended); err != nil {
			_ = p.cmd.Process.Kill()
			_ = p.cmd.Wait()
		}
	}
	if err != nil {
		stdout.Close()
		stderr.Close()
		p.err = err
		close(p.exited)
		close(p.closed)
		return err
	}
	p.kept = kept
	p.started.Store(true)
	if p.killed.Load() { // before there was anything to kill
		_ = p.cmd.Process.Kill()
	}
	go p.live(stderr, kin)
	return nil
}

// live reads what the process logs until it ends.
func (p *process) live(stderr *os.File, kin family) {
	defer close(p.closed)
	defer stderr.Close()
	read := make(chan struct{})
	log := pace(stderr)
	go func() {
		defer close(read)
		p.logs.read(log)
	}()
	kin.waitAndEnd() // what the process left behind goes with it
	log.over.Store(true)
	p.stdout.over.Store(true)
	p.ours = p.killed.Load()
	p.err = p.cmd.Wait()
	close(p.exited)
	p.stdout.Close() // or go-plugin would wait for whoever holds the other end
	_ = stderr.SetReadDeadline(time.Now().Add(drain))
	<-read
}

// pid is the process's id, 0 before it was started.
func (p *process) pid() int {
	if !p.started.Load() {
		return 0
	}
	if p.cmd == nil {
		return p.foreign
	}
	return p.cmd.Process.Pid
}

// kill ends the process without asking; one that is not the host's is left alone. It may be called at any time.
func (p *process) kill() {
	p.killed.Store(true)
	if p.cmd == nil {
		p.left.Do(func() { close(p.exited) })
		return
	}
	if p.started.Load() {
		_ = p.cmd.Process.Kill() // an error means that it has ended
	}
}

// endsWithin waits so long for the end of the process.
func (p *process) endsWithin(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-p.exited:
		return true
	case <-timer.C:
		return false
	}
}

// end says how the process ended, once it has.
func (p *process) end() string {
	if p.err == nil {
		return "exit status 0"
	}
	return p.err.Error()
}

// killedFromOutside tells whether somebody other than the host killed the process, once it has ended.
func (p *process) killedFromOutside() bool {
	return !p.ours && p.cmd != nil && p.cmd.ProcessState != nil && wasKilled(p.cmd.ProcessState)
}

// Wait implements go-plugin's runner.
func (p *process) Wait(context.Context) error {
	<-p.exited
	return p.err
}

// Kill implements go-plugin's runner.
func (p *process) Kill(context.Context) error {
	p.kill()
	return nil
}

// Stdout is where go-plugin reads the handshake.
func (p *process) Stdout() io.ReadCloser { return p.stdout }

// Stderr is empty for go-plugin: the process's log is read here.
func (p *process) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

// Name implements go-plugin's runner.
func (p *process) Name() string { return p.cmd.Path }

// ID is empty for go-plugin as long as there is nothing to kill.
func (p *process) ID() string {
	if pid := p.pid(); pid != 0 {
		return strconv.Itoa(pid)
	}
	return ""
}

// Diagnose implements go-plugin's runner.
func (p *process) Diagnose(context.Context) string {
	return fmt.Sprintf("%s did not speak as a plugin does", cmp.Or(p.cmd.Path, "the program"))
}

// PluginToHost and HostToPlugin: both live on one machine.
func (p *process) PluginToHost(network, address string) (string, string, error) {
	return network, address, nil
}

// HostToPlugin implements go-plugin's runner.
func (p *process) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}
