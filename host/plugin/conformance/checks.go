package conformance

import (
	"context"
	"crypto/tls"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"mostrador/host/plugin"
	"mostrador/sdk/plgv1"
	"mostrador/sdk/wire"
)

// byHand: a person who starts the program gets it back, with a word.
func byHand(_ context.Context, s *suite) {
	p, err := s.spawn()
	if err != nil {
		s.failWith("by_hand", problem("not_started", "problem", err))
		return
	}
	if !p.endsWithin(endLimit) {
		s.warn("by_hand_stays", "time", endLimit)
	}
	s.strayed.last() // what it says to a person is no mistake
	s.strayed = &tail{keep: s.strayed.keep}
}

// handshakes: it says where it listens.
func handshakes(ctx context.Context, s *suite) {
	if _, err := s.greet(ctx, os.Getpid()); err != nil {
		s.failWith("handshake", err)
	}
}

// refusesStrangers: nobody but its host gets in, and who tried leaves no trace.
func refusesStrangers(ctx context.Context, s *suite) {
	p, err := s.greet(ctx, os.Getpid())
	if err != nil {
		s.failWith("handshake", err)
		return
	}
	stranger, _, err := wire.Issue(time.Now())
	if err != nil {
		s.failWith("tls", err)
		return
	}
	pair, err := tls.X509KeyPair([]byte(stranger.Cert), []byte(stranger.Key))
	if err != nil {
		s.failWith("tls", err)
		return
	}
	foreign, err1 := p.clientOf(func(c *tls.Config) { c.Certificates = []tls.Certificate{pair} })
	without, err2 := p.clientOf(func(c *tls.Config) { c.Certificates = nil })
	if err1 != nil || err2 != nil {
		s.failWith("tls", err1)
		return
	}
	for _, try := range []struct {
		code  string
		creds credentials.TransportCredentials
	}{{"tls_plain", insecure.NewCredentials()}, {"tls_without", without}, {"tls_foreign", foreign}} {
		if p.admits(ctx, try.creds) {
			s.fail(try.code)
		}
	}
	if err := p.connect(); err != nil {
		s.failWith("tls", err)
		return
	}
	if _, err := p.describe(ctx, wire.Versions()...); err != nil {
		s.fail("tls_host", "problem", err)
	}
}

// admits tells whether the plug-in talks to somebody with these credentials.
func (p *process) admits(ctx context.Context, creds credentials.TransportCredentials) bool {
	conn, err := p.dial(creds)
	if err != nil {
		return false
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err = plgv1.NewPluginClient(conn).Describe(ctx, &plgv1.DescribeRequest{Api: wire.Versions()})
	return err == nil
}

// describes: it is who its manifest says, and speaks a version that both know.
func describes(ctx context.Context, s *suite) {
	p, err := s.start(ctx)
	if err != nil {
		s.failWith("describe", err)
		return
	}
	who, err := p.describe(ctx, wire.Versions()...)
	if err != nil {
		s.failWith("describe", err)
		return
	}
	if who.GetId() != s.manifest.ID || who.GetVersion() != s.manifest.Version {
		s.fail("describe_another", "said", who.GetId()+" "+who.GetVersion(), "want", s.manifest.ID+" "+s.manifest.Version)
	}
	s.abilities = who.GetAbilities()
	for _, ability := range s.abilities {
		if !slices.Contains([]string{"migrate", "check", "validate", "rehearse"}, ability) {
			s.warn("ability_unknown", "ability", ability)
		}
	}
	best, ok := wire.Negotiate(wire.Versions(), s.manifest.API)
	if !ok {
		s.fail("describe_none", "versions", []int(s.manifest.API))
		return
	}
	if who.GetApi() != best {
		s.fail("describe_version", "said", who.GetApi(), "want", best)
	}
	// A store that is older than the program, and one that is much newer.
	for _, v := range wire.Versions() {
		if !slices.Contains(s.manifest.API, int(v)) {
			continue
		}
		if who, err := p.describe(ctx, 9999, v); err != nil || who.GetApi() != v {
			s.fail("describe_version", "said", who.GetApi(), "want", v)
		}
	}
	if who, err := p.describe(ctx, 9999); err == nil {
		s.fail("describe_agrees", "said", who.GetApi())
	}
}

// takesSettings: settings come as often as they like, are never answered, and never hurt.
func takesSettings(ctx context.Context, s *suite) {
	p, err := s.start(ctx)
	if err != nil {
		s.failWith("settings", err)
		return
	}
	l := s.newLedger()
	for _, values := range []*plgv1.Settings{s.settings(), {}, s.oddSettings(), s.settings(), s.settings()} {
		if err := p.send(&plgv1.WorkRequest{Work: &plgv1.WorkRequest_Settings{Settings: values}}); err != nil {
			s.fail("settings_odd", "problem", err)
			return
		}
	}
	done, err := p.do(ctx, l, batchOf())
	switch {
	case err != nil:
		s.fail("settings_odd", "problem", err)
		return
	case done.GetBatch() == nil:
		s.fail("answer_kind", "what", "batch", "said", kind(done))
	case len(done.GetBatch().GetOutcomes()) != 0:
		s.fail("batch_count", "said", len(done.GetBatch().GetOutcomes()), "want", 0)
	}
	// With values that make no sense its handlers may fail; the process must not.
	events := s.events()
	if err := p.send(&plgv1.WorkRequest{Work: &plgv1.WorkRequest_Settings{Settings: s.oddSettings()}}); err != nil {
		s.fail("settings_odd", "problem", err)
		return
	}
	for _, e := range events {
		if _, err := p.do(ctx, l, batchOf(s.delivery(l, e))); err != nil {
			s.fail("settings_odd", "problem", err)
			return
		}
	}
}

// endsWhenAsked: the host closes the conversation and asks it to end.
func endsWhenAsked(ctx context.Context, s *suite) {
	p, err := s.start(ctx)
	if err != nil {
		s.failWith("shutdown", err)
		return
	}
	if _, err := p.do(ctx, s.newLedger(), batchOf()); err != nil {
		s.failWith("shutdown", err)
		return
	}
	_ = p.stream.CloseSend() // its error is the end of the stream
	p.shutdown(ctx)
	if !p.endsWithin(endLimit) {
		s.fail("shutdown_stays", "time", endLimit)
	}
}

// endsWithTheConversation: the host crashed, and all that is seen of it is that the connection is gone.
func endsWithTheConversation(ctx context.Context, s *suite) {
	p, err := s.start(ctx)
	if err != nil {
		s.failWith("hang_up", err)
		return
	}
	if _, err := p.do(ctx, s.newLedger(), batchOf()); err != nil {
		s.failWith("hang_up", err)
		return
	}
	p.hangUp()
	_ = p.conn.Close()
	if !p.endsWithin(endLimit) {
		s.fail("hang_up_stays", "time", endLimit)
	}
}

// endsWithItsHost: it was started by a host that is gone before it connected.
func endsWithItsHost(ctx context.Context, s *suite) {
	if s.gone == 0 { // every process so far had to be killed: that was said
		return
	}
	p, err := s.greet(ctx, s.gone)
	var said *problemError
	if errors.As(err, &said) && said.Code == "ended_early" {
		return // so quick that there was no time for a handshake
	}
	if err != nil {
		s.failWith("orphan", err)
		return
	}
	if !p.endsWithin(endLimit) {
		s.fail("orphan_stays", "time", endLimit)
	}
}

// keepsSilent: nothing but the handshake stands on the standard output, in all that was done so far.
func keepsSilent(_ context.Context, s *suite) {
	if lines := s.strayed.last(); len(lines) > 0 {
		s.fail("stdout_lines", "line", lines[len(lines)-1])
	}
}

// worksInAStore: it works as a store runs it, in the sandbox, with its permissions and no others.
func worksInAStore(ctx context.Context, s *suite) {
	run, err := os.MkdirTemp("", "plg")
	if err != nil {
		s.failWith("store", err)
		return
	}
	defer os.RemoveAll(run)
	m, err := plugin.NewManager(plugin.Config{Packages: []*plugin.Package{s.pkg}, RuntimeDir: run})
	if err != nil {
		s.failWith("store", err)
		return
	}
	defer m.Close(context.WithoutCancel(ctx))
	err = m.Start(ctx, s.manifest.ID)
	if p, ok := m.Plugin(s.manifest.ID); ok && err == nil {
		_, err = p.Deliver(ctx, &plgv1.Batch{})
	}
	if err != nil {
		s.fail("store_fails", "problem", err)
		if info, ok := m.State(s.manifest.ID, "es"); ok && len(info.GetLastLog()) > 0 {
			s.fail("store_log", "lines", strings.Join(info.GetLastLog(), " · "))
		}
	}
}
