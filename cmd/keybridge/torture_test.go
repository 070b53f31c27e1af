package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/template"
	"time"

	tyksandbox "keybridge/bridge/tyk/sandbox"
)

// The torture: keybridge and the sandboxes as processes of their own; people who ask for
// keys, pay, do not pay, change their minds; portal and provider that fail, say things
// twice, late or not at all; and kill -9, at failpoints and anywhere. Then everything is
// healed, comes to rest, and what the portal, Stripe and the store say is compared.
//
// -torture.requests and -torture.kills say how much: at least so many of both. A run is
// drawn from -torture.seed; what the machine does between is not, so a run with the same
// seed is of the same kind and not the same.
var (
	tortureRequests = flag.Int("torture.requests", 600, "how many requests the torture makes, at least")
	tortureKills    = flag.Int("torture.kills", 60, "how often it kills the bridge, at least")
	tortureSeed     = flag.Uint64("torture.seed", 0, "what it is drawn from; 0: the time")
)

// failpointNames are the points at which the bridge is killed: see failpoints.go.
var failpointNames = []string{
	"before verify", "after verify", "before commit", "after commit", "before answer", "after answer",
	"before portal call", "after portal call", "before provider call", "after provider call",
	"before recording", "while recording", "after recording",
}

// torture is one run.
type torture struct {
	t    *testing.T
	seed uint64
	// bridge and far are the programs, folder the bridge's configuration and data.
	bridge, folder, url string
	far                 *farEnd
	log                 *logbook

	mu      sync.Mutex
	process *exec.Cmd
	ended   chan struct{}

	filed atomic.Int64
	// deaths counts kills by where they were.
	deaths map[string]int
}

func TestTorture(t *testing.T) {
	t.Parallel()
	x := &torture{t: t, seed: *tortureSeed, folder: shortFolder(t), log: &logbook{}, deaths: map[string]int{}}
	if x.seed == 0 {
		x.seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", x.seed)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("repeat it with -torture.seed=%d; the end of the bridge's log:\n%s", x.seed, x.log.end(16<<10))
		}
	})
	x.build()
	x.url = "http://" + ownAddress(t)
	x.far = startFarEnd(t, x.bridge, x.url)
	x.configure()
	x.start("")
	t.Cleanup(x.kill)
	x.live()
	x.heal()
	x.rest()
	x.compare()
}

// build makes a keybridge with failpoints.
func (x *torture) build() {
	x.t.Helper()
	x.bridge = filepath.Join(x.folder, "keybridge")
	out, err := exec.CommandContext(x.t.Context(), "go", "build", "-tags", "failpoints", "-o", x.bridge, ".").CombinedOutput()
	if err != nil {
		x.t.Fatalf("building keybridge with failpoints: %v\n%s", err, out)
	}
}

// configure writes the bridge's configuration.
func (x *torture) configure() {
	x.t.Helper()
	var text strings.Builder
	err := template.Must(template.New("").Parse(standConfig)).Execute(&text, map[string]any{
		"URL": x.url, "Portal": x.far.place.Portal, "Stripe": x.far.place.Stripe, "Organisation": x.far.place.Organisation, "Shutdown": "5s",
		"Delivery": "mail", "Handoff": bareHandoff, "Plans": []string{freePlan, paidPlan, heldPlan}, "Poll": "10s",
		"Enterprise": map[string]string(nil), "Mail": map[string]string(nil), "More": "log: {level: warn}",
	})
	if err != nil {
		x.t.Fatal(err)
	}
	listen := strings.TrimPrefix(x.url, "http://")
	for name, content := range map[string]string{
		"keybridge.yaml": strings.Replace(text.String(), "listen: 127.0.0.1:0", "listen: "+listen, 1),
		"page.key":       standPageSecret, "dashboard.secret": x.far.place.DashboardSecret, "portal-webhook.secret": standPortalHook,
		"stripe.key": x.far.place.StripeKey, "stripe-webhook.secret": standStripeHook,
	} {
		if err := os.WriteFile(filepath.Join(x.folder, name), []byte(content), 0o600); err != nil {
			x.t.Fatal(err)
		}
	}
}

// start starts the bridge, armed with a failpoint, and waits until it answers or has
// died of it.
func (x *torture) start(failpoint string) {
	x.t.Helper()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.process = exec.Command(x.bridge, "serve", "--config", filepath.Join(x.folder, "keybridge.yaml"))
	x.process.Env = append(os.Environ(), "KEYBRIDGE_FAILPOINT="+failpoint)
	x.process.Stderr = x.log
	if err := x.process.Start(); err != nil {
		x.t.Fatal(err)
	}
	process, ended := x.process, make(chan struct{})
	x.ended = ended
	go func() { _ = process.Wait(); close(ended) }() // how it ended is seen from what it left
	await(x.t, "the bridge to answer", func() bool {
		select {
		case <-ended:
			return true
		default:
		}
		c, err := net.Dial("tcp", strings.TrimPrefix(x.url, "http://"))
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}, func() string { return x.log.end(2 << 10) })
}

// kill ends the bridge at once, wherever it is.
func (x *torture) kill() {
	x.mu.Lock()
	defer x.mu.Unlock()
	_ = x.process.Process.Kill() // it may have ended already
	<-x.ended
}

// live lets people ask and pay while the bridge dies again and again.
func (x *torture) live() {
	stop := make(chan struct{})
	var people sync.WaitGroup
	for n := range uint64(8) {
		people.Go(func() { x.applicants(rand.New(rand.NewPCG(x.seed, n)), stop) })
	}
	people.Go(func() { x.far.payers(rand.New(rand.NewPCG(x.seed, 100)), stop) })
	people.Go(func() { x.finance(rand.New(rand.NewPCG(x.seed, 101)), stop) })
	people.Go(func() { x.far.misbehaves(rand.New(rand.NewPCG(x.seed, 102)), stop) })
	begin, said := time.Now(), time.Now()
	draw := rand.New(rand.NewPCG(x.seed, 103))
	for kills := 0; kills < *tortureKills || x.filed.Load() < int64(*tortureRequests); kills++ {
		x.die(draw)
		if time.Since(said) > 10*time.Second {
			said = time.Now()
			x.t.Logf("%s: %d kills, %d requests", time.Since(begin).Round(time.Second), kills+1, x.filed.Load())
		}
	}
	close(stop)
	people.Wait()
}

// die lets the bridge live for a moment: until the failpoint it is armed with now is
// reached, or until it is killed wherever it is.
func (x *torture) die(draw *rand.Rand) {
	x.t.Helper()
	where, point := "anywhere", ""
	if draw.IntN(4) > 0 {
		where = failpointNames[draw.IntN(len(failpointNames))]
		point = fmt.Sprintf("%s:%d", where, 1+draw.IntN(5))
	}
	x.kill()
	x.start(point)
	life := time.NewTimer(time.Duration(20+draw.IntN(600)) * time.Millisecond)
	defer life.Stop()
	select {
	case <-x.ended:
	case <-life.C:
		where = "anywhere" // the point was not reached in time
	}
	x.deaths[where]++
}

// applicants file key requests and follow the redirect, or leave that to the webhook.
func (x *torture) applicants(draw *rand.Rand, stop <-chan struct{}) {
	for !over(stop) {
		n := x.filed.Add(1)
		policy := []string{tyksandbox.FreePolicy, tyksandbox.PaidPolicy, tyksandbox.PaidPolicy, tyksandbox.ReviewedPolicy}[draw.IntN(4)]
		a, err := x.far.ask(fmt.Sprintf("dev%d@example.com", n), policy)
		if err != nil {
			x.t.Errorf("filing a key request: %v", err)
			return
		}
		if draw.IntN(2) == 0 {
			v := browse(x.t)
			_ = v.open(a.Redirect) // the bridge may be dead; the portal's webhook or the poll brings it in
		}
		time.Sleep(time.Duration(draw.IntN(60)) * time.Millisecond)
	}
}

func over(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}

// startFarEnd starts the sandboxes as a process, for a bridge at an address.
func startFarEnd(t *testing.T, program, bridge string) *farEnd {
	t.Helper()
	anywhere := "127.0.0.1:0"
	process := exec.Command(program, "sandbox", "--json", "--portal-addr", anywhere, "--stripe-addr", anywhere, "--enterprise-addr", anywhere,
		"--mailbox-addr", anywhere, "--smtp-addr", anywhere, "--bridge", bridge, "--portal-name", demoPortal,
		"--webhook-secret", standPortalHook, "--stripe-secret", standStripeHook)
	out, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var told strings.Builder
	process.Stderr = &told
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = process.Process.Kill()
		_ = process.Wait() // it was killed
	})
	f := &farEnd{t: t}
	if err := json.NewDecoder(io.LimitReader(out, 64<<10)).Decode(&f.place); err != nil {
		t.Fatalf("the sandboxes do not say where they are: %v\n%s", err, told.String())
	}
	return f
}
