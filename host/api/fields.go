package api

import (
	"context"
	"errors"
	"strings"

	"connectrpc.com/connect"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/model"
	"mostrador/host/store"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// fieldServer serves the data model.
type fieldServer struct{ *server }

// List returns the whole model in its order.
func (s fieldServer) List(ctx context.Context, req *connect.Request[mostradorv1.ListFieldsRequest]) (*connect.Response[mostradorv1.ListFieldsResponse], error) {
	return connect.NewResponse(&mostradorv1.ListFieldsResponse{Fields: s.Model.List(s.lang(ctx), req.Msg.GetRetired())}), nil
}

// Put adds a field or changes one. The refusal of a change that stored values would break has the preview as a
// second detail.
func (s fieldServer) Put(ctx context.Context, req *connect.Request[mostradorv1.PutFieldRequest]) (*connect.Response[mostradorv1.PutFieldResponse], error) {
	kept, task, err := s.Model.Put(ctx, actorOf(ctx), req.Msg.GetField(), req.Msg.GetAnyway())
	var breaks *model.Breaks
	if errors.As(err, &breaks) {
		err := refuse(connect.CodeFailedPrecondition, breaks.Refusal)
		var said *connect.Error
		if detail, detailErr := connect.NewErrorDetail(breaks.Preview); detailErr == nil && errors.As(err, &said) {
			said.AddDetail(detail)
		}
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	resp := &mostradorv1.PutFieldResponse{Field: kept}
	if task != nil {
		resp.Task = s.Model.Tasks.Show(s.lang(ctx), task)
	}
	return connect.NewResponse(resp), nil
}

// Preview says what stored values a change would break or convert.
func (s fieldServer) Preview(ctx context.Context, req *connect.Request[mostradorv1.PreviewFieldRequest]) (*connect.Response[mostradorv1.PreviewFieldResponse], error) {
	preview, err := s.Model.Preview(ctx, req.Msg.GetField())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(preview), nil
}

// Retire takes a field from forms and imports; its values stay.
func (s fieldServer) Retire(ctx context.Context, req *connect.Request[mostradorv1.RetireFieldRequest]) (*connect.Response[mostradorv1.RetireFieldResponse], error) {
	kept, err := s.Model.Retire(ctx, actorOf(ctx), req.Msg.GetId())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.RetireFieldResponse{Field: kept}), nil
}

// Restore brings a retired field back.
func (s fieldServer) Restore(ctx context.Context, req *connect.Request[mostradorv1.RestoreFieldRequest]) (*connect.Response[mostradorv1.RestoreFieldResponse], error) {
	kept, err := s.Model.Restore(ctx, actorOf(ctx), req.Msg.GetId())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.RestoreFieldResponse{Field: kept}), nil
}

// Try runs a field's rules on a value.
func (s fieldServer) Try(ctx context.Context, req *connect.Request[mostradorv1.TryFieldRequest]) (*connect.Response[mostradorv1.TryFieldResponse], error) {
	var about *plgv1.Customer
	if id := req.Msg.GetCustomerId(); id != "" {
		if err := s.Store.View(func(tx *store.Tx) (err error) { about, err = s.Customers.Get(tx, id); return err }); err != nil {
			return nil, err
		}
	}
	said, err := s.Model.Try(ctx, req.Msg.GetField(), req.Msg.GetValue(), about)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(said), nil
}

// ownFields are the store's own fields of the form and sheet, by category. What does not meet its declaration any
// more says why.
func (s *server) ownFields(ctx context.Context, c *plgv1.Customer) ([]*mostradorv1.FieldState, error) {
	if s.Model == nil {
		return nil, nil
	}
	lang := s.lang(ctx)
	sections := map[mostradorv1.FieldCategory][]*mostradorv1.FieldState{}
	err := s.Store.View(func(tx *store.Tx) error {
		for _, f := range s.Model.Own() {
			state := s.governed(lang, &mostradorv1.FieldState{
				Id: f.GetId(), Label: f.GetName(), Type: f.GetType(), Value: c.GetFields()[f.GetId()], Visible: true, Editable: true,
				Required: f.GetRequired() && f.GetType() != string(manifest.TypeYesNo), Help: f.GetHelp(), Choices: f.GetChoices(), Many: f.GetMany(),
				Section: s.Model.CategoryName(f.GetCategory(), lang),
			})
			if f.GetType() == string(customer.TypeCustomer) {
				state.Choices = s.named(tx, state.GetValue(), lang)
			}
			if state.GetReason() == "" {
				state.Reason = s.Model.Mark(tx, c, f.GetId(), lang)
			}
			sections[f.GetCategory()] = append(sections[f.GetCategory()], state)
		}
		return nil
	})
	return append(sections[mostradorv1.FieldCategory_FIELD_CATEGORY_DEMOGRAPHIC], sections[mostradorv1.FieldCategory_FIELD_CATEGORY_PROFILE]...), err
}

// named are the customers of references, one a line, with the names by which people know them.
func (s *server) named(tx *store.Tx, references, lang string) []*mostradorv1.Choice {
	var list []*mostradorv1.Choice
	for id := range strings.SplitSeq(references, "\n") {
		if c, err := s.Customers.Get(tx, id); err == nil {
			list = append(list, &mostradorv1.Choice{Value: id, Label: s.Text.Text(lang, "model.customer_shown", "name", c.GetName(), "number", c.GetNumber())})
		}
	}
	return list
}
