//go:build linux

package main_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	pb "mostrador/host/api/mostradorv1"
	"mostrador/host/api/mostradorv1/mostradorv1connect"
	"mostrador/host/consent/token"
	"mostrador/sdk/plgv1"
)

// TestTheWholeStoryAtTheDesktop runs the real program in a window of its own display and does by keyboard and mouse
// what a shop does on its first day; after each step it asks the store, over the API, whether it happened.
// MOSTRADOR_SHOTS=DIR keeps the screenshots.
func TestTheWholeStoryAtTheDesktop(t *testing.T) {
	d := startDesktop(t)

	d.step("first start: the technician", func() {
		d.typed("Marta")
		d.press("Tab")
		d.typed("4821")
		d.press("Tab")
		d.typed("4821")
		d.shot("primer-inicio")
		d.press("Return")
	}, func(ctx context.Context) error {
		list, err := d.access.ListOperators(ctx, connect.NewRequest(&pb.ListOperatorsRequest{}))
		if err != nil {
			return err
		}
		return want(len(list.Msg.Operators) == 1 && list.Msg.Operators[0].Role == pb.Role_ROLE_TECHNICIAN, "one technician, not %v", list.Msg)
	})

	d.waitFor("the counter is open")
	registered := time.Now()
	d.step("register a customer by keyboard alone", func() {
		d.press("F4")
		d.typed("Ana Ruiz")
		d.press("Return")
		d.typed("600 11 12 22")
		d.press("Return")
		d.typed("ana@example.com")
		d.shot("nuevo-cliente")
		d.press("Return")
		registered = time.Now()
	}, func(ctx context.Context) error {
		_, err := d.mail(ctx, "600111222")
		return err
	})
	t.Logf("the welcome mail was in the outbox %v after the last key", time.Since(registered).Round(time.Millisecond))
	d.waitFor("the sheet")
	d.shot("ficha-rapida")

	var ana string
	d.step("the customer accepts on the web page", func() {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		message, err := d.mail(ctx, "600111222")
		if err != nil {
			t.Fatal(err)
		}
		ana = message.Message.CustomerId
		if err := accept(ctx, link.FindString(message.GetMail().GetText())); err != nil {
			t.Fatal(err)
		}
	}, func(ctx context.Context) error { return d.promoted(ctx, ana) })
	d.waitFor("the open sheet to follow")
	d.shot("ficha-aceptada")

	d.step("a sale by keyboard", func() {
		d.press("F2") // from the sheet: the sale is already this customer's
		d.typed("12,50")
		d.press("Return")
		d.typed("T-0001")
		d.press("Return")
	}, func(ctx context.Context) error {
		sale, err := d.sales.Get(ctx, connect.NewRequest(&pb.GetSaleRequest{Receipt: "T-0001"}))
		if err != nil {
			return err
		}
		return want(sale.Msg.Sale.GetTotal().GetMinor() == 1250 && sale.Msg.Sale.CustomerId == ana, "12,50 for Ana, not %v", sale.Msg.Sale)
	})
	d.check("its points", func(ctx context.Context) error {
		sheet, err := d.customers.Sheet(ctx, connect.NewRequest(&pb.SheetRequest{Id: ana, Language: "es"}))
		if err != nil {
			return err
		}
		return want(strings.Contains(fmt.Sprint(sheet.Msg.Panels), "12 puntos"), "12 points, not %v", sheet.Msg.Panels)
	})
	d.waitFor("the list of sales")
	d.shot("facturacion")

	var eva string
	d.step("a second customer, whose web acceptance the store does not know of", func() {
		d.press("F4")
		d.typed("Eva Soler")
		d.press("Return")
		d.typed("600333444")
		d.press("Return")
		d.typed("eva@example.com")
		d.press("Return")
	}, func(ctx context.Context) error {
		m, err := d.mail(ctx, "600333444")
		if err == nil {
			eva = m.Message.CustomerId
		}
		return err
	})
	d.step("reads out her code; staff type it", func() {
		code := d.code("600333444")
		time.Sleep(time.Second) // the sheet of the new customer is there
		d.click(1055, 268)      // [Activación con código corto]
		time.Sleep(600 * time.Millisecond)
		d.typed(code)
		d.shot("codigo-corto")
		d.press("Return")
	}, func(ctx context.Context) error { return d.promoted(ctx, eva) })

	d.waitFor("the small window to close")
	d.step("a setting is found by its key and its editor opened", func() {
		d.press("F9")
		d.typed("PLG0074TextoFile")
		time.Sleep(time.Second)
		d.press("Return")
		time.Sleep(2 * time.Second)
		d.shot("guia-de-configuracion")
	}, func(context.Context) error { return nil })

	d.step("a plug-in is switched off at run time", func() {
		d.press("F8")
		time.Sleep(time.Second)
		d.shot("plug-ins")
		d.press("Tab", "space") // [Desactivar] follows the list, in which the first plug-in is chosen
		time.Sleep(600 * time.Millisecond)
		d.press("Tab", "space") // and asks, with [Cancelar] first
	}, func(ctx context.Context) error { return d.active(ctx, "PLG0002", false) })
	d.step("and on again", func() {
		time.Sleep(time.Second)
		d.press("space")
	}, func(ctx context.Context) error { return d.active(ctx, "PLG0002", true) })

	d.press("F6")
	time.Sleep(1500 * time.Millisecond)
	d.shot("bandeja-de-salida")
}

// desktop is the running program, the display that it is on, and the API of the store in it.
type desktop struct {
	t         *testing.T
	home      string
	env       []string
	access    mostradorv1connect.AccessServiceClient
	customers mostradorv1connect.CustomerServiceClient
	sales     mostradorv1connect.SaleServiceClient
	messages  mostradorv1connect.MessageServiceClient
	plugins   mostradorv1connect.PluginServiceClient
}

func startDesktop(t *testing.T) *desktop {
	t.Helper()
	bin := os.Getenv("MOSTRADOR_BIN")
	if bin == "" {
		bin = t.TempDir()
		build := exec.Command("make", "build", "BIN="+bin)
		build.Dir = ".."
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("make build: %v\n%s", err, out)
		}
	}
	d := &desktop{t: t, home: t.TempDir()}
	d.env = append(os.Environ(), "DISPLAY="+startDisplay(t), "LIBGL_ALWAYS_SOFTWARE=1", "LANG=es_ES.UTF-8")
	program := exec.Command(filepath.Join(bin, "mostrador-desktop"), "--home", d.home, "--till", "1")
	program.Env = d.env
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	program.Stdout, program.Stderr = log, log
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = program.Process.Signal(os.Interrupt)
		done := make(chan struct{})
		go func() { _ = program.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(15 * time.Second):
			t.Error("the program did not end when asked")
			_ = program.Process.Kill()
			<-done
		}
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("the program said:\n%s", text)
		}
		_ = log.Close()
	})
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(d.home, "mostrador.sock"))
	}}}
	const base = "http://mostrador"
	d.access = mostradorv1connect.NewAccessServiceClient(client, base)
	d.customers = mostradorv1connect.NewCustomerServiceClient(client, base)
	d.sales = mostradorv1connect.NewSaleServiceClient(client, base)
	d.messages = mostradorv1connect.NewMessageServiceClient(client, base)
	d.plugins = mostradorv1connect.NewPluginServiceClient(client, base)
	d.check("the store answers", func(ctx context.Context) error {
		_, err := d.access.Status(ctx, connect.NewRequest(&pb.StatusRequest{}))
		return err
	})
	d.xdotool("search", "--sync", "--onlyvisible", "--name", "Mostrador", "windowfocus")
	d.waitFor("the window is drawn")
	return d
}

// startDisplay starts an X server of its own and returns its name.
func startDisplay(t *testing.T) string {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	x := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1280x800x24", "-nolisten", "tcp")
	x.ExtraFiles = []*os.File{write}
	if err := x.Start(); err != nil {
		t.Fatalf("Xvfb (make test installs it): %v", err)
	}
	_ = write.Close()
	t.Cleanup(func() { _ = x.Process.Kill(); _ = x.Wait() })
	line, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		t.Fatalf("the display did not come up: %v", err)
	}
	return ":" + strings.TrimSpace(line)
}

// step does something at the desktop and then waits until the store says that it happened.
func (d *desktop) step(what string, do func(), happened func(context.Context) error) {
	d.t.Helper()
	do()
	d.check(what, happened)
}

func (d *desktop) check(what string, happened func(context.Context) error) {
	d.t.Helper()
	var err error
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		err = happened(ctx)
		cancel()
		if err == nil {
			return
		}
	}
	d.shot("fault")
	d.t.Fatalf("%s: %v", what, err)
}

// waitFor gives the screen the time that a person would.
func (d *desktop) waitFor(string) { time.Sleep(2 * time.Second) }

func (d *desktop) press(keys ...string) {
	d.t.Helper()
	for _, key := range keys {
		d.xdotool("key", key)
		time.Sleep(200 * time.Millisecond)
	}
}

func (d *desktop) typed(text string) {
	d.t.Helper()
	d.xdotool("type", "--delay", "40", text)
	time.Sleep(150 * time.Millisecond)
}

func (d *desktop) click(x, y int) {
	d.t.Helper()
	d.xdotool("mousemove", fmt.Sprint(x), fmt.Sprint(y))
	time.Sleep(200 * time.Millisecond)
	d.xdotool("mousedown", "1")
	time.Sleep(80 * time.Millisecond)
	d.xdotool("mouseup", "1")
}

func (d *desktop) xdotool(args ...string) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "xdotool", args...)
	cmd.Env = d.env
	if out, err := cmd.CombinedOutput(); err != nil {
		d.t.Fatalf("xdotool %v (make test installs it): %v\n%s", args, err, out)
	}
}

// shot keeps a picture of the screen for whoever wants to look.
func (d *desktop) shot(name string) {
	d.t.Helper()
	dir := os.Getenv("MOSTRADOR_SHOTS")
	if dir == "" {
		return
	}
	cmd := exec.Command("import", "-window", "root", filepath.Join(dir, name+".png"))
	cmd.Env = d.env
	if out, err := cmd.CombinedOutput(); err != nil {
		d.t.Errorf("import: %v\n%s", err, out)
	}
}

// mail is the one mail of the customer with that phone.
func (d *desktop) mail(ctx context.Context, phone string) (*pb.GetMessageResponse, error) {
	c, err := d.customers.Get(ctx, connect.NewRequest(&pb.GetCustomerRequest{Key: phone}))
	if err != nil {
		return nil, err
	}
	list, err := d.messages.List(ctx, connect.NewRequest(&pb.ListMessagesRequest{CustomerId: c.Msg.Customer.Id}))
	if err != nil {
		return nil, err
	}
	if len(list.Msg.Messages) != 1 {
		return nil, fmt.Errorf("%d mails, want 1", len(list.Msg.Messages))
	}
	m, err := d.messages.Get(ctx, connect.NewRequest(&pb.GetMessageRequest{Id: list.Msg.Messages[0].Id}))
	if err != nil {
		return nil, err
	}
	return m.Msg, want(m.Msg.Message.State == pb.MessageState_MESSAGE_STATE_SPOOLED, "in the spool, not %v", m.Msg.Message.State)
}

// code is what the page would show to the customer: it opens the token of her mail as the web tier does.
func (d *desktop) code(phone string) string {
	d.t.Helper()
	m, err := d.mail(d.t.Context(), phone)
	if err != nil {
		d.t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(d.home, "key"))
	if err != nil {
		d.t.Fatal(err)
	}
	address := link.FindString(m.GetMail().GetText())
	claims, err := token.Open(key, token.Activation, address[strings.LastIndex(address, "/")+1:], time.Now())
	if err != nil {
		d.t.Fatalf("the link %q: %v", address, err)
	}
	return claims.Code
}

func (d *desktop) promoted(ctx context.Context, id string) error {
	c, err := d.customers.Get(ctx, connect.NewRequest(&pb.GetCustomerRequest{Key: id}))
	if err != nil {
		return err
	}
	given := plgv1.ConsentState_CONSENT_STATE_GIVEN
	ok := c.Msg.Customer.AplicaPromociones && c.Msg.Customer.GetConsent().GetProgramme() == given && c.Msg.Customer.GetConsent().GetPromotions() == given
	return want(ok, "accepted and Aplica para Promociones on, not %v", c.Msg.Customer)
}

func (d *desktop) active(ctx context.Context, id string, active bool) error {
	list, err := d.plugins.List(ctx, connect.NewRequest(&pb.ListPluginsRequest{}))
	if err != nil {
		return err
	}
	for _, p := range list.Msg.Plugins {
		if p.Id == id {
			return want(p.Active == active, "%s active %v", id, p.Active)
		}
	}
	return fmt.Errorf("no plug-in %s", id)
}

func want(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf("want "+format, args...)
}

var (
	link   = regexp.MustCompile(`http://[^\s/]+/a/[A-Za-z0-9_-]+`)
	hidden = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]+)"`)
)

// accept opens the page and presses its button, as a browser does.
func accept(ctx context.Context, page string) error {
	get, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(get)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	form := url.Values{}
	for _, field := range hidden.FindAllStringSubmatch(string(body), -1) {
		form.Set(field[1], field[2])
	}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, page, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	post.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if resp, err = http.DefaultClient.Do(post); err != nil {
		return err
	}
	return errors.Join(want(resp.StatusCode == http.StatusOK, "the page that thanks, not %s", resp.Status), resp.Body.Close())
}
