// Command bare is the least that a plug-in process could be: a gRPC server on a Unix socket that answers Describe.
// Its start is the floor against which the start of a host with its plug-ins is measured.
package main

import (
	"context"
	"fmt"
	"net"
	"os"

	"google.golang.org/grpc"

	"mostrador/sdk/plgv1"
)

type server struct {
	plgv1.UnimplementedPluginServer
}

func (server) Describe(context.Context, *plgv1.DescribeRequest) (*plgv1.DescribeResponse, error) {
	return &plgv1.DescribeResponse{Id: "BARE", Api: 1}, nil
}

func main() {
	listener, err := net.Listen("unix", os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	s := grpc.NewServer()
	plgv1.RegisterPluginServer(s, server{})
	fmt.Println("listening")
	if err := s.Serve(listener); err != nil {
		os.Exit(1)
	}
}
