package host

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/event"
	"mostrador/host/plugin"
	"mostrador/host/store"
)

const (
	hostileID = "PLG9100"
	honestID  = "PLG9001"
)

// evil is one thing that a plug-in does to a store, and what comes of it.
type evil struct {
	mode string
	// permissions are those that its manifest asks for beside the usual one.
	permissions string
	// policy makes waiting short where the host has to wait.
	policy plugin.Policy

	// What people see in the end: it was set aside; so many events are parked, with this in their error; it was
	// started again; its log was throttled. With none of these it simply runs.
	aside     bool
	parked    uint64
	reason    string
	restarts  bool
	throttled bool
	// says stands in its last log lines.
	says string
	// denied are how many attempts on others it was kept from; none may have succeeded.
	denied int
	// useless tells that it does not even do its own work for other customers.
	useless bool
}

var (
	short  = plugin.Policy{BatchTimeout: time.Second, StopTimeout: time.Second}
	starts = plugin.Policy{StartTimeout: 3 * time.Second, Strikes: 2}
)

var evils = []evil{
	{mode: "nada"},
	{mode: "cuelga_al_arrancar", policy: starts, aside: true, useless: true},
	{mode: "muere_al_arrancar", policy: starts, aside: true, says: "no encuentro mi licencia", useless: true},
	{mode: "saluda_mal", policy: starts, aside: true, useless: true},
	{mode: "otra_version", aside: true, says: "6.6.6", useless: true},

	{mode: "cuelga", policy: short, parked: 1, reason: "no answer in time"},
	{mode: "tarda", policy: short, parked: 1, reason: "no answer in time"},
	{mode: "pregunta_sin_fin", policy: short, parked: 1, reason: "no answer in time"},
	{mode: "muere_siempre", parked: 1, useless: true},
	{mode: "muere_a_medias", parked: 1},
	{mode: "muere_cada_rato", restarts: true},
	{mode: "entra_en_panico", parked: 1},
	{mode: "no_se_va", policy: short},

	{mode: "come_memoria", parked: 1},
	{mode: "quema"},
	{mode: "grita", throttled: true},
	{mode: "llena_salida"},
	{mode: "inunda_de_efectos", parked: 1, reason: "effects"},
	{mode: "inunda_de_sucesos", parked: 1, reason: "effects"},

	{mode: "responde_dos_veces", restarts: true},
	{mode: "responde_a_otro", parked: 1, reason: "outcomes"},
	{mode: "responde_otra_cosa", parked: 1, reason: "protocol"},
	{mode: "responde_cien_megas", parked: 1},
	{mode: "responde_basura", policy: short, parked: 1},

	{mode: "campo_ajeno", parked: 1, reason: "permission"},
	{mode: "campo_de_la_casa", parked: 1, reason: "permission"},
	{mode: "etiqueta", parked: 1, reason: "permission"},
	{mode: "correo", parked: 1, reason: "permission"},
	{mode: "suceso_ajeno", parked: 1, reason: "events.emits"},
	{mode: "registro_ajeno", parked: 1},
	{mode: "codigo", parked: 1, reason: "permission"},

	{mode: "husmea", denied: 12},
	{mode: "llama_fuera", denied: 4},
	{mode: "pare_hijos", denied: 3},
	{mode: "pare_hijos", permissions: ", process:spawn"},
	{mode: "ataca", denied: 4},
}

// evilsHere are those of which this system keeps the store: what has to be denied is denied on Linux only.
func evilsHere() []evil {
	if runtime.GOOS == "linux" {
		return evils
	}
	return slices.DeleteFunc(slices.Clone(evils), func(e evil) bool {
		return e.denied > 0 || e.permissions != "" || e.mode == "come_memoria"
	})
}

// name tells the evils apart.
func (e evil) name() string { return e.mode + strings.ReplaceAll(e.permissions, ", ", "+") }

// TestNoPluginHurtsTheStore has a till register customers and sell to them while a hostile plug-in does its worst, one
// evil at a time. Nothing that the till was told may be lost, an honest plug-in beside it gets every event exactly
// once, and people see what is the matter.
func TestNoPluginHurtsTheStore(t *testing.T) {
	programs := builtForBattery(t)
	for _, e := range evilsHere() {
		t.Run(e.name(), func(t *testing.T) {
			t.Parallel()
			battle(t, programs, e)
		})
	}
}

// customersOfBattery is how many customers come, and poisonous which of them the hostile plug-in waits for.
const customersOfBattery, poisonous = 24, 8

func battle(t *testing.T, programs string, e evil) {
	ctx := t.Context()
	stranger := listen(t)
	home := filepath.Join(t.TempDir(), "casa")
	h, err := Open(ctx, Options{
		Home: home, Plugins: []string{hostilePackages(t, programs, home, stranger, e)}, Policy: e.policy,
	})
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	defer func() {
		if !closed {
			shut(t, h)
		}
	}()

	var ids []string
	for i := range customersOfBattery {
		c := person(i)
		if i == poisonous {
			c.Name = "Veneno " + c.Name
		}
		kept, err := h.customers.Register(ctx, clerk, c, "")
		if err != nil {
			t.Fatalf("customer %d: %v", i, err)
		}
		ids = append(ids, kept.Id)
		if _, _, err := h.sales.Record(ctx, clerk, "T-"+strconv.Itoa(i), kept.Id, 1000); err != nil {
			t.Fatalf("sale %d: %v", i, err)
		}
	}

	var info *mostradorv1.PluginInfo
	eventually(t, "people see what is the matter", func() bool {
		info = h.pluginInfo(t, hostileID)
		return e.shows(info)
	})
	eventually(t, "the honest plug-in has all its events", func() bool { return h.pluginInfo(t, honestID).GetPending() == 0 })
	if !e.useless {
		eventually(t, "it did its own work", func() bool { return h.pluginInfo(t, hostileID).GetPending() == 0 })
	}
	for i, id := range ids {
		h.fetch(t, id) // fails when it is gone
		if n := h.tally(t, honestID, id); n != 1 {
			t.Errorf("customer %d: the honest plug-in counted %d sales", i, n)
		}
		if n := h.tally(t, hostileID, id); !e.useless && n != 1 && (i != poisonous || e.parked == 0) {
			t.Errorf("customer %d: its own event took effect %d times", i, n)
		}
	}
	h.judgeEvil(t, e)

	pid := int(info.GetPid())
	limited, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	closed = true
	if err := h.Close(limited); err != nil {
		t.Errorf("closing: %v", err)
	}
	if limited.Err() != nil {
		t.Error("the store could not be closed")
	}
	if process, err := os.FindProcess(pid); err == nil && pid != 0 && process.Signal(syscall.Signal(0)) == nil {
		t.Error("its process is left")
	}
	eventually(t, "its children are gone", func() bool { return !sleepsOn(t, stranger) })
	if n := stranger.calls(); n != 0 {
		t.Errorf("it reached a stranger %d times", n)
	}
}

// shows tells whether what people see is what this evil comes to.
func (e evil) shows(info *mostradorv1.PluginInfo) bool {
	if e.aside {
		return info.GetState() == mostradorv1.PluginState_PLUGIN_STATE_SET_ASIDE
	}
	return info.GetParked() >= e.parked && (!e.restarts || info.GetRestarts() > 0) && (!e.throttled || info.GetLogDropped() > 0)
}

// judgeEvil looks at what was parked and logged.
func (h *Host) judgeEvil(t *testing.T, e evil) {
	t.Helper()
	info := h.pluginInfo(t, hostileID)
	if info.GetParked() > e.parked && !e.useless {
		t.Errorf("%d events are parked, want %d", info.GetParked(), e.parked)
	}
	if info.GetState() == mostradorv1.PluginState_PLUGIN_STATE_SET_ASIDE && !e.aside && !e.useless {
		t.Errorf("it was set aside: %v", info.GetLastLog())
	}
	var parked []*mostradorv1.ParkedEvent
	if err := h.store.View(func(tx *store.Tx) (err error) {
		parked, err = h.engine.Parked(tx)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for _, p := range parked {
		if p.GetPlugin() != hostileID || p.GetError() == "" || !strings.Contains(p.GetError(), e.reason) {
			t.Errorf("parked for %s: %q, want something about %q", p.GetPlugin(), p.GetError(), e.reason)
		}
	}
	lines := h.logOf(hostileID)
	if !strings.Contains(lines, e.says) {
		t.Errorf("%q is not in its last lines:\n%s", e.says, lines)
	}
	if e.denied > 0 {
		if n := strings.Count(lines, "NEGADO"); n < e.denied {
			t.Errorf("%d attempts were denied, want %d:\n%s", n, e.denied, lines)
		}
		if strings.Contains(lines, "LOGRADO") {
			t.Errorf("it got through:\n%s", lines)
		}
	}
}

func (h *Host) logOf(id string) string {
	p, ok := h.plugins.Plugin(id)
	if !ok {
		return ""
	}
	lines, _ := p.Logs(500)
	return strings.Join(lines, "\n")
}

func (h *Host) pluginInfo(t testing.TB, id string) *mostradorv1.PluginInfo {
	t.Helper()
	list, err := h.ensemble.List(context.Background(), "es")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list.GetPlugins() {
		if p.GetId() == id {
			return p
		}
	}
	t.Fatalf("the store has no %s", id)
	return nil
}

// tally is how many of a customer's events a plug-in's record counts.
func (h *Host) tally(t testing.TB, id, customer string) (n int) {
	t.Helper()
	if err := h.store.View(func(tx *store.Tx) error {
		state, found := event.GetState(tx, id, customer)
		if !found {
			return nil
		}
		if id == hostileID {
			return json.Unmarshal(state, &n)
		}
		var honest struct{ Sales int }
		err := json.Unmarshal(state, &honest)
		n = honest.Sales
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// builtForBattery builds both plug-ins, once, and returns their folder.
func builtForBattery(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"plg9100hostil", "plg9001contador"} {
		program := build(t, "./testdata/plugins/"+name, name)
		if err := os.Rename(program, filepath.Join(dir, name+suffix())); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// hostilePackages makes the packages of one battle; the manifest of the hostile one says what it is to do.
func hostilePackages(t testing.TB, programs, home string, stranger *stranger, e evil) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"plg9100hostil", "plg9001contador"} {
		text, err := os.ReadFile(filepath.Join("testdata", "plugins", name, "plugin.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		text = []byte(strings.NewReplacer(
			"default: nada", "default: "+e.mode, "default: /nowhere", "default: "+home,
			`default: "0"`, fmt.Sprintf("default: %q", stranger.port),
			"permissions: [customer.contact:read]", "permissions: [customer.contact:read"+e.permissions+"]",
		).Replace(string(text)))
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "plugin.yaml"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Link(filepath.Join(programs, name+suffix()), filepath.Join(dir, name, name+suffix())); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// stranger is somebody on this machine whom no plug-in may call, by TCP or UDP.
type stranger struct {
	port  string
	count chan struct{}
}

func listen(t testing.TB) *stranger {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s := &stranger{port: port, count: make(chan struct{}, 100)}
	t.Cleanup(func() { tcp.Close() })
	go func() { // ends with the test
		for {
			conn, err := tcp.Accept()
			if err != nil {
				return
			}
			conn.Close()
			s.count <- struct{}{}
		}
	}()
	udp, err := net.ListenPacket("udp", tcp.Addr().String())
	if err != nil {
		return s // the port is somebody else's for UDP
	}
	t.Cleanup(func() { udp.Close() })
	go func() { // ends with the test
		for {
			if _, _, err := udp.ReadFrom(make([]byte, 64)); err != nil {
				return
			}
			s.count <- struct{}{}
		}
	}()
	return s
}

func (s *stranger) calls() int { return len(s.count) }

// sleepsOn tells whether a child of the hostile plug-in is left: a sleep of a number of seconds that is its alone.
func sleepsOn(t testing.TB, s *stranger) bool {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file) // one that has ended meanwhile is none
		if err == nil && bytes.HasSuffix(bytes.TrimRight(text, "\x00"), []byte("\x009"+s.port)) {
			return true
		}
	}
	return false
}

func suffix() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}
