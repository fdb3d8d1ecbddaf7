package api

import (
	"context"
	"slices"

	"connectrpc.com/connect"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// Register keeps a new customer.
func (s customerServer) Register(ctx context.Context, req *connect.Request[mostradorv1.RegisterRequest]) (*connect.Response[mostradorv1.RegisterResponse], error) {
	if err := s.fieldsAllowed(ctx, req.Msg.GetCustomer(), nil); err != nil {
		return nil, err
	}
	kept, err := s.Customers.Register(ctx, actorOf(ctx), orEmpty(req.Msg.GetCustomer()), req.Msg.GetIdempotencyKey())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.RegisterResponse{Customer: kept}), nil
}

// Check says what Register or Update would refuse.
func (s customerServer) Check(ctx context.Context, req *connect.Request[mostradorv1.CheckRequest]) (*connect.Response[mostradorv1.CheckResponse], error) {
	kept, refusal, err := s.Customers.Check(ctx, orEmpty(req.Msg.GetCustomer()))
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.CheckResponse{Customer: kept, Refusal: refusal}), nil
}

// Get finds one customer.
func (s customerServer) Get(ctx context.Context, req *connect.Request[mostradorv1.GetCustomerRequest]) (*connect.Response[mostradorv1.GetCustomerResponse], error) {
	found, err := s.Customers.Find(ctx, req.Msg.GetKey())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.GetCustomerResponse{Customer: found}), nil
}

// Update changes the fields of the mask.
func (s customerServer) Update(ctx context.Context, req *connect.Request[mostradorv1.UpdateRequest]) (*connect.Response[mostradorv1.UpdateResponse], error) {
	mask := req.Msg.GetMask().GetPaths()
	if len(mask) == 0 {
		return nil, s.wrong(ctx, "mask", "mask_empty")
	}
	if err := s.fieldsAllowed(ctx, req.Msg.GetCustomer(), mask); err != nil {
		return nil, err
	}
	kept, err := s.Customers.Edit(ctx, actorOf(ctx), orEmpty(req.Msg.GetCustomer()), req.Msg.GetSeen(), mask)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.UpdateResponse{Customer: kept}), nil
}

// Search finds customers.
func (s customerServer) Search(ctx context.Context, req *connect.Request[mostradorv1.SearchRequest]) (*connect.Response[mostradorv1.SearchResponse], error) {
	found, err := s.Customers.Search(ctx, req.Msg)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(found), nil
}

// Activate records the acceptance by the short code.
func (s customerServer) Activate(ctx context.Context, req *connect.Request[mostradorv1.ActivateRequest]) (*connect.Response[mostradorv1.ActivateResponse], error) {
	kept, err := s.Consent.ActivateByCode(ctx, actorOf(ctx), req.Msg.GetId(), req.Msg.GetCode())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.ActivateResponse{Customer: kept}), nil
}

// Withdraw records an opt-out at the counter.
func (s customerServer) Withdraw(ctx context.Context, req *connect.Request[mostradorv1.WithdrawRequest]) (*connect.Response[mostradorv1.WithdrawResponse], error) {
	kept, err := s.Consent.Withdraw(ctx, actorOf(ctx), req.Msg.GetId())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.WithdrawResponse{Customer: kept}), nil
}

// Run presses a plugin's button. What the sheet shows as disabled is refused here too, with the same words.
func (s customerServer) Run(ctx context.Context, req *connect.Request[mostradorv1.RunRequest]) (*connect.Response[mostradorv1.RunResponse], error) {
	var c *plgv1.Customer
	var err error
	if id := req.Msg.GetCustomerId(); id != "" { // a button of the menu concerns nobody
		if err := s.Store.View(func(tx *store.Tx) (err error) {
			c, err = s.Customers.Get(tx, id)
			return err
		}); err != nil {
			return nil, err
		}
	}
	plugin, action := s.findAction(req.Msg.GetPlugin(), req.Msg.GetAction())
	if action == nil {
		return nil, sentence(connect.CodeNotFound, "no_action", s.text(ctx, "no_action", "plugin", req.Msg.GetPlugin(), "action", req.Msg.GetAction()))
	}
	if err := s.need(ctx, role(action.Role)); err != nil {
		return nil, err
	}
	if c == nil && !slices.ContainsFunc(action.Where, func(p manifest.Place) bool {
		return p == manifest.PlaceMenu || p == manifest.PlaceList || p == manifest.PlaceReport
	}) {
		return nil, s.wrong(ctx, "customer_id", "no_customer")
	}
	state, visible := s.actionState(ctx, plugin, action, c)
	if !visible || !state.GetEnabled() {
		reason := state.GetReason()
		if reason == "" {
			reason = s.text(ctx, "action_disabled")
		}
		return nil, sentence(connect.CodeFailedPrecondition, "action_disabled", reason)
	}
	if req.Msg.Form, err = s.checkForm(ctx, action, req.Msg.GetForm()); err != nil {
		return nil, err
	}
	var result *plgv1.Result
	result, err = s.Plugins.Act(ctx, actorOf(ctx), req.Msg)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.RunResponse{Result: result}), nil
}

// findAction returns an action of an active plugin.
func (s *server) findAction(plugin, id string) (*manifest.Manifest, *manifest.Action) {
	for _, m := range s.Plugins.Active() {
		if m.ID == plugin {
			if action, ok := m.Action(id); ok {
				return m, action
			}
		}
	}
	return nil, nil
}

// checkForm returns a form as the plugin gets it, or refuses one that is not as the manifest declares it.
func (s *server) checkForm(ctx context.Context, action *manifest.Action, form map[string]string) (map[string]string, error) {
	kept := make(map[string]string, len(form))
	for i := range action.Form {
		field := &action.Form[i]
		value, problem := s.Customers.CheckForm(field, form[field.ID], s.lang(ctx))
		switch {
		case problem != "":
			return nil, refuse(connect.CodeInvalidArgument, &mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{{
				Severity: plgv1.Severity_SEVERITY_ERROR, Summary: problem, Path: field.ID, Code: "form_value",
			}}})
		case value == "" && field.Required:
			return nil, s.wrong(ctx, field.ID, "form_required", "field", s.formLabel(ctx, field))
		case value != "":
			kept[field.ID] = value
		}
	}
	for id := range form {
		if !slices.ContainsFunc(action.Form, func(f manifest.FormField) bool { return f.ID == id }) {
			return nil, s.wrong(ctx, id, "form_unknown", "field", id)
		}
	}
	return kept, nil
}

// fieldsAllowed refuses a plugin's field that the caller's role may not edit or that the plugin keeps itself.
// With a mask only its paths are looked at.
func (s *server) fieldsAllowed(ctx context.Context, c *plgv1.Customer, mask []string) error {
	for _, m := range s.Plugins.Active() {
		for i := range m.Fields {
			field := &m.Fields[i]
			if !touches(c, mask, field.ID) {
				continue
			}
			if field.ReadOnly {
				return s.wrong(ctx, "fields."+field.ID, "field_read_only", "plugin", m.Name.In(s.lang(ctx)))
			}
			if err := s.need(ctx, role(field.Role)); err != nil {
				return err
			}
		}
	}
	return nil
}

// touches reports whether a registration (no mask) or an update sets a plugin's field.
func touches(c *plgv1.Customer, mask []string, field string) bool {
	if mask == nil {
		return c.GetFields()[field] != ""
	}
	for _, path := range mask {
		if path == "fields."+field || path == "fields" {
			return true
		}
	}
	return false
}

func orEmpty(c *plgv1.Customer) *plgv1.Customer {
	if c == nil {
		return new(plgv1.Customer)
	}
	return c
}
