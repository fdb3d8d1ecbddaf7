package telemetry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"mostrador/sdk"
	"mostrador/sdk/plgtest"
)

const manifest = `
id: PLG0901
name: {es: Medido, en: Measured}
version: 1.0.0
api: [1, 2]
permissions: [customer:read]
actions: [{id: press, name: Pulsar, where: [menu]}]
events: {handles: [customer.registered]}
`

// measured is a plugin whose registrations fail when nobody was registered.
func measured() *sdk.Plugin {
	p := sdk.New(fstest.MapFS{"plugin.yaml": {Data: []byte(manifest)}})
	sdk.On(p, func(ctx context.Context, _ *sdk.Tx, e sdk.CustomerRegistered) error {
		if e.Customer.Name == "" {
			return errors.New("the name of Ana is a secret")
		}
		_, span := trace.SpanFromContext(ctx).TracerProvider().Tracer("own").Start(ctx, "own")
		span.End()
		return nil
	})
	p.Action("press", func(context.Context, *sdk.Tx, sdk.Press) (sdk.Result, error) { panic("oh") })
	return p
}

func TestEveryCallOfAHandlerIsMeasured(t *testing.T) {
	recorder, reader := tracetest.NewSpanRecorder(), sdkmetric.NewManualReader()
	o, err := observer(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)), sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))
	if err != nil {
		t.Fatal(err)
	}
	p := measured()
	p.Observe(o)
	y := plgtest.New(t, p)
	y.Handle(sdk.CustomerRegistered{Event: sdk.Event{Customer: sdk.Customer{ID: "a", Name: "Ana"}}})
	y.Fault(sdk.CustomerRegistered{Event: sdk.Event{Customer: sdk.Customer{ID: "b"}}})

	var seen []string
	for _, s := range recorder.Ended() {
		line := s.Name() + " " + s.Status().Code.String() + s.Status().Description
		for _, a := range s.Attributes() {
			line += " " + a.Value.String()
		}
		seen = append(seen, line)
	}
	want := []string{"own Unset", "event Unset event customer.registered", "event Error event customer.registered"}
	if strings.Join(seen, "\n") != strings.Join(want, "\n") {
		t.Errorf("spans: %q", seen)
	}
	if own, event := recorder.Ended()[0], recorder.Ended()[1]; own.Parent().SpanID() != event.SpanContext().SpanID() {
		t.Error("a handler's span is not within the plugin's")
	}

	var data metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	calls := map[bool]uint64{}
	for _, point := range data.ScopeMetrics[0].Metrics[0].Data.(metricdata.Histogram[float64]).DataPoints {
		failed, _ := point.Attributes.Value("failed")
		calls[failed.AsBool()] += point.Count
	}
	if calls[false] != 1 || calls[true] != 1 {
		t.Errorf("calls: %v", calls)
	}
}

func TestNothingIsMeasuredUnlessACollectorIsNamed(t *testing.T) {
	t.Setenv(endpointVariable, "")
	p := measured()
	if err := Observe(p); err != nil {
		t.Fatal(err)
	}
	y := plgtest.New(t, p)
	y.Handle(sdk.CustomerRegistered{Event: sdk.Event{Customer: sdk.Customer{ID: "a", Name: "Ana"}}})
}

func TestACollectorGetsWhatWasMeasuredAndNothingPersonal(t *testing.T) {
	var mu sync.Mutex
	got := map[string]string{}
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		got[r.URL.Path] += string(body)
	}))
	defer collector.Close()
	t.Setenv(endpointVariable, collector.URL)

	p := measured()
	o, err := exporting(p.ID())
	if err != nil {
		t.Fatal(err)
	}
	p.Observe(o)
	plgtest.New(t, p).Fault(sdk.CustomerRegistered{Event: sdk.Event{Customer: sdk.Customer{ID: "secreta"}}})
	if err := o.End(t.Context()); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, path := range []string{"/v1/traces", "/v1/metrics"} {
		if !strings.Contains(got[path], "PLG0901") || !strings.Contains(got[path], "customer.registered") {
			t.Errorf("%s got %q", path, got[path])
		}
		if strings.Contains(got[path], "secret") {
			t.Errorf("%s tells a secret: %q", path, got[path])
		}
	}
}

// Exporters must stay out of plugins that do not ask for them.
func TestTheSDKDoesNotLinkOpenTelemetry(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "mostrador/sdk").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, heavy := range []string{"go.opentelemetry.io/", "github.com/hashicorp/go-plugin"} {
		if strings.Contains(string(out), heavy) {
			t.Errorf("it links %s", heavy)
		}
	}
}
