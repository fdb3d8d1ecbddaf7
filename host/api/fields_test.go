package api_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	pb "mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/host/task"
	"mostrador/sdk/plgv1"
)

// field returns a field of the sheet.
func fieldOf(t *testing.T, sheet *pb.SheetResponse, id string) *pb.FieldState {
	t.Helper()
	i := slices.IndexFunc(sheet.GetFields(), func(f *pb.FieldState) bool { return f.GetId() == id })
	if i < 0 {
		return nil
	}
	return sheet.GetFields()[i]
}

func (c *caller) sheet(t *testing.T, id string) *pb.SheetResponse {
	t.Helper()
	resp, err := c.customers.Sheet(t.Context(), connect.NewRequest(&pb.SheetRequest{Id: id}))
	if err != nil {
		t.Fatal(err)
	}
	return resp.Msg
}

func TestATechnicianDeclaresAFieldThatTheFormAsksForAndTheStoreHoldsTo(t *testing.T) {
	w := newWorld(t)
	technician, cashier := w.as(t, pb.Role_ROLE_TECHNICIAN), w.as(t, pb.Role_ROLE_CASHIER)
	instagram := &pb.Field{
		Id: "perfil_instagram", Name: "Perfil de Instagram", Help: "Empieza por @.", Type: "text", Category: pb.FieldCategory_FIELD_CATEGORY_PROFILE,
		Rules: []*pb.FieldRule{{Message: "El perfil empieza por @.", Conditions: []*pb.FieldCondition{{Operator: "begins_with", Operand: "@"}}}},
	}
	if _, err := cashier.fields.Put(t.Context(), connect.NewRequest(&pb.PutFieldRequest{Field: instagram})); connect.CodeOf(err) != connect.CodePermissionDenied {
		t.Errorf("a cashier declares a field: %v", err)
	}
	put, err := technician.fields.Put(t.Context(), connect.NewRequest(&pb.PutFieldRequest{Field: instagram}))
	if err != nil || put.Msg.GetField().GetRevision() != 1 || put.Msg.GetTask() != nil {
		t.Fatalf("put: %v %v", put, err)
	}
	city := &pb.Field{Id: "ciudad", Name: "Ciudad", Type: "text", Category: pb.FieldCategory_FIELD_CATEGORY_DEMOGRAPHIC, Required: true}
	if _, err := technician.fields.Put(t.Context(), connect.NewRequest(&pb.PutFieldRequest{Field: city})); err != nil {
		t.Fatal(err)
	}
	form := cashier.sheet(t, "")
	n := len(form.GetFields())
	if first := form.GetFields()[n-2]; first.GetId() != "ciudad" || first.GetSection() != "Datos demográficos" || !first.GetRequired() {
		t.Errorf("the form has %v", first)
	}
	if second := form.GetFields()[n-1]; second.GetId() != "perfil_instagram" || second.GetSection() != "Perfil del cliente" || second.GetHelp() != "Empieza por @." {
		t.Errorf("the form has %v", second)
	}
	typed := &plgv1.Customer{Name: "Ana", Phone: "600111222", Fields: map[string]string{"perfil_instagram": "ana", "ciudad": "Soria"}}
	check, err := cashier.customers.Check(t.Context(), connect.NewRequest(&pb.CheckRequest{Customer: typed}))
	if err != nil || len(check.Msg.GetRefusal().GetDiagnostics()) != 1 {
		t.Fatalf("check: %v %v", check, err)
	}
	if d := check.Msg.GetRefusal().GetDiagnostics()[0]; d.GetPath() != "fields.perfil_instagram" || d.GetSummary() != "El perfil empieza por @." {
		t.Errorf("while typing: %v", d)
	}
	_, err = cashier.customers.Register(t.Context(), connect.NewRequest(&pb.RegisterRequest{Customer: typed}))
	if r := refusal(err); connect.CodeOf(err) != connect.CodeInvalidArgument || len(r.GetDiagnostics()) != 1 {
		t.Fatalf("register: %v", err)
	}
	typed.Fields["perfil_instagram"] = "@ana"
	kept, err := cashier.customers.Register(t.Context(), connect.NewRequest(&pb.RegisterRequest{Customer: typed}))
	if err != nil {
		t.Fatal(err)
	}
	if f := fieldOf(t, cashier.sheet(t, kept.Msg.GetCustomer().GetId()), "perfil_instagram"); f.GetValue() != "@ana" || f.GetReason() != "" {
		t.Errorf("the sheet has %v", f)
	}
	// A field of a plug-in stands beside the store's own.
	list, err := cashier.fields.List(t.Context(), connect.NewRequest(&pb.ListFieldsRequest{}))
	if err != nil || !slices.ContainsFunc(list.Msg.GetFields(), func(f *pb.Field) bool { return f.GetPlugin() == "PLG0074" }) {
		t.Errorf("list: %v %v", list, err)
	}
}

func TestAChangeThatBreaksValuesIsShownAndThenDoneAnyway(t *testing.T) {
	w := newWorld(t)
	technician := w.as(t, pb.Role_ROLE_TECHNICIAN)
	put, err := technician.fields.Put(t.Context(), connect.NewRequest(&pb.PutFieldRequest{Field: &pb.Field{Id: "saldo", Name: "Saldo", Type: "text"}}))
	if err != nil {
		t.Fatal(err)
	}
	register := func(phone, balance string) string {
		resp, err := technician.customers.Register(t.Context(), connect.NewRequest(&pb.RegisterRequest{
			Customer: &plgv1.Customer{Name: "Ana", Phone: phone, Fields: map[string]string{"saldo": balance}},
		}))
		if err != nil {
			t.Fatal(err)
		}
		return resp.Msg.GetCustomer().GetId()
	}
	good, bad := register("600111222", "12,50"), register("600111223", "mucho")
	next := put.Msg.GetField()
	next.Type = "money"
	_, err = technician.fields.Put(t.Context(), connect.NewRequest(&pb.PutFieldRequest{Field: next}))
	if r := refusal(err); len(r.GetDiagnostics()) != 1 || r.GetDiagnostics()[0].GetCode() != "breaks" {
		t.Fatalf("put: %v", err)
	}
	var shown *pb.PreviewFieldResponse
	var failed *connect.Error
	if errors.As(err, &failed) {
		for _, d := range failed.Details() {
			if v, err := d.Value(); err == nil {
				if p, ok := v.(*pb.PreviewFieldResponse); ok {
					shown = p
				}
			}
		}
	}
	if shown.GetBroken() != 1 || shown.GetConverted() != 1 || shown.GetBreaks()[0].GetCustomer().GetId() != bad {
		t.Errorf("shown: %v", shown)
	}
	put, err = technician.fields.Put(t.Context(), connect.NewRequest(&pb.PutFieldRequest{Field: next, Anyway: true}))
	if err != nil || put.Msg.GetTask().GetTitle() != "Adaptar los valores de «Saldo»" {
		t.Fatalf("put anyway: %v %v", put, err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		var ended bool
		if err := w.store.View(func(tx *store.Tx) error {
			got, err := w.tasks.Get(tx, put.Msg.GetTask().GetId())
			ended = task.Ended(got.GetState())
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if ended {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the task does not end")
		}
	}
	if f := fieldOf(t, technician.sheet(t, good), "saldo"); f.GetValue() != "12.50" || f.GetReason() != "" {
		t.Errorf("the good one: %v", f)
	}
	if f := fieldOf(t, technician.sheet(t, bad), "saldo"); f.GetValue() != "mucho" || f.GetReason() == "" || !f.GetEditable() {
		t.Errorf("the broken one: %v", f)
	}
	if _, err := technician.customers.Update(t.Context(), connect.NewRequest(&pb.UpdateRequest{
		Customer: &plgv1.Customer{Id: bad, Name: "Eva"}, Mask: &fieldmaskpb.FieldMask{Paths: []string{"name"}},
	})); err != nil {
		t.Errorf("another field of the broken one: %v", err)
	}
	next.Revision = 1
	if _, err := technician.fields.Put(t.Context(), connect.NewRequest(&pb.PutFieldRequest{Field: next})); connect.CodeOf(err) != connect.CodeAborted {
		t.Errorf("an old revision: %v", err)
	}
}

func TestARetiredFieldIsNotOnTheForm(t *testing.T) {
	w := newWorld(t)
	technician := w.as(t, pb.Role_ROLE_TECHNICIAN)
	if _, err := technician.fields.Put(t.Context(), connect.NewRequest(&pb.PutFieldRequest{Field: &pb.Field{Id: "madrina", Name: "Madrina", Type: "customer"}})); err != nil {
		t.Fatal(err)
	}
	eva := technician.register(t, "Eva", "600111223", "")
	resp, err := technician.customers.Register(t.Context(), connect.NewRequest(&pb.RegisterRequest{
		Customer: &plgv1.Customer{Name: "Ana", Phone: "600111222", Fields: map[string]string{"madrina": "1"}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	ana := resp.Msg.GetCustomer().GetId()
	f := fieldOf(t, technician.sheet(t, ana), "madrina")
	if f.GetValue() != eva.GetId() || len(f.GetChoices()) != 1 || f.GetChoices()[0].GetLabel() != "Eva (n.º 1)" {
		t.Errorf("the sheet has %v", f)
	}
	if _, err := technician.fields.Retire(t.Context(), connect.NewRequest(&pb.RetireFieldRequest{Id: "madrina"})); err != nil {
		t.Fatal(err)
	}
	if fieldOf(t, technician.sheet(t, ana), "madrina") != nil || fieldOf(t, technician.sheet(t, ""), "madrina") != nil {
		t.Error("it is still shown")
	}
	if _, err := technician.fields.Restore(t.Context(), connect.NewRequest(&pb.RestoreFieldRequest{Id: "madrina"})); err != nil {
		t.Fatal(err)
	}
	if f := fieldOf(t, technician.sheet(t, ana), "madrina"); f.GetValue() != eva.GetId() {
		t.Errorf("it comes back as %v", f)
	}
	if _, err := technician.fields.Retire(t.Context(), connect.NewRequest(&pb.RetireFieldRequest{Id: "nada"})); connect.CodeOf(err) != connect.CodeNotFound {
		t.Errorf("got %v", err)
	}
}

func TestRulesAreTriedWithoutKeepingAnything(t *testing.T) {
	w := newWorld(t)
	technician := w.as(t, pb.Role_ROLE_TECHNICIAN, "Accept-Language", "en")
	ana := technician.register(t, "Ana", "600111222", "")
	try := func(script, value string) *pb.TryFieldResponse {
		resp, err := technician.fields.Try(t.Context(), connect.NewRequest(&pb.TryFieldRequest{
			Field: &pb.Field{Type: "integer", Script: script, ScriptMessage: "No."}, Value: value, CustomerId: ana.GetId(),
		}))
		if err != nil {
			t.Fatal(err)
		}
		return resp.Msg
	}
	if got := try("value > 3 && customer.name == 'Ana'", "4,0"); got.GetKept() != "4" || len(got.GetDiagnostics())+len(got.GetDeclaration()) > 0 {
		t.Errorf("good: %v", got)
	}
	if got := try("value > 3", "3"); got.GetKept() != "" || len(got.GetDiagnostics()) != 1 || got.GetDiagnostics()[0].GetSummary() != "No." {
		t.Errorf("refused: %v", got)
	}
	if got := try("value > 3 &&\n valor", "4"); len(got.GetDeclaration()) != 1 || got.GetDeclaration()[0].GetDetail() != "2:2" {
		t.Errorf("mistaken: %v", got)
	}
	if got := try("1 / (value - 4) > 0", "4"); len(got.GetDeclaration()) != 1 || got.GetDeclaration()[0].GetCode() != "script_failed" {
		t.Errorf("failing: %v", got)
	}
}
