// Package telemetry measures a plugin with OpenTelemetry: a span for every call of a handler, a count of the calls
// and how long they took, sent over OTLP/HTTP. It is for the author who looks for what is slow, and for whoever runs
// a collector; most plugins do without, and do not link it.
//
//	p := sdk.New(files)
//	...
//	if err := telemetry.Observe(p); err != nil { ... }
//	p.Serve()
//
// It is off until the environment names a collector, as OpenTelemetry has it: OTEL_EXPORTER_OTLP_ENDPOINT, and its
// companions (OTEL_EXPORTER_OTLP_HEADERS, OTEL_METRIC_EXPORT_INTERVAL, ...). Within the store's sandbox the plugin
// also needs the permission to reach it: "net:collector.example:4318". What is sent names the plugin, the kind and
// name of what was called, and whether it failed; nothing of a customer, and no message of an error.
//
// A handler that wants spans of its own finds its span in its context: trace.SpanFromContext(ctx).
package telemetry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"mostrador/sdk"
)

const (
	endpointVariable = "OTEL_EXPORTER_OTLP_ENDPOINT"
	nameVariable     = "OTEL_SERVICE_NAME"
	// scope names what measures, in all that is sent.
	scope = "mostrador/sdk/telemetry"
	// duration is the name of the histogram of calls, in seconds; its count is the number of calls.
	duration = "mostrador.plugin.call.duration"
)

// Observe has p measured when the environment names a collector, and otherwise does nothing. The collector need not
// be reachable: then what was measured is lost, and nothing else.
func Observe(p *sdk.Plugin) error {
	if os.Getenv(endpointVariable) == "" {
		return nil
	}
	o, err := exporting(p.ID())
	if err != nil {
		return err
	}
	p.Observe(o)
	return nil
}

// exporting is the observer that sends to the collector of the environment.
func exporting(plugin string) (sdk.Observer, error) {
	ctx := context.Background() // to make an exporter takes no time and dials nobody
	spans, err := otlptracehttp.New(ctx)
	if err != nil {
		return sdk.Observer{}, fmt.Errorf("telemetry: %w", err)
	}
	figures, err := otlpmetrichttp.New(ctx)
	if err != nil {
		return sdk.Observer{}, fmt.Errorf("telemetry: %w", err)
	}
	about := resource.NewSchemaless(attribute.String("service.name", cmp.Or(os.Getenv(nameVariable), plugin)))
	return observer(
		sdktrace.NewTracerProvider(sdktrace.WithBatcher(spans), sdktrace.WithResource(about)),
		sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(figures)), sdkmetric.WithResource(about)),
	)
}

// observer makes spans and figures of calls.
func observer(spans *sdktrace.TracerProvider, figures *sdkmetric.MeterProvider) (sdk.Observer, error) {
	tracer := spans.Tracer(scope)
	took, err := figures.Meter(scope).Float64Histogram(duration,
		metric.WithUnit("s"), metric.WithDescription("Time that handlers of the plugin took"),
		metric.WithExplicitBucketBoundaries(.0001, .0005, .001, .005, .01, .05, .1, .5, 1, 5, 10))
	if err != nil {
		return sdk.Observer{}, fmt.Errorf("telemetry: %w", err)
	}
	return sdk.Observer{
		Begin: func(ctx context.Context, call sdk.Call) (context.Context, func(error)) {
			what := []attribute.KeyValue{attribute.String("kind", call.Kind), attribute.String("name", call.Name)}
			begun := time.Now()
			within, span := tracer.Start(ctx, call.Kind, trace.WithAttributes(what...))
			return within, func(err error) {
				if err != nil {
					span.SetStatus(codes.Error, "") // its message may hold anything
				}
				span.End()
				took.Record(ctx, time.Since(begun).Seconds(), metric.WithAttributes(append(what, attribute.Bool("failed", err != nil))...))
			}
		},
		End: func(ctx context.Context) error {
			return errors.Join(spans.Shutdown(ctx), figures.Shutdown(ctx))
		},
	}, nil
}
