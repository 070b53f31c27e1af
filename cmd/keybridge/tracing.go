package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel"
	attr "go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"keybridge/bridge"
)

// Traces tell where the time of one request goes: from a webhook or a hand-off to its
// commit, and through a pass of the worker to each call. They are sent where the standard
// variables of OpenTelemetry say, and only if one of them does. What belongs to one request
// is found by the attribute keybridge.request, because weeks may lie between two parts.
//
// Spans are made at the ports, and not by wrapping HTTP clients: an address of the portal or
// of Stripe holds ids of people, and what is not in an attribute cannot leak. Attributes are
// names of the configuration, words of ours, and the request's id. An error is told by its
// kind. A trace that a sender claims to continue (traceparent) is not read: whoever may send
// a webhook could otherwise choose what is recorded.
//
// Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/

// The attributes there are, beside those of HTTP.
const (
	attrRequest  = attr.Key("keybridge.request")
	attrPortal   = attr.Key("keybridge.portal")
	attrProvider = attr.Key("keybridge.provider")
	attrSource   = attr.Key("keybridge.source")
	attrHint     = attr.Key("keybridge.hint")
	attrOutcome  = attr.Key("keybridge.outcome")
	attrMessage  = attr.Key("keybridge.message")
	attrMethod   = attr.Key("http.request.method")
	attrRoute    = attr.Key("http.route")
	attrStatus   = attr.Key("http.response.status_code")
)

// tracing makes spans and sends them. Nil makes none, and leaves everything as it is.
type tracing struct {
	provider *sdktrace.TracerProvider
	trace.Tracer
}

// tracingWanted reports whether the environment asks for traces. The specification would
// send them to a collector on this machine where nothing is said; here it has to be said.
func tracingWanted(lookup func(string) (string, bool)) bool {
	get := func(name string) string { text, _ := lookup(name); return strings.TrimSpace(text) }
	exporter := get("OTEL_TRACES_EXPORTER")
	switch {
	case strings.EqualFold(get("OTEL_SDK_DISABLED"), "true") || exporter == "none":
		return false
	case exporter != "":
		return true
	}
	return get("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}

// startTracing starts tracing as the environment says; nil when it does not ask for it.
func startTracing(ctx context.Context, log *slog.Logger) (*tracing, error) {
	if !tracingWanted(os.LookupEnv) {
		return nil, nil // no tracing is a tracing that does nothing
	}
	exporter, err := autoexport.NewSpanExporter(ctx)
	if err != nil {
		return nil, fmt.Errorf("tracing, as the variables OTEL_… say: %w", err)
	}
	res, err := resource.New(ctx, resource.WithAttributes(
		attr.String("service.name", "keybridge"), attr.String("service.version", version()),
	), resource.WithTelemetrySDK(), resource.WithFromEnv()) // the environment has the last word
	if err != nil {
		return nil, fmt.Errorf("tracing, as the variables OTEL_… say: %w", err)
	}
	// The library has one place for errors of all that is sent in the background.
	otel.SetErrorHandler(&traceErrors{log: log})
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(res))
	return &tracing{provider, provider.Tracer("keybridge")}, nil
}

// Stop sends what is left, for a moment.
func (t *tracing) Stop(ctx context.Context) error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		otel.Handle(err) // a collector that is down is no failure of the bridge
	}
	return nil
}

// traceErrors logs that traces cannot be sent, once a minute.
type traceErrors struct {
	log *slog.Logger

	mu   sync.Mutex
	last time.Time
}

// Handle implements otel.ErrorHandler.
func (e *traceErrors) Handle(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.last.IsZero() || time.Since(e.last) >= time.Minute {
		e.last = time.Now()
		e.log.Warn("traces cannot be sent", "error", err)
	}
}

// handler makes a span of each webhook and each hand-off. portals are those whose names
// may be an attribute: any other is a stranger's text.
func (t *tracing) handler(next http.Handler, portals []portalConfig) http.Handler {
	if t == nil {
		return next
	}
	routes := map[string][]attr.KeyValue{"/webhooks/stripe": {attrRoute.String("/webhooks/stripe")}}
	for _, p := range portals {
		for _, route := range []string{"/webhooks/portal/", "/handoff/"} {
			routes[route+p.Name] = []attr.KeyValue{attrRoute.String(route + "{portal}"), attrPortal.String(p.Name)}
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		attrs, ok := routes[r.URL.Path]
		if !ok || r.Method != http.MethodGet && r.Method != http.MethodPost {
			next.ServeHTTP(w, r)
			return
		}
		ctx, span := t.Start(r.Context(), r.Method+" "+attrs[0].Value.AsString(), trace.WithSpanKind(trace.SpanKindServer),
			trace.WithAttributes(attrs...), trace.WithAttributes(attrMethod.String(r.Method)))
		defer span.End()
		answer := &tracedAnswer{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(answer, r.WithContext(ctx))
		span.SetAttributes(attrStatus.Int(answer.status))
		if answer.status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, http.StatusText(answer.status))
		}
	})
}

// tracedAnswer notes the status of an answer.
type tracedAnswer struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the status.
func (a *tracedAnswer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController: receivers set deadlines.
func (a *tracedAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// passRequest is the key of the request that a pass works on.
type passRequest struct{}

// pass makes a span of a pass.
func (t *tracing) pass(ctx context.Context, id bridge.ID, portal string) (context.Context, func()) {
	ctx, span := t.Start(ctx, "pass", trace.WithAttributes(attrRequest.String(string(id)), attrPortal.String(portal)))
	return context.WithValue(ctx, passRequest{}, id), func() { span.End() }
}

// call makes a span of a call to the outside. Within a pass it is about the pass's request.
func call[T any](ctx context.Context, t *tracing, doing string, about []attr.KeyValue, do func(context.Context) (T, error)) (T, error) {
	ctx, span := t.Start(ctx, doing, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(about...))
	defer span.End()
	if id, ok := ctx.Value(passRequest{}).(bridge.ID); ok {
		span.SetAttributes(attrRequest.String(string(id)))
	}
	v, err := do(ctx)
	failed(span, err)
	return v, err
}

// failed notes an error by its kind: what it says may be about somebody.
func failed(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, string(bridge.KindOf(err)))
	}
}
