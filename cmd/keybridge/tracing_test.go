package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	attr "go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	tyksandbox "keybridge/bridge/tyk/sandbox"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// gathering is a collector of OTLP over HTTP, on loopback.
type gathering struct {
	*httptest.Server
	mu    sync.Mutex
	raw   bytes.Buffer
	spans []*tracepb.Span
	of    map[string]bool // the services that sent them
}

func startGathering(t *testing.T) *gathering {
	g := &gathering{of: map[string]bool{}}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var sent collector.ExportTraceServiceRequest
		if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &sent) != nil {
			t.Errorf("%s %s brings what is no trace: %v", r.Method, r.URL, err)
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		g.raw.Write(body)
		for _, from := range sent.ResourceSpans {
			for _, a := range from.Resource.Attributes {
				if a.Key == "service.name" {
					g.of[a.Value.GetStringValue()] = true
				}
			}
			for _, scope := range from.ScopeSpans {
				g.spans = append(g.spans, scope.Spans...)
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(g.Close)
	return g
}

// named are the spans of a name.
func (g *gathering) named(name string) (out []*tracepb.Span) {
	for _, s := range g.spans {
		if s.Name == name {
			out = append(out, s)
		}
	}
	return out
}

// parent is the span that a span is part of; nil where it is of none.
func (g *gathering) parent(of *tracepb.Span) *tracepb.Span {
	for _, s := range g.spans {
		if bytes.Equal(s.SpanId, of.ParentSpanId) && bytes.Equal(s.TraceId, of.TraceId) {
			return s
		}
	}
	return nil
}

// valueOf is an attribute of a span; empty where it has none of that name.
func valueOf(s *tracepb.Span, key string) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value.GetStringValue()
		}
	}
	return ""
}

// noTracing takes away whatever this machine's environment says of tracing.
func noTracing(t *testing.T) {
	for _, name := range []string{
		"OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
		"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_TRACES_SAMPLER", "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES",
	} {
		t.Setenv(name, "")
	}
}

func TestNothingIsTracedUnlessTheEnvironmentSaysSo(t *testing.T) {
	for _, one := range []struct {
		env  map[string]string
		want bool
	}{
		{map[string]string{}, false},
		{map[string]string{"OTEL_SERVICE_NAME": "x", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, false},
		{map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, true},
		{map[string]string{"OTEL_TRACES_EXPORTER": "console"}, true},
		{map[string]string{"OTEL_TRACES_EXPORTER": " "}, false},
		{map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, false},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, true},
		{map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, true},
		{map[string]string{"OTEL_SDK_DISABLED": "True", "OTEL_TRACES_EXPORTER": "otlp"}, false},
	} {
		if got := tracingWanted(func(name string) (string, bool) { text, ok := one.env[name]; return text, ok }); got != one.want {
			t.Errorf("%v: %t", one.env, got)
		}
	}
}

// What is not asked for costs nothing: the ports are those that there were.
func TestWithoutTracingEverythingIsAsItWas(t *testing.T) {
	noTracing(t)
	off, err := startTracing(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil || off != nil {
		t.Fatal(off, err)
	}
	var store bridge.Store = countedStore{}
	handler := http.NotFoundHandler()
	c := off.ports(bridge.Config{Store: store})
	if c.Store != store || c.Pass != nil {
		t.Error("the ports are wrapped")
	}
	if _, wrapped := any(off.handler(handler, nil)).(http.HandlerFunc); !wrapped {
		t.Error("the handler is another one")
	}
	if err := off.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAWrongVariableIsSaidAtTheStart(t *testing.T) {
	noTracing(t)
	t.Setenv("OTEL_TRACES_EXPORTER", "carrier-pigeon")
	if _, err := startTracing(t.Context(), slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "OTEL_") {
		t.Error(err)
	}
}

// A paid request is taken from the portal's webhook to its key, through a call that fails.
func TestARequestIsTracedAndNobodyIsNamed(t *testing.T) {
	noTracing(t)
	g := startGathering(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", g.URL)
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test")
	k := startCage(t, choice{mail: true, handoff: tokenHandoff}, hear(t))
	k.portalFault(tyksandbox.Fault{Path: "/api/portal/requests/approve", Kind: tyksandbox.ErrorBefore, Times: 1})
	a := k.paid()
	r := k.request(a.ID)
	canaries := k.canaries()
	if err := k.stopBridge(); err != nil { // which sends what is left
		t.Fatal(err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.of) != 1 || !g.of["keybridge"] {
		t.Errorf("the spans are of %v", g.of)
	}
	g.wantHint(t, "POST /webhooks/portal/{portal}", "portal/weather", r.ID)
	g.wantHint(t, "POST /webhooks/stripe", "stripe", r.ID)
	g.wantHint(t, "GET /handoff/{portal}", "handoff/weather", r.ID)
	for _, call := range []string{"read portal", "read payment", "open checkout", "approve key", "tell applicant", "record"} {
		g.wantCall(t, call, r.ID)
	}
	failed := slices.ContainsFunc(g.named("approve key"), func(s *tracepb.Span) bool {
		return s.Status.GetCode() == tracepb.Status_STATUS_CODE_ERROR && s.Status.GetMessage() == string(bridge.Unavailable)
	})
	if !failed {
		t.Error("the approval that failed is not told of")
	}
	g.wantNothingElse(t)
	for _, c := range append(canaries, canary{what: "the portal's id of the key request", text: a.ID}, canary{what: "a checkout", text: "cs_"}) {
		for form, text := range forms(c.text) {
			if at := bytes.Index(g.raw.Bytes(), []byte(text)); at >= 0 {
				t.Errorf("%s (%s) is in the traces", c.what, form)
			}
		}
	}
}

// wantHint looks for a commit that is part of what brought it, and names the request.
func (g *gathering) wantHint(t *testing.T, brought, source string, id bridge.ID) {
	t.Helper()
	for _, s := range g.named("commit hint") {
		if p := g.parent(s); p != nil && p.Name == brought && len(p.ParentSpanId) == 0 && valueOf(s, "keybridge.source") == source &&
			valueOf(s, "keybridge.request") == string(id) && valueOf(s, "keybridge.outcome") == "accepted" {
			return
		}
	}
	t.Errorf("no hint of the request was committed in %s", brought)
}

// wantCall checks that each call of a name is part of a pass on the request.
func (g *gathering) wantCall(t *testing.T, name string, id bridge.ID) {
	t.Helper()
	spans := g.named(name)
	if len(spans) == 0 {
		t.Errorf("nothing is told of %q", name)
	}
	for _, s := range spans {
		p := g.parent(s)
		if p == nil || p.Name != "pass" || valueOf(s, "keybridge.request") != string(id) || valueOf(p, "keybridge.request") != string(id) {
			t.Errorf("%q is part of %v, and about %v", name, p, s.Attributes)
		}
	}
}

// wantNothingElse checks that spans have the attributes that they may have, and no more.
func (g *gathering) wantNothingElse(t *testing.T) {
	t.Helper()
	may := []attr.Key{
		attrRequest, attrPortal, attrProvider, attrSource, attrHint, attrOutcome, attrMessage, attrMethod, attrRoute, attrStatus,
	}
	for _, s := range g.spans {
		if len(s.Events) > 0 || len(s.Links) > 0 || s.TraceState != "" {
			t.Errorf("%s has more than attributes: %v", s.Name, s)
		}
		for _, a := range s.Attributes {
			if !slices.Contains(may, attr.Key(a.Key)) {
				t.Errorf("%s has the attribute %s", s.Name, a.Key)
			}
		}
	}
}

func TestStrangersAreNotFollowedAndNotNamed(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	tr := &tracing{provider, provider.Tracer("test")}
	var deadline error
	h := tr.handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		deadline = http.NewResponseController(w).SetReadDeadline(time.Now().Add(time.Minute))
		if strings.HasSuffix(r.URL.Path, "stripe") {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}), []portalConfig{{Name: "main"}})
	server := httptest.NewServer(h)
	defer server.Close()
	for _, one := range []struct{ method, path, span string }{
		{"POST", "/webhooks/portal/main?secret=canary", "POST /webhooks/portal/{portal}"},
		{"POST", "/webhooks/stripe", "POST /webhooks/stripe"},
		{"GET", "/handoff/main?token=canary", "GET /handoff/{portal}"},
		{"POST", "/webhooks/portal/canary", ""}, {"GET", "/r/canary", ""}, {"GET", "/handoff/main/canary", ""}, {"BREW", "/webhooks/stripe", ""},
	} {
		spans.Reset()
		req, err := http.NewRequestWithContext(t.Context(), one.method, server.URL+one.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		got := spans.GetSpans()
		if deadline != nil {
			t.Errorf("%s: the receiver can set no deadline: %v", one.path, deadline)
		}
		if one.span == "" {
			if len(got) > 0 {
				t.Errorf("%s %s makes a span", one.method, one.path)
			}
			continue
		}
		if len(got) != 1 || got[0].Name != one.span || got[0].Parent.IsValid() || got[0].SpanContext.TraceID().String() == "0af7651916cd43dd8448eb211c80319c" {
			t.Errorf("%s: %+v", one.path, got)
		}
		if broken := got[0].Status.Code == codes.Error; broken != (answer.StatusCode == http.StatusServiceUnavailable) {
			t.Errorf("%s: %+v", one.path, got[0].Status)
		}
		for _, a := range got[0].Attributes {
			if strings.Contains(a.Value.String(), "canary") {
				t.Errorf("%s: the span says %v", one.path, a)
			}
		}
	}
}

// Each kind of call that a port has is told of under the name that the metrics have for it.
func TestEveryPortIsTraced(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	tr := &tracing{provider, provider.Tracer("test")}
	s := startStand(t, choice{plans: []string{freePlan}})
	domain, err := domainOf(s.cfg, slog.New(slog.DiscardHandler), s.bridge.store, web.Links{})
	if err != nil {
		t.Fatal(err)
	}
	domain = tr.ports(domain)
	ctx, over := domain.Pass(t.Context(), "01HF7YAT00000000000000000Z", demoPortal)
	portal, payer := domain.Portals[demoPortal].Portal, domain.Providers[stripeProvider]
	var r bridge.Request
	none := bridge.Access{}
	const key = "5f7c1e0a8d3b2c0001a4e9d1"
	refused := errors.Join(
		ignore(portal.Read(ctx, key, none)), ignore(portal.Approve(ctx, key, none)), ignore(portal.Decline(ctx, key, none, "")),
		ignore(portal.Suspend(ctx, key, none)), ignore(portal.Resume(ctx, key, none)), ignore(portal.Revoke(ctx, key, none)),
		portal.ListPending(ctx, func(string) error { return nil }), ignore(portal.Create(ctx, bridge.Asking{Developer: "canary@example.com"})),
		ignore(payer.Quote(ctx, bridge.Price{Lookup: "canary"})), ignore(payer.Open(ctx, bridge.Order{})), ignore(payer.Read(ctx, r)),
		ignore(payer.Expire(ctx, r, "k")), ignore(payer.Capture(ctx, r, "k")), ignore(payer.Void(ctx, r, "k")),
		ignore(payer.Refund(ctx, r, bridge.NewAmount(1, "EUR"), "k")), ignore(payer.Cancel(ctx, r, "k")),
		payer.Missed(ctx, time.Now(), func(bridge.Hint) error { return nil }), payer.List(ctx, time.Now(), func(bridge.Opened) error { return nil }),
	)
	over()
	if refused == nil {
		t.Error("nothing was refused, though nothing of it is there")
	}
	var got []string
	for _, span := range spans.GetSpans() {
		got = append(got, span.Name)
		if !slices.Contains(span.Attributes, attrRequest.String("01HF7YAT00000000000000000Z")) {
			t.Errorf("%s is about %v", span.Name, span.Attributes)
		}
	}
	want := []string{
		"read portal", "approve key", "decline key", "suspend key", "resume key", "revoke key", "list pending", "create key request",
		"quote", "open checkout", "read payment", "expire checkout", "capture payment", "void payment", "refund payment", "cancel subscription",
		"list missed events", "list checkouts", "pass",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the spans are %q, want %q", got, want)
	}
}

func ignore[T any](_ T, err error) error { return err }

func TestATracedPassIsBoundedAsItWas(t *testing.T) {
	tr := &tracing{Tracer: sdktrace.NewTracerProvider().Tracer("test")}
	bounded, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	ctx, over := tr.pass(bounded, "01J", "main")
	defer over()
	want, _ := bounded.Deadline()
	if got, ok := ctx.Deadline(); !ok || !got.Equal(want) {
		t.Errorf("its calls may take until %v", got)
	}
}

// A collector that is not there is logged once, and keeps nobody from stopping.
func TestABridgeWorksWithoutItsCollector(t *testing.T) {
	noTracing(t)
	g := startGathering(t)
	g.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", g.URL)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
	s := startStand(t, choice{plans: []string{freePlan}})
	s.awaitState(s.ask(asker, tyksandbox.FreePolicy).ID, bridge.StateActive)
	await(t, "a line in the log", func() bool { return strings.Contains(s.log.String(), `"msg":"traces cannot be sent"`) }, nil)
	s.awaitState(s.ask("other@example.com", tyksandbox.FreePolicy).ID, bridge.StateActive)
	begin := time.Now()
	if err := s.stopBridge(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 20*time.Second { // what is left has five
		t.Errorf("stopping took %s", took)
	}
	if n := strings.Count(s.log.String(), "traces cannot be sent"); n != 1 {
		t.Errorf("it is logged %d times", n)
	}
}
