package api

import (
	"context"

	"connectrpc.com/connect"

	"mostrador/host/api/mostradorv1"
)

// segmentServer serves the segments.
type segmentServer struct{ *server }

// List returns all segments by name.
func (s segmentServer) List(ctx context.Context, _ *connect.Request[mostradorv1.ListSegmentsRequest]) (*connect.Response[mostradorv1.ListSegmentsResponse], error) {
	list, err := s.Segments.List(ctx)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.ListSegmentsResponse{Segments: list}), nil
}

// Put keeps a segment.
func (s segmentServer) Put(ctx context.Context, req *connect.Request[mostradorv1.PutSegmentRequest]) (*connect.Response[mostradorv1.PutSegmentResponse], error) {
	kept, task, err := s.Segments.Put(ctx, actorOf(ctx), req.Msg.GetSegment())
	if err != nil {
		return nil, err
	}
	resp := &mostradorv1.PutSegmentResponse{Segment: kept}
	if task != nil {
		resp.Task = s.Segments.Tasks.Show(s.lang(ctx), task)
	}
	return connect.NewResponse(resp), nil
}

// Delete removes a segment.
func (s segmentServer) Delete(ctx context.Context, req *connect.Request[mostradorv1.DeleteSegmentRequest]) (*connect.Response[mostradorv1.DeleteSegmentResponse], error) {
	if err := s.Segments.Delete(ctx, actorOf(ctx), req.Msg.GetId()); err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.DeleteSegmentResponse{}), nil
}

// Preview says who would belong.
func (s segmentServer) Preview(ctx context.Context, req *connect.Request[mostradorv1.PreviewSegmentRequest]) (*connect.Response[mostradorv1.PreviewSegmentResponse], error) {
	resp, err := s.Segments.Preview(ctx, req.Msg.GetSegment(), bound(req.Msg.GetLimit()))
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(resp), nil
}

// Terms lists what conditions can be about.
func (s segmentServer) Terms(ctx context.Context, _ *connect.Request[mostradorv1.SegmentTermsRequest]) (*connect.Response[mostradorv1.SegmentTermsResponse], error) {
	terms, err := s.Segments.Terms(ctx)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.SegmentTermsResponse{Terms: terms}), nil
}
