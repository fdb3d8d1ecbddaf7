package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/host/api"
	pb "mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

func TestOnTheSocketACallWithoutSessionIsTheLocalAdministrators(t *testing.T) {
	w := newWorld(t)
	c := w.call(t, "unix", api.HeaderTill, " 2 ").register(t, "Ana Ruiz", "600111222", "ana@example.com")
	if c.GetPhone() != "+34600111222" {
		t.Errorf("phone %q", c.GetPhone())
	}
	var actor *plgv1.Actor
	if err := w.store.View(func(tx *store.Tx) error {
		events, err := w.log.Read(tx, 0, 10)
		for _, e := range events {
			if e.GetType() == "customer.registered" {
				actor = e.GetActor()
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if actor.GetOperator() != "administrador local" || actor.GetChannel() != "cli" || actor.GetTill() != "2" {
		t.Errorf("recorded under %v", actor)
	}
}

func TestOverTheNetworkACallNeedsASession(t *testing.T) {
	w := newWorld(t)
	for name, headers := range map[string][]string{
		"no session":      nil,
		"a made-up token": {"Authorization", "Bearer x"},
		"no bearer token": {"Authorization", "Basic eDp5"},
	} {
		_, err := w.call(t, w.tcp, headers...).customers.Search(t.Context(), connect.NewRequest(&pb.SearchRequest{}))
		if connect.CodeOf(err) != connect.CodeUnauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
	status, err := w.call(t, w.tcp).access.Status(t.Context(), connect.NewRequest(&pb.StatusRequest{}))
	if err != nil {
		t.Fatalf("Status needs a session: %v", err)
	}
	if !status.Msg.GetNeedsSetup() || status.Msg.GetVersion() != "1.2.3" || status.Msg.GetStoreName() != "La Esquina" {
		t.Errorf("status %v", status.Msg)
	}
}

func TestSetupMakesTheFirstTechnicianOnce(t *testing.T) {
	w := newWorld(t)
	somebody := w.call(t, w.tcp)
	first, err := somebody.access.Setup(t.Context(), connect.NewRequest(&pb.SetupRequest{Name: "Marta", Pin: "73519"}))
	if err != nil {
		t.Fatal(err)
	}
	if first.Msg.GetOperator().GetRole() != pb.Role_ROLE_TECHNICIAN || first.Msg.GetToken() == "" {
		t.Errorf("got %v", first.Msg.GetOperator())
	}
	if _, err := somebody.access.Setup(t.Context(), connect.NewRequest(&pb.SetupRequest{Name: "Eve", Pin: "73519"})); connect.CodeOf(err) != connect.CodeFailedPrecondition {
		t.Errorf("a second setup: %v", err)
	}
	if _, err := somebody.access.SignIn(t.Context(), connect.NewRequest(&pb.SignInRequest{Name: "Marta", Pin: "00000"})); connect.CodeOf(err) != connect.CodeUnauthenticated {
		t.Errorf("a wrong PIN: %v", err)
	}
	marta := w.call(t, w.tcp, "Authorization", "Bearer "+first.Msg.GetToken())
	if _, err := marta.settings.List(t.Context(), connect.NewRequest(&pb.ListSettingsRequest{})); err != nil {
		t.Errorf("the technician cannot read settings: %v", err)
	}
	if _, err := marta.access.SignOut(t.Context(), connect.NewRequest(&pb.SignOutRequest{})); err != nil {
		t.Fatal(err)
	}
	if _, err := marta.settings.List(t.Context(), connect.NewRequest(&pb.ListSettingsRequest{})); connect.CodeOf(err) != connect.CodeUnauthenticated {
		t.Errorf("after signing out: %v", err)
	}
}

func TestEachRoleMayWhatTheTableSays(t *testing.T) {
	w := newWorld(t)
	calls := []struct {
		name  string
		least pb.Role
		do    func(context.Context, *caller) error
	}{
		{"search", pb.Role_ROLE_CASHIER, func(ctx context.Context, c *caller) error {
			_, err := c.customers.Search(ctx, connect.NewRequest(&pb.SearchRequest{}))
			return err
		}},
		{"list sales", pb.Role_ROLE_CASHIER, func(ctx context.Context, c *caller) error {
			_, err := c.sales.List(ctx, connect.NewRequest(&pb.ListSalesRequest{}))
			return err
		}},
		{"refund", pb.Role_ROLE_OPERATOR, func(ctx context.Context, c *caller) error {
			_, err := c.sales.Refund(ctx, connect.NewRequest(&pb.RefundSaleRequest{Receipt: "none"}))
			return err
		}},
		{"withdraw", pb.Role_ROLE_OPERATOR, func(ctx context.Context, c *caller) error {
			_, err := c.customers.Withdraw(ctx, connect.NewRequest(&pb.WithdrawRequest{Id: "none"}))
			return err
		}},
		{"outbox", pb.Role_ROLE_OPERATOR, func(ctx context.Context, c *caller) error {
			_, err := c.messages.List(ctx, connect.NewRequest(&pb.ListMessagesRequest{}))
			return err
		}},
		{"settings", pb.Role_ROLE_TECHNICIAN, func(ctx context.Context, c *caller) error {
			_, err := c.settings.List(ctx, connect.NewRequest(&pb.ListSettingsRequest{}))
			return err
		}},
		{"plugins", pb.Role_ROLE_TECHNICIAN, func(ctx context.Context, c *caller) error {
			_, err := c.plugins.Disable(ctx, connect.NewRequest(&pb.DisablePluginRequest{Id: "PLG0074"}))
			return err
		}},
		{"events", pb.Role_ROLE_TECHNICIAN, func(ctx context.Context, c *caller) error {
			_, err := c.events.List(ctx, connect.NewRequest(&pb.ListEventsRequest{}))
			return err
		}},
		{"operators", pb.Role_ROLE_TECHNICIAN, func(ctx context.Context, c *caller) error {
			_, err := c.access.ListOperators(ctx, connect.NewRequest(&pb.ListOperatorsRequest{}))
			return err
		}},
	}
	for _, role := range []pb.Role{pb.Role_ROLE_CASHIER, pb.Role_ROLE_OPERATOR, pb.Role_ROLE_TECHNICIAN, pb.Role_ROLE_ADMINISTRATOR} {
		who := w.as(t, role)
		for _, call := range calls {
			err := call.do(t.Context(), who)
			denied := connect.CodeOf(err) == connect.CodePermissionDenied
			if err == nil {
				denied = false
			}
			if denied != (role < call.least) {
				t.Errorf("%v, %s: %v", role, call.name, err)
			}
			if denied && !strings.Contains(err.Error(), "rol de") {
				t.Errorf("%v, %s: the sentence names no role: %v", role, call.name, err)
			}
		}
	}
}

func TestARefusalTravelsWithItsDiagnostics(t *testing.T) {
	w := newWorld(t)
	host := w.call(t, "unix")
	first := host.register(t, "Ana Ruiz", "600111222", "ana@example.com")
	for name, test := range map[string]struct {
		call func() error
		code connect.Code
		path string
	}{
		"nothing filled in": {func() error {
			_, err := host.customers.Register(t.Context(), connect.NewRequest(&pb.RegisterRequest{}))
			return err
		}, connect.CodeInvalidArgument, "name"},
		"a phone that somebody has": {func() error {
			_, err := host.customers.Register(t.Context(), connect.NewRequest(&pb.RegisterRequest{
				Customer: &plgv1.Customer{Name: "Otra", Phone: "+34 600 111 222"},
			}))
			return err
		}, connect.CodeAlreadyExists, "phone"},
		"a field that a rule governs": {func() error {
			_, err := host.customers.Update(t.Context(), connect.NewRequest(&pb.UpdateRequest{
				Customer: &plgv1.Customer{Id: first.GetId(), AplicaPromociones: true},
				Mask:     &fieldmaskpb.FieldMask{Paths: []string{"aplica_promociones"}},
			}))
			return err
		}, connect.CodeInvalidArgument, "aplica_promociones"},
		"a field that the plugin keeps": {func() error {
			_, err := host.customers.Update(t.Context(), connect.NewRequest(&pb.UpdateRequest{
				Customer: &plgv1.Customer{Id: first.GetId(), Fields: map[string]string{"plg0074_nivel": "9"}},
				Mask:     &fieldmaskpb.FieldMask{Paths: []string{"fields.plg0074_nivel"}},
			}))
			return err
		}, connect.CodeInvalidArgument, "fields.plg0074_nivel"},
		"an amount that is none": {func() error {
			_, err := host.sales.Record(t.Context(), connect.NewRequest(&pb.RecordSaleRequest{Receipt: "T1", Amount: "mucho"}))
			return err
		}, connect.CodeInvalidArgument, "amount"},
		"a setting that does not fit": {func() error {
			_, err := host.settings.Set(t.Context(), connect.NewRequest(&pb.SetSettingRequest{Key: "TiendaNombre", Value: structpb.NewStringValue("")}))
			return err
		}, connect.CodeInvalidArgument, "TiendaNombre"},
	} {
		err := test.call()
		r := refusal(err)
		if connect.CodeOf(err) != test.code || len(r.GetDiagnostics()) == 0 || r.GetDiagnostics()[0].GetPath() != test.path {
			t.Errorf("%s: %v, %v", name, err, r)
			continue
		}
		if !strings.Contains(err.Error(), r.GetDiagnostics()[0].GetSummary()) {
			t.Errorf("%s: the message %q is not the first sentence", name, err)
		}
	}
	_, err := host.customers.Register(t.Context(), connect.NewRequest(&pb.RegisterRequest{Customer: &plgv1.Customer{Name: "Otra", Email: "ANA@EXAMPLE.COM"}}))
	if r := refusal(err); len(r.GetDuplicates()) != 1 || r.GetDuplicates()[0].GetId() != first.GetId() {
		t.Errorf("the customer who has the e-mail is not offered: %v", r)
	}
}

func TestWhatIsNotThereIsSaidInWords(t *testing.T) {
	w := newWorld(t)
	host := w.call(t, "unix")
	for name, call := range map[string]func() error{
		"customer": func() error {
			_, err := host.customers.Get(t.Context(), connect.NewRequest(&pb.GetCustomerRequest{Key: "600999888"}))
			return err
		},
		"sheet": func() error {
			_, err := host.customers.Sheet(t.Context(), connect.NewRequest(&pb.SheetRequest{Id: "none"}))
			return err
		},
		"consent": func() error {
			_, err := host.consent.Show(t.Context(), connect.NewRequest(&pb.ShowConsentRequest{CustomerId: "none"}))
			return err
		},
		"sale": func() error {
			_, err := host.sales.Get(t.Context(), connect.NewRequest(&pb.GetSaleRequest{Receipt: "none"}))
			return err
		},
		"message": func() error {
			_, err := host.messages.Get(t.Context(), connect.NewRequest(&pb.GetMessageRequest{Id: "none"}))
			return err
		},
		"setting": func() error {
			_, err := host.settings.Get(t.Context(), connect.NewRequest(&pb.GetSettingRequest{Key: "Nada"}))
			return err
		},
		"change": func() error {
			_, err := host.settings.Revert(t.Context(), connect.NewRequest(&pb.RevertSettingRequest{Key: "TiendaNombre", Sequence: 9}))
			return err
		},
		"plugin": func() error {
			_, err := host.plugins.Enable(t.Context(), connect.NewRequest(&pb.EnablePluginRequest{Id: "PLG9999"}))
			return err
		},
		"parked event": func() error {
			_, err := host.events.DiscardParked(t.Context(), connect.NewRequest(&pb.DiscardParkedRequest{Plugin: "PLG0074", Sequence: 9}))
			return err
		},
		"button": func() error {
			c := host.register(t, "Ana", "600111222", "")
			_, err := host.customers.Run(t.Context(), connect.NewRequest(&pb.RunRequest{Plugin: "PLG0074", Action: "nada", CustomerId: c.GetId()}))
			return err
		},
	} {
		if err := call(); connect.CodeOf(err) != connect.CodeNotFound || len(refusal(err).GetDiagnostics()) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestARevisionThatIsGoneIsAConflict(t *testing.T) {
	w := newWorld(t)
	host := w.call(t, "unix")
	c := host.register(t, "Ana", "600111222", "")
	update := func(name string) error {
		_, err := host.customers.Update(t.Context(), connect.NewRequest(&pb.UpdateRequest{
			Customer: &plgv1.Customer{Id: c.GetId(), Name: name, Revision: c.GetRevision()},
			Mask:     &fieldmaskpb.FieldMask{Paths: []string{"name"}},
		}))
		return err
	}
	if err := update("Ana Ruiz"); err != nil {
		t.Fatal(err)
	}
	if err := update("Ana María"); connect.CodeOf(err) != connect.CodeAborted {
		t.Errorf("got %v", err)
	}
}

func TestSentencesComeInTheLanguageAskedFor(t *testing.T) {
	w := newWorld(t)
	for header, want := range map[string]string{
		"":               "No hay ningún cliente",
		"es-CO":          "No hay ningún cliente",
		"en-GB,en;q=0.9": "There is no customer",
		"de":             "No hay ningún cliente",
	} {
		_, err := w.call(t, "unix", api.HeaderLanguage, header).customers.Get(t.Context(), connect.NewRequest(&pb.GetCustomerRequest{Key: "none"}))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", header, err)
		}
	}
	// A request that names the screen's language is answered in it.
	c := w.call(t, "unix").register(t, "Ana", "600111222", "")
	_, err := w.call(t, "unix").customers.Run(t.Context(), connect.NewRequest(&pb.RunRequest{
		Plugin: "PLG0074", Action: "reenviar", CustomerId: c.GetId(), Language: "en",
	}))
	if err == nil || !strings.Contains(err.Error(), "A valid e-mail is missing.") {
		t.Errorf("got %v", err)
	}
}

func TestAPanicIsOneCallsFault(t *testing.T) {
	w := newWorld(t)
	host := w.call(t, "unix")
	c := host.register(t, "Ana", "600111222", "ana@example.com")
	run := connect.NewRequest(&pb.RunRequest{Plugin: "PLG0074", Action: "reenviar", CustomerId: c.GetId()})
	w.plugins.acts(func(context.Context, *plgv1.Actor, *pb.RunRequest) (*plgv1.Result, error) { panic("secret detail") })
	_, err := host.customers.Run(t.Context(), run)
	if connect.CodeOf(err) != connect.CodeInternal || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
	w.plugins.acts(nil)
	if _, err := host.customers.Run(t.Context(), run); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

func TestTheSheetShowsWhatThePluginsMeanTogether(t *testing.T) {
	w := newWorld(t)
	cashier := w.as(t, pb.Role_ROLE_CASHIER)
	c := cashier.register(t, "Ana", "600111222", "")
	began := time.Now()
	resp, err := cashier.customers.Sheet(t.Context(), connect.NewRequest(&pb.SheetRequest{Id: c.GetId(), Language: "es"}))
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("a slow panel held the sheet for %v", took)
	}
	sheet := resp.Msg
	fields := map[string]*pb.FieldState{}
	for _, f := range sheet.GetFields() {
		fields[f.GetId()] = f
	}
	if f := fields["aplica_promociones"]; f.GetEditable() || f.GetReason() != "Se activa sola." || f.GetValue() != "false" || f.GetLabel() != "Aplica para Promociones" {
		t.Errorf("the locked box: %v", f)
	}
	if f := fields["phone"]; !f.GetEditable() || f.GetValue() != "+34600111222" || f.GetType() != "phone" {
		t.Errorf("the phone: %v", f)
	}
	if f := fields["plg0074_apodo"]; !f.GetEditable() || f.GetLabel() != "Apodo" {
		t.Errorf("the plugin's field: %v", f)
	}
	if f := fields["plg0074_nivel"]; f.GetEditable() || f.GetReason() == "" {
		t.Errorf("the field that the plugin keeps: %v", f)
	}
	if f := fields["plg0074_limite"]; f.GetEditable() || !strings.Contains(f.GetReason(), "técnico") {
		t.Errorf("the technician's field: %v", f)
	}
	actions := map[string]*pb.ActionState{}
	for _, a := range sheet.GetActions() {
		actions[a.GetId()] = a
	}
	if a := actions["reenviar"]; a.GetEnabled() || a.GetReason() != "Falta un correo válido." {
		t.Errorf("the button without an e-mail: %v", a)
	}
	if a := actions["codigo_corto"]; !a.GetEnabled() || len(a.GetForm()) != 1 || a.GetForm()[0].GetLabel() != "Código corto" {
		t.Errorf("the button with a form: %v", a)
	}
	if a := actions["ajustar"]; a.GetEnabled() || !strings.Contains(a.GetReason(), "técnico") {
		t.Errorf("the technician's button: %v", a)
	}
	panels := map[string]*pb.PanelState{}
	for _, p := range sheet.GetPanels() {
		panels[p.GetId()] = p
	}
	if p := panels["bien"]; p.GetPanel().GetRows()[0].GetValue() != "Ana" || p.GetError() != "" {
		t.Errorf("the panel: %v", p)
	}
	for _, id := range []string{"lento", "roto"} {
		if p := panels[id]; p.GetError() == "" || p.GetTitle() == "" {
			t.Errorf("panel %s: %v", id, p)
		}
	}
	if len(sheet.GetConsent()) == 0 {
		t.Error("consent is not said in words")
	}
}

func TestTheFormOfANewCustomerShowsTheSameLocks(t *testing.T) {
	w := newWorld(t)
	resp, err := w.call(t, "unix").customers.Sheet(t.Context(), connect.NewRequest(&pb.SheetRequest{Language: "en"}))
	if err != nil {
		t.Fatal(err)
	}
	if len(resp.Msg.GetActions())+len(resp.Msg.GetPanels()) != 0 {
		t.Error("somebody who is not registered has buttons or panels")
	}
	for _, f := range resp.Msg.GetFields() {
		if f.GetId() == "aplica_promociones" && (f.GetEditable() || f.GetReason() != "It goes on by itself.") {
			t.Errorf("the box: %v", f)
		}
	}
}

func TestAButtonDoesOnlyWhatTheSheetOffers(t *testing.T) {
	w := newWorld(t)
	cashier := w.as(t, pb.Role_ROLE_CASHIER)
	with := cashier.register(t, "Ana", "600111222", "ana@example.com")
	without := cashier.register(t, "Luis", "600333444", "")
	pressed := 0
	w.plugins.acts(func(_ context.Context, actor *plgv1.Actor, _ *pb.RunRequest) (*plgv1.Result, error) {
		if actor.GetTill() != "3" || !strings.HasPrefix(actor.GetOperator(), "Operador") || actor.GetIp() != "127.0.0.1" || actor.GetChannel() != "api" {
			t.Errorf("pressed by %v", actor)
		}
		pressed++
		return &plgv1.Result{}, nil
	})
	for name, test := range map[string]struct {
		req  *pb.RunRequest
		code connect.Code // 0: it is done
	}{
		"enabled":                {&pb.RunRequest{Action: "reenviar", CustomerId: with.GetId()}, 0},
		"disabled":               {&pb.RunRequest{Action: "reenviar", CustomerId: without.GetId()}, connect.CodeFailedPrecondition},
		"not his":                {&pb.RunRequest{Action: "ajustar", CustomerId: with.GetId()}, connect.CodePermissionDenied},
		"no code given":          {&pb.RunRequest{Action: "codigo_corto", CustomerId: with.GetId()}, connect.CodeInvalidArgument},
		"a blank code":           {&pb.RunRequest{Action: "codigo_corto", CustomerId: with.GetId(), Form: map[string]string{"codigo": " "}}, connect.CodeInvalidArgument},
		"a question nobody asks": {&pb.RunRequest{Action: "reenviar", CustomerId: with.GetId(), Form: map[string]string{"x": "1"}}, connect.CodeInvalidArgument},
		"a code":                 {&pb.RunRequest{Action: "codigo_corto", CustomerId: with.GetId(), Form: map[string]string{"codigo": "0427"}}, 0},
	} {
		before := pressed
		test.req.Plugin = "PLG0074"
		_, err := cashier.customers.Run(t.Context(), connect.NewRequest(test.req))
		if test.code == 0 && (err != nil || pressed != before+1) {
			t.Errorf("%s: %v", name, err)
		}
		if test.code != 0 && (connect.CodeOf(err) != test.code || pressed != before) {
			t.Errorf("%s: %v, pressed %d times", name, err, pressed-before)
		}
	}
}

func TestStaffCannotReadTheCustomersLinks(t *testing.T) {
	w := newWorld(t)
	host := w.call(t, "unix")
	c := host.register(t, "Ana", "600111222", "ana@example.com")
	const token = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
	m := &pb.Message{
		Kind: plgv1.MessageKind_MESSAGE_KIND_TRANSACTIONAL, CustomerId: c.GetId(), To: c.GetEmail(), Template: "bienvenida",
		Links:  map[string]*plgv1.Link{"activar": {Kind: plgv1.Link_KIND_ACTIVATION, CustomerId: c.GetId()}},
		Tokens: map[string]string{"activar": token},
	}
	if err := w.store.Update(t.Context(), func(tx *store.Tx) error { return w.messages.Queue(tx, m) }); err != nil {
		t.Fatal(err)
	}
	get := func(who *caller, eml bool) (*pb.GetMessageResponse, error) {
		resp, err := who.messages.Get(t.Context(), connect.NewRequest(&pb.GetMessageRequest{Id: m.GetId(), Eml: eml}))
		if err != nil {
			return nil, err
		}
		return resp.Msg, nil
	}
	technician, err := get(w.as(t, pb.Role_ROLE_TECHNICIAN), true)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(technician.GetMail().GetHtml(), token) || len(technician.GetEml()) == 0 {
		t.Fatalf("the technician does not see the mail as it is:\n%s", technician.GetMail().GetHtml())
	}
	if len(technician.GetMessage().GetTokens()) > 0 {
		t.Error("the row has its tokens")
	}
	operator := w.as(t, pb.Role_ROLE_OPERATOR)
	shown, err := get(operator, false)
	if err != nil {
		t.Fatal(err)
	}
	if text := shown.String(); strings.Contains(text, token) {
		t.Errorf("an operator reads the link:\n%s", text)
	}
	if !strings.Contains(shown.GetMail().GetHtml(), "Activar") {
		t.Error("the mail itself is gone")
	}
	if _, err := get(operator, true); connect.CodeOf(err) != connect.CodePermissionDenied {
		t.Errorf("the raw mail: %v", err)
	}
}

func TestOnePortSpeaksEveryProtocol(t *testing.T) {
	w := newWorld(t)
	for name, options := range map[string][]connect.ClientOption{
		"connect over HTTP/1.1": nil,
		"gRPC":                  {connect.WithGRPC()},
		"gRPC-Web":              {connect.WithGRPCWeb()},
		"JSON over h2c":         {connect.WithProtoJSON()},
	} {
		for _, at := range []string{w.tcp, "unix"} {
			resp, err := w.callWith(t, at, options).access.Status(t.Context(), connect.NewRequest(&pb.StatusRequest{}))
			if err != nil || resp.Msg.GetStoreName() != "La Esquina" {
				t.Errorf("%s at %s: %v", name, at, err)
			}
			_, err = w.callWith(t, "unix", options).customers.Register(t.Context(), connect.NewRequest(&pb.RegisterRequest{}))
			if connect.CodeOf(err) != connect.CodeInvalidArgument || refusal(err) == nil {
				t.Errorf("%s: the refusal came as %v", name, err)
			}
		}
	}
}

func TestAScriptSpeaksPlainJSON(t *testing.T) {
	w := newWorld(t)
	post := func(headers ...string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.tcp+"/mostrador.v1.AccessService/Status", bytes.NewReader([]byte("{}")))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	code, body := post()
	var answer map[string]any
	if err := json.Unmarshal([]byte(body), &answer); err != nil || code != http.StatusOK {
		t.Fatalf("%d %s: %v", code, body, err)
	}
	if spooled, there := answer["mailSpooled"]; !there || spooled != false {
		t.Errorf("false is left out: %s", body)
	}
	if code, _ := post("Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); code != http.StatusForbidden {
		t.Errorf("a page of somebody else's got %d", code)
	}
}

func TestWatchTellsTheScreenAtOnce(t *testing.T) {
	w := newWorld(t)
	cashier := w.as(t, pb.Role_ROLE_CASHIER)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	stream, err := cashier.events.Watch(ctx, connect.NewRequest(&pb.WatchRequest{}))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if !stream.Receive() || stream.Msg().GetKind() != pb.WatchResponse_KIND_READY {
		t.Fatalf("the first answer: %v, %v", stream.Msg(), stream.Err())
	}
	w.hub.PublishEvent(&plgv1.Event{
		Type: "customer.registered", Customer: &plgv1.Customer{Id: "c1", Name: "Ana"},
		Detail: &plgv1.Event_CustomerRegistered{CustomerRegistered: &plgv1.CustomerRegistered{}},
	})
	if !stream.Receive() || stream.Msg().GetCustomer().GetName() != "Ana" {
		t.Fatalf("the change: %v, %v", stream.Msg(), stream.Err())
	}
	stranger, err := w.call(t, w.tcp).events.Watch(ctx, connect.NewRequest(&pb.WatchRequest{}))
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	if stranger.Receive() || connect.CodeOf(stranger.Err()) != connect.CodeUnauthenticated {
		t.Errorf("a stranger watches: %v", stranger.Err())
	}
	// Who may no longer work here sees nothing more.
	if _, err := w.call(t, "unix").access.PutOperator(ctx, connect.NewRequest(&pb.PutOperatorRequest{
		Operator: &pb.Operator{Name: "Operador ROLE_CASHIER", Role: pb.Role_ROLE_CASHIER, Disabled: true},
	})); err != nil {
		t.Fatal(err)
	}
	if stream.Receive() || connect.CodeOf(stream.Err()) != connect.CodeUnauthenticated {
		t.Errorf("the watch of a disabled operator goes on: %v, %v", stream.Msg(), stream.Err())
	}
}
