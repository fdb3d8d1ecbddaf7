package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/host/event"
	"mostrador/sdk/plgv1"
	"mostrador/sdk/wire"
	"mostrador/sdk/wire/client"
)

var (
	// errNotSent means that the plugin ended before it was given the work.
	errNotSent = errors.New("plugin: the work was not begun")
	// errUnfit means that no further start would go better.
	errUnfit = errors.New("plugin: it cannot be started")
	// errProtocol means that the plugin said what it must not say.
	errProtocol = errors.New("plugin: it broke the protocol")
	// errReader means that its read failed in the host.
	errReader = errors.New("plugin: reading its records")
	// errAsked means that the host ended it.
	errAsked = errors.New("plugin: stopped")
)

// freeReads is how many questions a plugin may ask while it does one piece of work before each further one costs it
// readPause. A Scan brings a thousand records, so no honest work comes near.
const (
	freeReads = 2000
	readPause = 2 * time.Millisecond
)

// moment is how long a process may take to end after its conversation did, before it counts as alive.
const moment = 50 * time.Millisecond

// maxScan bounds the records of one Scan.
const maxScan = 1000

// abilitiesSince is the first protocol version with abilities. A plugin of an older one is never given work that it
// cannot know, whatever it claims.
const abilitiesSince = 2

// run is one life of a plugin: its process and the conversation with it.
//
// The turn belongs to the piece of work under way: whoever brings one takes it, and the receiver gives it
// back when the answer is there. A caller may therefore go away in the middle without harm to the
// conversation; the answer is then dropped.
type run struct {
	plugin  *Plugin
	pkg     *Package
	process *process
	// ask asks the plugin to end. It may be called again, and returns at once when the process is gone.
	ask    func()
	stream plgv1.Plugin_WorkClient
	hangUp context.CancelFunc
	// attached says that the process is a developer's.
	attached bool
	// curbed says that it goes last because it took too much of the processor; the supervisor's.
	curbed bool
	// abilities are what it can do beyond events, actions and panels.
	abilities []string

	turn chan struct{}
	// quiet is set when the turn was taken for good, so that no more work comes.
	quiet atomic.Bool
	// worked is set by the first piece of work that was finished.
	worked atomic.Bool
	// lost is closed when the life is over: the process ended, or must be ended because of cause.
	lost chan struct{}

	mu    sync.Mutex
	cause error
	piece *piece // the one under way

	// settings is the count of Plugin.settings that was sent last, plus one; 0 before the first. It belongs
	// to the turn.
	settings uint64
	sent     *plgv1.Settings

	receiver sync.WaitGroup
}

// piece is one piece of work.
type piece struct {
	request *plgv1.WorkRequest
	// limit bounds the time until the answer.
	limit time.Duration
	// batch says which events a batch holds.
	batch span
	// answers tells whether a response is of the kind that ends this piece.
	answers func(*plgv1.WorkResponse) bool
	answer  chan *plgv1.WorkResponse // has room for one
	// ability is what the plugin must have for it; empty for what each can do.
	ability string
	// states lets the plugin read its records of customers: it migrates them.
	states bool
	// reads counts what the plugin has asked.
	reads int
	timer *time.Timer
}

// newRun makes a life that is about to begin.
func newRun(p *Plugin, pkg *Package, process *process) *run {
	r := &run{plugin: p, pkg: pkg, process: process, turn: make(chan struct{}, 1), lost: make(chan struct{})}
	p.logs.renew()
	p.mu.Lock()
	p.lives[r] = struct{}{}
	p.mu.Unlock()
	return r
}

// launch begins a life: in the process that the plugin's developer started, or in one that it starts; and brings it
// to the point where it takes work.
func (p *Plugin) launch(ctx context.Context, pkg *Package) (*run, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, p.cfg.Policy.StartTimeout, ErrHung)
	defer cancel()
	if a, found := p.attachment(pkg); found {
		r, err := p.attach(ctx, pkg, a)
		if err == nil {
			return r, nil
		}
		p.logger.Warn("the developer's process cannot be reached", "error", err)
		p.mu.Lock()
		p.stale = a
		p.mu.Unlock()
	}
	return p.spawn(ctx, pkg)
}

// spawn starts a process.
func (p *Plugin) spawn(ctx context.Context, pkg *Package) (*run, error) {
	hostBundle, pluginBundle, err := wire.Issue(time.Now())
	if err != nil {
		return nil, err
	}
	tlsConfig, err := hostBundle.ClientConfig()
	if err != nil {
		return nil, err
	}
	if pkg.ProgramHash != "" {
		if err := p.shared.hashes.verify(pkg.Program, pkg.ProgramHash); err != nil {
			return nil, fmt.Errorf("%w: %w", errUnfit, err)
		}
	}
	program, bounds, err := boundsOf(pkg, p.cfg)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnfit, err)
	}
	r := newRun(p, pkg, newProcess(program, p.shared.sockets, bounds, p.logs))
	printed := &lineWriter{sink: p.logs}
	var ownDir string
	connection := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig:  wire.Handshake(),
		Plugins:          client.Plugins(),
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		TLSConfig:        tlsConfig,
		GRPCDialOptions:  wire.DialOptions(),
		SkipHostEnv:      true,
		StartTimeout:     p.cfg.Policy.StartTimeout,
		UnixSocketConfig: &goplugin.UnixSocketConfig{TempDir: p.shared.sockets},
		Logger:           hclog.NewNullLogger(),
		SyncStdout:       printed,
		SyncStderr:       printed,
		RunnerFunc: func(_ hclog.Logger, asked *exec.Cmd, dir string) (runner.Runner, error) {
			ownDir = dir
			r.process.bounds.Sockets = []string{dir}
			r.process.cmd.Env = append(append(r.process.cmd.Env, asked.Env...),
				wire.TLSVariable+"="+pluginBundle.Encode(),
				wire.LogVariable+"="+level(p.cfg.Logger).String(),
				wire.HostVariable+"="+strconv.Itoa(os.Getpid()))
			return r.process, nil
		},
	})
	r.ask = connection.Kill
	if err := r.connect(ctx, connection); err != nil {
		return nil, r.failStart(ctx, err, ownDir)
	}
	r.begin()
	return r, nil
}

// begin has the conversation and the process watched.
func (r *run) begin() {
	r.receiver.Add(2)
	go r.receive()
	go r.watch()
}

// level is what a plugin is to log. Its last lines are worth keeping even if nobody reads along.
func level(logger hclog.Logger) hclog.Level {
	if l := logger.GetLevel(); l != hclog.Off && l != hclog.NoLevel {
		return l
	}
	return hclog.Info
}

// failStart cleans up after a start that failed, and says why it did.
func (r *run) failStart(ctx context.Context, err error, ownDir string) error {
	if r.process.pid() == 0 {
		r.forget()
		_ = os.RemoveAll(ownDir) // go-plugin leaves it behind when nothing ran
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOEXEC) {
			err = fmt.Errorf("%w: %w", errUnfit, err)
		}
		return err
	}
	byItself := r.process.endsWithin(moment)
	r.process.kill()
	r.close()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("starting: %w", context.Cause(ctx))
	case byItself:
		return fmt.Errorf("the process ended while it started: %s", r.process.end())
	}
	return err
}

// connect starts the process and opens the conversation.
func (r *run) connect(ctx context.Context, connection *goplugin.Client) error {
	// go-plugin's start cannot be interrupted, but it ends with the process.
	defer context.AfterFunc(ctx, r.process.kill)()
	protocol, err := connection.Client()
	if err != nil {
		return err
	}
	dispensed, err := protocol.Dispense(wire.PluginName)
	if err != nil {
		return err
	}
	client, ok := dispensed.(plgv1.PluginClient)
	if !ok {
		return fmt.Errorf("%w: it serves %T", errUnfit, dispensed)
	}
	return r.converse(ctx, client)
}

// converse opens the conversation and checks who answers.
func (r *run) converse(ctx context.Context, client plgv1.PluginClient) (err error) {
	conversation, hangUp := context.WithCancel(context.Background())
	r.hangUp = hangUp
	if r.stream, err = client.Work(conversation); err != nil {
		return err
	}
	m := r.pkg.Manifest
	offered := slices.DeleteFunc(wire.Versions(), func(v int32) bool { return !slices.Contains(m.API, int(v)) })
	if len(offered) == 0 {
		return fmt.Errorf("%w: it speaks protocols %v, this program %v", errUnfit, m.API, wire.Versions())
	}
	who, err := client.Describe(ctx, &plgv1.DescribeRequest{Api: offered})
	if err != nil {
		return err
	}
	if who.GetId() != m.ID || who.GetVersion() != m.Version || !slices.Contains(offered, who.GetApi()) {
		return fmt.Errorf("%w: the program is %s %s (api %d), the manifest says %s %s (api %v)",
			errUnfit, who.GetId(), who.GetVersion(), who.GetApi(), m.ID, m.Version, m.API)
	}
	if who.GetApi() >= abilitiesSince {
		r.abilities = who.GetAbilities()
	}
	return nil
}

// do gives the plugin a piece of work and waits for the answer.
func (r *run) do(ctx context.Context, w *piece) (*plgv1.WorkResponse, error) {
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-r.lost:
		return nil, errNotSent
	}
	if err := r.send(w); err != nil {
		return nil, err
	}
	select {
	case answer := <-w.answer:
		return answer, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-r.lost:
		select {
		case answer := <-w.answer: // it answered and died
			return answer, nil
		default:
			return nil, r.failure()
		}
	}
}

// send sends a piece of work, after the settings when they changed. The turn is held, and given back here
// only when the piece was not begun.
func (r *run) send(w *piece) error {
	if err := r.sendSettings(); err != nil {
		r.lose(err)
		<-r.turn
		return errNotSent
	}
	r.mu.Lock()
	if r.cause != nil {
		r.mu.Unlock()
		<-r.turn
		return errNotSent
	}
	r.piece = w
	limit := w.limit
	if r.attached {
		limit = attachLimit
	}
	w.timer = time.AfterFunc(limit, func() {
		if r.underWay() == w {
			r.lose(fmt.Errorf("%w (%s)", ErrHung, limit))
		}
	})
	r.mu.Unlock()
	if err := r.stream.Send(w.request); err != nil && !errors.Is(err, io.EOF) { // EOF: the receiver says why
		r.lose(err)
	}
	return nil
}

func (r *run) sendSettings() error {
	count := r.plugin.settings.Load() + 1
	if r.settings == count {
		return nil
	}
	values := &structpb.Struct{}
	if r.plugin.cfg.Settings != nil {
		if v := r.plugin.cfg.Settings(r.plugin.Name()); v != nil {
			values = v
		}
	}
	settings := &plgv1.Settings{Values: values}
	if r.settings == 0 || !proto.Equal(settings, r.sent) {
		if err := r.stream.Send(&plgv1.WorkRequest{Work: &plgv1.WorkRequest_Settings{Settings: settings}}); err != nil {
			return err
		}
		r.sent = proto.CloneOf(settings)
	}
	r.settings = count
	return nil
}

// receive takes what the plugin says until the conversation ends.
func (r *run) receive() {
	defer r.receiver.Done()
	for {
		response, err := r.stream.Recv()
		if err != nil {
			// Most often the process ended, which watch can say more about.
			if !r.process.endsWithin(moment) {
				r.lose(fmt.Errorf("the conversation ended: %w", err))
			}
			return
		}
		w := r.underWay()
		switch {
		case w == nil:
			err = fmt.Errorf("%w: it spoke without having been asked", errProtocol)
		case response.GetRead() != nil:
			err = r.read(w, response.GetRead())
		case w.answers(response):
			r.finish(w, response)
		default:
			err = fmt.Errorf("%w: it answered with %T", errProtocol, response.GetWork())
		}
		if err != nil {
			r.lose(err)
			return
		}
	}
}

// finish hands on the answer and makes room for the next piece, in this order: who takes the turn to end the
// life must find the answer given.
func (r *run) finish(w *piece, answer *plgv1.WorkResponse) {
	w.timer.Stop()
	r.worked.Store(true)
	r.mu.Lock()
	r.piece = nil
	r.mu.Unlock()
	w.answer <- answer
	<-r.turn
}

// read answers the plugin's question for its own records.
func (r *run) read(w *piece, read *plgv1.Read) error {
	if w.reads++; w.reads > freeReads {
		// Whoever asks without end until his time is over asks slowly.
		select {
		case <-time.After(readPause):
		case <-r.lost:
		}
	}
	reply := &plgv1.ReadReply{}
	reader, name, ctx := r.plugin.cfg.Reader, r.plugin.Name(), r.stream.Context()
	switch question := read.GetRead().(type) {
	case *plgv1.Read_Get:
		if reader == nil {
			break
		}
		value, found, err := reader.Get(ctx, name, question.Get)
		if err != nil {
			return fmt.Errorf("%w: %w", errReader, err)
		}
		if found {
			reply.Records = []*plgv1.KeyValue{{Key: question.Get, Value: value}}
		}
	case *plgv1.Read_Scan:
		if reader == nil {
			break
		}
		scan := question.Scan
		records, err := reader.Scan(ctx, name, scan.GetPrefix(), scan.GetAfter(), page(scan))
		if err != nil {
			return fmt.Errorf("%w: %w", errReader, err)
		}
		reply.Records = records
	case *plgv1.Read_States:
		if !w.states {
			return fmt.Errorf("%w: it reads records of customers outside of a migration", errProtocol)
		}
		states, ok := reader.(StateReader)
		if !ok {
			break
		}
		scan := question.States
		records, err := states.States(ctx, name, scan.GetPrefix(), scan.GetAfter(), page(scan))
		if err != nil {
			return fmt.Errorf("%w: %w", errReader, err)
		}
		reply.Records = records
	default:
		return fmt.Errorf("%w: an empty question", errProtocol)
	}
	return r.stream.Send(&plgv1.WorkRequest{Work: &plgv1.WorkRequest_Read{Read: reply}})
}

// page is how many records a Scan gets at most.
func page(scan *plgv1.Scan) int {
	if limit := int(scan.GetLimit()); limit > 0 && limit < maxScan {
		return limit
	}
	return maxScan
}

// watch waits for the end of the process.
func (r *run) watch() {
	defer r.receiver.Done()
	<-r.process.exited
	r.lose(fmt.Errorf("the process ended: %s", r.process.end()))
}

// lose ends the life because of cause; the first cause counts.
func (r *run) lose(cause error) {
	r.mu.Lock()
	if r.cause != nil {
		r.mu.Unlock()
		return
	}
	r.cause = cause
	if r.piece != nil {
		r.piece.timer.Stop()
	}
	r.mu.Unlock()
	if !errors.Is(cause, errAsked) {
		r.process.kill()
	}
	close(r.lost)
}

// underWay is the piece of work under way, or nil.
func (r *run) underWay() *piece {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.piece
}

// over tells whether the life has ended.
func (r *run) over() bool {
	select {
	case <-r.lost:
		return true
	default:
		return false
	}
}

// failure is what the caller of a piece of work learns when the life ended before the answer.
func (r *run) failure() error {
	name, cause := r.plugin.Name(), r.why()
	if errors.Is(cause, errAsked) || errors.Is(cause, errAttach) || errors.Is(cause, errReader) {
		return fmt.Errorf("plugin %s: %w: %w", name, event.ErrUnavailable, cause)
	}
	<-r.process.exited // it was killed, if it had not ended
	if r.process.killedFromOutside() {
		return fmt.Errorf("plugin %s: %w: somebody killed it", name, event.ErrUnavailable)
	}
	return fmt.Errorf("plugin %s: %w: %w", name, ErrCrashed, cause)
}

// why is the cause of the end.
func (r *run) why() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cause
}

// batchUnderWay is the batch that a lost life left unanswered.
func (r *run) batchUnderWay() span {
	if w := r.underWay(); w != nil {
		return w.batch
	}
	return span{}
}

// end cleans up after a lost life and says why it was lost.
func (r *run) end() error {
	r.process.kill()
	r.close()
	return r.why()
}

// stop ends the life as the host wants it: the work under way may finish, the plugin is asked to end, and
// what does not in time is killed.
func (r *run) stop() {
	deadline := time.NewTimer(r.plugin.cfg.Policy.StopTimeout)
	defer deadline.Stop()
	if !r.quiet.Load() {
		select {
		case r.turn <- struct{}{}: // never given back: no more work
		case <-deadline.C:
			deadline.Reset(0)
		case <-r.lost:
		}
	}
	r.lose(errAsked)
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		r.ask()
	}()
	select {
	case <-r.process.exited:
	case <-deadline.C:
		r.process.kill()
	}
	<-asked // returns, since the process is gone
	r.close()
}

// close releases what belongs to a life whose process has ended or was killed.
func (r *run) close() {
	<-r.process.exited
	r.ask()
	if r.hangUp != nil {
		r.hangUp()
	}
	r.receiver.Wait()
	<-r.process.closed
	r.forget()
}

// forget strikes the life off those that have a process.
func (r *run) forget() {
	r.plugin.mu.Lock()
	defer r.plugin.mu.Unlock()
	delete(r.plugin.lives, r)
}
