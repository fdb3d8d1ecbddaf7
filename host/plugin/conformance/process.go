package conformance

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/types/known/emptypb"

	"mostrador/host/plugin"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
	"mostrador/sdk/wire"
)

// How long a plug-in may take. They are the host's own limits and more: a busy machine is no fault of the plug-in.
const (
	startLimit = 30 * time.Second
	workLimit  = 30 * time.Second
	endLimit   = 6 * time.Second
)

// coreProtocol is the version of go-plugin's own protocol, the first member of the handshake.
const coreProtocol = "1"

// suite is a run of the checks.
type suite struct {
	pkg      *plugin.Package
	manifest *manifest.Manifest
	// dir is a folder of its own, for sockets.
	dir      string
	problems []Problem
	log      *tail
	// strayed is what processes printed after the handshake.
	strayed *tail

	running []*process
	// gone is the id of a process that has ended.
	gone int
	// abilities are what Describe said.
	abilities []string
	// sound are the events that the plug-in handled without a fault, each alone, with what came of it.
	sound []delivered
}

func newSuite(pkg *plugin.Package) (*suite, error) {
	dir, err := os.MkdirTemp("", "plg")
	if err != nil {
		return nil, err
	}
	return &suite{pkg: pkg, manifest: pkg.Manifest, dir: dir, log: &tail{keep: 20}, strayed: &tail{keep: 3}}, nil
}

func (s *suite) close() {
	s.endAll()
	_ = os.RemoveAll(s.dir) // a folder for temporary files: the system sweeps it
}

// endAll ends every process that is left.
func (s *suite) endAll() {
	for _, p := range s.running {
		p.kill()
	}
	s.running = nil
}

// process is one process of the plug-in.
type process struct {
	suite *suite
	cmd   *exec.Cmd
	// exited is closed when it has ended; err is how.
	exited chan struct{}
	err    error
	// first is the first line on its standard output; closed when there will be none.
	first chan string

	bundle  wire.Bundle // the host's side
	network string
	address string

	conn   *grpc.ClientConn
	client plgv1.PluginClient
	stream plgv1.Plugin_WorkClient
	hangUp context.CancelFunc
}

// spawn starts the program with these variables beside those of every plug-in.
func (s *suite) spawn(variables ...string) (*process, error) {
	name, args, err := command(s.pkg)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(name, args...)
	cmd.Dir = s.dir
	for _, name := range []string{"TZ", "LANG", "LC_ALL", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT"} {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.Env = append(cmd.Env, variables...)
	cmd.Stderr = s.log
	// What it started may hold its output open; that must not hold up the check.
	cmd.WaitDelay = time.Second
	p := &process{suite: s, cmd: cmd, exited: make(chan struct{}), first: make(chan string, 1)}
	stdout, writer := io.Pipe()
	cmd.Stdout = writer
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s.running = append(s.running, p)
	var reading sync.WaitGroup
	reading.Go(func() { p.read(stdout) })
	go func() {
		p.err = cmd.Wait()
		writer.Close()
		reading.Wait()
		close(p.exited)
	}()
	return p, nil
}

// read takes the first line of the standard output, and keeps what follows as a mistake.
func (p *process) read(stdout io.Reader) {
	defer close(p.first)
	lines := bufio.NewReader(stdout)
	if line, err := lines.ReadString('\n'); err == nil {
		p.first <- strings.TrimSpace(line)
	}
	_, _ = io.Copy(p.suite.strayed, lines) // ends with the process
}

// hosted are the variables by which a program knows that a host started it.
func (s *suite) hosted(bundle wire.Bundle, parent int) []string {
	cookie := wire.Handshake()
	return []string{
		cookie.MagicCookieKey + "=" + cookie.MagicCookieValue,
		"PLUGIN_PROTOCOL_VERSIONS=" + strconv.FormatUint(uint64(cookie.ProtocolVersion), 10),
		"PLUGIN_MIN_PORT=10000", "PLUGIN_MAX_PORT=25000",
		"PLUGIN_UNIX_SOCKET_DIR=" + s.dir,
		wire.TLSVariable + "=" + bundle.Encode(),
		wire.LogVariable + "=info",
		wire.HostVariable + "=" + strconv.Itoa(parent),
	}
}

// greet starts a process and waits for its handshake.
func (s *suite) greet(ctx context.Context, parent int) (*process, error) {
	host, own, err := wire.Issue(time.Now())
	if err != nil {
		return nil, err
	}
	p, err := s.spawn(s.hosted(own, parent)...)
	if err != nil {
		return nil, problem("not_started", "problem", err)
	}
	p.bundle = host
	timer := time.NewTimer(startLimit)
	defer timer.Stop()
	select {
	case line, ok := <-p.first:
		if !ok {
			<-p.exited
			return nil, problem("ended_early", "problem", p.end())
		}
		return p, p.parse(line)
	case <-timer.C:
		p.kill()
		return nil, problem("handshake_none", "time", startLimit)
	case <-ctx.Done():
		p.kill()
		return nil, ctx.Err()
	}
}

// parse reads the handshake: CORE|APP|NETWORK|ADDRESS|PROTOCOL, and more that a plug-in of ours need not say.
func (p *process) parse(line string) error {
	parts := strings.Split(line, "|")
	if len(parts) < 5 {
		return problem("handshake_wrong", "line", line)
	}
	app := strconv.FormatUint(uint64(wire.Handshake().ProtocolVersion), 10)
	switch {
	case parts[0] != coreProtocol:
		return problem("handshake_member", "what", "CORE-PROTOCOL", "said", parts[0], "want", coreProtocol)
	case parts[1] != app:
		return problem("handshake_member", "what", "APP-PROTOCOL", "said", parts[1], "want", app)
	case parts[2] != "unix" && parts[2] != "tcp":
		return problem("handshake_member", "what", "NETWORK", "said", parts[2], "want", "unix")
	case parts[4] != "grpc":
		return problem("handshake_member", "what", "PROTOCOL", "said", parts[4], "want", "grpc")
	}
	p.network, p.address = parts[2], parts[3]
	if p.network == "tcp" {
		host, _, err := net.SplitHostPort(p.address)
		if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
			return problem("handshake_open", "address", p.address)
		}
		return nil
	}
	// Only there may the sandbox let it put a socket, and only there is it swept.
	if within, err := filepath.Rel(p.suite.dir, p.address); err != nil || !filepath.IsLocal(within) {
		return problem("handshake_elsewhere", "address", p.address)
	}
	return nil
}

// dial connects to the plug-in with these credentials.
func (p *process) dial(creds credentials.TransportCredentials) (*grpc.ClientConn, error) {
	options := append(wire.DialOptions(), grpc.WithTransportCredentials(creds),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, p.network, p.address)
		}))
	return grpc.NewClient("passthrough:///plugin", options...)
}

// connect opens a connection as the host.
func (p *process) connect() error {
	config, err := p.bundle.ClientConfig()
	if err != nil {
		return err
	}
	if p.conn, err = p.dial(credentials.NewTLS(config)); err != nil {
		return err
	}
	p.client = plgv1.NewPluginClient(p.conn)
	return nil
}

// start starts a process and opens the conversation with it, as the host does.
func (s *suite) start(ctx context.Context) (*process, error) {
	p, err := s.greet(ctx, os.Getpid())
	if err != nil {
		return nil, err
	}
	if err := p.connect(); err != nil {
		return nil, err
	}
	if err := p.converse(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// converse opens the conversation.
func (p *process) converse(ctx context.Context) error {
	life, hangUp := context.WithCancel(ctx)
	p.hangUp = hangUp
	var err error
	p.stream, err = p.client.Work(life)
	if err != nil {
		return fmt.Errorf("opening the conversation: %w", err)
	}
	return nil
}

// describe makes the call by which a plug-in says who it is.
func (p *process) describe(ctx context.Context, versions ...int32) (*plgv1.DescribeResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	return p.client.Describe(ctx, &plgv1.DescribeRequest{Api: versions})
}

// shutdown asks the process to end, as go-plugin does. What it answers does not matter: its end does.
func (p *process) shutdown(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_ = p.conn.Invoke(ctx, "/plugin.GRPCController/Shutdown", &emptypb.Empty{}, &emptypb.Empty{})
}

// endsWithin waits for the end of the process.
func (p *process) endsWithin(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-p.exited:
		p.suite.gone = p.cmd.Process.Pid
		return true
	case <-timer.C:
		return false
	}
}

// kill ends the process and waits for its end.
func (p *process) kill() {
	if p.hangUp != nil {
		p.hangUp()
	}
	_ = p.cmd.Process.Kill() // an error means that it has ended
	<-p.exited
	if p.conn != nil {
		_ = p.conn.Close()
	}
}

// end says how the process ended, once it has.
func (p *process) end() string {
	if p.err == nil {
		return "exit status 0"
	}
	return p.err.Error()
}

// clientOf is the host's side of TLS with changes.
func (p *process) clientOf(change func(*tls.Config)) (credentials.TransportCredentials, error) {
	config, err := p.bundle.ClientConfig()
	if err != nil {
		return nil, err
	}
	change(config)
	return credentials.NewTLS(config), nil
}

// tail keeps the last lines of what is written to it.
type tail struct {
	keep int

	mu    sync.Mutex
	lines []string
	rest  []byte
}

// maxLine bounds a kept line, in bytes.
const maxLine = 2 << 10

func (t *tail) Write(data []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for rest := data; len(rest) > 0; {
		line, after, found := bytes.Cut(rest, []byte("\n"))
		t.rest = append(t.rest, line[:min(len(line), max(0, maxLine-len(t.rest)))]...)
		if found {
			t.push()
		}
		rest = after
	}
	return len(data), nil
}

// push keeps the line that is complete; mu is held.
func (t *tail) push() {
	if line := strings.TrimSpace(strings.ToValidUTF8(string(t.rest), "\uFFFD")); line != "" {
		if len(t.lines) >= t.keep {
			t.lines = slices.Delete(t.lines, 0, len(t.lines)-t.keep+1)
		}
		t.lines = append(t.lines, line)
	}
	t.rest = t.rest[:0]
}

// last returns the kept lines, oldest first, and what was begun.
func (t *tail) last() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.push()
	return slices.Clone(t.lines)
}
