package api

import (
	"context"

	"connectrpc.com/connect"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/locale"
)

// List returns the entries of the catalogue that match.
func (s settingServer) List(ctx context.Context, req *connect.Request[mostradorv1.ListSettingsRequest]) (*connect.Response[mostradorv1.ListSettingsResponse], error) {
	list, err := s.Settings.List(ctx, actorOf(ctx), req.Msg.GetQuery())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.ListSettingsResponse{Settings: list}), nil
}

// Get returns one entry.
func (s settingServer) Get(ctx context.Context, req *connect.Request[mostradorv1.GetSettingRequest]) (*connect.Response[mostradorv1.GetSettingResponse], error) {
	setting, err := s.Settings.Get(ctx, actorOf(ctx), req.Msg.GetKey())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.GetSettingResponse{Setting: setting}), nil
}

// Set changes a value.
func (s settingServer) Set(ctx context.Context, req *connect.Request[mostradorv1.SetSettingRequest]) (*connect.Response[mostradorv1.SetSettingResponse], error) {
	setting, err := s.Settings.Set(ctx, actorOf(ctx), req.Msg)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.SetSettingResponse{Setting: setting}), nil
}

// History returns changes, newest first.
func (s settingServer) History(ctx context.Context, req *connect.Request[mostradorv1.SettingHistoryRequest]) (*connect.Response[mostradorv1.SettingHistoryResponse], error) {
	changes, err := s.Settings.History(ctx, req.Msg.GetKey(), bound(req.Msg.GetLimit()))
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.SettingHistoryResponse{Changes: changes}), nil
}

// Revert puts back the value that a change replaced.
func (s settingServer) Revert(ctx context.Context, req *connect.Request[mostradorv1.RevertSettingRequest]) (*connect.Response[mostradorv1.RevertSettingResponse], error) {
	setting, err := s.Settings.Revert(ctx, actorOf(ctx), req.Msg.GetKey(), req.Msg.GetSequence())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.RevertSettingResponse{Setting: setting}), nil
}

// Preview renders a template with a sample customer.
func (s settingServer) Preview(ctx context.Context, req *connect.Request[mostradorv1.PreviewRequest]) (*connect.Response[mostradorv1.PreviewResponse], error) {
	mail, err := s.Settings.Preview(ctx, req.Msg)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.PreviewResponse{Mail: mail}), nil
}

// SendTest sends one mail and says what the server answered.
func (s settingServer) SendTest(ctx context.Context, req *connect.Request[mostradorv1.SendTestRequest]) (*connect.Response[mostradorv1.SendTestResponse], error) {
	answer, err := s.Messages.SendTest(ctx, req.Msg.GetTo(), locale.FromContext(ctx))
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.SendTestResponse{Answer: answer}), nil
}

// Export writes what is set as a file.
func (s settingServer) Export(ctx context.Context, req *connect.Request[mostradorv1.ExportSettingsRequest]) (*connect.Response[mostradorv1.ExportSettingsResponse], error) {
	file, err := s.Settings.Export(ctx, req.Msg.GetAll())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(file), nil
}

// Import shows what a file changes, or takes it over.
func (s settingServer) Import(ctx context.Context, req *connect.Request[mostradorv1.ImportSettingsRequest]) (*connect.Response[mostradorv1.ImportSettingsResponse], error) {
	done, err := s.Settings.Import(ctx, actorOf(ctx), req.Msg.GetFile(), req.Msg.GetApply())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(done), nil
}
