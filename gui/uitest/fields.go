package uitest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/api/mostradorv1/mostradorv1connect"
	"mostrador/sdk/plgv1"
)

// someModel is the data model of the fixed store.
func someModel() []*mostradorv1.Field {
	core := mostradorv1.FieldOrigin_FIELD_ORIGIN_CORE
	own := mostradorv1.FieldOrigin_FIELD_ORIGIN_STORE
	profile, person := mostradorv1.FieldCategory_FIELD_CATEGORY_PROFILE, mostradorv1.FieldCategory_FIELD_CATEGORY_DEMOGRAPHIC
	return []*mostradorv1.Field{
		{Id: "name", Name: "Nombre", Type: "text", Origin: core, Required: true, Indexed: true},
		{Id: "phone", Name: "Teléfono", Type: "phone", Origin: core, Indexed: true},
		{Id: "email", Name: "Correo", Type: "email", Origin: core, Indexed: true},
		{Id: "city", Name: "Ciudad", Type: "text", Category: person, Origin: own, Indexed: true, Order: 1},
		{Id: "size", Name: "Talla", Type: "choice", Category: profile, Origin: own, Order: 2, Choices: []*mostradorv1.Choice{{Value: "S", Label: "Pequeña"}, {Value: "M", Label: "Mediana"}, {Value: "L", Label: "Grande"}}},
		{Id: "instagram_profile", Name: "Perfil de Instagram", Type: "text", Category: profile, Origin: own, Order: 3,
			Rules: []*mostradorv1.FieldRule{{Conditions: []*mostradorv1.FieldCondition{{Operator: "begins_with", Operand: "@"}}, Message: "Empieza por @."}}},
		{Id: "plg9005_cumple", Name: "Cumpleaños", Type: "date", Origin: mostradorv1.FieldOrigin_FIELD_ORIGIN_PLUGIN, Plugin: "PLG9005"},
	}
}

type fields struct {
	mostradorv1connect.UnimplementedFieldServiceHandler
	s *Store
}

func (h fields) List(_ context.Context, req *connect.Request[mostradorv1.ListFieldsRequest]) (*connect.Response[mostradorv1.ListFieldsResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	res := &mostradorv1.ListFieldsResponse{}
	for _, f := range h.s.Model {
		if req.Msg.Retired || !f.Retired {
			res.Fields = append(res.Fields, proto.CloneOf(f))
		}
	}
	return connect.NewResponse(res), nil
}

// breaks says what a change does: from a choice to anything else it breaks one value.
func (h fields) breaks(f *mostradorv1.Field) *mostradorv1.PreviewFieldResponse {
	for _, known := range h.s.Model {
		if known.Id == f.Id && known.Type == "choice" && f.Type != "choice" {
			return &mostradorv1.PreviewFieldResponse{WithValue: 3120, Broken: 1, Breaks: []*mostradorv1.FieldBreak{
				{Customer: h.s.Customers[0], Value: "M", Reason: "Escriba un número."}}}
		}
	}
	return &mostradorv1.PreviewFieldResponse{}
}

func (h fields) Preview(_ context.Context, req *connect.Request[mostradorv1.PreviewFieldRequest]) (*connect.Response[mostradorv1.PreviewFieldResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	return connect.NewResponse(h.breaks(req.Msg.Field)), nil
}

func (h fields) Put(_ context.Context, req *connect.Request[mostradorv1.PutFieldRequest]) (*connect.Response[mostradorv1.PutFieldResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	f := proto.CloneOf(req.Msg.Field)
	if f.Id == "" {
		return nil, refuse(connect.CodeInvalidArgument, &mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{wrong("id", "field_id", "El identificador lleva letras, cifras y _, y empieza por una letra.")}})
	}
	if h.breaks(f).Broken > 0 && !req.Msg.Anyway {
		return nil, connect.NewError(connect.CodeFailedPrecondition, fmt.Errorf("the values break"))
	}
	h.s.called(fmt.Sprintf("field %s %s %s many=%t rules=%d script=%q anyway=%t", f.Id, f.Name, f.Type, f.Many, len(f.Rules), f.Script, req.Msg.Anyway))
	if i := slices.IndexFunc(h.s.Model, func(o *mostradorv1.Field) bool { return o.Id == f.Id }); i >= 0 {
		h.s.Model[i] = f
	} else {
		h.s.Model = append(h.s.Model, f)
	}
	return connect.NewResponse(&mostradorv1.PutFieldResponse{Field: f}), nil
}

// Try knows the rule "begins with", and one script that does not compile.
func (h fields) Try(_ context.Context, req *connect.Request[mostradorv1.TryFieldRequest]) (*connect.Response[mostradorv1.TryFieldResponse], error) {
	f, res := req.Msg.Field, &mostradorv1.TryFieldResponse{Kept: req.Msg.Value}
	if strings.Contains(f.Script, "valor") {
		res.Declaration = []*plgv1.Diagnostic{wrong("script", "script", "Línea 1, columna 1: no existe «valor». Escriba value.")}
	}
	for _, rule := range f.Rules {
		for _, c := range rule.Conditions {
			if c.Operator == "begins_with" && !strings.HasPrefix(req.Msg.Value, c.Operand) {
				res.Diagnostics = append(res.Diagnostics, wrong("fields."+f.Id, "rule", "Así no: "+rule.Message))
			}
		}
	}
	return connect.NewResponse(res), nil
}

func (h fields) Retire(_ context.Context, req *connect.Request[mostradorv1.RetireFieldRequest]) (*connect.Response[mostradorv1.RetireFieldResponse], error) {
	f, err := h.turn(req.Msg.Id, true)
	return connect.NewResponse(&mostradorv1.RetireFieldResponse{Field: f}), err
}

func (h fields) Restore(_ context.Context, req *connect.Request[mostradorv1.RestoreFieldRequest]) (*connect.Response[mostradorv1.RestoreFieldResponse], error) {
	f, err := h.turn(req.Msg.Id, false)
	return connect.NewResponse(&mostradorv1.RestoreFieldResponse{Field: f}), err
}

func (h fields) turn(id string, retired bool) (*mostradorv1.Field, error) {
	h.s.Lock()
	defer h.s.Unlock()
	h.s.called(fmt.Sprintf("field %s retired=%t", id, retired))
	for _, f := range h.s.Model {
		if f.Id == id {
			f.Retired = retired
			return proto.CloneOf(f), nil
		}
	}
	return nil, connect.NewError(connect.CodeNotFound, fmt.Errorf("no field %s", id))
}
