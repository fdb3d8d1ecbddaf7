package plugin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"mostrador/host/plugin/sandbox"
	"mostrador/sdk/plgv1"
	"mostrador/sdk/wire"
)

// A plugin that its developer started in an IDE listens by itself (see wire.Attachment): instead of starting a
// process, the host speaks to that one for as long as it listens. It has no bounds, its end is the developer's to
// decide, and he may look at it for as long as he likes.

const (
	// attachEvery is how often the folder of a plugin in development is looked into for a developer's process.
	attachEvery = time.Second
	// attachLimit is the time that work may take in such a process instead of its own limit: it may stand at a
	// breakpoint.
	attachLimit = time.Hour
)

// errAttach means that a developer's process is to take the place of the host's own.
var errAttach = errors.New("plugin: its developer has started it")

// attachment returns where a developer's process of the plugin listens, if any: as the environment of this program
// names it, or, for a package in development, as its folder does. One that could not be reached is not returned again.
func (p *Plugin) attachment(pkg *Package) (wire.Attachment, bool) {
	named, err := wire.ParseAttachments(os.Getenv(wire.AttachVariable))
	if err != nil {
		p.logger.Warn("where developers' processes listen is not understood", "error", err)
	}
	i := slices.IndexFunc(named, func(a wire.Attachment) bool { return a.ID == p.id })
	switch {
	case i >= 0:
		return named[i], named[i] != p.unreached()
	case pkg.Origin != OriginDevelopment:
		return wire.Attachment{}, false
	}
	a, err := wire.ReadAttachment(pkg.Dir)
	return a, err == nil && a.ID == p.id && a != p.unreached()
}

func (p *Plugin) unreached() wire.Attachment {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stale
}

// attach brings the conversation with a developer's process to the point where it takes work.
func (p *Plugin) attach(ctx context.Context, pkg *Package, a wire.Attachment) (*run, error) {
	tlsConfig, err := a.Host.ClientConfig()
	if err != nil {
		return nil, err
	}
	addr, err := a.Addr()
	if err != nil {
		return nil, err
	}
	var dialer net.Dialer
	conn, err := grpc.NewClient("passthrough:///"+addr.String(), append(wire.DialOptions(),
		grpc.WithTransportCredentials(credentials.NewTLS(tlsConfig)),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, addr.Network(), addr.String())
		}))...)
	if err != nil {
		return nil, err
	}
	r := newRun(p, pkg, attachedProcess(a.Pid))
	r.attached = true
	r.ask = func() { // it is not asked to end, only left
		_ = conn.Close()
		r.process.kill()
	}
	if err = r.converse(ctx, plgv1.NewPluginClient(conn)); err != nil {
		r.process.kill()
		r.close()
		return nil, fmt.Errorf("attaching to process %d: %w", a.Pid, err)
	}
	r.begin()
	return r, nil
}

// attachedProcess stands for a developer's process: it counts as ended when the host leaves it.
func attachedProcess(pid int) *process {
	p := &process{foreign: pid, kept: sandbox.Applied{Off: true}, exited: make(chan struct{}), closed: make(chan struct{})}
	p.err = errors.New("the developer's process was left")
	p.started.Store(true)
	close(p.closed)
	return p
}
