package plgtest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"mostrador/sdk"
	"mostrador/sdk/wire"
)

// BinVariable names the folder with the built programs ("make build": mostrador, and plugins/NAME/NAME). When
// it is not set, Run builds what it needs.
const BinVariable = "MOSTRADOR_BIN"

// patience bounds every wait for the store. What is waited for takes milliseconds; a busy machine takes more.
const patience = 30 * time.Second

// Store is a real store: the host as a process of its own, in a home folder of its own, with its plugins as
// processes. It ends with the test. Every failure of a call fails the test.
type Store struct {
	t    testing.TB
	home string
	http *http.Client
}

// ProcessVariable, when set, has Open run the plugin under test as a process, as Run does.
const ProcessVariable = "MOSTRADOR_TEST_PROCESS"

// Open starts a store with the plugin p, which runs within the test: it starts in a moment, breakpoints in it hold,
// and everything else is as in production, the conversation over mutual TLS included. The current folder is the
// plugin's. The plugins of other folders stand beside it, as processes; all are active. Mail goes to the store's spool.
//
// With ProcessVariable set, the same test runs the plugin as the process that it will be.
func Open(t testing.TB, p *sdk.Plugin, others ...string) *Store {
	t.Helper()
	if os.Getenv(ProcessVariable) != "" {
		return Run(t, others...)
	}
	ctx, cancel := context.WithCancel(context.Background())
	at, done, err := sdk.Listen(ctx, p)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() { // after the host has ended
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	attachments, err := json.Marshal([]wire.Attachment{at})
	if err != nil {
		t.Fatal(err)
	}
	return start(t, placeholder, others, wire.AttachVariable+"="+string(attachments))
}

// Run starts a store with the plugin of the current folder, which is that of the package under test, and with
// those of other folders beside it, all as processes; all of them are active. Mail goes to the store's spool.
func Run(t testing.TB, others ...string) *Store {
	t.Helper()
	return start(t, program, others)
}

// start starts a store whose plugin under test has the program that provide puts there.
func start(t testing.TB, provide provider, others []string, environment ...string) *Store {
	t.Helper()
	home, err := os.MkdirTemp("", "mostrador") // t.TempDir may be too long for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	plugins := filepath.Join(home, "plugins")
	if err := install(".", plugins, provide); err != nil {
		t.Fatal(err)
	}
	for _, folder := range others {
		if err := install(folder, plugins, program); err != nil {
			t.Fatal(err)
		}
	}
	host, err := hostProgram()
	if err != nil {
		t.Fatal(err)
	}
	s := &Store{t: t, home: filepath.Join(home, "home"), http: &http.Client{Timeout: patience}}
	s.http.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(s.home, "mostrador.sock"))
	}}
	t.Cleanup(s.http.CloseIdleConnections)
	cmd := exec.Command(host, "--home", s.home, "--plugins", plugins, "serve", "--listen", "127.0.0.1:0", "--web-listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), environment...)
	serve(t, cmd)
	var list struct{ Plugins []struct{ ID string } }
	s.call("PluginService/List", nil, &list)
	if len(list.Plugins) != 1+len(others) {
		t.Fatalf("the store has %d plugins of %d", len(list.Plugins), 1+len(others))
	}
	for _, p := range list.Plugins {
		s.Enable(p.ID)
	}
	return s
}

// provider puts the program of the plugin in a folder where it is to be.
type provider func(folder, to string) error

// install puts a plugin's package into the folder of plugins: plugin.yaml, templates and locales as they are,
// and the program under the folder's name.
func install(folder, plugins string, provide provider) error {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	name := filepath.Base(folder)
	to := filepath.Join(plugins, name)
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	manifest, err := os.ReadFile(filepath.Join(folder, "plugin.yaml"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(to, "plugin.yaml"), manifest, 0o644); err != nil {
		return err
	}
	for _, part := range []string{"templates", "locales"} {
		err := os.CopyFS(filepath.Join(to, part), os.DirFS(filepath.Join(folder, part)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return provide(folder, filepath.Join(to, executable(name)))
}

// program provides the plugin's program as it was built, or builds it.
func program(folder, to string) error {
	if bin := os.Getenv(BinVariable); bin != "" {
		name := filepath.Base(folder)
		built, err := os.ReadFile(filepath.Join(bin, "plugins", name, executable(name)))
		if err == nil {
			return os.WriteFile(to, built, 0o755)
		}
	}
	return build(folder, to, ".")
}

// placeholder provides a program that nobody starts.
func placeholder(_, to string) error { return os.WriteFile(to, nil, 0o755) }

// hostProgram is the host's program. Unless it was built it is built here, into the user's cache, where the next test
// finds it.
func hostProgram() (string, error) {
	if bin := os.Getenv(BinVariable); bin != "" {
		return filepath.Join(bin, executable("mostrador")), nil
	}
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	// Of each plugin's own, since the versions of Mostrador that they require may differ.
	sum := sha256.Sum256([]byte(folder))
	dir := filepath.Join(cache, "mostrador", "plgtest", hex.EncodeToString(sum[:8]))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	host := filepath.Join(dir, executable("mostrador"))
	return host, build(".", host, "mostrador/host/cmd/mostrador")
}

func executable(name string) string {
	if runtime.GOOS == "windows" {
		return name + ".exe"
	}
	return name
}

func build(folder, program, pkg string) error {
	cmd := exec.Command("go", "build", "-o", program, pkg)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// serve starts the host, waits until it says that it is ready, and ends it with the test.
func serve(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	log := &lockedBuffer{}
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		if _, err := bufio.NewReader(out).ReadString('\n'); err == nil {
			close(ready)
		}
		io.Copy(io.Discard, out)
		ended <- cmd.Wait()
	}()
	t.Cleanup(func() {
		end(cmd.Process)
		select {
		case <-ended:
		case <-time.After(patience):
			t.Error("the host does not end; it is killed")
			cmd.Process.Kill()
			<-ended
		}
		if t.Failed() {
			t.Logf("what the host logged:\n%s", log)
		}
	})
	select {
	case <-ready:
	case err := <-ended:
		ended <- err
		t.Fatalf("the host ended at once: %v", err)
	case <-time.After(patience):
		t.Fatal("the host does not become ready")
	}
}

// end asks a process to end, in the way of its system.
func end(p *os.Process) {
	if runtime.GOOS == "windows" || p.Signal(os.Interrupt) != nil {
		p.Kill()
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// call calls the store's API (Connect's JSON over HTTP).
func (s *Store) call(method string, request, response any) {
	s.t.Helper()
	if err := s.try(method, request, response); err != nil {
		s.t.Fatal(err)
	}
}

func (s *Store) try(method string, request, response any) error {
	if request == nil {
		request = struct{}{}
	}
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	answer, err := s.http.Post("http://store/mostrador.v1."+method, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", method, data)
	}
	return json.Unmarshal(data, response)
}

// Within waits until something holds, and fails the test when it does not in good time.
func (s *Store) Within(what string, holds func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("not within %s: %s", patience, what)
		}
	}
}
