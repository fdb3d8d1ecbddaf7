package api

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// panelDeadline is how long a sheet waits for the panels, which are asked for all at once.
const panelDeadline = 500 * time.Millisecond

// fieldPromotions is "Aplica para Promociones" of seed 000.
const fieldPromotions = "aplica_promociones"

// coreFields are the core's own fields of the form and sheet, in their order.
var coreFields = []struct {
	id, kind string
	value    func(*plgv1.Customer) string
}{
	{"name", "text", (*plgv1.Customer).GetName},
	{"phone", "phone", (*plgv1.Customer).GetPhone},
	{"email", "email", (*plgv1.Customer).GetEmail},
	{"language", "text", (*plgv1.Customer).GetLanguage},
	{fieldPromotions, "yes_no", func(c *plgv1.Customer) string { return strconv.FormatBool(c.GetAplicaPromociones()) }},
}

// Sheet is all that the quick sheet shows. Without an id it is the form of a customer to be registered: only
// the fields, as the rules leave them for somebody new.
func (s customerServer) Sheet(ctx context.Context, req *connect.Request[mostradorv1.SheetRequest]) (*connect.Response[mostradorv1.SheetResponse], error) {
	resp := &mostradorv1.SheetResponse{Customer: new(plgv1.Customer)}
	if req.Msg.GetId() == "" {
		if err := s.Plugins.Resolution().Apply(resp.Customer); err != nil {
			return nil, err
		}
		own, err := s.ownFields(ctx, resp.GetCustomer())
		resp.Fields = append(s.fieldStates(ctx, resp.GetCustomer(), manifest.PlaceForm), own...)
		if err != nil {
			return nil, err
		}
		return connect.NewResponse(resp), nil
	}
	err := s.Store.View(func(tx *store.Tx) (err error) {
		if resp.Customer, err = s.Customers.Get(tx, req.Msg.GetId()); err != nil {
			return err
		}
		if resp.Facts, err = s.Customers.Shown(tx, resp.Customer); err != nil {
			return err
		}
		resp.Consent, err = s.Consent.Words(tx, resp.Customer.Id, s.lang(ctx))
		return err
	})
	if err != nil {
		return nil, err
	}
	own, err := s.ownFields(ctx, resp.GetCustomer())
	if err != nil {
		return nil, err
	}
	resp.Fields = append(s.fieldStates(ctx, resp.GetCustomer(), manifest.PlaceQuickSheet), own...)
	resp.Actions = s.actions(ctx, manifest.PlaceQuickSheet, resp.GetCustomer())
	resp.Panels = s.panels(ctx, manifest.PlaceQuickSheet, resp.GetCustomer())
	return connect.NewResponse(resp), nil
}

// fieldStates are the core's fields and those of the active plugins, as interplay leaves them.
func (s *server) fieldStates(ctx context.Context, c *plgv1.Customer, where manifest.Place) []*mostradorv1.FieldState {
	lang := s.lang(ctx)
	var states []*mostradorv1.FieldState
	for _, f := range coreFields {
		states = append(states, s.governed(lang, &mostradorv1.FieldState{
			Id: f.id, Label: s.text(ctx, "field_"+f.id), Type: f.kind, Value: f.value(c),
			Visible: true, Editable: true, Required: f.id == "name",
		}))
	}
	for _, m := range s.Plugins.Active() {
		for i := range m.Fields {
			f := &m.Fields[i]
			if len(f.Where) > 0 && !slices.Contains(f.Where, where) {
				continue
			}
			state := s.governed(lang, &mostradorv1.FieldState{
				Id: f.ID, Label: f.Name.In(lang), Type: string(f.Type), Value: c.GetFields()[f.ID],
				Visible: true, Editable: true, Required: f.Required, Help: f.Help.In(lang), Choices: choices(f.Choices, lang),
			})
			switch least := role(f.Role); {
			case !state.Editable:
			case f.ReadOnly:
				state.Editable, state.Reason = false, s.text(ctx, "field_read_only", "plugin", m.Name.In(lang))
			case callOf(ctx).role < least:
				state.Editable, state.Reason = false, s.needs(ctx, least)
			}
			states = append(states, state)
		}
	}
	return states
}

// choices are what can be chosen, with the names in a language.
func choices(list []manifest.Choice, lang string) []*mostradorv1.Choice {
	var out []*mostradorv1.Choice
	for _, c := range list {
		out = append(out, &mostradorv1.Choice{Value: c.Value, Label: c.Name.In(lang)})
	}
	return out
}

// governed puts on a field what the rules say of it.
func (s *server) governed(lang string, state *mostradorv1.FieldState) *mostradorv1.FieldState {
	policy := s.Plugins.Resolution().Policy("customer." + state.GetId())
	state.Visible = policy.Visible
	state.Editable = policy.Editable
	state.Required = state.GetRequired() || policy.Required
	state.Reason = policy.Reason(lang)
	return state
}

// actions are the buttons of the active plugins that stand at a place, for a customer or for nobody.
func (s *server) actions(ctx context.Context, where manifest.Place, c *plgv1.Customer) []*mostradorv1.ActionState {
	var states []*mostradorv1.ActionState
	for _, m := range s.Plugins.Active() {
		for i := range m.Actions {
			if !slices.Contains(m.Actions[i].Where, where) {
				continue
			}
			if state, visible := s.actionState(ctx, m, &m.Actions[i], c); visible {
				states = append(states, state)
			}
		}
	}
	return states
}

// actionState is a button as it stands for a customer and for whoever looks at it.
func (s *server) actionState(ctx context.Context, m *manifest.Manifest, action *manifest.Action, c *plgv1.Customer) (state *mostradorv1.ActionState, visible bool) {
	lang := s.lang(ctx)
	stands := s.Plugins.Resolution().Action(m.ID, action.ID, c, lang)
	state = &mostradorv1.ActionState{
		Plugin: m.ID, Id: action.ID, Label: action.Name.In(lang),
		Enabled: stands.Enabled, Reason: stands.Reason, Confirm: action.Confirm.In(lang), Help: action.Help.In(lang),
	}
	if least := role(action.Role); state.Enabled && callOf(ctx).role < least {
		state.Enabled, state.Reason = false, s.needs(ctx, least)
	}
	for i := range action.Form {
		f := &action.Form[i]
		field := &mostradorv1.FormField{Id: f.ID, Label: s.formLabel(ctx, f), Type: string(f.Type), Required: f.Required, Help: f.Help.In(lang)}
		field.Options = choices(f.Choices, lang)
		state.Form = append(state.Form, field)
	}
	return state, stands.Visible
}

// formLabel names a question of a form; the store has a name for the short code.
func (s *server) formLabel(ctx context.Context, f *manifest.FormField) string {
	if f.Name.Empty() && f.Type == manifest.TypeShortCode {
		return s.text(ctx, "short_code")
	}
	if f.Name.Empty() {
		return f.ID
	}
	return f.Name.In(s.lang(ctx))
}

// panels asks the active plugins for their panels, all at once. One that does not answer in time costs the
// sheet its panel and nothing else.
func (s *server) panels(ctx context.Context, where manifest.Place, c *plgv1.Customer) []*mostradorv1.PanelState {
	lang := s.lang(ctx)
	ctx, cancel := context.WithTimeout(ctx, panelDeadline)
	defer cancel()
	var states []*mostradorv1.PanelState
	var asked sync.WaitGroup
	for _, m := range s.Plugins.Active() {
		for i := range m.Panels {
			p := &m.Panels[i]
			if !slices.Contains(p.Where, where) {
				continue
			}
			state := &mostradorv1.PanelState{Plugin: m.ID, Id: p.ID, Title: p.Name.In(lang), Kind: string(p.Kind)}
			states = append(states, state)
			asked.Go(func() {
				content, err := s.panel(ctx, m.ID, p.ID, c)
				if err != nil {
					s.Logger.Warn("a panel could not be had", "plugin", m.ID, "panel", p.ID, "request", callOf(ctx).id, "error", err)
					state.Error = s.text(ctx, "panel_failed")
					return
				}
				state.Panel = content
			})
		}
	}
	asked.Wait()
	return states
}

// panel asks for one panel. A panic is that panel's alone, though it happens outside the call's goroutine.
func (s *server) panel(ctx context.Context, plugin, id string, c *plgv1.Customer) (content *plgv1.Panel, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	if c != nil {
		c = proto.CloneOf(c)
	}
	return s.Plugins.Panel(ctx, plugin, id, c, s.lang(ctx))
}

// lang is the language of whoever asks.
func (s *server) lang(ctx context.Context) string { return locale.FromContext(ctx) }

// role is a manifest's role as the API names it; a cashier's when it names none.
func role(r manifest.Role) mostradorv1.Role {
	switch r {
	case manifest.RoleOperator:
		return mostradorv1.Role_ROLE_OPERATOR
	case manifest.RoleTechnician:
		return mostradorv1.Role_ROLE_TECHNICIAN
	case manifest.RoleAdministrator:
		return mostradorv1.Role_ROLE_ADMINISTRATOR
	}
	return mostradorv1.Role_ROLE_CASHIER
}
