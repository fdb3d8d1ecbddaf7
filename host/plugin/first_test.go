package plugin

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/sdk/plgv1"
)

// firstProtocol holds a plugin of the first protocol together with the SDK of its day.
const firstProtocol = "testdata/first-protocol.txtar"

// extractArchive writes the files of a txtar archive (golang.org/x/tools/txtar) below dir.
func extractArchive(t *testing.T, archive, dir string) {
	t.Helper()
	data, err := os.ReadFile(archive)
	check(t, err)
	var file *bytes.Buffer
	files := map[string]*bytes.Buffer{}
	for line := range bytes.Lines(data) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(string(line)), "-- "); ok && strings.HasSuffix(name, " --") {
			file = new(bytes.Buffer)
			files[strings.TrimSuffix(name, " --")] = file
		} else if file != nil {
			file.Write(line)
		}
	}
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		check(t, os.MkdirAll(filepath.Dir(path), 0o700))
		check(t, os.WriteFile(path, content.Bytes(), 0o600))
	}
}

// firstPackage builds the plugin of the first protocol. Its module takes the versions of today's, which this machine
// has already.
func firstPackage(t *testing.T, dir string) *Package {
	t.Helper()
	source := t.TempDir()
	extractArchive(t, firstProtocol, source)
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join("..", "..", name))
		check(t, err)
		check(t, os.WriteFile(filepath.Join(source, name), data, 0o600))
	}
	const name = "plg9007primero"
	folder := filepath.Join(dir, name)
	check(t, os.CopyFS(folder, os.DirFS(filepath.Join(source, "plugin"))))
	build := exec.Command("go", "build", "-o", filepath.Join(folder, name+executableSuffix()), "./plugin")
	build.Dir = source
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	out, err := build.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p, err := Open(folder)
	check(t, err)
	return p
}

func TestAPluginBuiltWithTheFirstSDKWorks(t *testing.T) {
	const id = "PLG9007"
	h := &house{dir: shortDir(t), log: &lines{}, reader: &keyspace{}}
	h.manage(t, []*Package{firstPackage(t, h.dir)}, Policy{HealthEvery: time.Millisecond})
	h.start(t, id)
	p, _ := h.Plugin(id)
	if info := h.info(id); info.GetState() != running || p.Can(AbilityCheck) {
		t.Fatalf("%v", info)
	}

	deliver := func(events ...*plgv1.Event) []*plgv1.Outcome {
		t.Helper()
		batch := &plgv1.Batch{}
		for _, e := range events {
			data, err := proto.Marshal(e)
			check(t, err)
			batch.Deliveries = append(batch.Deliveries, &plgv1.Delivery{Event: data})
		}
		done, err := p.Deliver(t.Context(), batch)
		check(t, err)
		return done.GetOutcomes()
	}
	ana := &plgv1.Customer{Id: "ana", Name: "Ana", Email: "ana@example.com"}
	sale := func(receipt string) *plgv1.Event {
		return &plgv1.Event{Type: "sale.completed", Customer: ana, Detail: &plgv1.Event_SaleCompleted{SaleCompleted: &plgv1.SaleCompleted{
			Sale: &plgv1.Sale{Receipt: receipt, Total: &plgv1.Money{Minor: 1250, Currency: "EUR"}},
		}}}
	}
	now := timestamppb.Now()

	greeted := deliver(&plgv1.Event{Sequence: 1, Type: "customer.registered", Customer: ana, Time: now})[0].GetEffects()
	if len(greeted) != 2 || greeted[0].GetNote() != "registered Ana" || greeted[1].GetSchedule().GetTime().AsTime() != now.AsTime().Add(time.Hour) {
		t.Errorf("a registration: %v", greeted)
	}

	// A batch whose handlers ask for records, build on one another, and end at a fault.
	outcomes := deliver(sale("1"), sale("2"), sale("bad"), sale("3"))
	if len(outcomes) != 3 || !strings.Contains(outcomes[2].GetFault().GetMessage(), "a bad sale") {
		t.Fatalf("outcomes: %v", outcomes)
	}
	effects := outcomes[1].GetEffects()
	if put := effects[0].GetPut(); put.GetKey() != "all" || string(put.GetValue()) != "2" {
		t.Errorf("the count of all: %v", effects)
	}
	state := effects[1].GetSaveState().GetState()
	if want := `{"sales":2,"total":{"Minor":2500,"Currency":"EUR"}}`; string(state) != want {
		t.Errorf("the record is %s", state)
	}

	panel, err := p.Panel(t.Context(), &plgv1.PanelCall{Panel: "ventas", Customer: ana, State: state, Language: "es"})
	if rows := panel.GetPanel().GetRows(); err != nil || len(rows) != 1 || rows[0].GetLabel() != "2 ventas" || rows[0].GetValue() != "25.00" {
		t.Errorf("the panel: %v, %v", panel, err)
	}

	h.reader.records = []*plgv1.KeyValue{{Key: id + "/all", Value: []byte("2")}}
	act := func(who string) *plgv1.Result {
		t.Helper()
		done, err := p.Act(t.Context(), &plgv1.ActionCall{Action: "saludar", Form: map[string]string{"quien": who}, Time: now})
		check(t, err)
		if done.GetFault() != nil {
			t.Fatal(done.GetFault())
		}
		return done.GetResult()
	}
	if got := act("Ana").GetMessage(); got != "Hola Ana all=2" {
		t.Errorf("the button said %q", got)
	}
	if d := act("").GetDiagnostics(); len(d) != 1 || d[0].GetPath() != "quien" || d[0].GetSeverity() != plgv1.Severity_SEVERITY_ERROR {
		t.Errorf("an empty form was met with %v", d)
	}
}
