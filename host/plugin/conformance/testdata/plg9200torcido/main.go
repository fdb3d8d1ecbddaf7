// Command plg9200torcido is a plug-in with one thing wrong, to see whether the conformance suite finds it. What is
// wrong is the end of its program's name: plg9200random. With "nothing" nothing is.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"mostrador/sdk"
	"mostrador/sdk/plgv1"
	"mostrador/sdk/wire"
	"mostrador/sdk/wire/client"
)

func main() {
	name := strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	wrong := strings.TrimPrefix(name, "plg9200")
	stdout := os.Stdout
	if os.Getenv(wire.Handshake().MagicCookieKey) != "" {
		switch wrong {
		case "ends":
			fmt.Fprintln(os.Stderr, "no license")
			os.Exit(3)
		case "talks":
			fmt.Println("Hola")
		case "elsewhere":
			dir, err := os.MkdirTemp("", "torcido")
			if err != nil {
				panic(err)
			}
			os.Setenv("PLUGIN_UNIX_SOCKET_DIR", dir)
		}
	}
	host, err := strconv.Atoi(os.Getenv(wire.HostVariable))
	if err == nil && wrong != "orphan" {
		go func() {
			for os.Getppid() == host {
				time.Sleep(100 * time.Millisecond)
			}
			os.Exit(1)
		}()
	}
	s := &server{PluginServer: sdk.Server(newPlugin(wrong)), wrong: wrong, stdout: stdout}
	options := wire.ServerOptions()
	if wrong == "small" {
		options = nil
	}
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: wire.Handshake(),
		Plugins:         client.Served(s),
		TLSProvider:     func() (*tls.Config, error) { return bundle(wrong) },
		Logger:          hclog.NewNullLogger(),
		GRPCServer: func(given []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(given, options...)...)
		},
	})
	if wrong == "stays" {
		select {}
	}
}

func bundle(wrong string) (*tls.Config, error) {
	if wrong == "plain" {
		return nil, nil
	}
	b, err := wire.ParseBundle(os.Getenv(wire.TLSVariable))
	if err != nil {
		return nil, err
	}
	config, err := b.ServerConfig()
	if wrong == "open" && err == nil {
		config.ClientAuth, config.VerifyConnection = tls.NoClientCert, nil
	}
	return config, err
}

// count is what no plug-in may keep: a variable of the program.
var count atomic.Int64

func newPlugin(wrong string) *sdk.Plugin {
	p := sdk.New(os.DirFS(filepath.Dir(os.Args[0])))
	sdk.On(p, func(_ context.Context, tx *sdk.Tx, e sdk.CustomerRegistered) error {
		switch wrong {
		case "recalls":
			tx.Note(fmt.Sprint(count.Add(1)))
		case "faults":
			return errors.New("it does not work today")
		case "mails":
			return tx.Send(sdk.Mail{Kind: sdk.Transactional, To: e.Customer.ID, Template: "aviso.html"})
		}
		return tx.Schedule(sdk.Later{Time: tx.Now().Add(time.Hour), Name: "later", CustomerID: e.Customer.ID})
	})
	sdk.On(p, func(_ context.Context, tx *sdk.Tx, e sdk.SaleCompleted) error {
		n, err := sdk.State[int](tx)
		if err != nil || !e.Customer.Known() {
			return err
		}
		switch wrong {
		case "random":
			tx.Note(strconv.Itoa(rand.Int()))
		case "remembers":
			tx.Note(strconv.FormatInt(count.Add(1), 10))
		}
		return tx.Save(n + 1)
	})
	sdk.On(p, func(_ context.Context, tx *sdk.Tx, e sdk.Scheduled) error {
		_, _, err := sdk.Get[int](tx, "n")
		return err
	})
	p.Action("pulsar", func(_ context.Context, tx *sdk.Tx, press sdk.Press) (sdk.Result, error) {
		if wrong == "clicks" {
			return sdk.Done(strconv.FormatInt(count.Add(1), 10)), nil
		}
		tx.Note("pulsado")
		return sdk.Done("hecho"), nil
	})
	p.Panel("panel", func(_ context.Context, tx *sdk.Tx, _ sdk.Customer) (sdk.Panel, error) {
		n, err := sdk.State[int](tx)
		return sdk.Panel{Rows: []sdk.Row{{Label: "n", Value: strconv.Itoa(n)}}}, err
	})
	return p
}

type server struct {
	plgv1.PluginServer
	wrong  string
	stdout io.Writer
}

func (s *server) Describe(ctx context.Context, r *plgv1.DescribeRequest) (*plgv1.DescribeResponse, error) {
	if s.wrong == "agrees" {
		r = &plgv1.DescribeRequest{Api: append(r.GetApi(), wire.API)}
	}
	said, err := s.PluginServer.Describe(ctx, r)
	if err != nil {
		return nil, err
	}
	said.Abilities = []string{"migrate", "check", "validate", "rehearse"}
	if s.wrong == "another" {
		said.Version = "1.0.1"
	}
	return said, nil
}

func (s *server) Work(stream plgv1.Plugin_WorkServer) error {
	if s.wrong == "prints" {
		fmt.Fprintln(s.stdout, "trabajando...")
	}
	if s.wrong != "stays" && s.wrong != "lingers" {
		defer time.AfterFunc(100*time.Millisecond, func() { os.Exit(0) })
	}
	return s.PluginServer.Work(&crooked{Plugin_WorkServer: stream, wrong: s.wrong})
}

// crooked is the conversation, of which one thing is bent.
type crooked struct {
	plgv1.Plugin_WorkServer
	wrong string
	many  bool // the batch under way has more than one event
}

func (c *crooked) Recv() (*plgv1.WorkRequest, error) {
	for {
		request, err := c.Plugin_WorkServer.Recv()
		if err != nil {
			return nil, err
		}
		switch work := request.GetWork().(type) {
		case *plgv1.WorkRequest_Settings:
			if c.wrong == "settings" && work.Settings.GetValues().GetFields()["AjusteDelFuturo"] != nil {
				os.Exit(4)
			}
		case *plgv1.WorkRequest_Batch:
			c.many = len(work.Batch.GetDeliveries()) > 1
			for _, d := range work.Batch.GetDeliveries() {
				if c.wrong == "panics" && proto.Unmarshal(d.GetEvent(), &plgv1.Event{}) != nil {
					panic("what is this")
				}
			}
		case *plgv1.WorkRequest_Migrate, *plgv1.WorkRequest_Check, *plgv1.WorkRequest_Validate:
			if err := c.Plugin_WorkServer.Send(c.ability(request)); err != nil {
				return nil, err
			}
			continue
		case nil:
			if c.wrong == "guesses" {
				request = &plgv1.WorkRequest{Work: &plgv1.WorkRequest_Batch{Batch: &plgv1.Batch{}}}
			}
		}
		return request, nil
	}
}

func (c *crooked) ability(request *plgv1.WorkRequest) *plgv1.WorkResponse {
	refusal := []*plgv1.Diagnostic{{Severity: plgv1.Severity_SEVERITY_ERROR, Summary: "Así no."}}
	switch {
	case request.GetMigrate() != nil:
		done := &plgv1.MigrateDone{}
		if c.wrong == "migrates" {
			done.Effects = []*plgv1.Effect{note("migrado")}
		}
		return &plgv1.WorkResponse{Work: &plgv1.WorkResponse_Migrate{Migrate: done}}
	case request.GetCheck() != nil:
		done := &plgv1.CheckDone{}
		if c.wrong == "unfit" {
			done.Diagnostics = refusal
		}
		return &plgv1.WorkResponse{Work: &plgv1.WorkResponse_Check{Check: done}}
	}
	done := &plgv1.ValidateDone{}
	if c.wrong == "defaults" {
		done.Diagnostics = refusal
	}
	return &plgv1.WorkResponse{Work: &plgv1.WorkResponse_Validate{Validate: done}}
}

func note(text string) *plgv1.Effect { return &plgv1.Effect{Effect: &plgv1.Effect_Note{Note: text}} }

func (c *crooked) Send(response *plgv1.WorkResponse) error {
	switch done := response.GetWork().(type) {
	case *plgv1.WorkResponse_Batch:
		if response = c.bendBatch(response, done.Batch); response == nil {
			return nil
		}
	case *plgv1.WorkResponse_Action:
		switch {
		case c.wrong == "takesall" && done.Action.GetFault() != nil:
			done.Action.Fault = nil
		case c.wrong == "refuses":
			done.Action.Result = &plgv1.Result{Diagnostics: []*plgv1.Diagnostic{{
				Severity: plgv1.Severity_SEVERITY_ERROR, Summary: "Así no.",
			}}}
		}
	case *plgv1.WorkResponse_Panel:
		if c.wrong == "grid" && done.Panel.GetPanel() != nil {
			done.Panel.Panel = &plgv1.Panel{Table: &plgv1.PanelTable{}}
		}
	}
	return c.Plugin_WorkServer.Send(response)
}

func (c *crooked) bendBatch(response *plgv1.WorkResponse, done *plgv1.BatchDone) *plgv1.WorkResponse {
	for _, o := range done.GetOutcomes() {
		if o.GetFault() != nil {
			return response
		}
		for _, e := range o.GetEffects() {
			if c.wrong == "forgets" && c.many && e.GetSaveState() != nil {
				e.GetSaveState().State = []byte("1")
			}
		}
		switch c.wrong {
		case "emits":
			o.Effects = append(o.Effects, &plgv1.Effect{Effect: &plgv1.Effect_Emit{Emit: &plgv1.Emit{Type: "plg9201.x"}}})
		case "putstate":
			o.Effects = append(o.Effects, &plgv1.Effect{Effect: &plgv1.Effect_PutState{PutState: &plgv1.PutState{CustomerId: "x"}}})
		}
	}
	switch {
	case c.wrong == "wrongkind":
		return &plgv1.WorkResponse{Work: &plgv1.WorkResponse_Action{Action: &plgv1.ActionDone{}}}
	case c.wrong == "short" && len(done.Outcomes) > 0:
		done.Outcomes = done.Outcomes[1:]
	}
	return response
}
