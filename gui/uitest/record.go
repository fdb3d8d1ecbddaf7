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

// records fills in the history that every customer has, and the pairs that may be one person.
func (s *Store) records() {
	marta := &plgv1.Actor{Operator: "Marta Ruiz", Till: "1", Channel: "gui"}
	s.History = []*mostradorv1.HistoryEntry{
		{Time: at(20), Kind: "change", Summary: "Cambio de: Teléfono móvil, Ciudad", Actor: marta, Way: "Mostrador, caja 1", Changes: []*mostradorv1.LabelledChange{
			{Field: "phone", Label: "Teléfono móvil", From: "+34 600 000 000", To: "+34 600 111 222"}, {Field: "fields.city", Label: "Ciudad", To: "Bilbao"}}},
		{Time: at(15), Kind: "sale", Summary: "Compra de 35,75 €, recibo A-1043", Actor: marta, Way: "Mostrador, caja 1", Receipt: "A-1043"},
		{Time: at(12), Kind: "tag", Summary: "Etiqueta «VIP» puesta a 250 clientes", Actor: marta, Way: "Mostrador, caja 1"},
		{Time: at(5), Kind: "message", Summary: "Le damos la bienvenida a Librería Cervantes", Way: "Plug-in Bienvenida", MessageId: "m1"},
		{Time: at(-60 * 24), Kind: "change", Summary: "Alta del cliente", Actor: marta, Way: "Importación clientes.xlsx"},
	}
	s.Pairs = []*mostradorv1.DuplicatePair{
		{A: s.Customers[0], B: &plgv1.Customer{Id: "c9", Number: 9, Name: "Lucia Fernandez Soto", Email: "lucia.fs@example.com", Revision: 1}, Score: 94,
			Reasons: []string{"Mismo nombre sin acentos", "Misma fecha de nacimiento"}},
		{A: s.Customers[2], B: &plgv1.Customer{Id: "c10", Number: 10, Name: "Carmen Ibáñez", Phone: "+34622333440", Revision: 1}, Score: 71, Reasons: []string{"Nombre parecido y teléfono casi igual"}},
	}
}

type records struct {
	mostradorv1connect.UnimplementedRecordServiceHandler
	s *Store
}

func (h records) History(_ context.Context, req *connect.Request[mostradorv1.HistoryRequest]) (*connect.Response[mostradorv1.HistoryResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	res := &mostradorv1.HistoryResponse{}
	for _, e := range h.s.History {
		about := slices.ContainsFunc(e.Changes, func(c *mostradorv1.LabelledChange) bool { return c.Field == req.Msg.Field })
		if (len(req.Msg.Kinds) == 0 || slices.Contains(req.Msg.Kinds, e.Kind)) && (req.Msg.Field == "" || about) {
			res.Entries = append(res.Entries, proto.CloneOf(e))
		}
	}
	return connect.NewResponse(res), nil
}

func (h records) Duplicates(context.Context, *connect.Request[mostradorv1.DuplicatesRequest]) (*connect.Response[mostradorv1.DuplicatesResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	res := &mostradorv1.DuplicatesResponse{Percent: 100}
	for _, p := range h.s.Pairs {
		res.Pairs = append(res.Pairs, proto.CloneOf(p))
	}
	return connect.NewResponse(res), nil
}

// settled takes a pair from the list.
func (s *Store) settled(a, b string) {
	s.Pairs = slices.DeleteFunc(s.Pairs, func(p *mostradorv1.DuplicatePair) bool {
		return p.A.Id == a && p.B.Id == b || p.A.Id == b && p.B.Id == a
	})
}

func (h records) Dismiss(_ context.Context, req *connect.Request[mostradorv1.DismissRequest]) (*connect.Response[mostradorv1.DismissResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	h.s.called("dismiss " + req.Msg.A + " " + req.Msg.B)
	h.s.settled(req.Msg.A, req.Msg.B)
	return connect.NewResponse(&mostradorv1.DismissResponse{}), nil
}

func (h records) Merge(_ context.Context, req *connect.Request[mostradorv1.MergeRequest]) (*connect.Response[mostradorv1.MergeResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	keep, gone := h.s.find(req.Msg.Keep), h.s.find(req.Msg.Gone)
	if keep == nil || gone == nil {
		return nil, notFound("cliente")
	}
	if !req.Msg.Preview && (req.Msg.KeepRevision != keep.Revision || req.Msg.GoneRevision != gone.Revision) {
		return nil, connect.NewError(connect.CodeAborted, fmt.Errorf("changed"))
	}
	res := &mostradorv1.MergeResponse{Customer: proto.CloneOf(keep), Merge: 31,
		Notes: []string{"320 + 15 puntos = 335 puntos", "3 compras pasan a la ficha que se queda", "Tarjetas: 8412345678905"}}
	for _, f := range []struct{ path, label, keep, gone string }{
		{"name", "Nombre", keep.Name, gone.Name}, {"phone", "Teléfono móvil", keep.Phone, gone.Phone}, {"email", "Correo electrónico", keep.Email, gone.Email},
	} {
		res.Fields = append(res.Fields, &mostradorv1.MergeField{Path: f.path, Label: f.label, Keep: f.keep, Gone: f.gone, Result: f.keep, Choice: f.keep != "" && f.gone != "" && f.keep != f.gone})
	}
	res.Fields = append(res.Fields, &mostradorv1.MergeField{Path: "consent.promotions", Label: "Promociones", Keep: "Aceptadas", Gone: "Baja", Result: "Baja", Reason: "Vale el consentimiento más estricto."})
	if !req.Msg.Preview {
		h.s.called("merge " + keep.Id + " " + gone.Id + " " + strings.Join(req.Msg.Take, ","))
		h.s.settled(keep.Id, gone.Id)
	}
	return connect.NewResponse(res), nil
}

func (h records) Unmerge(_ context.Context, req *connect.Request[mostradorv1.UnmergeRequest]) (*connect.Response[mostradorv1.UnmergeResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	h.s.called(fmt.Sprint("unmerge ", req.Msg.Merge))
	return connect.NewResponse(&mostradorv1.UnmergeResponse{}), nil
}

func (h records) Disclose(_ context.Context, req *connect.Request[mostradorv1.DiscloseRequest], stream *connect.ServerStream[mostradorv1.FileChunk]) error {
	h.s.Lock()
	h.s.called("disclose " + req.Msg.CustomerId)
	h.s.Unlock()
	return stream.Send(&mostradorv1.FileChunk{FileName: "datos.zip", Data: []byte("PK")})
}

func (h records) Erase(_ context.Context, req *connect.Request[mostradorv1.EraseRequest]) (*connect.Response[mostradorv1.EraseResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	if !req.Msg.Preview {
		h.s.called("erase " + req.Msg.CustomerId + " " + req.Msg.Reason)
	}
	return connect.NewResponse(&mostradorv1.EraseResponse{
		Erased: []string{"Nombre, teléfono, correo y tarjetas", "4 campos de la ficha y 2 etiquetas", "6 mensajes"},
		Kept:   []string{"El justificante del consentimiento, sin la persona (art. 7.1 RGPD)", "3 ventas sin nombre (art. 30 del Código de Comercio)"},
	}), nil
}

// unseen are the fields of an update that are now another than seen and another than asked for.
func unseen(current *plgv1.Customer, req *mostradorv1.UpdateRequest) (conflicts []*mostradorv1.EditConflict) {
	value := func(c *plgv1.Customer, path string) string {
		switch path {
		case "name":
			return c.GetName()
		case "phone":
			return c.GetPhone()
		case "email":
			return c.GetEmail()
		case "aplica_promociones":
			return ""
		}
		return c.GetFields()[strings.TrimPrefix(path, "fields.")]
	}
	labels := map[string]string{"name": "Nombre", "phone": "Teléfono móvil", "email": "Correo electrónico"}
	for _, path := range req.Mask.GetPaths() {
		saw, mine, theirs := value(req.Seen, path), value(req.Customer, path), value(current, path)
		if req.Seen != nil && theirs != saw && theirs != mine {
			conflicts = append(conflicts, &mostradorv1.EditConflict{Path: path, Label: labels[path], Seen: saw, Yours: mine, Theirs: theirs,
				Actor: &plgv1.Actor{Operator: "Iker Lasa", Till: "2"}, Time: at(61)})
		}
	}
	return conflicts
}

// Change changes a customer as another till does.
func (s *Store) Change(id string, change func(*plgv1.Customer)) {
	s.Lock()
	defer s.Unlock()
	if c := s.find(id); c != nil {
		change(c)
		c.Revision++
		s.tell(mostradorv1.WatchResponse_KIND_CUSTOMER, c.Id, c)
	}
}
