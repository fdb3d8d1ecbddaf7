package uitest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"connectrpc.com/connect"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/api/mostradorv1/mostradorv1connect"
	"mostrador/sdk/plgv1"
)

// someTags are the tags of the fixed store.
func someTags() []*mostradorv1.Tag {
	return []*mostradorv1.Tag{
		{Id: 2, Name: "Mayorista", Description: "Compra para revender; precios de almacén", Color: "#7a5c00", TextColor: "#ffffff", Customers: 318, Created: at(-60 * 24 * 40)},
		{Id: 3, Name: "Vecino", Description: "Vive en el barrio", Color: "#cdeccd", TextColor: "#000000", Customers: 12404, Created: at(-60 * 24 * 9)},
		{Id: 1, Name: "VIP", Description: "Más de 2.000 € al año", Color: "#3b4ba3", TextColor: "#ffffff", Customers: 1, Created: at(-60 * 24 * 200)},
	}
}

type tags struct {
	mostradorv1connect.UnimplementedTagServiceHandler
	*Store
}

func (t tags) List(context.Context, *connect.Request[mostradorv1.ListTagsRequest]) (*connect.Response[mostradorv1.ListTagsResponse], error) {
	t.Lock()
	defer t.Unlock()
	return connect.NewResponse(&mostradorv1.ListTagsResponse{Tags: slices.Clone(t.Tags)}), nil
}

func (t tags) Put(_ context.Context, req *connect.Request[mostradorv1.PutTagRequest]) (*connect.Response[mostradorv1.PutTagResponse], error) {
	t.Lock()
	defer t.Unlock()
	put := req.Msg.Tag
	if slices.ContainsFunc(t.Tags, func(o *mostradorv1.Tag) bool { return o.Id != put.Id && strings.EqualFold(o.Name, put.Name) }) {
		return nil, refuse(connect.CodeInvalidArgument, &mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{{
			Severity: plgv1.Severity_SEVERITY_ERROR, Path: "name", Code: "tag_taken", Summary: "Ya hay una etiqueta que se llama así.",
		}}})
	}
	t.Calls = append(t.Calls, fmt.Sprintf("tag %d %s %q %s", put.Id, put.Name, put.Description, put.Color))
	put.TextColor = "#ffffff"
	if i := slices.IndexFunc(t.Tags, func(o *mostradorv1.Tag) bool { return o.Id == put.Id }); i >= 0 {
		put.Customers, put.Created = t.Tags[i].Customers, t.Tags[i].Created
		t.Tags[i] = put
	} else {
		put.Id, put.Created = uint32(len(t.Tags)+1), at(0)
		t.Tags = append(t.Tags, put)
	}
	slices.SortFunc(t.Tags, func(a, b *mostradorv1.Tag) int {
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	return connect.NewResponse(&mostradorv1.PutTagResponse{Tag: put}), nil
}

func (t tags) Delete(_ context.Context, req *connect.Request[mostradorv1.DeleteTagRequest]) (*connect.Response[mostradorv1.DeleteTagResponse], error) {
	t.Lock()
	defer t.Unlock()
	t.Calls = append(t.Calls, fmt.Sprintf("tag delete %d", req.Msg.Id))
	t.Tags = slices.DeleteFunc(t.Tags, func(o *mostradorv1.Tag) bool { return o.Id == req.Msg.Id })
	return connect.NewResponse(&mostradorv1.DeleteTagResponse{}), nil
}

func (t tags) Apply(_ context.Context, req *connect.Request[mostradorv1.ApplyTagsRequest]) (*connect.Response[mostradorv1.ApplyTagsResponse], error) {
	t.Lock()
	defer t.Unlock()
	sel := req.Msg.Selection
	t.Calls = append(t.Calls, fmt.Sprintf("tag apply +%v -%v to %d ids all=%t %q %v", req.Msg.Add, req.Msg.Remove, len(sel.GetIds()), sel.GetAll(), sel.GetQuery(), sel.GetFilter().GetSegments()))
	return connect.NewResponse(&mostradorv1.ApplyTagsResponse{Changed: uint64(len(sel.GetIds()))}), nil
}
