package uitest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/api/mostradorv1/mostradorv1connect"
	"mostrador/sdk/plgv1"
)

type settings struct {
	mostradorv1connect.UnimplementedSettingServiceHandler
	s *Store
}

func (h settings) at(key string) *mostradorv1.Setting {
	i := slices.IndexFunc(h.s.Settings, func(s *mostradorv1.Setting) bool { return s.Key == key })
	if i < 0 {
		return nil
	}
	return h.s.Settings[i]
}

func (h settings) List(_ context.Context, req *connect.Request[mostradorv1.ListSettingsRequest]) (*connect.Response[mostradorv1.ListSettingsResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	res := &mostradorv1.ListSettingsResponse{}
	words := strings.Fields(strings.ToLower(req.Msg.Query))
	for _, setting := range h.s.Settings {
		all := strings.ToLower(setting.Key + " " + setting.Name + " " + strings.Join(setting.Path, " "))
		fits := setting.Aside == slices.Contains(words, "@aside")
		for _, word := range words {
			switch word {
			case "@aside":
			case "@changed":
				fits = fits && setting.IsSet
			default:
				fits = fits && strings.Contains(all, word)
			}
		}
		if fits {
			res.Settings = append(res.Settings, proto.CloneOf(setting))
		}
	}
	return connect.NewResponse(res), nil
}

func (h settings) Get(_ context.Context, req *connect.Request[mostradorv1.GetSettingRequest]) (*connect.Response[mostradorv1.GetSettingResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	if setting := h.at(req.Msg.Key); setting != nil {
		return connect.NewResponse(&mostradorv1.GetSettingResponse{Setting: proto.CloneOf(setting)}), nil
	}
	return nil, notFound(req.Msg.Key)
}

// broken is what is wrong with a template, as the host would say it.
func broken(content string) *mostradorv1.Refusal {
	for i, line := range strings.Split(content, "\n") {
		if strings.Contains(line, "{{.Cliente.Apodo}}") {
			return &mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{wrong("", "template", fmt.Sprintf("Línea %d: no existe la variable {{.Cliente.Apodo}}.", i+1))}}
		}
	}
	return nil
}

func (h settings) Set(_ context.Context, req *connect.Request[mostradorv1.SetSettingRequest]) (*connect.Response[mostradorv1.SetSettingResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	setting := h.at(req.Msg.Key)
	if setting == nil {
		return nil, notFound(req.Msg.Key)
	}
	if refusal := broken(req.Msg.GetContent()); refusal != nil {
		return nil, refuse(connect.CodeInvalidArgument, refusal)
	}
	if setting.Type == "number" && !req.Msg.Clear && req.Msg.Value.GetNumberValue() < 1 {
		return nil, refuse(connect.CodeInvalidArgument, &mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{wrong(setting.Key, "range", "Debe ser 1 o más.")}})
	}
	h.s.called(strings.TrimSpace(fmt.Sprintf("set %s %s", setting.Key, place(req.Msg.Scope, req.Msg.Till))))
	h.s.sequence++
	change := &mostradorv1.SettingChange{Key: setting.Key, Sequence: 100 + h.s.sequence, Time: at(90), Operator: "Marta Ruiz", Till: "1", Scope: req.Msg.Scope, ScopeTill: req.Msg.Till}
	for _, v := range setting.Values {
		if v.Scope == req.Msg.Scope && v.Till == req.Msg.Till {
			change.From = v.Value
		}
	}
	if !req.Msg.Clear {
		change.To = req.Msg.Value
	}
	h.s.Changes = append([]*mostradorv1.SettingChange{change}, h.s.Changes...)
	Put(setting, req.Msg.Scope, req.Msg.Till, change.To)
	if setting.Aside && len(setting.Values) == 0 {
		h.s.Settings = slices.DeleteFunc(h.s.Settings, func(s *mostradorv1.Setting) bool { return s == setting })
	}
	if req.Msg.Content != nil {
		setting.Content = *req.Msg.Content
	}
	if req.Msg.Data != nil {
		setting.Data = req.Msg.Data
	}
	h.s.tell(mostradorv1.WatchResponse_KIND_SETTING, setting.Key, nil)
	return connect.NewResponse(&mostradorv1.SetSettingResponse{Setting: proto.CloneOf(setting)}), nil
}

// place is a scope in the names of calls; the store's goes without saying.
func place(scope mostradorv1.SettingScope, till string) string {
	switch scope {
	case mostradorv1.SettingScope_SETTING_SCOPE_TILL:
		return "till " + till
	case mostradorv1.SettingScope_SETTING_SCOPE_CHAIN:
		return "chain"
	}
	return ""
}

// Put sets the value of a scope, or with nil takes it away, and puts the narrowest that is left in force for till 1.
func Put(setting *mostradorv1.Setting, scope mostradorv1.SettingScope, till string, value *structpb.Value) {
	setting.Values = slices.DeleteFunc(setting.Values, func(v *mostradorv1.ScopedValue) bool { return v.Scope == scope && v.Till == till })
	if value != nil {
		setting.Values = append(setting.Values, &mostradorv1.ScopedValue{Scope: scope, Till: till, Value: value})
	}
	slices.SortStableFunc(setting.Values, func(a, b *mostradorv1.ScopedValue) int { return int(a.Scope - b.Scope) })
	setting.Value, setting.Scope, setting.IsSet = setting.Default, mostradorv1.SettingScope_SETTING_SCOPE_DEFAULT, false
	for _, v := range setting.Values {
		if v.Till == "" || v.Till == "1" {
			setting.Value, setting.Scope, setting.IsSet = v.Value, v.Scope, true
		}
	}
}

func (h settings) Export(_ context.Context, req *connect.Request[mostradorv1.ExportSettingsRequest]) (*connect.Response[mostradorv1.ExportSettingsResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	res := &mostradorv1.ExportSettingsResponse{}
	for _, setting := range h.s.Settings {
		switch {
		case setting.Type == "secret":
			res.Secrets = append(res.Secrets, setting.Key)
		case setting.IsSet:
			res.File += fmt.Sprintf("%s: %s # %s\n", setting.Key, setting.Value.GetStringValue(), setting.Name)
		case req.Msg.All:
			res.File += fmt.Sprintf("# %s: %s\n", setting.Key, setting.Value.GetStringValue())
		}
	}
	return connect.NewResponse(res), nil
}

func (h settings) Import(_ context.Context, req *connect.Request[mostradorv1.ImportSettingsRequest]) (*connect.Response[mostradorv1.ImportSettingsResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	res := proto.CloneOf(h.s.Import)
	if req.Msg.Apply {
		h.s.called("import " + req.Msg.File)
		res.Applied = true
	}
	return connect.NewResponse(res), nil
}

func (h settings) History(_ context.Context, req *connect.Request[mostradorv1.SettingHistoryRequest]) (*connect.Response[mostradorv1.SettingHistoryResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	res := &mostradorv1.SettingHistoryResponse{}
	for _, c := range h.s.Changes {
		if req.Msg.Key == "" || c.Key == req.Msg.Key {
			res.Changes = append(res.Changes, c)
		}
	}
	return connect.NewResponse(res), nil
}

func (h settings) Revert(_ context.Context, req *connect.Request[mostradorv1.RevertSettingRequest]) (*connect.Response[mostradorv1.RevertSettingResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	for _, c := range h.s.Changes {
		if c.Key == req.Msg.Key && c.Sequence == req.Msg.Sequence {
			h.s.called("revert " + c.Key)
			setting := h.at(c.Key)
			Put(setting, c.Scope, c.ScopeTill, c.From)
			return connect.NewResponse(&mostradorv1.RevertSettingResponse{Setting: proto.CloneOf(setting)}), nil
		}
	}
	return nil, notFound("cambio")
}

func (h settings) Preview(_ context.Context, req *connect.Request[mostradorv1.PreviewRequest]) (*connect.Response[mostradorv1.PreviewResponse], error) {
	if refusal := broken(req.Msg.Content); refusal != nil {
		return nil, refuse(connect.CodeInvalidArgument, refusal)
	}
	mail := Mail("lucia@example.com")
	mail.Html = strings.NewReplacer("{{.Cliente.PrimerNombre}}", "Lucía", "{{.Tienda.Nombre}}", "Librería Cervantes", "{{.Enlaces.activar}}", "http://localhost:8098/a/x",
		"{{.Enlaces.baja}}", "http://localhost:8098/b/x", "{{.Politica}}", policy).Replace(req.Msg.Content)
	return connect.NewResponse(&mostradorv1.PreviewResponse{Mail: mail}), nil
}

func (h settings) SendTest(_ context.Context, req *connect.Request[mostradorv1.SendTestRequest]) (*connect.Response[mostradorv1.SendTestResponse], error) {
	return connect.NewResponse(&mostradorv1.SendTestResponse{Answer: "smtp.example.com aceptó el mensaje para " + req.Msg.To + ": 250 2.0.0 OK"}), nil
}

const policy = "Tratamos sus datos solo para su cuenta de cliente. Puede darse de baja cuando quiera."

// Welcome is the template of the fixed store.
const Welcome = `<!doctype html>
<html lang="es">
<title>Le damos la bienvenida a {{.Tienda.Nombre}}</title>
<body style="font-family: sans-serif">
<h1>¡Hola, {{.Cliente.PrimerNombre}}!</h1>
<p>Gracias por registrarse en <strong>{{.Tienda.Nombre}}</strong>. Solo falta un paso para activar su cuenta de cliente frecuente:</p>
<p style="text-align:center"><a style="background:#0f6674;color:#fff;padding:12px" href="{{.Enlaces.activar}}">Activar mi cuenta</a></p>
<p>Con su cuenta:</p>
<ul>
<li>Acumula <b>puntos</b> con cada compra.</li>
<li>Recibe promociones antes que nadie.</li>
</ul>
<hr>
<p><em>{{.Politica}}</em></p>
<p>Si no quiere promociones, <a href="{{.Enlaces.baja}}">dese de baja aquí</a>.</p>
</body>
</html>
`

// Mail is the rendered welcome mail.
func Mail(to string) *mostradorv1.RenderedMail {
	html := strings.NewReplacer("{{.Cliente.PrimerNombre}}", "Lucía", "{{.Tienda.Nombre}}", "Librería Cervantes", "{{.Enlaces.activar}}", "http://localhost:8098/a/x",
		"{{.Enlaces.baja}}", "http://localhost:8098/b/x", "{{.Politica}}", policy).Replace(Welcome)
	return &mostradorv1.RenderedMail{From: "Librería Cervantes <tienda@example.com>", To: to, Subject: "Le damos la bienvenida a Librería Cervantes", Html: html,
		Text: "¡Hola, Lucía!\n\nGracias por registrarse en Librería Cervantes.\n\nActivar mi cuenta: http://localhost:8098/a/x\n\nBaja: http://localhost:8098/b/x\n",
		Headers: []*mostradorv1.Header{{Name: "From", Value: "Librería Cervantes <tienda@example.com>"}, {Name: "To", Value: to},
			{Name: "Message-ID", Value: "<plg0074-17-0@example.com>"}, {Name: "List-Unsubscribe", Value: "<http://localhost:8098/b/x>"},
			{Name: "List-Unsubscribe-Post", Value: "List-Unsubscribe=One-Click"}}}
}

func (s *Store) fill() {
	s.Operators = []*mostradorv1.Operator{
		{Name: "Andrea Vidal", Role: mostradorv1.Role_ROLE_CASHIER, HasBadge: true},
		{Name: "Julio Ortega", Role: mostradorv1.Role_ROLE_CASHIER, Disabled: true},
		{Name: "Marta Ruiz", Role: mostradorv1.Role_ROLE_TECHNICIAN, HasBadge: true},
		{Name: "Pilar Sanz", Role: mostradorv1.Role_ROLE_OPERATOR},
	}
	pending, given, out := plgv1.ConsentState_CONSENT_STATE_PENDING, plgv1.ConsentState_CONSENT_STATE_GIVEN, plgv1.ConsentState_CONSENT_STATE_WITHDRAWN
	add := func(id, name, phone, mail string, promotions plgv1.ConsentState, cards ...string) *plgv1.Customer {
		number, _ := strconv.ParseUint(id[1:], 10, 64)
		c := &plgv1.Customer{Id: id, Number: number, Name: name, Phone: phone, Email: mail, Cards: cards, Created: at(-60 * 24), Revision: 3,
			Consent: &plgv1.Consent{Programme: promotions, Promotions: promotions}, AplicaPromociones: promotions == given}
		s.Customers = append(s.Customers, c)
		return c
	}
	lucia := add("c1", "Lucía Fernández Soto", "+34600111222", "lucia@example.com", pending, "8412345678905")
	add("c2", "Andrés Molina", "+34611222333", "andres.molina@example.com", given)
	add("c3", "Carmen Ibáñez Ortega", "+34622333444", "", pending)
	add("c4", "José Luis Benítez de la Vega y Montoro", "+34633444555", "joseluis.benitez.montoro@correo.example.com", out)
	add("c5", "Nuria Pons", "", "nuria@example.com", given)
	s.Points = map[string]int{"c1": 320, "c2": 1250}
	sale := func(receipt, customer string, minor, refunded int64, minutes int) {
		s.Sales = append(s.Sales, &plgv1.Sale{Receipt: receipt, CustomerId: customer, Total: &plgv1.Money{Minor: minor, Currency: "EUR"},
			Refunded: &plgv1.Money{Minor: refunded, Currency: "EUR"}, Time: at(minutes)})
	}
	sale("A-1045", "c2", 12990, 0, 58)
	sale("A-1044", "", 450, 0, 49)
	sale("A-1043", "c1", 3575, 3575, 31)
	sale("A-1042", "c5", 208050, 5000, 12)
	s.Messages = []*mostradorv1.Message{
		{Id: "m3", CustomerId: "c1", To: "lucia@example.com", Subject: "Le damos la bienvenida a Librería Cervantes", State: mostradorv1.MessageState_MESSAGE_STATE_SPOOLED, Queued: at(55)},
		{Id: "m2", CustomerId: "c4", To: "joseluis.benitez.montoro@correo.example.com", Subject: "Le damos la bienvenida a Librería Cervantes", State: mostradorv1.MessageState_MESSAGE_STATE_FAILED, Queued: at(40), Attempts: 1, LastAnswer: "550 5.1.1 <joseluis.benitez.montoro@correo.example.com>: User unknown"},
		{Id: "m1", CustomerId: "c2", To: "andres.molina@example.com", Subject: "Le damos la bienvenida a Librería Cervantes", State: mostradorv1.MessageState_MESSAGE_STATE_SENT, Queued: at(5), Sent: at(5), Plugin: "PLG0074", Template: "templates/bienvenida.html",
			Delivery: &mostradorv1.MessageDelivery{Opened: at(20), Opens: 2, Clicked: at(21), Clicks: 1}},
		{Id: "m0", CustomerId: "c5", To: "nuria@example.com", Subject: "Nuria, su cesta le espera", State: mostradorv1.MessageState_MESSAGE_STATE_QUEUED, Queued: at(2), NotBefore: at(60 * 24), Kind: advert, Topic: "novedades",
			Plugin: "PLG0110", Template: "biblioteca/cesta", TemplateVersion: 4, Rule: "Cesta abandonada: ofrecer ayuda", Language: "es", PromoCode: "K7QFM-2XW9P",
			Files: []*mostradorv1.MessageFile{{Name: "cesta.pdf", ContentType: "application/pdf", Size: 34800}}},
	}
	staff := &plgv1.Actor{Operator: "Marta Ruiz", Till: "1", Channel: "gui"}
	s.Events = []*plgv1.Event{
		{Sequence: 16, Type: "customer.registered", Time: at(10), Actor: staff, Customer: lucia, Detail: &plgv1.Event_CustomerRegistered{CustomerRegistered: &plgv1.CustomerRegistered{}}},
		{Sequence: 19, Type: "sale.completed", Time: at(31), Actor: staff, Customer: lucia, Detail: &plgv1.Event_SaleCompleted{SaleCompleted: &plgv1.SaleCompleted{Sale: s.Sales[2]}}},
		{Sequence: 21, Type: "customer.changed", Time: at(33), Actor: staff, Customer: lucia, Detail: &plgv1.Event_CustomerChanged{CustomerChanged: &plgv1.CustomerChanged{Changes: []*plgv1.FieldChange{{Field: "phone"}, {Field: "email"}}}}},
	}
	store := mostradorv1.SettingScope_SETTING_SCOPE_STORE
	setting := func(key, name, kind, help, owner string, value *structpb.Value, path ...string) *mostradorv1.Setting {
		st := &mostradorv1.Setting{Key: key, Name: name, Type: kind, Help: help, Owner: owner, Path: path, Value: value, Default: value,
			Scope: mostradorv1.SettingScope_SETTING_SCOPE_DEFAULT, Narrowest: mostradorv1.SettingScope_SETTING_SCOPE_STORE}
		s.Settings = append(s.Settings, st)
		return st
	}
	setting("TiendaNombre", "Nombre de la tienda", "text", "Así firma la tienda sus correos y páginas.", "core", text("Librería Cervantes"), "Tienda")
	setting("TiendaPais", "País", "country", "Decide cómo se leen los teléfonos sin prefijo.", "core", text("ES"), "Tienda")
	setting("CorreoServidor", "Servidor SMTP", "text", "Nombre del servidor de correo saliente. Vacío: los correos se guardan en la bandeja.", "core", text(""), "Correo")
	setting("CorreoClave", "Clave", "secret", "Se guarda cifrada y no se muestra.", "core", nil, "Correo")
	setting("CorreoCifrado", "Cifrado", "choice", "", "core", text("starttls"), "Correo").Choices = []*mostradorv1.Choice{{Value: "none", Label: "Ninguno"}, {Value: "starttls", Label: "STARTTLS"}, {Value: "tls", Label: "TLS"}}
	setting("CodigoCortoDias", "Validez del código corto (días)", "number", "Pasado este plazo hay que reenviar la bienvenida.", "core", structpb.NewNumberValue(30), "Consentimiento").Rule = "un número entero entre 1 y 90"
	Put(s.Settings[len(s.Settings)-1], store, "", structpb.NewNumberValue(7))
	welcome := setting("PLG0074TextoFile", "Texto del mensaje de bienvenida para correo", "template_file", "Archivo con el texto del correo en HTML.", "PLG0074", text("templates/bienvenida.html"), "Plug-Ins", "Promociones", "Clientes")
	welcome.Content = Welcome
	Put(welcome, store, "", text("templates/bienvenida.html"))
	setting("PLG0002EurosPorPunto", "Euros por punto", "money", "Cuánto hay que gastar para ganar un punto.", "PLG0002", text("1.00"), "Plug-Ins", "Puntos")
	s.Changes = []*mostradorv1.SettingChange{
		{Key: "CodigoCortoDias", Sequence: 2, Time: at(-300), Operator: "Marta Ruiz", Till: "1", Scope: store, From: structpb.NewNumberValue(14), To: structpb.NewNumberValue(7)},
		{Key: "CodigoCortoDias", Sequence: 1, Time: at(-900), Operator: "Marta Ruiz", Till: "1", Scope: store, To: structpb.NewNumberValue(14)},
	}
	s.fillPlugins()
	s.Parked = []*mostradorv1.ParkedEvent{{Plugin: "PLG0074", Event: &plgv1.Event{Sequence: 17, Type: "customer.registered", Customer: lucia}, Error: "plantilla: falta el enlace de activación", Attempts: 6, Time: at(20)}}
}
