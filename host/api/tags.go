package api

import (
	"context"
	"errors"

	"connectrpc.com/connect"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/locale"
	"mostrador/host/tag"
)

// tagServer serves the tags.
type tagServer struct{ *server }

// List returns the tags by name.
func (s tagServer) List(context.Context, *connect.Request[mostradorv1.ListTagsRequest]) (*connect.Response[mostradorv1.ListTagsResponse], error) {
	tags, err := s.Tags.List()
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.ListTagsResponse{Tags: tags}), nil
}

// Put creates a tag or changes one.
func (s tagServer) Put(ctx context.Context, req *connect.Request[mostradorv1.PutTagRequest]) (*connect.Response[mostradorv1.PutTagResponse], error) {
	kept, err := s.Tags.Put(ctx, actorOf(ctx), req.Msg.GetTag())
	if err != nil {
		return nil, s.tagError(ctx, err)
	}
	return connect.NewResponse(&mostradorv1.PutTagResponse{Tag: kept}), nil
}

// Delete takes a tag from everybody.
func (s tagServer) Delete(ctx context.Context, req *connect.Request[mostradorv1.DeleteTagRequest]) (*connect.Response[mostradorv1.DeleteTagResponse], error) {
	begun, err := s.Tags.Delete(ctx, actorOf(ctx), req.Msg.GetId())
	if err != nil {
		return nil, s.tagError(ctx, err)
	}
	return connect.NewResponse(&mostradorv1.DeleteTagResponse{Task: s.Tasks.Show(s.lang(ctx), begun)}), nil
}

// Apply puts tags on, and takes tags off, a selection of customers.
func (s tagServer) Apply(ctx context.Context, req *connect.Request[mostradorv1.ApplyTagsRequest]) (*connect.Response[mostradorv1.ApplyTagsResponse], error) {
	begun, changed, err := s.Tags.Apply(ctx, actorOf(ctx), req.Msg.GetSelection(), req.Msg.GetAdd(), req.Msg.GetRemove())
	if err != nil {
		return nil, s.tagError(ctx, err)
	}
	resp := &mostradorv1.ApplyTagsResponse{Changed: changed}
	if begun != nil {
		resp.Task = s.Tasks.Show(s.lang(ctx), begun)
	}
	return connect.NewResponse(resp), nil
}

func (s *server) tagError(ctx context.Context, err error) error {
	if errors.Is(err, tag.ErrNotFound) {
		return sentence(connect.CodeNotFound, "no_tag", s.Text.Text(locale.FromContext(ctx), "tag.not_found"))
	}
	return err
}
