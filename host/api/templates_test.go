package api_test

import (
	"strings"
	"testing"

	"connectrpc.com/connect"

	"mostrador/host/api"
	pb "mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

const orderText = `<title>Su pedido</title><p>Hola, {{.Cliente.PrimerNombre}}: su pedido está en camino y llega mañana.</p>`

func TestOperatorsWriteTemplatesAndCashiersDoNot(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	cashier := w.as(t, pb.Role_ROLE_CASHIER)
	for name, call := range map[string]func() error{
		"list": func() error {
			_, err := cashier.templates.List(ctx, connect.NewRequest(&pb.ListTemplatesRequest{}))
			return err
		},
		"put": func() error {
			_, err := cashier.templates.Put(ctx, connect.NewRequest(&pb.PutTemplateRequest{}))
			return err
		},
		"preview": func() error {
			_, err := cashier.templates.Preview(ctx, connect.NewRequest(&pb.PreviewTemplateRequest{}))
			return err
		},
		"test": func() error {
			_, err := cashier.templates.SendTest(ctx, connect.NewRequest(&pb.SendTestTemplateRequest{}))
			return err
		},
	} {
		if err := call(); connect.CodeOf(err) != connect.CodePermissionDenied {
			t.Errorf("%s: a cashier is answered %v", name, err)
		}
	}

	operator := w.as(t, pb.Role_ROLE_OPERATOR, api.HeaderLanguage, "es")
	wish := &pb.Template{Name: "Pedido", Texts: []*pb.TemplateText{{Language: "es", Html: orderText}}}
	put, err := operator.templates.Put(ctx, connect.NewRequest(&pb.PutTemplateRequest{Template: wish}))
	if err != nil || put.Msg.GetTemplate().GetTheme() != "De la tienda" || len(put.Msg.GetChecks()) == 0 {
		t.Fatalf("%v %v", put, err)
	}
	id := put.Msg.GetTemplate().GetId()
	wish = &pb.Template{Id: id, Texts: []*pb.TemplateText{{Language: "es", Html: "<title>x</title>{{.Nada}}"}}}
	if _, err := operator.templates.Put(ctx, connect.NewRequest(&pb.PutTemplateRequest{Template: wish})); connect.CodeOf(err) != connect.CodeInvalidArgument ||
		!strings.Contains(err.Error(), "No existe la variable .Nada") {
		t.Errorf("a slip is answered %v", err)
	}
	got, err := operator.templates.Get(ctx, connect.NewRequest(&pb.GetTemplateRequest{Id: id}))
	if err != nil || got.Msg.GetTemplate().GetTexts()[0].GetHtml() != orderText {
		t.Errorf("%v %v", got, err)
	}

	ana := operator.register(t, "Ana Ruiz", "600111222", "ana@example.com")
	preview := &pb.PreviewTemplateRequest{Id: id, CustomerId: ana.GetId(), Kind: plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL}
	seen, err := operator.templates.Preview(ctx, connect.NewRequest(preview))
	if err != nil || !strings.Contains(seen.Msg.GetMail().GetText(), "Hola, Ana:") || seen.Msg.GetSize() == 0 {
		t.Fatalf("%v %v", seen, err)
	}
	refused := false
	for _, c := range seen.Msg.GetChecks() {
		refused = refused || c.GetCheck() == "unsubscribe" && c.GetSeverity() == plgv1.Severity_SEVERITY_ERROR
	}
	if !refused {
		t.Errorf("advertising without a way out: %v", seen.Msg.GetChecks())
	}
	// An English text is spoken about in the language of who asks.
	english := &pb.PreviewTemplateRequest{Language: "en", Html: "<title>x</title>{{.Nada}}"}
	if seen, err := operator.templates.Preview(ctx, connect.NewRequest(english)); err != nil || len(seen.Msg.GetChecks()) == 0 ||
		!strings.Contains(seen.Msg.GetChecks()[0].GetWords(), "No existe la variable .Nada") {
		t.Errorf("%v %v", seen, err)
	}
	sent, err := operator.templates.SendTest(ctx, connect.NewRequest(&pb.SendTestTemplateRequest{Preview: preview, To: "yo@example.com"}))
	if err != nil || !strings.Contains(sent.Msg.GetWords(), "yo@example.com") {
		t.Errorf("%v %v", sent, err)
	}
	versions, err := operator.templates.Versions(ctx, connect.NewRequest(&pb.ListTemplateVersionsRequest{Id: id}))
	if err != nil || len(versions.Msg.GetVersions()) != 1 || versions.Msg.GetVersions()[0].GetActor().GetOperator() == "" {
		t.Errorf("%v %v", versions, err)
	}
	if _, err := operator.templates.Delete(ctx, connect.NewRequest(&pb.DeleteTemplateRequest{Id: id})); err != nil {
		t.Error(err)
	}
	if _, err := operator.templates.Get(ctx, connect.NewRequest(&pb.GetTemplateRequest{Id: id})); connect.CodeOf(err) != connect.CodeNotFound {
		t.Errorf("%v", err)
	}
}
