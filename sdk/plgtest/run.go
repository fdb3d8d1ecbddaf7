package plgtest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"mostrador/sdk"
)

// BinVariable names the folder with the built programs ("make build": mostrador, and plugins/NAME/NAME). When
// it is not set, Run builds what it needs.
const BinVariable = "MOSTRADOR_BIN"

// patience bounds every wait for the store. What is waited for takes milliseconds; a busy machine takes more.
const patience = 30 * time.Second

// Store is a real store: the host as a process of its own, in a home folder of its own, with its plugins as
// processes. It ends with the test. Every failure of a call fails the test.
type Store struct {
	t    testing.TB
	home string
	http *http.Client
}

// Run starts a store with the plugin of the current folder, which is that of the package under test, and with
// those of other folders beside it; all of them are active. Mail goes to the store's spool.
func Run(t testing.TB, others ...string) *Store {
	t.Helper()
	home, err := os.MkdirTemp("", "mostrador") // t.TempDir may be too long for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	plugins := filepath.Join(home, "plugins")
	for _, folder := range append([]string{"."}, others...) {
		if err := install(folder, plugins); err != nil {
			t.Fatal(err)
		}
	}
	program, err := hostProgram(home)
	if err != nil {
		t.Fatal(err)
	}
	s := &Store{t: t, home: filepath.Join(home, "home"), http: &http.Client{Timeout: patience}}
	s.http.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(s.home, "mostrador.sock"))
	}}
	t.Cleanup(s.http.CloseIdleConnections)
	serve(t, program, "--home", s.home, "--plugins", plugins, "serve", "--listen", "127.0.0.1:0", "--web-listen", "127.0.0.1:0")
	var list struct{ Plugins []struct{ ID string } }
	s.call("PluginService/List", nil, &list)
	if len(list.Plugins) != 1+len(others) {
		t.Fatalf("the store has %d plugins of %d", len(list.Plugins), 1+len(others))
	}
	for _, p := range list.Plugins {
		s.Enable(p.ID)
	}
	return s
}

// install puts a plugin's package into the folder of plugins: plugin.yaml, templates and locales as they are,
// and the program under the folder's name.
func install(folder, plugins string) error {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	name := filepath.Base(folder)
	to := filepath.Join(plugins, name)
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	manifest, err := os.ReadFile(filepath.Join(folder, "plugin.yaml"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(to, "plugin.yaml"), manifest, 0o644); err != nil {
		return err
	}
	for _, part := range []string{"templates", "locales"} {
		err := os.CopyFS(filepath.Join(to, part), os.DirFS(filepath.Join(folder, part)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	program := filepath.Join(to, executable(name))
	if bin := os.Getenv(BinVariable); bin != "" {
		built, err := os.ReadFile(filepath.Join(bin, "plugins", name, executable(name)))
		if err == nil {
			return os.WriteFile(program, built, 0o755)
		}
	}
	return build(folder, program, ".")
}

// hostProgram is the host's program, built into the folder dir unless it is there already.
func hostProgram(dir string) (string, error) {
	if bin := os.Getenv(BinVariable); bin != "" {
		return filepath.Join(bin, executable("mostrador")), nil
	}
	program := filepath.Join(dir, executable("mostrador"))
	return program, build(".", program, "mostrador/host/cmd/mostrador")
}

func executable(name string) string {
	if runtime.GOOS == "windows" {
		return name + ".exe"
	}
	return name
}

func build(folder, program, pkg string) error {
	cmd := exec.Command("go", "build", "-o", program, pkg)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// serve starts the host, waits until it says that it is ready, and ends it with the test.
func serve(t testing.TB, program string, args ...string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	log := &lockedBuffer{}
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		if _, err := bufio.NewReader(out).ReadString('\n'); err == nil {
			close(ready)
		}
		io.Copy(io.Discard, out)
		ended <- cmd.Wait()
	}()
	t.Cleanup(func() {
		end(cmd.Process)
		select {
		case <-ended:
		case <-time.After(patience):
			t.Error("the host does not end; it is killed")
			cmd.Process.Kill()
			<-ended
		}
		if t.Failed() {
			t.Logf("what the host logged:\n%s", log)
		}
	})
	select {
	case <-ready:
	case err := <-ended:
		ended <- err
		t.Fatalf("the host ended at once: %v", err)
	case <-time.After(patience):
		t.Fatal("the host does not become ready")
	}
}

// end asks a process to end, in the way of its system.
func end(p *os.Process) {
	if runtime.GOOS == "windows" || p.Signal(os.Interrupt) != nil {
		p.Kill()
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// call calls the store's API (Connect's JSON over HTTP).
func (s *Store) call(method string, request, response any) {
	s.t.Helper()
	if err := s.try(method, request, response); err != nil {
		s.t.Fatal(err)
	}
}

func (s *Store) try(method string, request, response any) error {
	if request == nil {
		request = struct{}{}
	}
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	answer, err := s.http.Post("http://store/mostrador.v1."+method, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", method, data)
	}
	return json.Unmarshal(data, response)
}

// Within waits until something holds, and fails the test when it does not in good time.
func (s *Store) Within(what string, holds func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// object is a message of the API as JSON.
type object = map[string]any

// customerJSON is a customer as the API writes it.
type customerJSON struct {
	ID, Name, Phone, Email, Language string
	Cards, Tags                      []string
	Fields                           map[string]string
	AplicaPromociones                bool
	Consent                          struct{ Programme, Promotions string }
}

func (c customerJSON) read() sdk.Customer {
	state := func(s string) sdk.ConsentState {
		switch s {
		case "CONSENT_STATE_GIVEN":
			return sdk.Given
		case "CONSENT_STATE_WITHDRAWN":
			return sdk.Withdrawn
		}
		return sdk.Pending
	}
	return sdk.Customer{
		ID: c.ID, Name: c.Name, Phone: c.Phone, Email: c.Email, Language: c.Language,
		Cards: c.Cards, Tags: c.Tags, Fields: c.Fields, AplicaPromociones: c.AplicaPromociones,
		Consent: sdk.Consent{Programme: state(c.Consent.Programme), Promotions: state(c.Consent.Promotions)},
	}
}

// Register registers a customer with the name, phone, e-mail, language and fields of c.
func (s *Store) Register(c sdk.Customer) sdk.Customer {
	s.t.Helper()
	var r struct{ Customer customerJSON }
	s.call("CustomerService/Register", object{"customer": object{
		"name": c.Name, "phone": c.Phone, "email": c.Email, "language": c.Language, "fields": c.Fields,
	}}, &r)
	return r.Customer.read()
}

// Customer returns a customer by id, phone, e-mail or card.
func (s *Store) Customer(key string) sdk.Customer {
	s.t.Helper()
	var r struct{ Customer customerJSON }
	s.call("CustomerService/Get", object{"key": key}, &r)
	return r.Customer.read()
}

// SetEmail changes a customer's e-mail.
func (s *Store) SetEmail(customerID, email string) {
	s.t.Helper()
	s.call("CustomerService/Update", object{"customer": object{"id": customerID, "email": email}, "mask": "email"}, &struct{}{})
}

// SetPromotions tries to change "Aplica para Promociones" by hand; the error is the store's refusal.
func (s *Store) SetPromotions(customerID string, on bool) error {
	return s.try("CustomerService/Update", object{"customer": object{"id": customerID, "aplicaPromociones": on}, "mask": "aplicaPromociones"}, &struct{}{})
}

// Withdraw records that the customer asked at the counter to leave promotions.
func (s *Store) Withdraw(customerID string) {
	s.t.Helper()
	s.call("CustomerService/Withdraw", object{"id": customerID}, &struct{}{})
}

// Sell records a sale; the amount is decimal, in the store's currency.
func (s *Store) Sell(receipt, customer, amount string) {
	s.t.Helper()
	s.call("SaleService/Record", object{"receipt": receipt, "customer": customer, "amount": amount}, &struct{}{})
}

// Refund gives back an amount of a sale, or all that is left when it is empty. The refund's own receipt may be
// empty for a whole refund.
func (s *Store) Refund(receipt, amount, refundReceipt string) {
	s.t.Helper()
	s.call("SaleService/Refund", object{"receipt": receipt, "amount": amount, "refundReceipt": refundReceipt}, &struct{}{})
}

// Press presses a plugin's button for a customer. A refusal is in the result.
func (s *Store) Press(plugin, action, customerID string, form sdk.Form) sdk.Result {
	s.t.Helper()
	var r struct {
		Result struct {
			Message     string
			Diagnostics []struct{ Severity, Summary, Detail, Path, Code string }
		}
	}
	s.call("CustomerService/Run", object{"plugin": plugin, "action": action, "customerId": customerID, "form": form, "language": "es"}, &r)
	result := sdk.Result{Message: r.Result.Message}
	for _, d := range r.Result.Diagnostics {
		severity := map[string]sdk.Severity{"SEVERITY_WARNING": sdk.Warning, "SEVERITY_INFO": sdk.Info}[d.Severity]
		if severity == 0 {
			severity = sdk.Error
		}
		result.Diagnostics = append(result.Diagnostics, sdk.Diagnostic{Severity: severity, Summary: d.Summary, Detail: d.Detail, Path: d.Path, Code: d.Code})
	}
	return result
}

// Panel is a plugin's panel on a customer's quick sheet; empty when the plugin is not active.
func (s *Store) Panel(plugin, panel, customerID string) sdk.Panel {
	s.t.Helper()
	var r struct {
		Panels []struct {
			Plugin, ID, Error string
			Panel             sdk.Panel
		}
	}
	s.call("CustomerService/Sheet", object{"id": customerID, "language": "es"}, &r)
	for _, p := range r.Panels {
		if p.Plugin == plugin && p.ID == panel {
			if p.Error != "" {
				s.t.Fatalf("panel %s of %s: %s", panel, plugin, p.Error)
			}
			return p.Panel
		}
	}
	return sdk.Panel{}
}

// Sent is a mail of the outbox.
type Sent struct {
	To string
	// Subject, HTML and Text are the mail as the customer sees it.
	Subject, HTML, Text string
}

// Outbox waits until there are n mails to a customer and returns them, oldest first.
func (s *Store) Outbox(customerID string, n int) []Sent {
	s.t.Helper()
	var list struct {
		Messages []struct{ ID, To string }
	}
	s.Within(fmt.Sprintf("%d mails to customer %s", n, customerID), func() bool {
		list.Messages = nil
		s.call("MessageService/List", object{"customerId": customerID, "limit": 1000}, &list)
		return len(list.Messages) >= n
	})
	if len(list.Messages) != n {
		s.t.Fatalf("%d mails to customer %s, want %d", len(list.Messages), customerID, n)
	}
	var sent []Sent
	for i := len(list.Messages) - 1; i >= 0; i-- { // the store lists the newest first
		m := list.Messages[i]
		var r struct {
			Mail struct{ Subject, HTML, Text string }
		}
		s.call("MessageService/Get", object{"id": m.ID}, &r)
		sent = append(sent, Sent{To: m.To, Subject: r.Mail.Subject, HTML: r.Mail.HTML, Text: r.Mail.Text})
	}
	return sent
}

// Set sets a setting of the Configuration Guide.
func (s *Store) Set(key string, value any) {
	s.t.Helper()
	s.call("SettingService/Set", object{"key": key, "value": value}, &struct{}{})
}

// Enable activates a plugin and waits until it runs.
func (s *Store) Enable(plugin string) {
	s.t.Helper()
	s.call("PluginService/Enable", object{"id": plugin}, &struct{}{})
	s.Within(plugin+" runs", func() bool { return s.state(plugin) == "PLUGIN_STATE_RUNNING" })
}

// Disable deactivates a plugin and waits until it has ended.
func (s *Store) Disable(plugin string) {
	s.t.Helper()
	s.call("PluginService/Disable", object{"id": plugin}, &struct{}{})
	s.Within(plugin+" ends", func() bool { return s.state(plugin) == "PLUGIN_STATE_DISABLED" })
}

func (s *Store) state(plugin string) string {
	s.t.Helper()
	var list struct{ Plugins []struct{ ID, State string } }
	s.call("PluginService/List", nil, &list)
	for _, p := range list.Plugins {
		if p.ID == plugin {
			return p.State
		}
	}
	s.t.Fatalf("the store has no %s", plugin)
	return ""
}

// Parked are the events that a plugin could not handle, as "PLG0002: error".
func (s *Store) Parked() []string {
	s.t.Helper()
	var r struct {
		Events []struct{ Plugin, Error string }
	}
	s.call("EventService/Parked", nil, &r)
	var parked []string
	for _, e := range r.Events {
		parked = append(parked, strings.TrimSpace(e.Plugin+": "+e.Error))
	}
	return parked
}
