package uitest

import (
	"context"
	"fmt"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/api/mostradorv1/mostradorv1connect"
)

// catalogue fills in tags, segments and the terms of conditions.
func (s *Store) catalogue() {
	s.Tags = someTags()
	s.Segments = []*mostradorv1.Segment{
		{Id: 1, Name: "Dormidos", Description: "Sin compras en 90 días.", Customers: 41250, ByDay: true, Expression: "days_since(purchases.last) > 90",
			Condition: &mostradorv1.Condition{Group: mostradorv1.Condition_GROUP_ALL, Conditions: []*mostradorv1.Condition{{Term: "purchases.last", Operator: "not_in_last_days", Operands: []string{"90"}}}},
			Words:     "Última compra: hace más de 90 días"},
		{Id: 2, Name: "Bilbao con correo", Customers: 3120, Expression: `fields.city == "Bilbao"`, Words: "Ciudad es Bilbao"},
	}
	text := []*mostradorv1.TermOperator{{Id: "is", Name: "es", Operands: 1, Type: "text"}, {Id: "contains", Name: "contiene", Operands: 1, Type: "text"},
		{Id: "one_of", Name: "es uno de", Operands: -1, Type: "text"}, {Id: "filled", Name: "tiene dato"}}
	number := []*mostradorv1.TermOperator{{Id: "more", Name: "es más de", Operands: 1, Type: "decimal"}, {Id: "less", Name: "es menos de", Operands: 1, Type: "decimal"},
		{Id: "between", Name: "está entre", Operands: 2, Type: "decimal"}}
	day := []*mostradorv1.TermOperator{{Id: "before", Name: "es antes de", Operands: 1, Type: "date"}, {Id: "between", Name: "está entre", Operands: 2, Type: "date"},
		{Id: "not_in_last_days", Name: "hace más días que", Operands: 1, Type: "integer"}}
	var tags []*mostradorv1.Choice
	for _, t := range s.Tags {
		tags = append(tags, &mostradorv1.Choice{Value: t.Name, Label: t.Name})
	}
	s.Terms = []*mostradorv1.Term{
		{Id: "name", Name: "Nombre", Section: "Persona", Type: "text", Operators: text},
		{Id: "registered", Name: "Fecha de alta", Section: "Persona", Type: "date", Operators: day},
		{Id: "fields.city", Name: "Ciudad", Section: "Demográficos", Type: "text", Operators: text},
		{Id: "fields.size", Name: "Talla", Section: "Perfil", Type: "choice", Choices: sizes, Operators: []*mostradorv1.TermOperator{
			{Id: "is", Name: "es", Operands: 1, Type: "choice"}, {Id: "one_of", Name: "es una de", Operands: -1, Type: "choice"}}},
		{Id: "tags", Name: "Etiquetas", Section: "Grupos", Type: "choice", Choices: tags, Operators: []*mostradorv1.TermOperator{
			{Id: "has", Name: "tiene", Operands: 1, Type: "choice"}, {Id: "has_not", Name: "no tiene", Operands: 1, Type: "choice"}}},
		{Id: "purchases.total", Name: "Total gastado", Section: "Compras", Type: "decimal", Operators: number},
		{Id: "purchases.last", Name: "Última compra", Section: "Compras", Type: "date", Operators: day},
		{Id: "measures.puntos", Name: "Puntos", Section: "Plug-ins", Type: "decimal", Operators: number},
	}
}

type segments struct {
	mostradorv1connect.UnimplementedSegmentServiceHandler
	s *Store
}

func (h segments) List(context.Context, *connect.Request[mostradorv1.ListSegmentsRequest]) (*connect.Response[mostradorv1.ListSegmentsResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	res := &mostradorv1.ListSegmentsResponse{}
	for _, segment := range h.s.Segments {
		res.Segments = append(res.Segments, proto.CloneOf(segment))
	}
	return connect.NewResponse(res), nil
}

func (h segments) Terms(context.Context, *connect.Request[mostradorv1.SegmentTermsRequest]) (*connect.Response[mostradorv1.SegmentTermsResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	res := &mostradorv1.SegmentTermsResponse{}
	for _, t := range h.s.Terms {
		res.Terms = append(res.Terms, proto.CloneOf(t))
	}
	return connect.NewResponse(res), nil
}

type transfers struct {
	mostradorv1connect.UnimplementedTransferServiceHandler
	s *Store
}

// Export answers with a small file in two pieces.
func (h transfers) Export(_ context.Context, req *connect.Request[mostradorv1.ExportCustomersRequest], stream *connect.ServerStream[mostradorv1.FileChunk]) error {
	h.s.Lock()
	h.s.called(fmt.Sprintf("export %s %d", req.Msg.Format, len(req.Msg.Selection.GetIds())))
	h.s.Unlock()
	for _, piece := range []string{"Nombre;Correo\n", "Lucía;lucia@example.com\n"} {
		if err := stream.Send(&mostradorv1.FileChunk{FileName: "clientes.csv", Data: []byte(piece)}); err != nil {
			return err
		}
	}
	return nil
}
