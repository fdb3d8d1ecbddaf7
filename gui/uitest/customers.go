package uitest

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

type customers struct{ s *Store }

func (h customers) check(c *plgv1.Customer) *mostradorv1.Refusal {
	r := &mostradorv1.Refusal{}
	if strings.TrimSpace(c.Name) == "" {
		r.Diagnostics = append(r.Diagnostics, wrong("name", "name_missing", "Escriba el nombre del cliente."))
	}
	digits := strings.NewReplacer(" ", "", "+34", "").Replace(c.Phone)
	if c.Phone != "" && len(digits) != 9 {
		r.Diagnostics = append(r.Diagnostics, wrong("phone", "phone_wrong", "Este teléfono no es válido: faltan o sobran cifras."))
	}
	if c.Email != "" && (!strings.Contains(c.Email, "@") || !strings.Contains(c.Email, ".")) {
		r.Diagnostics = append(r.Diagnostics, wrong("email", "email_wrong", "A este correo le falta la parte que sigue a la @."))
	}
	if other := h.s.find(digits); other != nil && other.Id != c.Id && c.Phone != "" {
		r.Diagnostics = append(r.Diagnostics, wrong("phone", "duplicate_phone", "Este teléfono ya es de otro cliente."))
		r.Duplicates = append(r.Duplicates, other)
	}
	if len(r.Diagnostics) == 0 {
		return nil
	}
	return r
}

func (h customers) Register(_ context.Context, req *connect.Request[mostradorv1.RegisterRequest]) (*connect.Response[mostradorv1.RegisterResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	c := proto.CloneOf(req.Msg.Customer)
	if refusal := h.check(c); refusal != nil {
		code := connect.CodeInvalidArgument
		if len(refusal.Duplicates) > 0 {
			code = connect.CodeAlreadyExists
		}
		return nil, refuse(code, refusal)
	}
	h.s.called("register " + c.Name)
	c.Id, c.Phone, c.Created, c.Revision = fmt.Sprintf("c%d", len(h.s.Customers)+1), "+34"+strings.ReplaceAll(c.Phone, " ", ""), at(60), 1
	pending := plgv1.ConsentState_CONSENT_STATE_PENDING
	c.Consent = &plgv1.Consent{Programme: pending, Promotions: pending}
	h.s.Customers = append(h.s.Customers, c)
	h.s.tell(mostradorv1.WatchResponse_KIND_CUSTOMER, c.Id, c)
	return connect.NewResponse(&mostradorv1.RegisterResponse{Customer: c}), nil
}

func (h customers) Check(_ context.Context, req *connect.Request[mostradorv1.CheckRequest]) (*connect.Response[mostradorv1.CheckResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	return connect.NewResponse(&mostradorv1.CheckResponse{Customer: req.Msg.Customer, Refusal: h.check(req.Msg.Customer)}), nil
}

func (h customers) Get(_ context.Context, req *connect.Request[mostradorv1.GetCustomerRequest]) (*connect.Response[mostradorv1.GetCustomerResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	if c := h.s.find(req.Msg.Key); c != nil {
		return connect.NewResponse(&mostradorv1.GetCustomerResponse{Customer: proto.CloneOf(c)}), nil
	}
	return nil, notFound(req.Msg.Key)
}

func (h customers) Update(_ context.Context, req *connect.Request[mostradorv1.UpdateRequest]) (*connect.Response[mostradorv1.UpdateResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	c := h.s.find(req.Msg.Customer.Id)
	if c == nil {
		return nil, notFound("cliente")
	}
	if conflicts := unseen(c, req.Msg); len(conflicts) > 0 {
		return nil, refuse(connect.CodeAborted, &mostradorv1.Refusal{Conflicts: conflicts})
	}
	next := proto.CloneOf(c)
	for _, path := range req.Msg.Mask.GetPaths() {
		switch path {
		case "name":
			next.Name = req.Msg.Customer.Name
		case "phone":
			next.Phone = req.Msg.Customer.Phone
		case "email":
			next.Email = req.Msg.Customer.Email
		case "aplica_promociones":
			if h.s.Governed {
				return nil, refuse(connect.CodeInvalidArgument, &mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{wrong(path, "field_governed", governedReason)}})
			}
			next.AplicaPromociones = req.Msg.Customer.AplicaPromociones
		default:
			if next.Fields == nil {
				next.Fields = map[string]string{}
			}
			id := strings.TrimPrefix(path, "fields.")
			next.Fields[id] = req.Msg.Customer.Fields[id]
		}
	}
	if refusal := h.check(next); refusal != nil {
		return nil, refuse(connect.CodeInvalidArgument, refusal)
	}
	h.s.called("update " + strings.Join(req.Msg.Mask.GetPaths(), ","))
	next.Revision++
	proto.Reset(c)
	proto.Merge(c, next)
	h.s.tell(mostradorv1.WatchResponse_KIND_CUSTOMER, c.Id, c)
	return connect.NewResponse(&mostradorv1.UpdateResponse{Customer: next}), nil
}

const governedReason = "Se activa sola cuando el cliente acepta, porque Puntos (PLG0002) y Bienvenida (PLG0074) están activos."

func (h customers) Sheet(_ context.Context, req *connect.Request[mostradorv1.SheetRequest]) (*connect.Response[mostradorv1.SheetResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	applies := &mostradorv1.FieldState{Id: "aplica_promociones", Label: "Aplica para Promociones", Type: "yes_no", Value: "false", Visible: true, Editable: !h.s.Governed}
	if h.s.Governed {
		applies.Reason = governedReason
	}
	if req.Msg.Id == "" {
		return connect.NewResponse(&mostradorv1.SheetResponse{Customer: &plgv1.Customer{}, Fields: append([]*mostradorv1.FieldState{applies}, h.s.Fields...)}), nil
	}
	c := h.s.find(req.Msg.Id)
	if c == nil {
		return nil, notFound("cliente")
	}
	applies.Value = strconv.FormatBool(c.AplicaPromociones)
	res := &mostradorv1.SheetResponse{Customer: proto.CloneOf(c), Facts: h.s.Facts, Segments: h.s.Members, Fields: []*mostradorv1.FieldState{
		{Id: "name", Label: "Nombre", Type: "text", Value: c.Name, Visible: true, Editable: true, Required: true},
		{Id: "phone", Label: "Teléfono móvil", Type: "phone", Value: c.Phone, Visible: true, Editable: true},
		{Id: "email", Label: "Correo electrónico", Type: "email", Value: c.Email, Visible: true, Editable: true},
		{Id: "cumpleanos", Label: "Cumpleaños", Type: "text", Value: c.Fields["cumpleanos"], Visible: true, Editable: true},
		applies,
	}}
	for _, f := range h.s.Fields {
		f = proto.CloneOf(f)
		f.Value = c.Fields[f.Id]
		res.Fields = append(res.Fields, f)
	}
	given := c.Consent.GetPromotions() == plgv1.ConsentState_CONSENT_STATE_GIVEN
	res.Consent = []string{"Plan de cliente frecuente: pendiente de aceptar.", "Promociones: pendiente de aceptar."}
	if given {
		res.Consent = []string{"Plan de cliente frecuente: aceptado el 09/03/2026 con el código corto.", "Promociones: aceptado el 09/03/2026 con el código corto."}
	}
	res.Actions = []*mostradorv1.ActionState{
		{Plugin: "PLG0074", Id: "reenviar", Label: "Reenviar bienvenida", Enabled: c.Email != ""},
		{Plugin: "PLG0074", Id: "codigo", Label: "Activación con código corto", Enabled: !given, Form: []*mostradorv1.FormField{
			{Id: "codigo", Label: "Código que le dice el cliente", Type: "short_code", Required: true}}},
	}
	if c.Email == "" {
		res.Actions[0].Reason = "Falta un correo electrónico válido en la ficha."
	}
	if given {
		res.Actions[1].Reason = "El cliente ya ha aceptado."
	}
	res.Panels = []*mostradorv1.PanelState{{Plugin: "PLG0002", Id: "puntos", Title: "Puntos", Panel: &plgv1.Panel{Rows: []*plgv1.PanelRow{
		{Label: "Saldo", Value: strconv.Itoa(h.s.Points[c.Id])}, {Label: "Ganados este año", Value: strconv.Itoa(h.s.Points[c.Id] + 140)}}}}}
	res.Actions, res.Panels = append(res.Actions, h.s.Actions...), append(res.Panels, h.s.Panels...)
	return connect.NewResponse(res), nil
}

func (h customers) Activate(context.Context, *connect.Request[mostradorv1.ActivateRequest]) (*connect.Response[mostradorv1.ActivateResponse], error) {
	return nil, connect.NewError(connect.CodeUnimplemented, nil)
}

func (h customers) Withdraw(_ context.Context, req *connect.Request[mostradorv1.WithdrawRequest]) (*connect.Response[mostradorv1.WithdrawResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	c := h.s.find(req.Msg.Id)
	if c == nil {
		return nil, notFound("cliente")
	}
	h.s.called("withdraw " + c.Name)
	c.Consent.Promotions = plgv1.ConsentState_CONSENT_STATE_WITHDRAWN
	c.AplicaPromociones = false
	c.Revision++
	h.s.tell(mostradorv1.WatchResponse_KIND_CUSTOMER, c.Id, c)
	return connect.NewResponse(&mostradorv1.WithdrawResponse{Customer: proto.CloneOf(c)}), nil
}

func (h customers) Run(_ context.Context, req *connect.Request[mostradorv1.RunRequest]) (*connect.Response[mostradorv1.RunResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	if name := req.Msg.Plugin + "/" + req.Msg.Action; h.s.Answers[name] != nil {
		h.s.called("run " + name + " " + req.Msg.CustomerId)
		h.s.Forms[name] = req.Msg.Form
		return connect.NewResponse(&mostradorv1.RunResponse{Result: proto.CloneOf(h.s.Answers[name])}), nil
	}
	c := h.s.find(req.Msg.CustomerId)
	if c == nil {
		return nil, notFound("cliente")
	}
	h.s.called("run " + req.Msg.Action + " " + req.Msg.Form["codigo"])
	res := &plgv1.Result{Message: "El correo de bienvenida vuelve a salir hacia " + c.Email + "."}
	if req.Msg.Action == "codigo" {
		if req.Msg.Form["codigo"] != h.s.Code {
			res = &plgv1.Result{Diagnostics: []*plgv1.Diagnostic{wrong("codigo", "code_wrong", "El código no es el de este cliente. Quedan 4 intentos.")}}
		} else {
			h.s.accept(c)
			res.Message = "La cuenta de " + c.Name + " está activa."
		}
	}
	return connect.NewResponse(&mostradorv1.RunResponse{Result: res}), nil
}

type sales struct{ s *Store }

func (h sales) Record(_ context.Context, req *connect.Request[mostradorv1.RecordSaleRequest]) (*connect.Response[mostradorv1.RecordSaleResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	value, err := strconv.ParseFloat(strings.Replace(req.Msg.Amount, ",", ".", 1), 64)
	if err != nil || value <= 0 {
		return nil, refuse(connect.CodeInvalidArgument, &mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{wrong("amount", "amount_wrong", "El importe debe ser un número mayor que cero, como 12,50.")}})
	}
	for _, sale := range h.s.Sales {
		if sale.Receipt == req.Msg.Receipt {
			return connect.NewResponse(&mostradorv1.RecordSaleResponse{Sale: sale, Repeated: true}), nil
		}
	}
	h.s.called("sale " + req.Msg.Receipt + " " + req.Msg.Amount + " " + req.Msg.Customer)
	sale := &plgv1.Sale{Receipt: req.Msg.Receipt, CustomerId: req.Msg.Customer, Time: at(75), Total: &plgv1.Money{Minor: int64(value*100 + 0.5), Currency: "EUR"}}
	h.s.Sales = append([]*plgv1.Sale{sale}, h.s.Sales...)
	h.s.Points[req.Msg.Customer] += int(value)
	return connect.NewResponse(&mostradorv1.RecordSaleResponse{Sale: sale}), nil
}

func (h sales) Refund(_ context.Context, req *connect.Request[mostradorv1.RefundSaleRequest]) (*connect.Response[mostradorv1.RefundSaleResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	for _, sale := range h.s.Sales {
		if sale.Receipt == req.Msg.Receipt {
			h.s.called("refund " + sale.Receipt + " " + req.Msg.Amount)
			sale.Refunded = sale.Total
			return connect.NewResponse(&mostradorv1.RefundSaleResponse{Sale: sale}), nil
		}
	}
	return nil, notFound("recibo")
}

func (h sales) Get(context.Context, *connect.Request[mostradorv1.GetSaleRequest]) (*connect.Response[mostradorv1.GetSaleResponse], error) {
	return nil, notFound("recibo")
}

func (h sales) List(context.Context, *connect.Request[mostradorv1.ListSalesRequest]) (*connect.Response[mostradorv1.ListSalesResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	res := &mostradorv1.ListSalesResponse{}
	for _, sale := range h.s.Sales {
		res.Sales = append(res.Sales, proto.CloneOf(sale))
	}
	return connect.NewResponse(res), nil
}
