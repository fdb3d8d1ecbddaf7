package host

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// desk is the Guide as the API serves it, asked from a till.
type desk struct {
	*testing.T
	host  *Host
	actor *plgv1.Actor
}

// set sets a value and returns the refusal, empty when it was taken, and the entry.
func (d *desk) set(req *mostradorv1.SetSettingRequest, value any) (string, *mostradorv1.Setting) {
	d.Helper()
	var err error
	if req.Value, err = structpb.NewValue(value); err != nil {
		d.Fatal(err)
	}
	s, err := guideAPI{d.host}.Set(d.Context(), d.actor, req)
	if err != nil {
		return err.Error(), nil
	}
	return "", s
}

func (d *desk) get(key, till string) *mostradorv1.Setting {
	d.Helper()
	s, err := guideAPI{d.host}.Get(d.Context(), &plgv1.Actor{Till: till}, key)
	if err != nil {
		d.Fatal(err)
	}
	return s
}

func openDesk(t *testing.T) *desk {
	h := open(t, t.TempDir(), testPlugin(t, "plg9004ajustes"))
	t.Cleanup(func() { shut(t, h) })
	return &desk{t, h, &plgv1.Actor{Operator: "Marta", Till: "2", Channel: "gui"}}
}

func TestATillHasValuesOfItsOwn(t *testing.T) {
	d := openDesk(t)
	const key = "PLG9004Impresora"
	till := mostradorv1.SettingScope_SETTING_SCOPE_TILL
	if bad, s := d.set(&mostradorv1.SetSettingRequest{Key: key, Scope: till}, "la de aquí"); bad != "" || s.GetValue().GetStringValue() != "la de aquí" ||
		s.GetScope() != till || s.GetNarrowest() != till {
		t.Errorf("%q %v", bad, s)
	}
	d.set(&mostradorv1.SetSettingRequest{Key: key, Scope: till, Till: "3"}, "la de allí")
	d.set(&mostradorv1.SetSettingRequest{Key: key}, "la de todas")
	for at, want := range map[string]string{"1": "la de todas", "2": "la de aquí", "3": "la de allí"} {
		if got := d.get(key, at).GetValue().GetStringValue(); got != want {
			t.Errorf("at till %s %q holds, want %q", at, got, want)
		}
	}
	if got := d.host.pluginSettings("PLG9004").GetFields()[key].GetStringValue(); got != "la de todas" {
		t.Errorf("the plug-in sees %q", got)
	}
	history, err := guideAPI{d.host}.History(t.Context(), key, 10)
	if err != nil || len(history) != 3 || history[1].GetScope() != till || history[1].GetScopeTill() != "3" || history[1].GetTill() != "2" {
		t.Errorf("%v %v", history, err)
	}
	if bad, s := d.set(&mostradorv1.SetSettingRequest{Key: key, Scope: till, Clear: true}, nil); bad != "" || s.GetValue().GetStringValue() != "la de todas" {
		t.Errorf("%q %v", bad, s)
	}
	if bad, _ := d.set(&mostradorv1.SetSettingRequest{Key: key, Scope: mostradorv1.SettingScope_SETTING_SCOPE_DEFAULT}, "x"); !strings.Contains(bad, "para quién") {
		t.Errorf("%q", bad)
	}
}

func TestAValueIsJudgedByItsRuleItsPluginAndTheOthers(t *testing.T) {
	d := openDesk(t)
	if bad, _ := d.set(&mostradorv1.SetSettingRequest{Key: "PLG9004Copias"}, 11.0); !strings.Contains(bad, "No puede pasar del tope.") {
		t.Errorf("by its rule: %q", bad)
	}
	d.set(&mostradorv1.SetSettingRequest{Key: "PLG9004Tope"}, 11.0)
	if bad, _ := d.set(&mostradorv1.SetSettingRequest{Key: "PLG9004Copias"}, 11.0); bad != "" {
		t.Errorf("by its rule: %q", bad)
	}

	cola := func(value string) (string, *mostradorv1.Setting) {
		return d.set(&mostradorv1.SetSettingRequest{Key: "PLG9004Cola"}, value)
	}
	if bad, _ := cola("buena"); bad != "" {
		t.Error(bad)
	}
	if bad, _ := cola("mala"); bad != "Esa cola no existe." {
		t.Errorf("by its plug-in: %q", bad)
	}
	if bad, s := cola("rara"); bad != "" || s.GetWarning() != "Esa cola está parada; en vigor, buena." {
		t.Errorf("%q %v", bad, s)
	}
	if bad, s := cola("fatal"); bad != "" || !strings.Contains(s.GetWarning(), "PLG9004 no ha contestado") || s.GetValue().GetStringValue() != "fatal" {
		t.Errorf("a plug-in that breaks stands in the way: %q %v", bad, s)
	}

	modo := &mostradorv1.SetSettingRequest{Key: "PLG9004Modo"}
	if bad, _ := d.set(modo, "mío"); bad != "" {
		t.Error(bad)
	}
	d.set(&mostradorv1.SetSettingRequest{Key: "PLG9004Fija"}, true)
	if bad, _ := d.set(modo, "otro"); !strings.Contains(bad, "El modo fijo está puesto.") {
		t.Errorf("by a rule of interplay: %q", bad)
	}
	s := d.get("PLG9004Modo", "")
	if !s.GetReadOnly() || s.GetReason() != "El modo fijo está puesto." || s.GetValue().GetStringValue() != "mío" {
		t.Errorf("%v", s)
	}
	d.set(&mostradorv1.SetSettingRequest{Key: "PLG9004Fija"}, false)
	if bad, s := d.set(modo, "otro"); bad != "" || s.GetReadOnly() || s.GetReason() != "" {
		t.Errorf("it stays locked: %q %v", bad, s)
	}
}

func TestAFileOfAnyContentReachesItsPlugin(t *testing.T) {
	d := openDesk(t)
	req := &mostradorv1.SetSettingRequest{Key: "PLG9004Logo", Data: []byte("\x89PNG\x00\xff")}
	if bad, s := d.set(req, "logo.png"); bad != "" || s.GetSize() != 6 || string(s.GetData()) != "\x89PNG\x00\xff" || s.GetContent() != "" {
		t.Errorf("%q %v", bad, s)
	}
	file := d.host.pluginSettings("PLG9004").GetFields()["PLG9004Logo"].GetStructValue().GetFields()
	if file["name"].GetStringValue() != "logo.png" || file["content"].GetStringValue() != "iVBORwD/" {
		t.Errorf("the plug-in sees %v", file)
	}
	list, err := guideAPI{d.host}.List(t.Context(), d.actor, "@plugin:PLG9004 logo")
	if err != nil || len(list) != 1 || list[0].GetSize() != 6 || len(list[0].GetData()) != 0 {
		t.Errorf("%v %v", list, err)
	}
	text := "uno\n"
	if bad, s := d.set(&mostradorv1.SetSettingRequest{Key: "PLG9004Logo", Content: &text}, "uno.txt"); bad != "" || s.GetContent() != text {
		t.Errorf("%q %v", bad, s)
	}
}

func TestTheStoresOwnSettingsAreJudgedByTheLine(t *testing.T) {
	d := openDesk(t)
	for key, values := range map[string][2]string{
		settingTrustedKeys:    {"Ana Soft RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3", "Ana Soft RWQfmal"},
		settingAllowedHashes:  {strings.Repeat("0a", 32) + " el de prueba", "0a0b"},
		settingDevelopment:    {t.TempDir(), "plugins"},
		"InterplayDecisiones": {"customer.aplica_promociones=PLG9004", "customer.aplica_promociones"},
	} {
		if bad, _ := d.set(&mostradorv1.SetSettingRequest{Key: key}, values[1]); !strings.Contains(bad, values[1]) {
			t.Errorf("%s: %q", key, bad)
		}
		if bad, _ := d.set(&mostradorv1.SetSettingRequest{Key: key}, values[0]); bad != "" {
			t.Errorf("%s: %q", key, bad)
		}
		if bad, _ := d.set(&mostradorv1.SetSettingRequest{Key: key, Clear: true}, nil); bad != "" {
			t.Errorf("%s: %q", key, bad)
		}
	}
}
