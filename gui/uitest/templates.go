package uitest

import (
	"cmp"
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

const (
	service = plgv1.MessageKind_MESSAGE_KIND_TRANSACTIONAL
	advert  = plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL
)

// Reminder is a text of the library, with a picture that lacks its words.
const Reminder = `<!doctype html>
<html lang="es">
<title>{{.Cliente.PrimerNombre}}, su cesta le espera</title>
<body style="font-family: sans-serif">
<h1>¿Le ayudamos, {{.Cliente.PrimerNombre}}?</h1>
<p>Ayer dejó <strong>{{.Evento.articulos}}</strong> artículos en su cesta de {{.Tienda.Nombre}}.</p>
<img src="https://tienda.example.com/cesta.png" width="120">
<p><a href="{{.Evento.url}}" style="background:#0f6674;color:#ffffff;padding:12px 20px;border-radius:6px;text-decoration:none">Volver a mi cesta</a></p>
<p style="font-size:12px"><a href="{{.Enlaces.baja}}">No quiero más avisos</a></p>
`

// someTemplates are the templates of the fixed store: of the library, of a plug-in, and of a setting.
func someTemplates() []*mostradorv1.Template {
	return []*mostradorv1.Template{
		{Id: "biblioteca/cesta", Name: "Cesta abandonada", Theme: "Compras", Kind: advert, Updated: at(-60 * 24), UsedBy: []string{"Cesta abandonada: ofrecer ayuda"},
			Texts: []*mostradorv1.TemplateText{{Language: "es", Html: Reminder, Version: 4, Subject: "Lucía, su cesta le espera"},
				{Language: "en", Html: strings.NewReplacer("¿Le ayudamos", "May we help", "su cesta le espera", "your cart is waiting").Replace(Reminder), Version: 1, Subject: "Your cart is waiting"}}},
		{Id: "biblioteca/factura", Name: "Factura", Theme: "Compras", Kind: service, Updated: at(-60 * 24 * 40),
			Texts: []*mostradorv1.TemplateText{{Language: "es", Html: "<title>Su factura</title><p>Adjuntamos su factura.</p>", Version: 1, Subject: "Su factura"}}},
		{Id: "PLG0110/templates/pago.html", Name: "Pago recibido", Theme: "Pagos", Kind: service, Plugin: "PLG0110", Changed: true, Updated: at(-600),
			Texts: []*mostradorv1.TemplateText{{Language: "es", Html: "<title>Pago recibido</title><p>Gracias, {{.Cliente.PrimerNombre}}: hemos recibido su pago.</p>", Version: 2, Subject: "Pago recibido"}}},
		{Id: "PLG0074/templates/bienvenida.html", Name: "Texto del mensaje de bienvenida para correo", Theme: "Bienvenida", Kind: service, Plugin: "PLG0074", Setting: "PLG0074TextoFile", Updated: at(-900),
			Texts: []*mostradorv1.TemplateText{{Language: "es", Version: 0, Subject: "Le damos la bienvenida"}}},
	}
}

type templates struct {
	mostradorv1connect.UnimplementedTemplateServiceHandler
	s *Store
}

func (h templates) at(id string) *mostradorv1.Template {
	for _, t := range h.s.Templates {
		if t.Id == id {
			return t
		}
	}
	return nil
}

func (h templates) List(context.Context, *connect.Request[mostradorv1.ListTemplatesRequest]) (*connect.Response[mostradorv1.ListTemplatesResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	res := &mostradorv1.ListTemplatesResponse{}
	for _, t := range h.s.Templates {
		t = proto.CloneOf(t)
		for _, text := range t.Texts {
			text.Html, text.Text = "", ""
		}
		res.Templates = append(res.Templates, t)
	}
	slices.SortStableFunc(res.Templates, func(a, b *mostradorv1.Template) int {
		return cmp.Or(cmp.Compare(a.Theme, b.Theme), cmp.Compare(a.Name, b.Name))
	})
	return connect.NewResponse(res), nil
}

func (h templates) Get(_ context.Context, req *connect.Request[mostradorv1.GetTemplateRequest]) (*connect.Response[mostradorv1.GetTemplateResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	if t := h.at(req.Msg.Id); t != nil {
		return connect.NewResponse(&mostradorv1.GetTemplateResponse{Template: proto.CloneOf(t)}), nil
	}
	return nil, notFound(req.Msg.Id)
}

func (h templates) Put(_ context.Context, req *connect.Request[mostradorv1.PutTemplateRequest]) (*connect.Response[mostradorv1.PutTemplateResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	put := proto.CloneOf(req.Msg.Template)
	known := h.at(put.Id)
	if req.Msg.Restore {
		h.s.called("template restore " + put.Id)
		known.Changed = false
		known.Texts = []*mostradorv1.TemplateText{{Language: "es", Html: "<title>Pago recibido</title><p>Hemos recibido su pago.</p>", Version: known.Texts[0].Version + 1}}
		return connect.NewResponse(&mostradorv1.PutTemplateResponse{Template: proto.CloneOf(known)}), nil
	}
	if put.Name == "" {
		return nil, refuse(connect.CodeInvalidArgument, &mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{wrong("name", "template_name", "Escriba un nombre para la plantilla.")}})
	}
	for _, text := range put.Texts {
		for _, c := range check(text.Html, put.Kind) {
			if c.Severity == plgv1.Severity_SEVERITY_ERROR {
				return nil, refuse(connect.CodeInvalidArgument, &mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{wrong("texts."+text.Language, c.Check, fmt.Sprintf("Línea %d: %s", c.Line, c.Words))}})
			}
		}
	}
	var languages []string
	for _, text := range put.Texts {
		languages = append(languages, text.Language)
	}
	h.s.called(fmt.Sprintf("template %q %s %s %s %v -%v", put.Id, put.Name, put.Theme, put.Kind, languages, req.Msg.Remove))
	if known == nil {
		put.Id, known = "biblioteca/"+strings.ToLower(put.Name), &mostradorv1.Template{}
		h.s.Templates = append(h.s.Templates, known)
		known.Id = put.Id
	}
	known.Name, known.Theme, known.Kind, known.Updated = put.Name, put.Theme, put.Kind, at(90)
	known.Changed = known.Plugin != ""
	known.Texts = slices.DeleteFunc(known.Texts, func(t *mostradorv1.TemplateText) bool { return slices.Contains(req.Msg.Remove, t.Language) })
	for _, text := range put.Texts {
		i := slices.IndexFunc(known.Texts, func(t *mostradorv1.TemplateText) bool { return t.Language == text.Language })
		if i < 0 {
			i, known.Texts = len(known.Texts), append(known.Texts, &mostradorv1.TemplateText{Language: text.Language})
		}
		known.Texts[i].Html, known.Texts[i].Text, known.Texts[i].Version = text.Html, text.Text, known.Texts[i].Version+1
	}
	h.s.tell(mostradorv1.WatchResponse_KIND_CATALOGUE, "", nil)
	return connect.NewResponse(&mostradorv1.PutTemplateResponse{Template: proto.CloneOf(known)}), nil
}

func (h templates) Delete(_ context.Context, req *connect.Request[mostradorv1.DeleteTemplateRequest]) (*connect.Response[mostradorv1.DeleteTemplateResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	if t := h.at(req.Msg.Id); len(t.GetUsedBy()) > 0 {
		return nil, refuse(connect.CodeFailedPrecondition, &mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{wrong("", "template_used", "La usa la regla «"+t.UsedBy[0]+"». Cámbiela antes.")}})
	}
	h.s.called("template delete " + req.Msg.Id)
	h.s.Templates = slices.DeleteFunc(h.s.Templates, func(t *mostradorv1.Template) bool { return t.Id == req.Msg.Id })
	return connect.NewResponse(&mostradorv1.DeleteTemplateResponse{}), nil
}

func (h templates) Versions(_ context.Context, req *connect.Request[mostradorv1.ListTemplateVersionsRequest]) (*connect.Response[mostradorv1.ListTemplateVersionsResponse], error) {
	marta, pilar := &plgv1.Actor{Operator: "Marta Ruiz", Till: "1", Channel: "gui"}, &plgv1.Actor{Operator: "Pilar Sanz", Till: "2", Channel: "gui"}
	old := strings.Replace(Reminder, "¿Le ayudamos", "¿Necesita ayuda", 1)
	return connect.NewResponse(&mostradorv1.ListTemplateVersionsResponse{Versions: []*mostradorv1.TemplateVersion{
		{Version: 4, Language: req.Msg.Language, Time: at(-60 * 24), Actor: marta, Html: Reminder, Messages: 212},
		{Version: 3, Language: req.Msg.Language, Time: at(-60 * 24 * 9), Actor: pilar, Html: old, Messages: 1840},
		{Version: 2, Language: req.Msg.Language, Time: at(-60 * 24 * 30), Actor: marta, Html: old, Messages: 0},
	}}), nil
}

// check is what the host finds in a text.
func check(html string, kind plgv1.MessageKind) []*mostradorv1.TemplateCheck {
	var all []*mostradorv1.TemplateCheck
	say := func(name string, severity plgv1.Severity, line int, words string) {
		all = append(all, &mostradorv1.TemplateCheck{Check: name, Severity: severity, Line: int32(line), Words: words})
	}
	for i, line := range strings.Split(html, "\n") {
		if strings.Contains(line, "{{.Cliente.Apodo}}") {
			say("syntax", plgv1.Severity_SEVERITY_ERROR, i+1, "No existe el dato {{.Cliente.Apodo}}.")
		}
		if strings.Contains(line, "<img") && !strings.Contains(line, "alt=") {
			say("alt", plgv1.Severity_SEVERITY_WARNING, i+1, "Esta imagen no tiene texto alternativo (alt); muchos programas no muestran imágenes.")
		}
		if strings.Contains(line, "position:") {
			say("support", plgv1.Severity_SEVERITY_WARNING, i+1, "Outlook no admite «position».")
		}
	}
	if kind == advert && !strings.Contains(html, "{{.Enlaces.baja}}") {
		say("unsubscribe", plgv1.Severity_SEVERITY_ERROR, 0, "Una promoción debe llevar el enlace de baja: inserte «Enlace de baja».")
	}
	say("size", plgv1.Severity_SEVERITY_INFO, 0, "Tamaño correcto.")
	say("links", plgv1.Severity_SEVERITY_INFO, 0, "Los enlaces están completos.")
	return all
}

func (h templates) Preview(_ context.Context, req *connect.Request[mostradorv1.PreviewTemplateRequest]) (*connect.Response[mostradorv1.PreviewTemplateResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	h.s.Previews = append(h.s.Previews, proto.CloneOf(req.Msg))
	res := &mostradorv1.PreviewTemplateResponse{Checks: check(req.Msg.Html, req.Msg.Kind), Size: int64(len(req.Msg.Html)) + 2150}
	for _, c := range res.Checks {
		if c.Check == "syntax" {
			return connect.NewResponse(res), nil
		}
	}
	name, to := "Ana", "ana@example.com"
	if c := h.s.find(req.Msg.CustomerId); c != nil {
		name, to = strings.Fields(c.Name)[0], c.Email
	}
	fill := strings.NewReplacer("{{.Cliente.PrimerNombre}}", name, "{{.Tienda.Nombre}}", "Librería Cervantes", "{{.Evento.articulos}}", "3",
		"{{.Evento.url}}", "https://tienda.example.com/cesta/91", "{{.Enlaces.baja}}", "https://tienda.example.com/b/x")
	html := fill.Replace(req.Msg.Html)
	_, subject, _ := strings.Cut(html, "<title>")
	subject, _, _ = strings.Cut(subject, "</title>")
	text := fill.Replace(req.Msg.Text)
	if text == "" {
		text = "¿Le ayudamos, " + name + "?\n\nAyer dejó 3 artículos en su cesta de Librería Cervantes.\n\nVolver a mi cesta: https://tienda.example.com/cesta/91\n"
	}
	res.Mail = &mostradorv1.RenderedMail{From: "Librería Cervantes <tienda@example.com>", To: to, Subject: subject, Html: html, Text: text}
	return connect.NewResponse(res), nil
}

func (h templates) SendTest(_ context.Context, req *connect.Request[mostradorv1.SendTestTemplateRequest]) (*connect.Response[mostradorv1.SendTestTemplateResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	if !strings.Contains(req.Msg.To, "@") {
		return nil, refuse(connect.CodeInvalidArgument, &mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{wrong("to", "email_wrong", "A este correo le falta la parte que sigue a la @.")}})
	}
	h.s.called("template test " + req.Msg.To)
	return connect.NewResponse(&mostradorv1.SendTestTemplateResponse{Words: "El servidor ha aceptado la prueba para " + req.Msg.To + "."}), nil
}

func (h templates) Variables(context.Context, *connect.Request[mostradorv1.ListVariablesRequest]) (*connect.Response[mostradorv1.ListVariablesResponse], error) {
	return connect.NewResponse(&mostradorv1.ListVariablesResponse{Variables: []*mostradorv1.TemplateVariable{
		{Written: "{{.Cliente.PrimerNombre}}", Words: "Nombre de pila del cliente", Example: "Ana"},
		{Written: "{{.Cliente.Nombre}}", Words: "Nombre completo del cliente", Example: "Ana Ruiz Soler"},
		{Written: "{{.Tienda.Nombre}}", Words: "Nombre de la tienda", Example: "Librería Cervantes"},
		{Written: "{{.Puntos}}", Words: "Puntos que tiene", Example: "320"},
		{Written: "{{.Codigo}}", Words: "Su código de la promoción", Example: "K7QFM-2XW9P"},
		{Written: "{{.Enlaces.baja}}", Words: "Enlace de baja", Example: "https://…/b/…"},
		{Written: "{{if .Compras}}…{{end}}", Words: "Solo si ha comprado alguna vez", Example: ""},
	}}), nil
}
