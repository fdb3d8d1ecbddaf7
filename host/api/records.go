package api

import (
	"context"

	"connectrpc.com/connect"

	"mostrador/host/api/mostradorv1"
)

// recordServer serves customers' records over time.
type recordServer struct{ *server }

// History tells what became of a customer.
func (s recordServer) History(ctx context.Context, req *connect.Request[mostradorv1.HistoryRequest]) (*connect.Response[mostradorv1.HistoryResponse], error) {
	answer, err := s.Records.History(ctx, req.Msg)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(answer), nil
}

// Duplicates suggests pairs that may be one person.
func (s recordServer) Duplicates(ctx context.Context, req *connect.Request[mostradorv1.DuplicatesRequest]) (*connect.Response[mostradorv1.DuplicatesResponse], error) {
	answer, err := s.Records.Duplicates(ctx, req.Msg)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(answer), nil
}

// Dismiss says that two customers are two persons.
func (s recordServer) Dismiss(ctx context.Context, req *connect.Request[mostradorv1.DismissRequest]) (*connect.Response[mostradorv1.DismissResponse], error) {
	if err := s.Records.Dismiss(ctx, req.Msg.GetA(), req.Msg.GetB()); err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.DismissResponse{}), nil
}

// Merge makes two customers one.
func (s recordServer) Merge(ctx context.Context, req *connect.Request[mostradorv1.MergeRequest]) (*connect.Response[mostradorv1.MergeResponse], error) {
	answer, err := s.Records.Merge(ctx, actorOf(ctx), req.Msg)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(answer), nil
}

// Unmerge takes a merge back.
func (s recordServer) Unmerge(ctx context.Context, req *connect.Request[mostradorv1.UnmergeRequest]) (*connect.Response[mostradorv1.UnmergeResponse], error) {
	answer, err := s.Records.Unmerge(ctx, actorOf(ctx), req.Msg.GetMerge())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(answer), nil
}

// Disclose sends everything that the store knows of a customer.
func (s recordServer) Disclose(ctx context.Context, req *connect.Request[mostradorv1.DiscloseRequest], stream *connect.ServerStream[mostradorv1.FileChunk]) error {
	name, err := s.Records.FileName(ctx, req.Msg.GetCustomerId())
	if err != nil {
		return err
	}
	out := newSent(stream)
	if err := out.name(name); err != nil {
		return err
	}
	if err := s.Records.Disclose(ctx, actorOf(ctx), req.Msg.GetCustomerId(), out); err != nil {
		return err
	}
	return out.Flush()
}

// Erase forgets a customer.
func (s recordServer) Erase(ctx context.Context, req *connect.Request[mostradorv1.EraseRequest]) (*connect.Response[mostradorv1.EraseResponse], error) {
	answer, err := s.Records.Erase(ctx, actorOf(ctx), req.Msg)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(answer), nil
}
