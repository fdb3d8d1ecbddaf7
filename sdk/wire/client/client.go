// Package client is the host's side of the connection with a plugin, in the terms of hashicorp/go-plugin. It is
// apart from package wire so that no plugin links go-plugin unless it wants go-plugin's own server (Served).
package client

import (
	"context"
	"errors"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"mostrador/sdk/plgv1"
	"mostrador/sdk/wire"
)

// Plugins is the plugin set of a host: Dispense(wire.PluginName) returns a plgv1.PluginClient.
func Plugins() plugin.PluginSet {
	return plugin.PluginSet{wire.PluginName: service{}}
}

// Served is the plugin set of a plugin that serves with go-plugin's own server instead of wire.Listen.
func Served(server plgv1.PluginServer) plugin.PluginSet {
	return plugin.PluginSet{wire.PluginName: service{server: server}}
}

// Reattach is an attachment as go-plugin's client takes it. The client then ends no process: that is the
// developer's.
func Reattach(a wire.Attachment) (*plugin.ReattachConfig, error) {
	addr, err := a.Addr()
	if err != nil {
		return nil, err
	}
	return &plugin.ReattachConfig{
		Protocol: plugin.ProtocolGRPC, ProtocolVersion: int(wire.Handshake().ProtocolVersion), Addr: addr, Pid: a.Pid, Test: true,
	}, nil
}

// service makes the client of the Plugin service for go-plugin.
type service struct {
	plugin.NetRPCUnsupportedPlugin
	server plgv1.PluginServer
}

var _ plugin.GRPCPlugin = service{}

func (s service) GRPCServer(_ *plugin.GRPCBroker, g *grpc.Server) error {
	if s.server == nil {
		return errors.New("client: a host serves no plugin")
	}
	plgv1.RegisterPluginServer(g, s.server)
	return nil
}

func (service) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return plgv1.NewPluginClient(conn), nil
}
