package plugin

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"log"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk"
	"mostrador/sdk/plgv1"
	"mostrador/sdk/wire"
)

// The test binary is also the plugin under test, a host that can be killed, and a bare gRPC server; which
// one it is shows in its name or environment.
const (
	hostVariable = "PLUGIN_TEST_HOST" // a host: the folder of its packages
	bareVariable = "PLUGIN_TEST_BARE" // a bare gRPC server: its socket
)

func TestMain(m *testing.M) {
	switch {
	case strings.HasPrefix(filepath.Base(os.Args[0]), "child"):
		time.Sleep(time.Hour) // what a plugin started and forgot
	case os.Getenv(bareVariable) != "":
		serveBare(os.Getenv(bareVariable))
	case os.Getenv(wire.Handshake().MagicCookieKey) != "":
		servePlugin()
	case os.Getenv(hostVariable) != "":
		hostUntilKilled(os.Getenv(hostVariable))
	default:
		os.Exit(m.Run())
	}
}

// manifestText is the manifest of the plugin under test.
const manifestText = `id: %s
name: {es: Prueba, en: Trial}
version: 1.0.0
api: 1
permissions: [customer.contact:read]
settings:
  - {key: %[1]sTexto, path: [Plug-Ins], name: Texto, type: text, default: sin texto}
actions:
  - {id: obey, name: Obedecer}
panels:
  - {id: panel, name: Panel, where: [quick_sheet]}
events: {handles: [sale.completed]}
`

// manifestOf is the manifest of a version that speaks these protocols.
func manifestOf(id, version, api string) string {
	text := strings.Replace(fmt.Sprintf(manifestText, id), "version: 1.0.0\napi: 1\n", "version: "+version+"\napi: "+api+"\n", 1)
	if api != "1" {
		text = strings.Replace(text, "default: sin texto}", "default: sin texto, validate: true}", 1)
	}
	return text
}

// install makes a package whose program is this test binary. It speaks protocol 1.
func install(t testing.TB, dir, id string) *Package {
	t.Helper()
	return installVersion(t, dir, id, "1.0.0", "1")
}

// installVersion makes a package of a version that speaks these protocols. With protocol 2 it has all abilities.
func installVersion(t testing.TB, dir, id, version, api string) *Package {
	t.Helper()
	name := strings.ToLower(id) + "prueba"
	folder := filepath.Join(dir, name)
	self, err := os.Executable()
	check(t, err)
	check(t, os.MkdirAll(folder, 0o700))
	check(t, os.WriteFile(filepath.Join(folder, manifestFile), []byte(manifestOf(id, version, api)), 0o600))
	check(t, os.Symlink(self, filepath.Join(folder, name+executableSuffix())))
	p, err := Open(folder)
	check(t, err)
	return p
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// servePlugin is the plugin under test. Its button does as the form says.
func servePlugin() {
	dir := filepath.Dir(os.Args[0])
	if exists(filepath.Join(dir, "end-at-once")) {
		fmt.Fprintln(os.Stderr, "no license")
		os.Exit(3)
	}
	if exists(filepath.Join(dir, "say-nothing")) {
		time.Sleep(time.Hour) // select{} would be a deadlock, which Go ends
	}
	if exists(filepath.Join(dir, "rude")) {
		serveRude()
	}
	files := os.DirFS(dir)
	if exists(filepath.Join(dir, "another")) {
		files = os.DirFS(filepath.Join(dir, "another"))
	}
	p := sdk.New(files)
	sdk.On(p, func(_ context.Context, tx *sdk.Tx, e sdk.SaleCompleted) error {
		if order, ok := strings.CutPrefix(e.Sale.Receipt, "do "); ok {
			_, err := obey(tx, order, "")
			return err
		}
		n, err := sdk.State[int](tx)
		if err != nil {
			return err
		}
		return tx.Save(n + 1)
	})
	p.Action("obey", func(_ context.Context, tx *sdk.Tx, press sdk.Press) (sdk.Result, error) {
		said, err := obey(tx, press.Form.Text("order"), press.Form.Text("argument"))
		return sdk.Done(said), err
	})
	p.Panel("panel", func(context.Context, *sdk.Tx, sdk.Customer) (sdk.Panel, error) {
		return sdk.Panel{Rows: []sdk.Row{{Label: "Puntos", Value: "7"}}}, nil
	})
	if text, err := os.ReadFile(filepath.Join(dir, manifestFile)); err == nil && !strings.Contains(string(text), "api: 1\n") {
		serveAbilities(p, dir)
	}
	p.Serve()
}

// serveAbilities gives the plugin under test what protocol 2 knows.
func serveAbilities(p *sdk.Plugin, dir string) {
	p.Migrate(func(_ context.Context, tx *sdk.Tx, from, to string) error {
		for state, err := range sdk.States[int](tx) {
			if err != nil {
				return err
			}
			if err := tx.SaveOf(state.Key, 100*state.Value); err != nil {
				return err
			}
		}
		return tx.Put("migrated", from+" to "+to)
	})
	p.HealthCheck(func(_ context.Context, tx *sdk.Tx) error {
		switch {
		case exists(filepath.Join(dir, "ill")):
			return sdk.Diagnostic{Severity: sdk.Error, Summary: "Falta el servidor."}
		case exists(filepath.Join(dir, "hang-in-check")):
			select {}
		case exists(filepath.Join(dir, "crash-in-check")):
			os.Exit(3)
		}
		return nil
	})
	p.Validate(p.ID()+"Texto", func(_ context.Context, tx *sdk.Tx, value sdk.Setting) error {
		if value.Text() == "malo" {
			return sdk.Diagnostic{Severity: sdk.Error, Summary: "Eso no."}
		}
		return nil
	})
}

// serveRude is a plugin that answers everything with a panel, and with one too many.
func serveRude() {
	bundle, err := wire.ParseBundle(os.Getenv(wire.TLSVariable))
	if err != nil {
		log.Fatal(err)
	}
	config, err := bundle.ServerConfig()
	if err != nil {
		log.Fatal(err)
	}
	listener, err := wire.Listen(&rude{}, config)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Handshake())
	log.Fatal(listener.Serve())
}

type rude struct{ bare }

func (*rude) Work(stream plgv1.Plugin_WorkServer) error {
	for {
		request, err := stream.Recv()
		if err != nil {
			return err
		}
		if request.GetSettings() != nil {
			continue
		}
		for range 2 {
			if err := stream.Send(&plgv1.WorkResponse{Work: &plgv1.WorkResponse_Panel{Panel: &plgv1.PanelDone{}}}); err != nil {
				return err
			}
		}
	}
}

func obey(tx *sdk.Tx, order, argument string) (string, error) {
	switch order {
	case "crash":
		fmt.Fprintln(os.Stderr, "about to crash")
		os.Exit(3)
	case "panic":
		go func() { panic("a goroutine of the plugin panicked") }()
		select {}
	case "hang":
		select {}
	case "wait": // until the file is there; its own is called gate
		for !exists(cmp.Or(argument, filepath.Join(filepath.Dir(os.Args[0]), "gate"))) {
			time.Sleep(time.Millisecond)
		}
	case "echo":
		return argument, nil
	case "get":
		v, _, err := sdk.Get[string](tx, argument)
		return v, err
	case "scan":
		var all []string
		for r, err := range sdk.Scan[string](tx, argument) {
			if err != nil {
				return "", err
			}
			all = append(all, r.Key+"="+r.Value)
		}
		return strings.Join(all, " "), nil
	case "setting":
		return tx.Setting(argument).Text(), nil
	case "environment":
		return os.Getenv(argument), nil
	case "burn":
		for range 4 {
			go func() {
				for n := int64(0); ; n++ {
					burnt.Store(n)
				}
			}()
		}
	case "log":
		tx.Log().Warn("something odd", "customer", 7)
		fmt.Println("printed")
	case "flood":
		for i := range 20_000 {
			tx.Log().Info("again", "i", i)
		}
	case "fork": // a child that holds the plugin's pipes
		child := exec.Command(filepath.Join(filepath.Dir(os.Args[0]), "child"))
		child.Stdout, child.Stderr = os.NewFile(1, "out"), os.NewFile(2, "err")
		if err := child.Start(); err != nil {
			return "", err
		}
		return fmt.Sprint(child.Process.Pid), nil
	}
	return "done", nil
}

// burnt is what burning the processor leaves behind.
var burnt atomic.Int64

func exists(file string) bool { _, err := os.Stat(file); return err == nil }

// hostUntilKilled starts every package in dir and prints their process ids.
func hostUntilKilled(dir string) {
	packages, err := Discover(dir)
	if err != nil {
		log.Fatal(err)
	}
	m, err := NewManager(Config{Packages: packages, RuntimeDir: filepath.Join(dir, ".run"), Policy: Policy{Memory: memory}})
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range m.Plugins() {
		if err := m.Start(context.Background(), p.Name()); err != nil {
			log.Fatal(err)
		}
		fmt.Println(p.Info("es").Pid)
	}
	fmt.Println("ready")
	select {}
}

// serveBare is the floor of BenchmarkStart: a gRPC process with the plugin's service and nothing around it.
func serveBare(socket string) {
	listener, err := net.Listen("unix", socket)
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	plgv1.RegisterPluginServer(server, &bare{})
	fmt.Println("ready")
	log.Fatal(server.Serve(listener))
}

type bare struct {
	plgv1.UnimplementedPluginServer
}

func (*bare) Describe(context.Context, *plgv1.DescribeRequest) (*plgv1.DescribeResponse, error) {
	return &plgv1.DescribeResponse{Id: "PLG9001", Version: "1.0.0", Api: 1}, nil
}

// house is a Manager under test with what it was given.
type house struct {
	*Manager
	dir    string
	log    *lines
	reader *keyspace

	mu       sync.Mutex
	settings map[string]*structpb.Struct
	states   []mostradorv1.PluginState // of the first plugin, as they came
}

// open makes a Manager with plugins of these ids; all is stopped at the end of the test.
func open(t testing.TB, policy Policy, ids ...string) *house {
	t.Helper()
	h := &house{dir: shortDir(t), log: &lines{}, reader: &keyspace{}, settings: map[string]*structpb.Struct{}}
	var packages []*Package
	for _, id := range ids {
		packages = append(packages, install(t, h.dir, id))
	}
	h.manage(t, packages, policy)
	return h
}

func (h *house) manage(t testing.TB, packages []*Package, policy Policy) {
	t.Helper()
	var err error
	if policy.Memory == 0 {
		policy.Memory = memory
	}
	h.Manager, err = NewManager(Config{
		Packages: packages, RuntimeDir: filepath.Join(h.dir, ".run"), Policy: policy, Reader: h.reader,
		Logger: hclog.New(&hclog.LoggerOptions{Output: h.log, Level: hclog.Info, DisableTime: true}),
		Settings: func(id string) *structpb.Struct {
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.settings[id]
		},
		OnState: func(id string) {
			h.mu.Lock()
			defer h.mu.Unlock()
			if info, ok := h.State(id, "es"); ok && id == packages[0].ID() {
				h.states = append(h.states, info.State)
			}
		},
	})
	check(t, err)
	t.Cleanup(func() { check(t, h.Close(context.Background())) })
}

func (h *house) start(t testing.TB, ids ...string) {
	t.Helper()
	check(t, h.Start(t.Context(), ids...))
}

// press presses the button of a plugin.
func (h *house) press(ctx context.Context, id, order, argument string) (string, error) {
	p, _ := h.Plugin(id)
	done, err := p.Act(ctx, &plgv1.ActionCall{Action: "obey", Form: map[string]string{"order": order, "argument": argument}})
	if err == nil && done.GetFault() != nil {
		err = fmt.Errorf("fault: %s", done.GetFault().GetMessage())
	}
	return done.GetResult().GetMessage(), err
}

// until polls for at most ten seconds.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within ten seconds: %s", what)
		}
	}
}

func (h *house) info(id string) *mostradorv1.PluginInfo {
	info, _ := h.State(id, "es")
	return info
}

// shortDir is a temporary folder whose path leaves room for a socket's.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "mp")
	check(t, err)
	t.Cleanup(func() { check(t, os.RemoveAll(dir)) })
	return dir
}

// lines is a log that can be read while it is written.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// keyspace is a Reader over records by "plugin/key", in order.
type keyspace struct {
	mu      sync.Mutex
	records []*plgv1.KeyValue
	states  []*plgv1.KeyValue // of customers
	fail    error
}

func (k *keyspace) States(_ context.Context, _, _, after string, limit int) ([]*plgv1.KeyValue, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var page []*plgv1.KeyValue
	for _, r := range k.states {
		if r.Key > after && len(page) < limit {
			page = append(page, r)
		}
	}
	return page, k.fail
}

func (k *keyspace) Get(_ context.Context, plugin, key string) ([]byte, bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, r := range k.records {
		if r.Key == plugin+"/"+key {
			return r.Value, true, k.fail
		}
	}
	return nil, false, k.fail
}

func (k *keyspace) Scan(_ context.Context, plugin, prefix, after string, limit int) ([]*plgv1.KeyValue, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var page []*plgv1.KeyValue
	for _, r := range k.records {
		key, own := strings.CutPrefix(r.Key, plugin+"/")
		if own && strings.HasPrefix(key, prefix) && key > after && len(page) < limit {
			page = append(page, &plgv1.KeyValue{Key: key, Value: r.Value})
		}
	}
	return page, k.fail
}

func touch(t testing.TB, elements ...string) string {
	t.Helper()
	name := filepath.Join(elements...)
	check(t, os.WriteFile(name, nil, fs.FileMode(0o600)))
	return name
}
