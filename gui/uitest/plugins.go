package uitest

import (
	"context"
	"fmt"
	"slices"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/api/mostradorv1/mostradorv1connect"
	"mostrador/sdk/plgv1"
)

type plugins struct {
	mostradorv1connect.UnimplementedPluginServiceHandler
	s *Store
}

func (h plugins) List(context.Context, *connect.Request[mostradorv1.ListPluginsRequest]) (*connect.Response[mostradorv1.ListPluginsResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	return connect.NewResponse(proto.CloneOf(h.s.Plugins)), nil
}

func (h plugins) set(id string, active bool) *mostradorv1.PluginInfo {
	for _, p := range h.s.Plugins.Plugins {
		if p.Id == id {
			p.Active, p.State, p.LastLog = active, mostradorv1.PluginState_PLUGIN_STATE_DISABLED, nil
			if active {
				p.State = mostradorv1.PluginState_PLUGIN_STATE_RUNNING
			}
			return proto.CloneOf(p)
		}
	}
	return nil
}

func (h plugins) Enable(_ context.Context, req *connect.Request[mostradorv1.EnablePluginRequest]) (*connect.Response[mostradorv1.EnablePluginResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	if h.s.Refusal != nil {
		return nil, refuse(connect.CodeFailedPrecondition, h.s.Refusal)
	}
	h.s.called("enable " + req.Msg.Id)
	return connect.NewResponse(&mostradorv1.EnablePluginResponse{Plugin: h.set(req.Msg.Id, true)}), nil
}

func (h plugins) Disable(_ context.Context, req *connect.Request[mostradorv1.DisablePluginRequest]) (*connect.Response[mostradorv1.DisablePluginResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	h.s.called("disable " + req.Msg.Id)
	return connect.NewResponse(&mostradorv1.DisablePluginResponse{Plugin: h.set(req.Msg.Id, false)}), nil
}

func (h plugins) Why(_ context.Context, req *connect.Request[mostradorv1.WhyRequest]) (*connect.Response[mostradorv1.WhyResponse], error) {
	if req.Msg.Target != "customer.aplica_promociones" {
		return connect.NewResponse(&mostradorv1.WhyResponse{Target: req.Msg.Target, Visible: true, Editable: true,
			Explanation: "Ningún plug-in activo dice nada sobre «" + req.Msg.Target + "»."}), nil
	}
	return connect.NewResponse(&mostradorv1.WhyResponse{Target: req.Msg.Target, Visible: true,
		Explanation: "Nadie puede marcar esta casilla a mano: se activa con la aceptación del cliente y se desactiva con su baja.",
		Rules: []*mostradorv1.WhyRule{{Plugin: "PLG0074", When: "PLG0002 y PLG0074 están activos", Holds: true, Reason: governedReason,
			Policy: "No editable; valor: consent.promotions == \"given\""}}}), nil
}

func (h plugins) Contributions(_ context.Context, req *connect.Request[mostradorv1.ContributionsRequest]) (*connect.Response[mostradorv1.ContributionsResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	res := &mostradorv1.ContributionsResponse{}
	if c := h.s.Contributions[req.Msg.Place]; c != nil {
		res = proto.CloneOf(c)
	}
	for _, p := range h.s.Plugins.Plugins {
		if p.Development && p.Active {
			res.Development = append(res.Development, p.Name)
		}
	}
	return connect.NewResponse(res), nil
}

func (h plugins) Inspect(_ context.Context, req *connect.Request[mostradorv1.InspectRequest]) (*connect.Response[mostradorv1.InspectResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	if found := h.s.Packages[string(req.Msg.Package)]; found != nil {
		return connect.NewResponse(proto.CloneOf(found)), nil
	}
	return nil, refuse(connect.CodeInvalidArgument, &mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{wrong("", "package_not", "Este archivo no es un paquete de plug-in, o está dañado.")}})
}

func (h plugins) Install(_ context.Context, req *connect.Request[mostradorv1.InstallRequest]) (*connect.Response[mostradorv1.InstallResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	found := h.s.Packages[string(req.Msg.Package)]
	if found == nil || req.Msg.Digest != found.Digest || len(req.Msg.AcceptedPermissions) != len(found.Permissions) || found.Downgrade && !req.Msg.AllowDowngrade {
		return nil, refuse(connect.CodeFailedPrecondition, &mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{wrong("", "changed", "El archivo no es el que se mostró.")}})
	}
	h.s.called(fmt.Sprintf("install %s %s enable=%v", found.Id, found.Version, req.Msg.Enable))
	p := h.find(found.Id)
	if p == nil {
		p = &mostradorv1.PluginInfo{Id: found.Id, Name: found.Name, Description: found.Description, Granted: found.Permissions, Sandbox: sandboxed}
		h.s.Plugins.Plugins = append(h.s.Plugins.Plugins, p)
	}
	if h.s.RolledBack == "" {
		p.Version = found.Version
		for _, v := range p.Versions {
			v.InUse = false
		}
		p.Versions = append([]*mostradorv1.PluginVersion{{Version: found.Version, InUse: true, Origin: "package", Signer: found.Signer, Installed: at(80)}}, p.Versions...)
	}
	if req.Msg.Enable {
		p.Active, p.State, p.Since = true, mostradorv1.PluginState_PLUGIN_STATE_RUNNING, at(80)
	}
	return connect.NewResponse(&mostradorv1.InstallResponse{Plugin: proto.CloneOf(p), RolledBack: h.s.RolledBack}), nil
}

func (h plugins) find(id string) *mostradorv1.PluginInfo {
	for _, p := range h.s.Plugins.Plugins {
		if p.Id == id {
			return p
		}
	}
	return nil
}

func (h plugins) Rollback(_ context.Context, req *connect.Request[mostradorv1.RollbackRequest]) (*connect.Response[mostradorv1.RollbackResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	p := h.find(req.Msg.Id)
	if p == nil {
		return nil, notFound(req.Msg.Id)
	}
	h.s.called("rollback " + p.Id + " " + req.Msg.Version)
	p.Version = req.Msg.Version
	for _, v := range p.Versions {
		v.InUse = v.Version == req.Msg.Version
	}
	return connect.NewResponse(&mostradorv1.RollbackResponse{Plugin: proto.CloneOf(p)}), nil
}

func (h plugins) Remove(_ context.Context, req *connect.Request[mostradorv1.RemoveRequest]) (*connect.Response[mostradorv1.RemoveResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	h.s.called("remove " + req.Msg.Id + " " + req.Msg.Version)
	h.s.Plugins.Plugins = slices.DeleteFunc(h.s.Plugins.Plugins, func(p *mostradorv1.PluginInfo) bool {
		if p.Id == req.Msg.Id {
			p.Versions = slices.DeleteFunc(p.Versions, func(v *mostradorv1.PluginVersion) bool { return v.Version == req.Msg.Version })
		}
		return p.Id == req.Msg.Id && req.Msg.Version == ""
	})
	return connect.NewResponse(&mostradorv1.RemoveResponse{}), nil
}

func (h plugins) Logs(context.Context, *connect.Request[mostradorv1.LogsRequest]) (*connect.Response[mostradorv1.LogsResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	return connect.NewResponse(proto.CloneOf(h.s.Log)), nil
}

func (h plugins) Check(context.Context, *connect.Request[mostradorv1.CheckPluginsRequest]) (*connect.Response[mostradorv1.CheckPluginsResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	h.s.called("check")
	return connect.NewResponse(&mostradorv1.CheckPluginsResponse{Plugins: proto.CloneOf(h.s.Plugins).Plugins, Machine: h.s.Machine}), nil
}

func (h plugins) Settle(_ context.Context, req *connect.Request[mostradorv1.SettleRequest]) (*connect.Response[mostradorv1.SettleResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	h.s.called("settle " + req.Msg.Target + " " + req.Msg.Plugin)
	for _, c := range h.s.Plugins.Conflicts {
		if c.Target == req.Msg.Target {
			c.Settled = req.Msg.Plugin
		}
	}
	return connect.NewResponse(&mostradorv1.SettleResponse{}), nil
}

const sandboxed = "Landlock 7, seccomp, 256 MiB de memoria"

func (s *Store) fillPlugins() {
	running, aside := mostradorv1.PluginState_PLUGIN_STATE_RUNNING, mostradorv1.PluginState_PLUGIN_STATE_SET_ASIDE
	program := func(version string) []*mostradorv1.PluginVersion {
		return []*mostradorv1.PluginVersion{{Version: version, InUse: true, Origin: "program"}}
	}
	s.Plugins = &mostradorv1.ListPluginsResponse{
		Plugins: []*mostradorv1.PluginInfo{
			{Id: "PLG0002", Name: "Puntos", Version: "1.0.0", Description: "Da puntos por cada compra y los descuenta con la devolución.", Active: true, State: running, Since: at(-20),
				Granted:  []*mostradorv1.Permission{{Id: "customer.basic:read", Text: "Ver el nombre, el idioma y las etiquetas de los clientes."}, {Id: "sale:read", Text: "Ver las ventas y devoluciones."}},
				Versions: program("1.0.0"), Sandbox: sandboxed},
			{Id: "PLG0074", Name: "Mensajes de bienvenida", Version: "1.1.0", Description: "Envía el correo de bienvenida y activa la cuenta por enlace o por código corto.", Active: true, State: running, Since: at(-20), Parked: 1, Pending: 2,
				Granted: []*mostradorv1.Permission{{Id: "customer.contact:read", Text: "Ver el teléfono y el correo de los clientes.", Sensitive: true},
					{Id: "message.email:send", Text: "Enviar correos a los clientes.", Sensitive: true}, {Id: "consent:record", Text: "Anotar la aceptación y la baja de los clientes.", Sensitive: true}},
				Versions: []*mostradorv1.PluginVersion{{Version: "1.1.0", InUse: true, Origin: "package", Signer: "Librerías Unidas", Installed: at(-500)},
					{Version: "1.0.0", Origin: "program"}}, Sandbox: sandboxed,
				Health: []*plgv1.Diagnostic{{Severity: plgv1.Severity_SEVERITY_WARNING, Summary: "La plantilla no tiene versión en inglés.", Detail: "Los clientes de habla inglesa reciben la española."}}},
			{Id: "PLG0090", Name: "Etiquetas", Version: "0.3.1", Description: "Imprime etiquetas.", Active: true, State: aside, Restarts: 5, LogDropped: 1280,
				LastLog:  []string{"panic: no hay impresora", "goroutine 1 [running]: main.main()"},
				Granted:  []*mostradorv1.Permission{{Id: "net:impresora.local:9100", Text: "Conectarse a impresora.local, puerto 9100.", Sensitive: true}},
				Versions: []*mostradorv1.PluginVersion{{Version: "0.3.1", InUse: true, Origin: "package", Signer: "Talleres Gil", Installed: at(-900)}}, Sandbox: sandboxed},
		},
		Sync: &mostradorv1.SyncProgress{Running: true, Done: 640, Total: 1000, Changed: 215},
	}
	s.Log = &mostradorv1.LogsResponse{Dropped: 1280, Lines: []string{
		"09:12:01 [info] plantilla leída archivo=templates/bienvenida.html",
		"09:12:04 [info] bienvenida en cola cliente=c1",
		"09:14:40 [warn] el cliente no tiene correo cliente=c3",
		"09:20:00 [error] plantilla: falta el enlace de activación evento=17",
	}}
	s.Machine = []*plgv1.Diagnostic{
		{Severity: plgv1.Severity_SEVERITY_INFO, Summary: "Archivos y red: Landlock 7."},
		{Severity: plgv1.Severity_SEVERITY_INFO, Summary: "Llamadas al sistema: seccomp."},
		{Severity: plgv1.Severity_SEVERITY_WARNING, Summary: "Este sistema no limita la red por nombre.", Detail: "Un plug-in con permiso para un puerto llega a ese puerto de cualquier equipo."},
	}
	birthday := &mostradorv1.InspectResponse{Id: "PLG9005", Name: "Cumpleaños", Version: "1.2.0", Description: "Felicita a los clientes el día de su cumpleaños y les ofrece un regalo.",
		Digest: "9f2c", Signer: "Talleres Gil", KeyId: "RWQf6LRC", Platforms: []string{"linux/amd64", "windows/amd64"},
		Permissions: []*mostradorv1.Permission{{Id: "customer.contact:read", Text: "Ver el teléfono y el correo de los clientes.", Sensitive: true},
			{Id: "message.email:send", Text: "Enviar correos a los clientes.", Sensitive: true}, {Id: "schedule", Text: "Programar avisos para más tarde."}}}
	older := &mostradorv1.InspectResponse{Id: "PLG0074", Name: "Mensajes de bienvenida", Version: "0.9.0", Description: "Envía el correo de bienvenida.", Digest: "11aa",
		InstalledVersion: "1.1.0", Downgrade: true, Signer: "Librerías Unidas", KeyId: "RWS1", Platforms: []string{"linux/amd64"},
		Permissions: []*mostradorv1.Permission{{Id: "customer.contact:read", Text: "Ver el teléfono y el correo de los clientes.", Sensitive: true},
			{Id: "net:api.example:443", Text: "Conectarse a api.example, puerto 443.", Sensitive: true}}, AddedPermissions: []string{"net:api.example:443"},
		Diagnostics: []*plgv1.Diagnostic{{Severity: plgv1.Severity_SEVERITY_WARNING, Summary: "Los datos que guardó la versión 1.1.0 pueden no leerse con esta."}}}
	unsigned := &mostradorv1.InspectResponse{Id: "PLG9100", Name: "Regalos", Version: "0.0.1", Digest: "77", Platforms: []string{"darwin/arm64"}, Diagnostics: []*plgv1.Diagnostic{
		wrong("", "unsigned", "El paquete no está firmado por una clave de confianza."),
		wrong("", "platform", "El paquete no trae programa para este equipo (linux/amd64).")}}
	s.Packages = map[string]*mostradorv1.InspectResponse{"cumpleanos": birthday, "antiguo": older, "sin firma": unsigned}
}
