package sdk

import (
	"crypto/tls"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"time"

	"github.com/hashicorp/go-hclog"

	"mostrador/sdk/plgv1"
	"mostrador/sdk/wire"
)

// lastWords is how long the end of the conversation may take to reach the host before the process ends.
const lastWords = 200 * time.Millisecond

// gcPercent is how much garbage may collect, in percent of the live heap.
const gcPercent = 400

// Serve hands the process over to the host that started it and does not return. The process ends with the
// conversation, and with the host: no plugin outlives its store. A plugin whose manifest and program do not
// fit each other (Check) does not serve.
//
// Started by its developer with wire.DebugVariable set, it listens for a host instead (see Listen).
func (p *Plugin) Serve() {
	if os.Getenv(wire.DebugVariable) != "" {
		if err := p.debug("."); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// The host reads JSON lines from the standard error.
	p.log = hclog.New(&hclog.LoggerOptions{
		Name:       p.ID(),
		Level:      hclog.LevelFromString(os.Getenv(wire.LogVariable)),
		Output:     os.Stderr,
		JSONFormat: true,
	})
	if err := p.Check(); err != nil {
		p.log.Error("the plugin cannot serve", "error", err)
		os.Exit(1)
	}
	if cookie := wire.Handshake(); os.Getenv(cookie.MagicCookieKey) != cookie.MagicCookieValue {
		fmt.Fprintf(os.Stderr, "%s is a plugin: Mostrador starts it. To debug it, set %s=1.\n", p.ID(), wire.DebugVariable)
		os.Exit(1)
	}
	if os.Getenv("GOGC") == "" {
		// A batch is garbage as soon as it is answered; the live heap beside it is a few MiB. At Go's usual
		// 100 a quarter of the time under load went into collecting it.
		debug.SetGCPercent(gcPercent)
	}
	go func() {
		waitForParent(os.Getenv(wire.HostVariable))
		p.log.Warn("the host is gone")
		os.Exit(1)
	}()
	if err := p.serve(); err != nil {
		p.log.Error("the plugin cannot serve", "error", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serve serves the host that started this process until the end of the conversation.
func (p *Plugin) serve() error {
	config, err := bundleFromEnvironment()
	if err != nil {
		return err
	}
	served := &served{PluginServer: Server(p)}
	listener, err := wire.Listen(served, config)
	if err != nil {
		return err
	}
	served.stop = listener.Stop
	signal.Ignore(os.Interrupt) // Ctrl+C in a terminal is for the host, which ends its plugins
	fmt.Println(listener.Handshake())
	os.Stdout = os.Stderr // what the plugin prints goes to the log
	defer p.endObserver()
	return listener.Serve()
}

// served ends the process with its conversation.
type served struct {
	plgv1.PluginServer
	stop func()
}

func (s *served) Work(stream plgv1.Plugin_WorkServer) error {
	defer time.AfterFunc(lastWords, s.stop)
	return s.PluginServer.Work(stream)
}

// bundleFromEnvironment is the plugin's side of the mutual TLS. Without a bundle the socket is in the clear:
// that is the host's to decide.
func bundleFromEnvironment() (*tls.Config, error) {
	value := os.Getenv(wire.TLSVariable)
	if value == "" {
		return nil, nil
	}
	// What the plugin itself starts has no business with the key.
	if err := os.Unsetenv(wire.TLSVariable); err != nil {
		return nil, fmt.Errorf("sdk: %w", err)
	}
	bundle, err := wire.ParseBundle(value)
	if err != nil {
		return nil, err
	}
	return bundle.ServerConfig()
}
