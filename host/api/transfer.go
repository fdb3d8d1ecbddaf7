package api

import (
	"bufio"
	"context"
	"errors"
	"io"

	"connectrpc.com/connect"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/locale"
	"mostrador/host/transfer"
)

// transferServer serves imports and exports.
type transferServer struct{ *server }

// Upload keeps a file.
func (s transferServer) Upload(ctx context.Context, stream *connect.ClientStream[mostradorv1.UploadRequest]) (*connect.Response[mostradorv1.UploadResponse], error) {
	first := new(mostradorv1.UploadRequest)
	if stream.Receive() {
		first = stream.Msg()
	} else if err := stream.Err(); err != nil {
		return nil, err
	}
	kept, said, err := s.Transfer.Upload(ctx, actorOf(ctx), first.GetFileName(), &uploaded{stream: stream, rest: first.GetData()})
	if err != nil {
		return nil, s.transferError(ctx, err)
	}
	return connect.NewResponse(&mostradorv1.UploadResponse{Import: kept, Diagnostics: said}), nil
}

// uploaded reads the file that a client sends.
type uploaded struct {
	stream *connect.ClientStream[mostradorv1.UploadRequest]
	rest   []byte
}

func (u *uploaded) Read(b []byte) (int, error) {
	for len(u.rest) == 0 {
		if !u.stream.Receive() {
			if err := u.stream.Err(); err != nil {
				return 0, err
			}
			return 0, io.EOF
		}
		u.rest = u.stream.Msg().GetData()
	}
	n := copy(b, u.rest)
	u.rest = u.rest[n:]
	return n, nil
}

// Read reads the kept file again.
func (s transferServer) Read(ctx context.Context, req *connect.Request[mostradorv1.ReadRequest]) (*connect.Response[mostradorv1.ReadResponse], error) {
	kept, said, err := s.Transfer.Read(ctx, req.Msg.GetId(), req.Msg.GetReading())
	if err != nil {
		return nil, s.transferError(ctx, err)
	}
	return connect.NewResponse(&mostradorv1.ReadResponse{Import: kept, Diagnostics: said}), nil
}

// Plan starts the dry run.
func (s transferServer) Plan(ctx context.Context, req *connect.Request[mostradorv1.PlanRequest]) (*connect.Response[mostradorv1.PlanResponse], error) {
	if req.Msg.GetImport() == nil {
		return nil, s.transferError(ctx, transfer.ErrNotFound)
	}
	kept, begun, err := s.Transfer.Plan(ctx, actorOf(ctx), req.Msg.GetImport())
	if err != nil {
		return nil, s.transferError(ctx, err)
	}
	return connect.NewResponse(&mostradorv1.PlanResponse{Import: kept, Task: s.Tasks.Show(s.lang(ctx), begun)}), nil
}

// Rows shows rows of a plan.
func (s transferServer) Rows(ctx context.Context, req *connect.Request[mostradorv1.RowsRequest]) (*connect.Response[mostradorv1.RowsResponse], error) {
	rows, err := s.Transfer.Rows(ctx, req.Msg)
	if err != nil {
		return nil, s.transferError(ctx, err)
	}
	return connect.NewResponse(&mostradorv1.RowsResponse{Rows: rows}), nil
}

// Apply carries a plan out.
func (s transferServer) Apply(ctx context.Context, req *connect.Request[mostradorv1.ApplyImportRequest]) (*connect.Response[mostradorv1.ApplyImportResponse], error) {
	begun, err := s.Transfer.Apply(ctx, actorOf(ctx), req.Msg.GetId())
	if err != nil {
		return nil, s.transferError(ctx, err)
	}
	return connect.NewResponse(&mostradorv1.ApplyImportResponse{Task: s.Tasks.Show(s.lang(ctx), begun)}), nil
}

// Get returns an import.
func (s transferServer) Get(ctx context.Context, req *connect.Request[mostradorv1.GetImportRequest]) (*connect.Response[mostradorv1.GetImportResponse], error) {
	kept, err := s.Transfer.Get(req.Msg.GetId())
	if err != nil {
		return nil, s.transferError(ctx, err)
	}
	return connect.NewResponse(&mostradorv1.GetImportResponse{Import: kept}), nil
}

// List returns the last imports.
func (s transferServer) List(_ context.Context, req *connect.Request[mostradorv1.ListImportsRequest]) (*connect.Response[mostradorv1.ListImportsResponse], error) {
	list, err := s.Transfer.List(bound(req.Msg.GetLimit()))
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.ListImportsResponse{Imports: list}), nil
}

// Discard forgets an import.
func (s transferServer) Discard(ctx context.Context, req *connect.Request[mostradorv1.DiscardImportRequest]) (*connect.Response[mostradorv1.DiscardImportResponse], error) {
	if err := s.Transfer.Discard(ctx, req.Msg.GetId()); err != nil {
		return nil, s.transferError(ctx, err)
	}
	return connect.NewResponse(&mostradorv1.DiscardImportResponse{}), nil
}

// Refused sends the refused rows as a file.
func (s transferServer) Refused(ctx context.Context, req *connect.Request[mostradorv1.RefusedRequest], stream *connect.ServerStream[mostradorv1.FileChunk]) error {
	out := newSent(stream)
	if err := s.Transfer.Refused(ctx, req.Msg.GetId(), req.Msg.GetFormat(), out.name, out); err != nil {
		return s.transferError(ctx, err)
	}
	return out.Flush()
}

// Export sends the customers of a selection as a file.
func (s transferServer) Export(ctx context.Context, req *connect.Request[mostradorv1.ExportCustomersRequest], stream *connect.ServerStream[mostradorv1.FileChunk]) error {
	out := newSent(stream)
	if err := s.Transfer.Export(ctx, actorOf(ctx), req.Msg, out.name, out); err != nil {
		return s.transferError(ctx, err)
	}
	return out.Flush()
}

// chunk is how much of a file travels in one message.
const chunk = 64 << 10

// sent sends a file in parts.
type sent struct {
	*bufio.Writer
	stream *connect.ServerStream[mostradorv1.FileChunk]
}

// parts is the stream below it.
type parts struct {
	stream *connect.ServerStream[mostradorv1.FileChunk]
}

func (p parts) Write(b []byte) (int, error) {
	if err := p.stream.Send(&mostradorv1.FileChunk{Data: b}); err != nil {
		return 0, err
	}
	return len(b), nil
}

func newSent(stream *connect.ServerStream[mostradorv1.FileChunk]) *sent {
	return &sent{bufio.NewWriterSize(parts{stream}, chunk), stream}
}

// name sends the file's name, before anything else.
func (s *sent) name(name string) error { return s.stream.Send(&mostradorv1.FileChunk{FileName: name}) }

// transferError is an error of an import as the caller reads it.
func (s *server) transferError(ctx context.Context, err error) error {
	if errors.Is(err, transfer.ErrNotFound) {
		return sentence(connect.CodeNotFound, "no_import", s.Text.Text(locale.FromContext(ctx), "transfer.not_found"))
	}
	return err
}
