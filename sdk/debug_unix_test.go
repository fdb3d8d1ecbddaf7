//go:build unix

package sdk_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"mostrador/sdk/plgv1"
	"mostrador/sdk/wire"
)

// TestADeveloperStartsThePluginAndHostsComeAndGo has the process stay when a host leaves it or asks it to end, and end
// at Ctrl+C without a trace.
func TestADeveloperStartsThePluginAndHostsComeAndGo(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "plugin.yaml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	process := command("plugin", wire.DebugVariable+"=1")
	process.Dir = dir
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- process.Wait() }()
	defer process.Process.Kill()

	var at wire.Attachment
	within(t, 30*time.Second, "it says where it listens", func() bool {
		var err error
		at, err = wire.ReadAttachment(dir)
		return err == nil
	})
	if at.ID != "PLG0900" || at.Pid != process.Process.Pid {
		t.Fatalf("%+v", at)
	}
	for range 2 {
		visit(t, at)
	}
	if err := process.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("it does not end")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("%v is left, %v", left, err)
	}
}

// visit is a host that has some work done, asks the plugin to end and goes.
func visit(t *testing.T, at wire.Attachment) {
	t.Helper()
	config, err := at.Host.ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	addr, err := at.Addr()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient("passthrough:///plugin", append(wire.DialOptions(),
		grpc.WithTransportCredentials(credentials.NewTLS(config)),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, addr.Network(), addr.String())
		}))...)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	stream, err := plgv1.NewPluginClient(conn).Work(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if outcomes := send(t, stream, batch("a")).GetBatch().GetOutcomes(); len(outcomes) != 1 || outcomes[0].GetFault() != nil {
		t.Errorf("%v", outcomes)
	}
	if err := conn.Invoke(ctx, "/plugin.GRPCController/Shutdown", &plgv1.ReadReply{}, &plgv1.ReadReply{}); err != nil {
		t.Error(err)
	}
}
