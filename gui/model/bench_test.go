package model_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	"mostrador/gui/model"
	pb "mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// BenchmarkRow holds the row of `make bench` (see host/cmd/bench) that takes a till's screen model.
func BenchmarkRow(b *testing.B) {
	b.Run("click_to_flag", clickToFlag)
}

// clickToFlag is the time from the press of the button on the customer's web page to "Aplica para Promociones" on
// the sheet that is open at a till, through a real server process.
func clickToFlag(b *testing.B) {
	const n = 60
	ctx := context.Background()
	m := tillOfServer(b)
	times := make([]time.Duration, 0, n)
	for i := range n {
		registered, err := m.Customers.Register(ctx, connect.NewRequest(&pb.RegisterRequest{Customer: &plgv1.Customer{
			Name: fmt.Sprintf("Cliente %d", i), Email: fmt.Sprintf("cliente%d@example.com", i),
		}}))
		if err != nil {
			b.Fatal(err)
		}
		id := registered.Msg.Customer.Id
		page := acceptPage(b, m, id)
		form := formOf(b, page)
		changed := make(chan struct{}, 1)
		sheet := m.OpenSheet(id, func() {
			select {
			case changed <- struct{}{}:
			default:
			}
		})
		for sheet.State() == nil { // the sheet is open before the customer presses
			<-changed
		}
		began := time.Now()
		pressed := make(chan error, 1)
		go func() {
			resp, err := http.PostForm(page, form)
			if err == nil {
				err = resp.Body.Close()
			}
			pressed <- err
		}()
		for !sheet.Customer().GetAplicaPromociones() {
			select {
			case <-changed:
			case <-time.After(10 * time.Second):
				b.Fatal("the flag did not appear")
			}
		}
		times = append(times, time.Since(began))
		if err := <-pressed; err != nil {
			b.Fatal(err)
		}
		sheet.Close()
	}
	slices.Sort(times)
	p50 := float64(times[len(times)/2].Microseconds()) / 1e3
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(0, "unit:ms")
	b.ReportMetric(p50, "value")
	b.ReportMetric(p50, "ratio")
	b.ReportMetric(50, "atmost")
}

// tillOfServer starts a server and returns the model of a till where the technician has signed in.
func tillOfServer(b *testing.B) *model.Model {
	b.Helper()
	bin := os.Getenv("MOSTRADOR_BIN")
	if bin == "" {
		bin = b.TempDir()
		build := exec.Command("make", "programs", "BIN="+bin)
		build.Dir = "../.."
		if out, err := build.CombinedOutput(); err != nil {
			b.Fatalf("make programs: %v\n%s", err, out)
		}
	}
	home := b.TempDir()
	server := exec.Command(filepath.Join(bin, "mostrador"), "--home", home, "serve", "--listen", "127.0.0.1:0", "--web-listen", "127.0.0.1:0")
	out, err := server.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	if !bufio.NewScanner(out).Scan() {
		b.Fatal("the server did not become ready")
	}
	m := model.New(model.Config{
		HTTP: &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(home, "mostrador.sock"))
		}}},
		BaseURL: "http://mostrador", Till: "1", Language: "es",
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { _ = m.Run(ctx); close(done) }() // ends with ctx only
	b.Cleanup(func() {
		cancel()
		<-done
		_ = server.Process.Signal(os.Interrupt)
		_ = server.Wait()
	})
	if err := m.Setup(ctx, "Marta", "4821"); err != nil {
		b.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); !m.Online(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.Fatal("the stream of changes does not stand")
		}
	}
	return m
}

var (
	acceptLink  = regexp.MustCompile(`http://[^\s/]+/a/[A-Za-z0-9_-]+`)
	hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]+)"`)
)

// acceptPage is the page behind the link of the customer's welcome mail.
func acceptPage(b *testing.B, m *model.Model, id string) string {
	b.Helper()
	ctx := context.Background()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		list, err := m.Messages.List(ctx, connect.NewRequest(&pb.ListMessagesRequest{CustomerId: id}))
		if err != nil {
			b.Fatal(err)
		}
		for _, row := range list.Msg.Messages {
			mail, err := m.Messages.Get(ctx, connect.NewRequest(&pb.GetMessageRequest{Id: row.Id}))
			if err != nil {
				b.Fatal(err)
			}
			if link := acceptLink.FindString(mail.Msg.GetMail().GetText()); link != "" {
				return link
			}
		}
	}
	b.Fatal("no welcome mail")
	return ""
}

// formOf reads what the page's form would send.
func formOf(b *testing.B, page string) url.Values {
	b.Helper()
	resp, err := http.Get(page)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	var text strings.Builder
	if _, err := io.Copy(&text, resp.Body); err != nil {
		b.Fatal(err)
	}
	form := url.Values{}
	for _, field := range hiddenField.FindAllStringSubmatch(text.String(), -1) {
		form.Set(field[1], field[2])
	}
	return form
}
