package permission_test

import (
	"slices"
	"strings"
	"testing"

	"mostrador/host/locale"
	"mostrador/host/plugin/permission"
	"mostrador/sdk/manifest"
)

// own is a plugin with a field of its own.
var own = &manifest.Manifest{
	ID: "PLG9005", Fields: []manifest.Field{{ID: "plg9005_nacimiento", Name: manifest.Text{"es": "Nacimiento", "en": "Birth"}}},
}

func TestEveryPermissionIsSaidInWords(t *testing.T) {
	text := locale.New()
	for _, tt := range []struct {
		id, es, en string
		sensitive  bool
	}{
		{"customer:read", "Ver los clientes", "See the customers", false},
		{"customer.contact:read", "el teléfono", "phone numbers", true},
		{"customer.fields:write", "cualquier dato", "any data", true},
		{"customer.tags:write", "etiquetas", "tags", false},
		{"sale:read", "ventas", "sales", false},
		{"consent:read", "aceptó", "accepted", false},
		{"consent:record", "código corto", "short code", false},
		{"message.email:send", "correos", "e-mail", true},
		{"message.sms:send", "SMS", "text messages", true},
		{"process:spawn", "otros programas", "other programs", true},
		{"customer.plg9005_nacimiento:write", "«Nacimiento»", "“Birth”", false},
		{"customer.aplica_promociones:write", "«Aplica para Promociones»", "“Applies for promotions”", true},
		{"customer.plg0002_nivel:write", "«plg0002_nivel»", "“plg0002_nivel”", true},
		{"net:smpp.example:2775", "Conectarse a smpp.example, puerto 2775.", "Connect to smpp.example, port 2775.", true},
		{"file:/srv/rates:read", "Leer /srv/rates y", "Read /srv/rates and", true},
		{"file:/srv/rates:write", "Leer y cambiar /srv/rates", "change /srv/rates", true},
		{"memory:300", "300 MiB", "300 MiB", false},
		{"memory:4096", "4096 MiB", "4096 MiB", true},
		{"camera:use", "no conoce", "does not know", true},
	} {
		for lang, want := range map[string]string{"es": tt.es, "en": tt.en} {
			got, sensitive := permission.Words(text, own, tt.id, lang)
			if !strings.Contains(got, want) || sensitive != tt.sensitive || strings.Contains(got, "permission.") {
				t.Errorf("%s in %s: %q (sensitive %v), want %q", tt.id, lang, got, sensitive, want)
			}
		}
	}
	if got, sensitive := permission.Words(text, nil, "customer.plg9005_nacimiento:write", "es"); !sensitive || !strings.Contains(got, "plg9005_nacimiento") {
		t.Errorf("another's field: %q %v", got, sensitive)
	}
}

func TestWhatIsSensitiveComesFirst(t *testing.T) {
	m := &manifest.Manifest{Permissions: []string{"sale:read", "message.email:send", "customer:read", "net:a.example:25"}}
	var ids []string
	for _, p := range permission.List(locale.New(), m, "es") {
		ids = append(ids, p.ID)
	}
	if want := []string{"message.email:send", "net:a.example:25", "sale:read", "customer:read"}; !slices.Equal(ids, want) {
		t.Errorf("order %v, want %v", ids, want)
	}
}

func TestOnlyWhatIsMoreIsAdded(t *testing.T) {
	for _, tt := range []struct{ from, to, want []string }{
		{nil, []string{"sale:read"}, []string{"sale:read"}},
		{[]string{"sale:read"}, []string{"sale:read"}, nil},
		{[]string{"customer.contact:read"}, []string{"customer:read"}, nil},
		{[]string{"customer:read"}, []string{"customer.contact:read"}, []string{"customer.contact:read"}},
		{[]string{"customer.fields:write"}, []string{"customer.name:write", "customer.tags:write"}, []string{"customer.tags:write"}},
		{nil, []string{"memory:256"}, nil},
		{nil, []string{"memory:257"}, []string{"memory:257"}},
		{[]string{"memory:512"}, []string{"memory:300"}, nil},
		{[]string{"file:/srv:write"}, []string{"file:/srv/a:read", "file:/srvx:read"}, []string{"file:/srvx:read"}},
		{[]string{"file:/srv:read"}, []string{"file:/srv:write"}, []string{"file:/srv:write"}},
		{[]string{"net:a.example:25"}, []string{"net:a.example:26"}, []string{"net:a.example:26"}},
	} {
		got := permission.Added(&manifest.Manifest{Permissions: tt.from}, &manifest.Manifest{Permissions: tt.to})
		if !slices.Equal(got, tt.want) {
			t.Errorf("from %v to %v: %v, want %v", tt.from, tt.to, got, tt.want)
		}
	}
}
