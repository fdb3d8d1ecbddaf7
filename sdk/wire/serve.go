package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/types/known/emptypb"

	"mostrador/sdk/plgv1"
)

// The plugin's side of go-plugin's way to connect is small: a line on the standard output that says where the
// plugin listens, and one call that asks it to end. It is written out here because go-plugin's own server links
// gRPC reflection, net/rpc, gob and yamux into every plugin: 3.5 MiB of memory and 2 ms of start, each. The
// host's side is go-plugin's client (package client). Its broker and its stream of standard output are optional
// and not used; what a plugin prints goes to its log.

// socketDirVariable is where go-plugin's client wants the socket.
const socketDirVariable = "PLUGIN_UNIX_SOCKET_DIR"

// lastAnswer is how long the answer to the call that ends the plugin may take to get out.
const lastAnswer = time.Second

// Listener is a plugin that listens. Serve must be called once; Stop ends it.
type Listener struct {
	net.Listener
	// Lasting makes a host's wish that the plugin end void. It is to be set before Serve.
	Lasting bool

	grpc *grpc.Server
}

// Listen begins to listen: on a Unix socket in the folder that the host names, or on 127.0.0.1 on Windows. With
// a nil config the connection is in the clear.
func Listen(server plgv1.PluginServer, config *tls.Config) (*Listener, error) {
	listener, err := listen()
	if err != nil {
		return nil, fmt.Errorf("wire: %w", err)
	}
	options := ServerOptions()
	if config != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(config)))
	}
	l := &Listener{Listener: listener, grpc: grpc.NewServer(options...)}
	plgv1.RegisterPluginServer(l.grpc, server)
	l.grpc.RegisterService(&controller, l)
	return l, nil
}

func listen() (net.Listener, error) {
	if runtime.GOOS == "windows" {
		return net.Listen("tcp", "127.0.0.1:0")
	}
	name, err := os.CreateTemp(os.Getenv(socketDirVariable), "plugin")
	if err != nil {
		return nil, err
	}
	if err := errors.Join(name.Close(), os.Remove(name.Name())); err != nil {
		return nil, err
	}
	return net.Listen("unix", name.Name())
}

// Handshake is the line by which go-plugin's client learns where the plugin listens.
func (l *Listener) Handshake() string {
	return fmt.Sprintf("%d|%d|%s|%s|grpc|", coreVersion, handshake, l.Addr().Network(), l.Addr())
}

// coreVersion is the version of go-plugin's handshake itself.
const coreVersion = 1

// Serve serves until Stop, or until the host asks the plugin to end.
func (l *Listener) Serve() error { return l.grpc.Serve(l.Listener) }

// Stop ends Serve and all conversations.
func (l *Listener) Stop() { l.grpc.Stop() }

// controller is go-plugin's service by which the host asks a plugin to end. Both messages are empty.
var controller = grpc.ServiceDesc{
	ServiceName: "plugin.GRPCController",
	HandlerType: (*any)(nil),
	Methods:     []grpc.MethodDesc{{MethodName: "Shutdown", Handler: shutdown}},
}

func shutdown(server any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	if err := decode(new(emptypb.Empty)); err != nil {
		return nil, err
	}
	l, ok := server.(*Listener)
	if !ok {
		return nil, errors.New("wire: not served")
	}
	if l.Lasting {
		return new(emptypb.Empty), nil
	}
	go func() { // ends with Serve
		timer := time.AfterFunc(lastAnswer, l.grpc.Stop) // work that hangs must not keep the process
		defer timer.Stop()
		l.grpc.GracefulStop()
	}()
	return new(emptypb.Empty), nil
}
