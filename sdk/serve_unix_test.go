//go:build unix

package sdk_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"google.golang.org/protobuf/proto"

	"mostrador/sdk"
	"mostrador/sdk/plgv1"
	"mostrador/sdk/wire"
	"mostrador/sdk/wire/client"
)

// roleVariable makes the test's own binary play a part: "plugin", or "host", which starts a plugin and waits
// to be killed.
const roleVariable = "MOSTRADOR_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "plugin":
		counting().Serve()
	case "misfit":
		sdk.New(files("events: {handles: [customer.registered]}")).Serve()
	case "host":
		playHost()
	default:
		os.Exit(m.Run())
	}
}

// counting is a plugin that counts registrations and keeps each in its own keyspace too.
func counting() *sdk.Plugin {
	p := sdk.New(files("events: {handles: [customer.registered]}"))
	sdk.On(p, func(_ context.Context, tx *sdk.Tx, e sdk.CustomerRegistered) error {
		if e.Customer.Name == "panic" {
			panic("at the disco")
		}
		c, err := sdk.State[counter](tx)
		if err != nil {
			return err
		}
		c.N++
		if e.Customer.Name == "ask" {
			n, _, err := sdk.Get[int](tx, "n")
			if err != nil {
				return err
			}
			c.N += n
		}
		return tx.Save(c)
	})
	return p
}

// command is this binary in another part.
func command(role string, environment ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), append(environment, roleVariable+"="+role)...)
	return cmd
}

// start starts the plugin as a host does, and returns its client and the means to end it.
func start(log hclog.Logger) (*plugin.Client, plgv1.PluginClient, error) {
	host, bundle, err := wire.Issue(time.Now())
	if err != nil {
		return nil, nil, err
	}
	config, err := host.ClientConfig()
	if err != nil {
		return nil, nil, err
	}
	process := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  wire.Handshake(),
		Plugins:          client.Plugins(),
		Cmd:              command("plugin", wire.TLSVariable+"="+bundle.Encode(), wire.HostVariable+"="+strconv.Itoa(os.Getpid())),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		TLSConfig:        config,
		GRPCDialOptions:  wire.DialOptions(),
		SkipHostEnv:      true, // it would come last and so give the plugin its host's part
		Logger:           log,
	})
	protocol, err := process.Client()
	if err != nil {
		process.Kill()
		return nil, nil, err
	}
	raw, err := protocol.Dispense(wire.PluginName)
	if err != nil {
		process.Kill()
		return nil, nil, err
	}
	return process, raw.(plgv1.PluginClient), nil
}

// playHost starts a plugin, prints its process id and waits for its own death.
func playHost() {
	client, _, err := start(hclog.NewNullLogger())
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(client.ReattachConfig().Pid)
	time.Sleep(time.Minute)
	client.Kill()
}

func serving(t *testing.T) (*plugin.Client, plgv1.PluginClient, plgv1.Plugin_WorkClient, context.CancelFunc) {
	t.Helper()
	client, api, err := start(hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Kill)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	stream, err := api.Work(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return client, api, stream, cancel
}

func batch(customers ...string) *plgv1.WorkRequest {
	b := &plgv1.Batch{}
	for i, name := range customers {
		b.Deliveries = append(b.Deliveries, &plgv1.Delivery{Event: encoded(&plgv1.Event{
			Sequence: uint64(i + 1), Type: "customer.registered", Customer: &plgv1.Customer{Id: name, Name: name},
		})})
	}
	return &plgv1.WorkRequest{Work: &plgv1.WorkRequest_Batch{Batch: b}}
}

func encoded(e *plgv1.Event) []byte {
	data, err := proto.Marshal(e)
	if err != nil {
		panic(err)
	}
	return data
}

func send(t *testing.T, stream plgv1.Plugin_WorkClient, r *plgv1.WorkRequest) *plgv1.WorkResponse {
	t.Helper()
	if err := stream.Send(r); err != nil {
		t.Fatal(err)
	}
	response, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	return response
}

func TestAPluginProcessWorks(t *testing.T) {
	_, api, stream, _ := serving(t)
	d, err := api.Describe(t.Context(), &plgv1.DescribeRequest{Api: wire.Versions()})
	if err != nil || d.GetId() != "PLG0900" || d.GetVersion() != "1.2.3" || d.GetApi() != 1 {
		t.Fatalf("%v, %v", d, err)
	}
	if _, err := api.Describe(t.Context(), &plgv1.DescribeRequest{Api: []int32{99}}); err == nil {
		t.Error("a host of another protocol was welcome")
	}

	outcomes := send(t, stream, batch("a", "a", "panic", "a")).GetBatch().GetOutcomes()
	if len(outcomes) != 3 || !outcomes[2].GetFault().GetPanic() || outcomes[1].GetEffects()[0].GetSaveState() == nil {
		t.Fatalf("%v", outcomes)
	}
	read := send(t, stream, batch("ask"))
	if read.GetRead().GetGet() != "n" {
		t.Fatalf("%v", read)
	}
	done := send(t, stream, &plgv1.WorkRequest{Work: &plgv1.WorkRequest_Read{Read: &plgv1.ReadReply{
		Records: []*plgv1.KeyValue{{Key: "n", Value: []byte("41")}},
	}}})
	if got := string(done.GetBatch().GetOutcomes()[0].GetEffects()[0].GetSaveState().GetState()); got != `{"N":42}` {
		t.Errorf("the record is %s", got)
	}
	// A batch well beyond gRPC's default of 4 MiB.
	big := batch("a")
	big.GetBatch().Deliveries[0].Event = encoded(&plgv1.Event{
		Type:     "customer.registered",
		Customer: &plgv1.Customer{Id: "a", Fields: map[string]string{"x": strings.Repeat("x", 8<<20)}},
	})
	if fault := send(t, stream, big).GetBatch().GetOutcomes()[0].GetFault(); fault != nil {
		t.Error(fault)
	}
}

func TestAPluginEndsWithItsConversation(t *testing.T) {
	client, _, stream, _ := serving(t)
	send(t, stream, batch("a"))
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	within(t, 10*time.Second, "the process ends", client.Exited)
}

func TestAPluginEndsWithItsHost(t *testing.T) {
	host := command("host")
	out, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	defer host.Wait()
	line, err := bufio.NewReader(out).ReadString('\n')
	pid, bad := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || bad != nil {
		host.Process.Kill()
		t.Fatalf("the host said %q: %v", line, err)
	}
	orphan, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := orphan.Signal(syscall.Signal(0)); err != nil {
		t.Fatalf("the plugin does not run: %v", err)
	}
	if err := host.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	within(t, 15*time.Second, "the orphan ends", func() bool { return ended(pid) })
}

// ended reports whether a process that is not ours is gone; a zombie that nobody has collected counts as gone.
func ended(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(after, "Z")
}

func TestAPluginThatDoesNotFitItsManifestDoesNotServe(t *testing.T) {
	out, err := command("misfit").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "no handler") {
		t.Fatalf("%v: %s", err, out)
	}
}

func within(t *testing.T, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", limit, what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// BenchmarkEvents is events per second through a real process, in batches of 1000 with one record read and
// saved each: as a binary record, and as none at all (the handler does nothing).
func BenchmarkEvents(b *testing.B) {
	for _, name := range []string{"save", "nothing"} {
		b.Run(name, func(b *testing.B) {
			client, api, err := start(hclog.NewNullLogger())
			if err != nil {
				b.Fatal(err)
			}
			defer client.Kill()
			stream, err := api.Work(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			kind := "customer.registered"
			if name == "nothing" {
				kind = "customer.changed"
			}
			request := &plgv1.Batch{}
			for i := range 1000 {
				request.Deliveries = append(request.Deliveries, &plgv1.Delivery{
					State: []byte(`{"N":41}`),
					Event: encoded(&plgv1.Event{
						Sequence: uint64(i), Type: kind,
						Customer: &plgv1.Customer{Id: fmt.Sprintf("0198f000-0000-7000-8000-%012d", i), Name: "Ana María Núñez", Phone: "+34600111222", Email: "ana@example.com"},
					}),
				})
			}
			for b.Loop() {
				if err := stream.Send(&plgv1.WorkRequest{Work: &plgv1.WorkRequest_Batch{Batch: request}}); err != nil {
					b.Fatal(err)
				}
				response, err := stream.Recv()
				if err != nil || len(response.GetBatch().GetOutcomes()) != 1000 {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "events/s")
		})
	}
}
