package sdk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"

	"mostrador/sdk/wire"
)

// Listen serves the plugin within this process until ctx ends, for a host that is told where by the Attachment. So
// a plugin is debugged in an IDE (see wire.DebugVariable), and so plgtest runs it within its test. done gives the
// error that ended it, or nil. Hosts may come and go.
func Listen(ctx context.Context, p *Plugin) (at wire.Attachment, done <-chan error, err error) {
	if err := p.Check(); err != nil {
		return wire.Attachment{}, nil, err
	}
	host, own, err := wire.Issue(time.Now())
	if err != nil {
		return wire.Attachment{}, nil, err
	}
	config, err := own.ServerConfig()
	if err != nil {
		return wire.Attachment{}, nil, err
	}
	listener, err := wire.Listen(Server(p), config)
	if err != nil {
		return wire.Attachment{}, nil, err
	}
	listener.Lasting = true
	ended := make(chan error, 1)
	stop := context.AfterFunc(ctx, listener.Stop)
	go func() {
		defer stop()
		ended <- listener.Serve()
	}()
	addr := listener.Addr()
	return wire.Attachment{ID: p.ID(), Pid: os.Getpid(), Network: addr.Network(), Address: addr.String(), Host: host}, ended, nil
}

// debug serves a plugin that its developer started, until Ctrl+C: the Attachment stands beside plugin.yaml in the
// folder dir for as long, where the host looks when that is within its development folder.
func (p *Plugin) debug(dir string) error {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	if _, err := os.Stat(filepath.Join(dir, "plugin.yaml")); err != nil {
		return fmt.Errorf("sdk: start it in the plugin's folder, where plugin.yaml is: %w", err)
	}
	p.log = hclog.New(&hclog.LoggerOptions{Name: p.ID(), Level: hclog.Debug, Output: os.Stderr})
	at, done, err := Listen(ctx, p)
	if err != nil {
		return err
	}
	if err := at.Write(dir); err != nil {
		cancel()
		return errors.Join(err, <-done)
	}
	fmt.Printf("%s listens for Mostrador at %s. Ctrl+C ends it.\n", p.ID(), at.Address)
	err = <-done
	p.endObserver()
	return errors.Join(err, os.Remove(filepath.Join(dir, wire.AttachFile)))
}
