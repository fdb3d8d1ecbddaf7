package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/plugin/pack"
	"mostrador/host/store"
)

const removal = "PLG9003"

// workshop makes packages of plg9003mudanza in any version.
type workshop struct {
	t       *testing.T
	program string
	key     pack.SecretKey
	line    string // of the trusted key
}

func newWorkshop(t *testing.T) *workshop {
	t.Helper()
	public, secret, err := pack.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return &workshop{t, build(t, "./testdata/plugins/plg9003mudanza", "plg9003mudanza"), secret, "Taller de Ana " + public.String()}
}

// pack returns a package of that version; manifest may change the text of its manifest.
func (w *workshop) pack(version string, signed bool, manifest ...string) []byte {
	w.t.Helper()
	dir := w.t.TempDir()
	text, err := os.ReadFile("testdata/plugins/plg9003mudanza/plugin.yaml")
	if err != nil {
		w.t.Fatal(err)
	}
	text = []byte(strings.Replace(string(text), "version: 1.0.0", "version: "+version, 1))
	text = []byte(strings.NewReplacer(manifest...).Replace(string(text)))
	if err := os.WriteFile(filepath.Join(dir, "plugin.yaml"), text, 0o600); err != nil {
		w.t.Fatal(err)
	}
	path := filepath.Join(dir, "out.plg")
	f, err := os.Create(path)
	if err != nil {
		w.t.Fatal(err)
	}
	err = pack.Build(f, dir, []pack.Program{{OS: runtime.GOOS, Arch: runtime.GOARCH, Path: w.program}})
	if err := errors.Join(err, f.Close()); err != nil {
		w.t.Fatal(err)
	}
	if signed {
		if err := pack.Sign(path, w.key); err != nil {
			w.t.Fatal(err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	return data
}

// install inspects and installs as a technician does who agrees to everything.
func (h *Host) install(t *testing.T, data []byte, change ...func(*mostradorv1.InstallRequest)) (rolledBack string, err error) {
	t.Helper()
	seen, err := h.ensemble.Inspect(t.Context(), data)
	if err != nil {
		return "", err
	}
	req := &mostradorv1.InstallRequest{Package: data, Digest: seen.GetDigest(), Enable: true}
	for _, p := range seen.GetPermissions() {
		req.AcceptedPermissions = append(req.AcceptedPermissions, p.GetId())
	}
	for _, c := range change {
		c(req)
	}
	_, rolledBack, err = h.ensemble.Install(t.Context(), clerk, req)
	return rolledBack, err
}

func (h *Host) set(t *testing.T, key string, value any) {
	t.Helper()
	if _, err := h.guide.Set(t.Context(), clerk, key, value, nil, "es"); err != nil {
		t.Fatal(err)
	}
}

func (h *Host) info(t *testing.T, id string) *mostradorv1.PluginInfo {
	t.Helper()
	list, err := h.ensemble.List(t.Context(), "es")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list.GetPlugins() {
		if p.GetId() == id {
			return p
		}
	}
	return nil
}

// counted is what PLG9003 has for a customer, in the form of its old and new versions.
func (h *Host) counted(t *testing.T, customerID string) (old, modern int) {
	t.Helper()
	var record struct{ N, Purchases int }
	if err := h.store.View(func(tx *store.Tx) error {
		state, ok := event.GetState(tx, removal, customerID)
		if !ok {
			return nil
		}
		return json.Unmarshal(state, &record)
	}); err != nil {
		t.Fatal(err)
	}
	return record.N, record.Purchases
}

// counter is a store with one customer, at whom sales can be rung up.
type counter struct {
	*Host
	t        *testing.T
	customer string
	mu       sync.Mutex
	sales    int
}

func openCounter(t *testing.T) *counter {
	t.Helper()
	h := open(t, t.TempDir())
	t.Cleanup(func() { shut(t, h) })
	c, err := h.customers.Register(t.Context(), clerk, person(1), "")
	if err != nil {
		t.Fatal(err)
	}
	return &counter{Host: h, t: t, customer: c.GetId()}
}

func (c *counter) sell(n int) {
	c.t.Helper()
	for range n {
		c.mu.Lock()
		c.sales++
		receipt := fmt.Sprint("T-", c.sales)
		c.mu.Unlock()
		if _, _, err := c.Host.sales.Record(c.t.Context(), clerk, receipt, c.customer, 100); err != nil {
			c.t.Error(err)
		}
	}
}

func (c *counter) idle() {
	c.t.Helper()
	if err := c.Idle(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
}

func TestAPluginIsUpgradedAndRolledBackWhileSalesGoOn(t *testing.T) {
	w, c := newWorkshop(t), openCounter(t)
	c.set(t, settingTrustedKeys, []any{w.line})
	if why, err := c.install(t, w.pack("1.0.0", true)); err != nil || why != "" {
		t.Fatal(why, err)
	}
	var tills sync.WaitGroup
	const each = 40
	for range 2 {
		tills.Go(func() { c.sell(each) })
	}
	if why, err := c.install(t, w.pack("1.1.0", true)); err != nil || why != "" {
		t.Fatal(why, err)
	}
	tills.Wait()
	c.sell(1) // at least one comes after it
	c.idle()
	if old, modern := c.counted(t, c.customer); old != 0 || modern != 2*each+1 {
		t.Errorf("after the upgrade: %d in the old form, %d in the new; %d sales", old, modern, 2*each+1)
	}
	info := c.info(t, removal)
	if info.GetVersion() != "1.1.0" || len(info.GetVersions()) != 2 || info.GetParked() != 0 || info.GetVersions()[0].GetSigner() != "Taller de Ana" {
		t.Errorf("info %v", info)
	}

	// The records of 1.1.0 were used since, and 1.0.0 does not know them.
	err := c.ensemble.Rollback(t.Context(), clerk, removal, "")
	var refused *customer.Refused
	if !errors.As(err, &refused) || !strings.Contains(refused.Refusal.String(), "registros") {
		t.Fatalf("rolled back: %v", err)
	}
	c.sell(1)
	c.idle()
	if _, modern := c.counted(t, c.customer); modern != 2*each+2 {
		t.Errorf("%d of %d sales after a rollback that could not be", modern, 2*each+2)
	}

	// 1.6.0 and 1.1.0 read one another's records.
	if why, err := c.install(t, w.pack("1.6.0", true)); err != nil || why != "" {
		t.Fatal(why, err)
	}
	c.sell(1)
	c.idle()
	if err := c.ensemble.Rollback(t.Context(), clerk, removal, ""); err != nil {
		t.Fatal(err)
	}
	c.sell(1)
	c.idle()
	if _, modern := c.counted(t, c.customer); modern != 2*each+4 || c.info(t, removal).GetVersion() != "1.1.0" {
		t.Errorf("%d of %d sales counted by %s", modern, 2*each+4, c.info(t, removal).GetVersion())
	}
}

func TestAVersionThatDoesNotBecomeHealthyGivesWayByItself(t *testing.T) {
	w, c := newWorkshop(t), openCounter(t)
	c.set(t, settingTrustedKeys, []any{w.line})
	if _, err := c.install(t, w.pack("1.0.0", true)); err != nil {
		t.Fatal(err)
	}
	c.sell(3)
	c.idle()
	for version, word := range map[string]string{"1.2.0": "Me falta una pieza.", "1.4.0": "no sé leer", "1.5.0": "da la gana"} {
		why, err := c.install(t, w.pack(version, true))
		if err != nil || !strings.Contains(why, word) || !strings.Contains(why, "1.0.0") {
			t.Errorf("%s: %q, %v", version, why, err)
		}
		c.sell(1)
		c.idle()
	}
	if info := c.info(t, removal); info.GetVersion() != "1.0.0" || info.GetParked() != 0 || info.GetState() != mostradorv1.PluginState_PLUGIN_STATE_RUNNING {
		t.Errorf("info %v", info)
	}
	if old, modern := c.counted(t, c.customer); old != 6 || modern != 0 {
		t.Errorf("%d in the old form, %d in the new", old, modern)
	}
}

// TestAVersionThatCrashesWithItsFirstEventsGivesWayWithItsMigration is the upgrade that looked well.
func TestAVersionThatCrashesWithItsFirstEventsGivesWayWithItsMigration(t *testing.T) {
	w, c := newWorkshop(t), openCounter(t)
	c.set(t, settingTrustedKeys, []any{w.line})
	if _, err := c.install(t, w.pack("1.0.0", true)); err != nil {
		t.Fatal(err)
	}
	c.sell(3)
	c.idle()
	if why, err := c.install(t, w.pack("1.3.0", true)); err != nil || why != "" {
		t.Fatal(why, err)
	}
	if old, modern := c.counted(t, c.customer); old != 0 || modern != 3 {
		t.Fatalf("not migrated: %d, %d", old, modern)
	}
	c.sell(1)
	eventually(t, "1.0.0 is back, and has counted what 1.3.0 fell over", func() bool {
		old, modern := c.counted(t, c.customer)
		return c.info(t, removal).GetVersion() == "1.0.0" && old == 4 && modern == 0
	})
	c.sell(1)
	c.idle()
	if info := c.info(t, removal); info.GetParked() != 0 {
		t.Errorf("info %v", info)
	}
}

func TestOnlyWhatATechnicianTrustsIsInstalled(t *testing.T) {
	w, other, h := newWorkshop(t), newWorkshop(t), open(t, t.TempDir())
	defer shut(t, h)
	h.set(t, settingTrustedKeys, []any{w.line})
	good := w.pack("1.1.0", true)
	if _, err := h.install(t, good); err != nil {
		t.Fatal(err)
	}
	altered := append([]byte{}, good...)
	altered[len(altered)/2] ^= 1
	later := w.pack("1.6.0", true)
	for name, test := range map[string]struct {
		data   []byte
		change func(*mostradorv1.InstallRequest)
		word   string
	}{
		"unsigned":             {w.pack("1.6.0", false), nil, "firma"},
		"signed by a stranger": {other.pack("1.6.0", true), nil, "clave"},
		"altered":              {altered, nil, ""},
		"cut off":              {good[:len(good)/2], nil, ""},
		"nothing":              {nil, nil, ""},
		"older":                {w.pack("1.0.0", true), nil, "anterior"},
		"another than shown":   {later, func(r *mostradorv1.InstallRequest) { r.Digest = strings.Repeat("0", 64) }, "otra vez"},
		"more than agreed to":  {later, func(r *mostradorv1.InstallRequest) { r.AcceptedPermissions = nil }, "pide"},
		"less than agreed to": {later, func(r *mostradorv1.InstallRequest) {
			r.AcceptedPermissions = append(r.AcceptedPermissions, "customer:read")
		}, "pide"},
		"a reader of the store's files": {w.pack("1.6.0", true, "[sale:read]", "[sale:read, \"file:"+h.opt.Home+"/spool:read\"]"), nil, h.opt.Home},
		"of a later protocol":           {w.pack("1.6.0", true, "api: [1, 2]", "api: 77"), nil, "protocolo"},
	} {
		t.Run(name, func(t *testing.T) {
			change := test.change
			if change == nil {
				change = func(*mostradorv1.InstallRequest) {}
			}
			_, err := h.install(t, test.data, change)
			var refused *customer.Refused
			if !errors.As(err, &refused) {
				t.Fatalf("got %v", err)
			}
			said := refused.Refusal.GetDiagnostics()[0].GetSummary()
			if said == "" || !strings.Contains(refused.Refusal.String(), test.word) {
				t.Errorf("said %q", refused.Refusal)
			}
			if info := h.info(t, removal); info.GetVersion() != "1.1.0" || info.GetState() != mostradorv1.PluginState_PLUGIN_STATE_RUNNING {
				t.Errorf("info %v", info)
			}
		})
	}

	// By name, a technician may allow a key, or a file.
	unsigned := w.pack("1.6.0", false)
	seen, err := h.ensemble.Inspect(t.Context(), unsigned)
	if err != nil {
		t.Fatal(err)
	}
	h.set(t, settingAllowedHashes, []any{seen.GetDigest()})
	if _, err := h.install(t, unsigned); err != nil {
		t.Error(err)
	}
	allow := func(r *mostradorv1.InstallRequest) { r.AllowDowngrade = true }
	if _, err := h.install(t, good, allow); err != nil {
		t.Error(err)
	}
	if info := h.info(t, removal); info.GetVersion() != "1.1.0" {
		t.Errorf("info %v", info)
	}
}

func TestARemovedPluginComesBackToItsRecords(t *testing.T) {
	w, c := newWorkshop(t), openCounter(t)
	c.set(t, settingTrustedKeys, []any{w.line})
	data := w.pack("1.1.0", true)
	if _, err := c.install(t, data); err != nil {
		t.Fatal(err)
	}
	c.sell(2)
	c.idle()
	if err := c.ensemble.Remove(t.Context(), clerk, removal, ""); !isRefused(err) {
		t.Fatalf("an active plug-in was removed: %v", err)
	}
	if err := c.ensemble.Disable(t.Context(), clerk, removal); err != nil {
		t.Fatal(err)
	}
	if err := c.ensemble.Remove(t.Context(), clerk, removal, ""); err != nil {
		t.Fatal(err)
	}
	if info := c.info(t, removal); info != nil {
		t.Errorf("still there: %v", info)
	}
	c.sell(5) // nobody's business
	if _, err := c.install(t, data); err != nil {
		t.Fatal(err)
	}
	c.sell(1)
	c.idle()
	if _, modern := c.counted(t, c.customer); modern != 3 {
		t.Errorf("counted %d", modern)
	}
}

func TestTheVersionInUseOutlivesTheHost(t *testing.T) {
	w, home := newWorkshop(t), t.TempDir()
	h := open(t, home)
	h.set(t, settingTrustedKeys, []any{w.line})
	for _, version := range []string{"1.0.0", "1.1.0"} {
		if _, err := h.install(t, w.pack(version, true)); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.ensemble.Rollback(t.Context(), clerk, removal, "1.0.0"); err != nil {
		t.Fatal(err)
	}
	shut(t, h)
	h = open(t, home)
	defer shut(t, h)
	if info := h.info(t, removal); info.GetVersion() != "1.0.0" || !info.GetActive() || len(info.GetVersions()) != 2 {
		t.Errorf("info %v", info)
	}
}

func TestTheDevelopmentFolderIsUsedAndFollowed(t *testing.T) {
	w, h := newWorkshop(t), open(t, t.TempDir())
	defer shut(t, h)
	folder := filepath.Join(t.TempDir(), "plg9003mudanza")
	write := func(version string) {
		text, err := os.ReadFile("testdata/plugins/plg9003mudanza/plugin.yaml")
		if err == nil {
			text = []byte(strings.Replace(string(text), "version: 1.0.0", "version: "+version, 1))
			err = errors.Join(os.MkdirAll(folder, 0o700), os.WriteFile(filepath.Join(folder, "plugin.yaml"), text, 0o600))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	write("1.0.0")
	program, err := os.ReadFile(w.program)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, filepath.Base(w.program)), program, 0o700); err != nil {
		t.Fatal(err)
	}
	h.set(t, settingDevelopment, folder)
	eventually(t, "it is there, and says where it is from", func() bool {
		info := h.info(t, removal)
		return info.GetVersion() == "1.0.0" && info.GetDevelopment()
	})
	if err := h.ensemble.Enable(t.Context(), clerk, removal); err != nil {
		t.Fatal(err)
	}
	if names := h.ensemble.Development("es"); len(names) != 1 || names[0] != "Mudanza" {
		t.Errorf("in development: %q", names)
	}
	write("1.1.0")
	eventually(t, "what was built is used at once", func() bool {
		info := h.info(t, removal)
		return info.GetVersion() == "1.1.0" && info.GetState() == mostradorv1.PluginState_PLUGIN_STATE_RUNNING
	})
	h.set(t, settingDevelopment, "")
	eventually(t, "it is gone with the folder", func() bool { return h.info(t, removal) == nil })
}
