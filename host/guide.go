package host

import (
	"context"
	"fmt"
	"os"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/configguide"
	"mostrador/host/api"
	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/locale"
	"mostrador/sdk/plgv1"
)

// guideAPI is the Configuration Guide as the API speaks of it.
type guideAPI struct{ host *Host }

var _ api.Settings = guideAPI{}

// List implements api.Settings.
func (g guideAPI) List(ctx context.Context, query string) ([]*mostradorv1.Setting, error) {
	entries := g.host.guide.Entries(query, locale.FromContext(ctx))
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
func (g guideAPI) Get(ctx context.Context, key string) (*mostradorv1.Setting, error) {
	return said(g.host.guide.Entry(key, locale.FromContext(ctx)))
}

// Set implements api.Settings.
func (g guideAPI) Set(ctx context.Context, actor *plgv1.Actor, req *mostradorv1.SetSettingRequest) (*mostradorv1.Setting, error) {
	return said(g.host.guide.Set(ctx, actor, req.GetKey(), req.GetValue().AsInterface(), req.Content, locale.FromContext(ctx)))
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
		}
	}
	return changes, nil
}

// Revert implements api.Settings.
func (g guideAPI) Revert(ctx context.Context, actor *plgv1.Actor, key string, sequence uint64) (*mostradorv1.Setting, error) {
	return said(g.host.guide.Revert(ctx, actor, key, sequence, locale.FromContext(ctx)))
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
		IsSet: e.IsSet, Owner: e.Owner, Content: e.Content, Warning: e.Warning,
	}
	for _, c := range e.Choices {
		s.Choices = append(s.Choices, &mostradorv1.Choice{Value: c.Value, Label: c.Label})
	}
	return s, nil
}
