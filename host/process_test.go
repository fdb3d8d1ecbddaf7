package host_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"mostrador/host/api/mostradorv1/mostradorv1connect"
)

// programs returns the folder with the built programs and plug-ins: MOSTRADOR_BIN, or what this builds once.
func programs(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("MOSTRADOR_BIN"); dir != "" {
		return dir
	}
	buildOnce.Do(func() {
		buildDir, buildErr = os.MkdirTemp("", "mostrador-programs-")
		if buildErr != nil {
			return
		}
		cmd := exec.Command("make", "programs", "BIN="+buildDir)
		cmd.Dir = ".."
		if out, err := cmd.CombinedOutput(); err != nil {
			buildErr = fmt.Errorf("make programs: %w\n%s", err, out)
		}
	})
	if buildErr != nil {
		t.Fatal(buildErr)
	}
	return buildDir
}

var (
	buildOnce sync.Once
	buildDir  string
	buildErr  error
)

func TestMain(m *testing.M) {
	code := m.Run()
	if buildDir != "" {
		os.RemoveAll(buildDir)
	}
	os.Exit(code)
}

// server is a real `mostrador serve` on a home folder.
type server struct {
	home string
	cmd  *exec.Cmd
	// api is where the API answers, web the address of the customers' pages.
	api, web string
	done     chan struct{}
}

var readyLine = regexp.MustCompile(`http://\S+`)

// startServer starts a host on home and waits for its ready line.
func startServer(t testing.TB, home string, args ...string) (*server, error) {
	t.Helper()
	dir := programs(t)
	name := filepath.Join(dir, "mostrador")
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	args = append([]string{"--home", home, "serve", "--listen", "127.0.0.1:0", "--web-listen", "127.0.0.1:0",
		"--plugins", filepath.Join(dir, "plugins")}, args...)
	s := &server{home: home, cmd: exec.Command(name, args...), done: make(chan struct{})}
	log, err := os.OpenFile(filepath.Join(home, "test.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s.cmd.Stderr = log
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	lines := make(chan string, 1)
	go func() {
		defer close(s.done)
		for scan := bufio.NewScanner(stdout); scan.Scan(); {
			select {
			case lines <- scan.Text():
			default:
			}
		}
		_ = s.cmd.Wait() // a killed server's exit says nothing
	}()
	select {
	case line := <-lines:
		addresses := readyLine.FindAllString(line, -1)
		if len(addresses) < 2 {
			s.kill()
			return nil, fmt.Errorf("ready line without two addresses: %q", line)
		}
		s.api, s.web = strings.TrimRight(addresses[0], "/,;."), strings.TrimRight(addresses[1], "/")
		return s, nil
	case <-s.done:
		text, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("the host ended before it was ready:\n%s", tail(string(text), 2000))
	case <-time.After(30 * time.Second):
		s.kill()
		return nil, errors.New("the host was not ready within 30 seconds")
	}
}

// kill ends the server as a power cut would.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	<-s.done
}

func tail(s string, n int) string {
	if len(s) > n {
		s = s[len(s)-n:]
	}
	return s
}

// clients are a store's API over its home's socket, as the local administrator.
type clients struct {
	customers mostradorv1connect.CustomerServiceClient
	consent   mostradorv1connect.ConsentServiceClient
	sales     mostradorv1connect.SaleServiceClient
	settings  mostradorv1connect.SettingServiceClient
	messages  mostradorv1connect.MessageServiceClient
	plugins   mostradorv1connect.PluginServiceClient
	events    mostradorv1connect.EventServiceClient

	integration mostradorv1connect.IntegrationServiceClient
}

func dial(home string) *clients {
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", filepath.Join(home, "mostrador.sock"))
		},
		MaxIdleConnsPerHost: 64,
	}}
	const base = "http://mostrador"
	return &clients{
		customers: mostradorv1connect.NewCustomerServiceClient(client, base),
		consent:   mostradorv1connect.NewConsentServiceClient(client, base),
		sales:     mostradorv1connect.NewSaleServiceClient(client, base),
		settings:  mostradorv1connect.NewSettingServiceClient(client, base),
		messages:  mostradorv1connect.NewMessageServiceClient(client, base),
		plugins:   mostradorv1connect.NewPluginServiceClient(client, base),
		events:    mostradorv1connect.NewEventServiceClient(client, base),

		integration: mostradorv1connect.NewIntegrationServiceClient(client, base),
	}
}
