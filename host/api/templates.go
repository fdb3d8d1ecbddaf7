package api

import (
	"cmp"
	"context"
	"errors"

	"connectrpc.com/connect"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/message"
	"mostrador/host/message/library"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// templateServer serves the templates of messages.
type templateServer struct{ *server }

// List returns the templates by theme and name.
func (s templateServer) List(ctx context.Context, req *connect.Request[mostradorv1.ListTemplatesRequest]) (*connect.Response[mostradorv1.ListTemplatesResponse], error) {
	return connect.NewResponse(&mostradorv1.ListTemplatesResponse{Templates: s.Library.List(s.lang(ctx), req.Msg.GetText())}), nil
}

// Get returns a template with its texts.
func (s templateServer) Get(ctx context.Context, req *connect.Request[mostradorv1.GetTemplateRequest]) (*connect.Response[mostradorv1.GetTemplateResponse], error) {
	t, err := s.Library.Get(req.Msg.GetId(), s.lang(ctx))
	if err != nil {
		return nil, s.templateError(ctx, err)
	}
	return connect.NewResponse(&mostradorv1.GetTemplateResponse{Template: t}), nil
}

// Put keeps new versions of a template's texts.
func (s templateServer) Put(ctx context.Context, req *connect.Request[mostradorv1.PutTemplateRequest]) (*connect.Response[mostradorv1.PutTemplateResponse], error) {
	t, checks, err := s.Library.Put(ctx, actorOf(ctx), req.Msg.GetTemplate(), req.Msg.GetRemove(), req.Msg.GetRestore())
	if err != nil {
		return nil, s.templateError(ctx, err)
	}
	return connect.NewResponse(&mostradorv1.PutTemplateResponse{Template: t, Checks: checks}), nil
}

// Delete takes a template away.
func (s templateServer) Delete(ctx context.Context, req *connect.Request[mostradorv1.DeleteTemplateRequest]) (*connect.Response[mostradorv1.DeleteTemplateResponse], error) {
	if err := s.Library.Delete(ctx, req.Msg.GetId()); err != nil {
		return nil, s.templateError(ctx, err)
	}
	return connect.NewResponse(&mostradorv1.DeleteTemplateResponse{}), nil
}

// Versions returns what a template was before.
func (s templateServer) Versions(ctx context.Context, req *connect.Request[mostradorv1.ListTemplateVersionsRequest]) (*connect.Response[mostradorv1.ListTemplateVersionsResponse], error) {
	versions, err := s.Library.Versions(ctx, req.Msg.GetId(), req.Msg.GetLanguage())
	if err != nil {
		return nil, s.templateError(ctx, err)
	}
	return connect.NewResponse(&mostradorv1.ListTemplateVersionsResponse{Versions: versions}), nil
}

// Preview renders a text and goes through its check list.
func (s templateServer) Preview(ctx context.Context, req *connect.Request[mostradorv1.PreviewTemplateRequest]) (*connect.Response[mostradorv1.PreviewTemplateResponse], error) {
	d, err := s.draft(ctx, req.Msg)
	if err != nil {
		return nil, err
	}
	mail, seen, checks, err := s.Messages.Checks(d, s.lang(ctx))
	if err != nil {
		return nil, err
	}
	resp := &mostradorv1.PreviewTemplateResponse{Mail: seen, Checks: checks}
	if mail != nil {
		resp.Size = int64(len(mail.Bytes))
	}
	return connect.NewResponse(resp), nil
}

// SendTest sends what Preview shows to an address.
func (s templateServer) SendTest(ctx context.Context, req *connect.Request[mostradorv1.SendTestTemplateRequest]) (*connect.Response[mostradorv1.SendTestTemplateResponse], error) {
	preview := req.Msg.GetPreview()
	if preview == nil {
		preview = new(mostradorv1.PreviewTemplateRequest)
	}
	d, err := s.draft(ctx, preview)
	if err != nil {
		return nil, err
	}
	words, said, err := s.Messages.SendDraft(ctx, d, req.Msg.GetTo(), s.lang(ctx))
	if err != nil {
		return nil, err
	}
	for _, one := range said {
		if one.GetSeverity() == plgv1.Severity_SEVERITY_ERROR {
			return nil, refuse(connect.CodeInvalidArgument, &mostradorv1.Refusal{Diagnostics: said})
		}
	}
	return connect.NewResponse(&mostradorv1.SendTestTemplateResponse{Words: words}), nil
}

// Variables lists what a template may say.
func (s templateServer) Variables(ctx context.Context, _ *connect.Request[mostradorv1.ListVariablesRequest]) (*connect.Response[mostradorv1.ListVariablesResponse], error) {
	return connect.NewResponse(&mostradorv1.ListVariablesResponse{Variables: s.Messages.Variables(s.lang(ctx))}), nil
}

// draft is what a request wants to look at: its own text, or that of a template in force.
func (s templateServer) draft(ctx context.Context, req *mostradorv1.PreviewTemplateRequest) (message.Draft, error) {
	d := message.Draft{Kind: req.GetKind(), Data: req.GetData(), Language: cmp.Or(req.GetLanguage(), s.lang(ctx))}
	if id := req.GetCustomerId(); id != "" {
		err := s.Store.View(func(tx *store.Tx) error {
			var err error
			d.Customer, err = s.Customers.Get(tx, id)
			return err
		})
		if err != nil {
			return d, err
		}
		if req.GetLanguage() == "" {
			d.Language = cmp.Or(d.Customer.GetLanguage(), d.Language)
		}
	}
	html, text := req.GetHtml(), req.GetText()
	if req.GetId() != "" {
		t, err := s.Library.Get(req.GetId(), s.lang(ctx))
		if err != nil {
			return d, s.templateError(ctx, err)
		}
		if d.Kind == plgv1.MessageKind_MESSAGE_KIND_UNSPECIFIED {
			d.Kind = t.GetKind()
		}
		if html == "" {
			kept := s.nearest(t, d.Language)
			html, text = kept.GetHtml(), kept.GetText()
		}
	}
	if d.Kind == plgv1.MessageKind_MESSAGE_KIND_UNSPECIFIED {
		d.Kind = plgv1.MessageKind_MESSAGE_KIND_TRANSACTIONAL
	}
	d.Source = message.NewSource(html, text)
	return d, nil
}

// nearest is the text of a template that somebody of that language gets.
func (s templateServer) nearest(t *mostradorv1.Template, lang string) *mostradorv1.TemplateText {
	for _, l := range s.Library.Languages(lang) {
		for _, text := range t.GetTexts() {
			if text.GetLanguage() == l {
				return text
			}
		}
	}
	if len(t.GetTexts()) == 0 {
		return nil
	}
	return t.GetTexts()[0]
}

func (s *server) templateError(ctx context.Context, err error) error {
	if errors.Is(err, library.ErrNotFound) {
		return sentence(connect.CodeNotFound, "no_template", s.Text.Text(s.lang(ctx), "library.not_found"))
	}
	return err
}
