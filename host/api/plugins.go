package api

import (
	"context"

	"connectrpc.com/connect"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/locale"
	"mostrador/sdk/manifest"
)

// List returns all plugins.
func (s pluginServer) List(ctx context.Context, req *connect.Request[mostradorv1.ListPluginsRequest]) (*connect.Response[mostradorv1.ListPluginsResponse], error) {
	list, err := s.Plugins.List(ctx, locale.FromContext(ctx))
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(list), nil
}

// Enable makes a plugin active.
func (s pluginServer) Enable(ctx context.Context, req *connect.Request[mostradorv1.EnablePluginRequest]) (*connect.Response[mostradorv1.EnablePluginResponse], error) {
	if err := s.Plugins.Enable(ctx, actorOf(ctx), req.Msg.GetId()); err != nil {
		return nil, err
	}
	info, err := s.plugin(ctx, req.Msg.GetId())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.EnablePluginResponse{Plugin: info}), nil
}

// Disable ends a plugin's work; what it kept stays.
func (s pluginServer) Disable(ctx context.Context, req *connect.Request[mostradorv1.DisablePluginRequest]) (*connect.Response[mostradorv1.DisablePluginResponse], error) {
	if err := s.Plugins.Disable(ctx, actorOf(ctx), req.Msg.GetId()); err != nil {
		return nil, err
	}
	info, err := s.plugin(ctx, req.Msg.GetId())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.DisablePluginResponse{Plugin: info}), nil
}

func (s pluginServer) plugin(ctx context.Context, id string) (*mostradorv1.PluginInfo, error) {
	list, err := s.Plugins.List(ctx, locale.FromContext(ctx))
	if err != nil {
		return nil, err
	}
	for _, p := range list.GetPlugins() {
		if p.GetId() == id {
			return p, nil
		}
	}
	return nil, sentence(connect.CodeNotFound, "no_plugin", s.text(ctx, "no_plugin"))
}

// Why explains what governs a target.
func (s pluginServer) Why(ctx context.Context, req *connect.Request[mostradorv1.WhyRequest]) (*connect.Response[mostradorv1.WhyResponse], error) {
	why := s.Plugins.Resolution().Why(req.Msg.GetTarget(), locale.FromContext(ctx))
	resp := &mostradorv1.WhyResponse{
		Target: why.Target, Visible: why.Visible, Editable: why.Editable, Required: why.Required,
		Value: why.Value, Explanation: why.Explanation,
	}
	for _, r := range why.Rules {
		resp.Rules = append(resp.Rules, &mostradorv1.WhyRule{
			Plugin: r.Plugin, When: r.When, Holds: r.Holds, Reason: r.Reason, Policy: r.Policy,
		})
	}
	for _, c := range why.Conflicts {
		resp.Conflicts = append(resp.Conflicts, &mostradorv1.Conflict{Target: why.Target, Explanation: c})
	}
	return connect.NewResponse(resp), nil
}

// Inspect reads a package without installing it.
func (s pluginServer) Inspect(ctx context.Context, req *connect.Request[mostradorv1.InspectRequest]) (*connect.Response[mostradorv1.InspectResponse], error) {
	seen, err := s.Plugins.Inspect(ctx, req.Msg.GetPackage())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(seen), nil
}

// Install installs, upgrades or, when that is allowed, goes back to an older version.
func (s pluginServer) Install(ctx context.Context, req *connect.Request[mostradorv1.InstallRequest]) (*connect.Response[mostradorv1.InstallResponse], error) {
	id, rolledBack, err := s.Plugins.Install(ctx, actorOf(ctx), req.Msg)
	if err != nil {
		return nil, err
	}
	info, err := s.plugin(ctx, id)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.InstallResponse{Plugin: info, RolledBack: rolledBack}), nil
}

// Rollback puts another version that is on this machine into use.
func (s pluginServer) Rollback(ctx context.Context, req *connect.Request[mostradorv1.RollbackRequest]) (*connect.Response[mostradorv1.RollbackResponse], error) {
	if err := s.Plugins.Rollback(ctx, actorOf(ctx), req.Msg.GetId(), req.Msg.GetVersion()); err != nil {
		return nil, err
	}
	info, err := s.plugin(ctx, req.Msg.GetId())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.RollbackResponse{Plugin: info}), nil
}

// Remove takes a plugin, or one version of it, off this machine.
func (s pluginServer) Remove(ctx context.Context, req *connect.Request[mostradorv1.RemoveRequest]) (*connect.Response[mostradorv1.RemoveResponse], error) {
	if err := s.Plugins.Remove(ctx, actorOf(ctx), req.Msg.GetId(), req.Msg.GetVersion()); err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.RemoveResponse{}), nil
}

// Logs returns the last lines that a plugin wrote.
func (s pluginServer) Logs(_ context.Context, req *connect.Request[mostradorv1.LogsRequest]) (*connect.Response[mostradorv1.LogsResponse], error) {
	lines, err := s.Plugins.Logs(req.Msg.GetId(), bound(req.Msg.GetLimit()))
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(lines), nil
}

// Check asks the active plugins how they are.
func (s pluginServer) Check(ctx context.Context, _ *connect.Request[mostradorv1.CheckPluginsRequest]) (*connect.Response[mostradorv1.CheckPluginsResponse], error) {
	checked, err := s.Plugins.Check(ctx)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(checked), nil
}

// Settle decides a conflict of rules.
func (s pluginServer) Settle(ctx context.Context, req *connect.Request[mostradorv1.SettleRequest]) (*connect.Response[mostradorv1.SettleResponse], error) {
	if err := s.Plugins.Settle(ctx, actorOf(ctx), req.Msg.GetTarget(), req.Msg.GetPlugin()); err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.SettleResponse{}), nil
}

// Contributions are the buttons and panels that stand at a place without a customer.
func (s pluginServer) Contributions(ctx context.Context, req *connect.Request[mostradorv1.ContributionsRequest]) (*connect.Response[mostradorv1.ContributionsResponse], error) {
	where := manifest.Place(req.Msg.GetPlace())
	switch where {
	case manifest.PlaceMenu, manifest.PlaceList, manifest.PlaceReport:
	default:
		return nil, s.wrong(ctx, "place", "no_place", "place", req.Msg.GetPlace())
	}
	return connect.NewResponse(&mostradorv1.ContributionsResponse{
		Actions: s.actions(ctx, where, nil), Panels: s.panels(ctx, where, nil), Development: s.Plugins.Development(s.lang(ctx)),
	}), nil
}
