package uitest

import (
	"context"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/api/mostradorv1/mostradorv1connect"
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
	h.s.called("enable " + req.Msg.Id)
	return connect.NewResponse(&mostradorv1.EnablePluginResponse{Plugin: h.set(req.Msg.Id, true)}), nil
}

func (h plugins) Disable(_ context.Context, req *connect.Request[mostradorv1.DisablePluginRequest]) (*connect.Response[mostradorv1.DisablePluginResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	h.s.called("disable " + req.Msg.Id)
	return connect.NewResponse(&mostradorv1.DisablePluginResponse{Plugin: h.set(req.Msg.Id, false)}), nil
}

func (h plugins) Why(context.Context, *connect.Request[mostradorv1.WhyRequest]) (*connect.Response[mostradorv1.WhyResponse], error) {
	return connect.NewResponse(&mostradorv1.WhyResponse{Target: "customer.aplica_promociones", Visible: true,
		Explanation: "Nadie puede marcar esta casilla a mano: se activa con la aceptación del cliente y se desactiva con su baja.",
		Rules: []*mostradorv1.WhyRule{{Plugin: "PLG0074", When: "PLG0002 y PLG0074 están activos", Holds: true, Reason: governedReason,
			Policy: "No editable; valor: consent.promotions == \"given\""}}}), nil
}

func (s *Store) fillPlugins() {
	running, aside := mostradorv1.PluginState_PLUGIN_STATE_RUNNING, mostradorv1.PluginState_PLUGIN_STATE_SET_ASIDE
	s.Plugins = &mostradorv1.ListPluginsResponse{
		Plugins: []*mostradorv1.PluginInfo{
			{Id: "PLG0002", Name: "Puntos", Version: "1.0.0", Description: "Da puntos por cada compra y los descuenta con la devolución.", Active: true, State: running, Since: at(-20)},
			{Id: "PLG0074", Name: "Mensajes de bienvenida", Version: "1.0.0", Description: "Envía el correo de bienvenida y activa la cuenta por enlace o por código corto.", Active: true, State: running, Since: at(-20), Parked: 1},
			{Id: "PLG0090", Name: "Etiquetas", Version: "0.3.1", Description: "Imprime etiquetas.", Active: true, State: aside, Restarts: 5, LastLog: []string{"panic: no hay impresora", "goroutine 1 [running]: main.main()"}},
		},
		Sync: &mostradorv1.SyncProgress{Running: true, Done: 640, Total: 1000, Changed: 215},
	}
}
