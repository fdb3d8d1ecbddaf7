package manifest_test

import (
	"errors"
	"strings"
	"testing"

	"mostrador/sdk/manifest"
)

// welcome is the manifest of SDK.md, to the letter.
const welcome = `# plugin.yaml — everything that can be known without running the plugin; unknown keys are errors
id: PLG0074
name: {es: Mensajes de bienvenida, en: Welcome messages}
version: 1.0.0
api: 1
permissions: [customer.contact:read, message.email:send, consent:record]
settings:
  - key: PLG0074TextoFile
    path: [Plug-Ins, Promociones, Clientes]
    name: {es: Texto del mensaje de bienvenida para correo, en: Welcome mail text}
    type: template_file            # validated where it is set: exists, parses, knows its variables
    default: templates/bienvenida.html
actions:
  - id: reenviar
    name: {es: Reenviar bienvenida, en: Resend welcome}
    where: [quick_sheet]
    enabled: customer.email_valid
    disabled_reason: {es: Falta un correo válido., en: A valid e-mail is missing.}
  - id: codigo_corto
    name: {es: Activación con código corto, en: Activate with short code}
    where: [quick_sheet]
    enabled: consent.programme == "pending"
    form: [{id: codigo, type: short_code, required: true}]
events: {handles: [customer.registered, consent.given, consent.withdrawn]}
interplay:
  - when: active("PLG0002") && active("PLG0074")
    target: customer.aplica_promociones
    policy: {editable: false, value: consent.promotions == "given"}
    reason:
      es: Se activa sola cuando el cliente acepta, porque Puntos y Bienvenida están activos.
      en: It goes on by itself when the customer accepts, since Points and Welcome are active.
`

func TestTheManifestOfTheDocumentIsRead(t *testing.T) {
	m, err := manifest.Parse([]byte(welcome), "plugin.yaml")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", m)
}

func TestX(t *testing.T) {
	_, err := manifest.Parse([]byte("id: PLG1\nnme: x\nversion: 1.0\nsettings: 4\n"), "plugin.yaml")
	t.Log(err)
	var e *manifest.Error
	if !errors.As(err, &e) || !strings.Contains(err.Error(), "nme") {
		t.Fatal()
	}
}
