package uitest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

func (h segments) Preview(_ context.Context, req *connect.Request[mostradorv1.PreviewSegmentRequest]) (*connect.Response[mostradorv1.PreviewSegmentResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	g := req.Msg.Segment
	if strings.Contains(g.Expression, "ciudad") {
		d := wrong("expression", "segment_expression", "Línea 1, columna 8: no existe «fields.ciudad». ¿Quería decir fields.city?")
		return connect.NewResponse(&mostradorv1.PreviewSegmentResponse{Diagnostics: []*plgv1.Diagnostic{d}}), nil
	}
	res := &mostradorv1.PreviewSegmentResponse{Customers: 3120, Expression: `fields.city == "Bilbao"`, Words: "Ciudad es Bilbao"}
	for _, c := range h.s.Customers[:min(len(h.s.Customers), int(req.Msg.Limit))] {
		res.First = append(res.First, proto.CloneOf(c))
	}
	return connect.NewResponse(res), nil
}

func (h segments) Put(_ context.Context, req *connect.Request[mostradorv1.PutSegmentRequest]) (*connect.Response[mostradorv1.PutSegmentResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	g := proto.CloneOf(req.Msg.Segment)
	if slices.ContainsFunc(h.s.Segments, func(o *mostradorv1.Segment) bool { return o.Id != g.Id && strings.EqualFold(o.Name, g.Name) }) {
		return nil, refuse(connect.CodeInvalidArgument, &mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{wrong("segment.name", "segment_taken", "Ya hay un segmento que se llama así.")}})
	}
	h.s.called(fmt.Sprintf("segment %d %s %s %q", g.Id, g.Name, g.Condition.GetGroup(), g.Expression))
	g.Words = "Ciudad es Bilbao"
	if i := slices.IndexFunc(h.s.Segments, func(o *mostradorv1.Segment) bool { return o.Id == g.Id }); i >= 0 {
		h.s.Segments[i] = g
	} else {
		g.Id, g.Counting, g.Percent = uint32(len(h.s.Segments)+1), true, 40
		h.s.Segments = append(h.s.Segments, g)
	}
	return connect.NewResponse(&mostradorv1.PutSegmentResponse{Segment: g}), nil
}

func (h segments) Delete(_ context.Context, req *connect.Request[mostradorv1.DeleteSegmentRequest]) (*connect.Response[mostradorv1.DeleteSegmentResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	h.s.called(fmt.Sprintf("segment delete %d", req.Msg.Id))
	h.s.Segments = slices.DeleteFunc(h.s.Segments, func(o *mostradorv1.Segment) bool { return o.Id == req.Msg.Id })
	return connect.NewResponse(&mostradorv1.DeleteSegmentResponse{}), nil
}
