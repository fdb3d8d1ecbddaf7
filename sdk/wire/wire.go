// Package wire is what a host and a plugin must agree on to speak at all: the handshake, the name under
// which the Plugin service is dispensed, how large a message may be, and the certificates of their mutual
// TLS. The words they speak then are in plgv1. A plugin's author never needs this package; package sdk uses
// it on one side and, with package client, the host's plugin supervisor on the other.
package wire

import (
	"slices"

	"google.golang.org/grpc"
)

// The protocol's versions (plugin.yaml's "api") that this SDK speaks: API is the newest, Oldest the oldest.
// Version 2 added migrations, health checks, validation of settings, tables and charts.
const (
	API    = 2
	Oldest = 1
)

// Versions are the protocol versions that this SDK speaks, best first.
func Versions() []int32 {
	versions := make([]int32, 0, API-Oldest+1)
	for v := int32(API); v >= Oldest; v-- {
		versions = append(versions, v)
	}
	return versions
}

// Negotiate is the best version that the host, the plugin's manifest and this SDK have in common.
func Negotiate(host []int32, plugin []int) (version int32, ok bool) {
	for _, v := range Versions() {
		if slices.Contains(host, v) && slices.Contains(plugin, int(v)) {
			return v, true
		}
	}
	return 0, false
}

// PluginName is the name under which a plugin process dispenses its Plugin service.
const PluginName = "mostrador"

// Environment variables that the host sets for a plugin, beside TLSVariable.
const (
	// HostVariable is the host's process id: the plugin ends when that is not its parent (any more).
	HostVariable = "MOSTRADOR_PLUGIN_HOST"
	// LogVariable is the least level that the plugin logs ("debug"); hclog's default is info.
	LogVariable = "MOSTRADOR_PLUGIN_LOG"
)

// MaxMessage bounds one message on the stream, both ways, in bytes. gRPC's own default of 4 MiB for what a
// server receives is less than a batch of a thousand well-filled customers.
const MaxMessage = 64 << 20

// handshake is the version of the way in which host and plugin find each other (go-plugin's own). The protocol's
// version is agreed on afterwards, by Describe, so that old and new get that far.
const handshake = 1

// Handshake is the configuration by which a process finds out that it was started as a plugin of ours: go-plugin's
// HandshakeConfig, to which it can be assigned. It keeps people from starting plugins by hand; it is no security
// measure (Bundle is).
func Handshake() (config struct {
	ProtocolVersion  uint
	MagicCookieKey   string
	MagicCookieValue string
}) {
	config.ProtocolVersion = handshake
	config.MagicCookieKey = "MOSTRADOR_PLUGIN"
	config.MagicCookieValue = "7f0c0b2e-mostrador"
	return config
}

// ServerOptions are the gRPC options of the plugin's side.
func ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(MaxMessage),
		grpc.MaxSendMsgSize(MaxMessage),
		grpc.InitialWindowSize(window),
		grpc.InitialConnWindowSize(window),
	}
}

// DialOptions are the gRPC options of the host's side.
func DialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxMessage), grpc.MaxCallSendMsgSize(MaxMessage)),
		grpc.WithInitialWindowSize(window),
		grpc.WithInitialConnWindowSize(window),
	}
}

// window is the flow-control window: a whole usual batch is under way without waiting for credit.
const window = 1 << 20
