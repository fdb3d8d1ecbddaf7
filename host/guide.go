package host

import (
	"context"
	"fmt"
	"os"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/configguide"
	"mostrador/host/api"
	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/locale"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// guideAPI is the Configuration Guide as the API speaks of it.
type guideAPI struct{ host *Host }

var _ api.Settings = guideAPI{}

// List implements api.Settings.
func (g guideAPI) List(ctx context.Context, actor *plgv1.Actor, query string) ([]*mostradorv1.Setting, error) {
	entries := g.host.guide.EntriesFor(query, actor.GetTill(), locale.FromContext(ctx))
	settings := make([]*mostradorv1.Setting, len(entries))
	for i, e := range entries {
		e.Content = "" // a list without the texts of all templates
		var err error
		if settings[i], err = setting(e); err != nil {
			return nil, err
		}
	}
	return settings, nil
}

// Get implements api.Settings.
func (g guideAPI) Get(ctx context.Context, actor *plgv1.Actor, key string) (*mostradorv1.Setting, error) {
	return said(g.host.guide.EntryFor(key, actor.GetTill(), locale.FromContext(ctx)))
}

// Set implements api.Settings.
func (g guideAPI) Set(ctx context.Context, actor *plgv1.Actor, req *mostradorv1.SetSettingRequest) (*mostradorv1.Setting, error) {
	wish := configguide.Wish{Key: req.GetKey(), At: configguide.At{Scope: configguide.ScopeStore}}
	switch req.GetScope() {
	case mostradorv1.SettingScope_SETTING_SCOPE_UNSPECIFIED, mostradorv1.SettingScope_SETTING_SCOPE_STORE:
	case mostradorv1.SettingScope_SETTING_SCOPE_CHAIN:
		wish.At.Scope = configguide.ScopeChain
	case mostradorv1.SettingScope_SETTING_SCOPE_TILL:
		wish.At = configguide.Till(req.GetTill())
		if wish.At.Till == "" {
			wish.At.Till = actor.GetTill()
		}
	default:
		return nil, customer.Refuse(req.GetKey(), "setting_scope", g.host.text.Text(locale.FromContext(ctx), "guide.scope"))
	}
	if !req.GetClear() {
		wish.Value, wish.Content = req.GetValue().AsInterface(), req.Content
		if req.Data != nil {
			content := string(req.GetData())
			wish.Content = &content
		}
	}
	return said(g.host.guide.Change(ctx, actor, wish, locale.FromContext(ctx)))
}

// History implements api.Settings.
func (g guideAPI) History(_ context.Context, key string, limit int) ([]*mostradorv1.SettingChange, error) {
	history, err := g.host.guide.History(key, limit)
	if err != nil {
		return nil, err
	}
	changes := make([]*mostradorv1.SettingChange, len(history))
	for i, c := range history {
		from, err := structpb.NewValue(c.From)
		if err != nil {
			return nil, fmt.Errorf("the history of %s: %w", c.Key, err)
		}
		to, err := structpb.NewValue(c.To)
		if err != nil {
			return nil, fmt.Errorf("the history of %s: %w", c.Key, err)
		}
		changes[i] = &mostradorv1.SettingChange{
			Key: c.Key, Sequence: c.Sequence, Time: timestamppb.New(c.Time), Operator: c.Operator, Till: c.Till, From: from, To: to,
			Scope: scopes[c.At.Scope], ScopeTill: c.At.Till,
		}
	}
	return changes, nil
}

// Revert implements api.Settings.
func (g guideAPI) Revert(ctx context.Context, actor *plgv1.Actor, key string, sequence uint64) (*mostradorv1.Setting, error) {
	return said(g.host.guide.Revert(ctx, actor, key, sequence, locale.FromContext(ctx)))
}

// Export implements api.Settings.
func (g guideAPI) Export(ctx context.Context, all bool) (*mostradorv1.ExportSettingsResponse, error) {
	out, err := g.host.guide.Export(all, locale.FromContext(ctx))
	if err != nil {
		return nil, err
	}
	return &mostradorv1.ExportSettingsResponse{File: out.File, Secrets: out.Secrets}, nil
}

// Import implements api.Settings.
func (g guideAPI) Import(ctx context.Context, actor *plgv1.Actor, file string, apply bool) (*mostradorv1.ImportSettingsResponse, error) {
	done, err := g.host.guide.Import(ctx, actor, file, apply, locale.FromContext(ctx))
	if err != nil {
		return nil, err
	}
	resp := &mostradorv1.ImportSettingsResponse{Diagnostics: done.Diagnostics, Applied: done.Applied}
	for _, d := range done.Differences {
		from, err := structpb.NewValue(d.From)
		if err != nil {
			return nil, fmt.Errorf("the value of %s: %w", d.Key, err)
		}
		to, err := structpb.NewValue(d.To)
		if err != nil {
			return nil, fmt.Errorf("the new value of %s: %w", d.Key, err)
		}
		resp.Differences = append(resp.Differences, &mostradorv1.SettingDifference{
			Key: d.Key, Name: d.Name, Scope: scopes[d.Scope], Till: d.Till, From: from, To: to, Refused: d.Refused,
		})
	}
	return resp, nil
}

// Preview implements api.Settings: the text of the request, of the file that it names, or in force.
func (g guideAPI) Preview(ctx context.Context, req *mostradorv1.PreviewRequest) (*mostradorv1.RenderedMail, error) {
	text := req.GetContent()
	switch {
	case text != "":
	case req.GetPath() != "":
		file, err := os.ReadFile(req.GetPath())
		if err != nil {
			return nil, g.host.refuse(ctx, req.GetKey(), "template_unreadable", "path", req.GetPath())
		}
		text = string(file)
	default:
		var err error
		if text, _, err = g.host.guide.Template(req.GetKey()); err != nil {
			return nil, err
		}
	}
	mail, diagnostics := g.host.messages.Preview(text, locale.FromContext(ctx))
	if mail == nil {
		return nil, &customer.Refused{Refusal: &mostradorv1.Refusal{Diagnostics: diagnostics}}
	}
	return mail, nil
}

// refuse says to a person, in his language, what is to be done instead.
func (h *Host) refuse(ctx context.Context, path, key string, args ...any) error {
	return customer.Refuse(path, key, h.text.Text(locale.FromContext(ctx), "host."+key, args...))
}

// scopes are the Guide's scopes as the API calls them.
var scopes = map[configguide.Scope]mostradorv1.SettingScope{
	configguide.ScopeDefault: mostradorv1.SettingScope_SETTING_SCOPE_DEFAULT,
	configguide.ScopeChain:   mostradorv1.SettingScope_SETTING_SCOPE_CHAIN,
	configguide.ScopeStore:   mostradorv1.SettingScope_SETTING_SCOPE_STORE,
	configguide.ScopeTill:    mostradorv1.SettingScope_SETTING_SCOPE_TILL,
}

// said makes an entry into what the API says.
func said(e configguide.Entry, err error) (*mostradorv1.Setting, error) {
	if err != nil {
		return nil, err
	}
	return setting(e)
}

func setting(e configguide.Entry) (*mostradorv1.Setting, error) {
	value, err := structpb.NewValue(e.Value)
	if err != nil {
		return nil, fmt.Errorf("the value of %s: %w", e.Key, err)
	}
	usual, err := structpb.NewValue(e.Default)
	if err != nil {
		return nil, fmt.Errorf("the default of %s: %w", e.Key, err)
	}
	s := &mostradorv1.Setting{
		Key: e.Key, Path: e.Path, Name: e.Name, Help: e.Help, Type: string(e.Type), Value: value, Default: usual,
		IsSet: e.IsSet, Owner: e.Owner, Content: e.Content, Warning: e.Warning, Scope: scopes[e.Scope], Narrowest: scopes[e.Narrowest],
		ReadOnly: e.ReadOnly, Required: e.Required, Reason: e.Reason, Aside: e.Aside, Rule: e.Rule, Size: int64(e.Size),
	}
	if e.Type == manifest.TypeFile {
		s.Data = []byte(e.Content)
		if !utf8.ValidString(e.Content) {
			s.Content = ""
		}
	}
	for _, v := range e.Values {
		value, err := structpb.NewValue(v.Value)
		if err != nil {
			return nil, fmt.Errorf("a value of %s: %w", e.Key, err)
		}
		s.Values = append(s.Values, &mostradorv1.ScopedValue{Scope: scopes[v.Scope], Till: v.Till, Value: value})
	}
	for _, c := range e.Choices {
		s.Choices = append(s.Choices, &mostradorv1.Choice{Value: c.Value, Label: c.Label})
	}
	return s, nil
}
