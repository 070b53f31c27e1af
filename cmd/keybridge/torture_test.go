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

// The torture: keybridge and the sandboxes as processes of their own; people who ask either
// portal for keys, pay, do not pay, change their minds; subscriptions that renew, fall
// behind and end; banks that dispute what was paid; portals and provider that fail, say
// things twice, late or not at all; and kill -9, at failpoints and anywhere. Then everything
// is healed, comes to rest, and what the portals, Stripe and the store say is compared
// (torture_agree_test.go). Every key request that was filed and is not known here is
// accounted for (torture_lost_test.go).
//
// -torture.requests and -torture.kills say how much: at least so many of both. A run is
// drawn from -torture.seed: what is asked for in the order in which it is
// (torture_plan_test.go), and what everybody else chooses between, one after another. What
// the machine does between is not, so a run with the same seed is of the same kind and not
// the same.
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
	portals             map[string]portalEnd
	log                 *logbook

	process sync.Mutex // guards the next two
	running *exec.Cmd
	ended   chan struct{}

	// wishes is how many were drawn, allowed how many may be: as many as fit the kills so
	// far, so that those who ask are not far ahead of those who kill.
	wishes, allowed atomic.Int64
	// hasty: the run was too short to wait until what one reading did not find is believed
	// to be gone.
	hasty bool

	mu     sync.Mutex // guards all below
	filed  map[keyAt]*filing
	deaths map[string]int // kills by where they were
	acts   map[string]int // what people and time did, by what it was
}

// keyAt is a key request by its portal and its id there.
type keyAt struct{ portal, id string }

func (k keyAt) String() string { return k.id + " at " + k.portal }

// filing is a key request that was filed, and what was done to it outside the bridge.
type filing struct {
	wish
	// led: its browser was led here and shown a page.
	led bool
	// approved and declined: the portal's admin has tried to.
	approved, declined bool
}

// did counts something that people or time did.
func (x *torture) did(what string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.acts[what]++
}

// about notes something about a key request. The portal's admin may be faster than the
// answer to who files it.
func (x *torture) about(k keyAt, note func(*filing)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.filed[k] == nil {
		x.filed[k] = &filing{}
	}
	note(x.filed[k])
}

func TestTorture(t *testing.T) {
	t.Parallel()
	x := &torture{
		t: t, seed: *tortureSeed, folder: shortFolder(t), log: &logbook{},
		filed: map[keyAt]*filing{}, deaths: map[string]int{}, acts: map[string]int{},
	}
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
	partners := partnersEnd{x.far}
	x.portals = map[string]portalEnd{demoPortal: classicEnd{x.far}, demoEnterprise: partners}
	if err := partners.settle(x.url); err != nil {
		t.Fatal(err)
	}
	x.configure()
	x.start("")
	t.Cleanup(x.kill)
	begin := time.Now()
	x.live()
	lived := time.Now()
	x.hasty = lived.Sub(begin) < time.Minute
	x.heal()
	x.rest()
	t.Logf("lived for %s, came to rest in %s", lived.Sub(begin).Round(time.Second), time.Since(lived).Round(time.Second))
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
		"Delivery": "mail", "Handoff": bareHandoff, "Plans": offeredPlans(), "Poll": "10s",
		"Enterprise": map[string]string{"URL": x.far.place.Enterprise, "Handoff": bareHandoff}, "Mail": map[string]string(nil), "More": "log: {level: warn}",
	})
	if err != nil {
		x.t.Fatal(err)
	}
	listen := strings.TrimPrefix(x.url, "http://")
	for name, content := range map[string]string{
		"keybridge.yaml": strings.Replace(text.String(), "listen: 127.0.0.1:0", "listen: "+listen, 1),
		"page.key":       standPageSecret, "dashboard.secret": x.far.place.DashboardSecret, "portal-webhook.secret": standPortalHook,
		"enterprise.secret": x.far.place.EnterpriseSecret, "enterprise-webhook.secret": standPartnersHook,
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
	x.process.Lock()
	defer x.process.Unlock()
	x.running = exec.Command(x.bridge, "serve", "--config", filepath.Join(x.folder, "keybridge.yaml"))
	x.running.Env = append(os.Environ(), "KEYBRIDGE_FAILPOINT="+failpoint)
	x.running.Stderr = x.log
	if err := x.running.Start(); err != nil {
		x.t.Fatal(err)
	}
	process, ended := x.running, make(chan struct{})
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
	x.process.Lock()
	defer x.process.Unlock()
	_ = x.running.Process.Kill() // it may have ended already
	<-x.ended
}

// live lets people ask and pay while the bridge dies again and again.
func (x *torture) live() {
	stop := make(chan struct{})
	var people sync.WaitGroup
	for n := range uint64(8) {
		people.Go(func() { x.applicants(rand.New(rand.NewPCG(x.seed, n)), stop) })
	}
	for n, lives := range []func(*rand.Rand, <-chan struct{}){x.far.payers, x.finance, x.misbehaves, x.seasons, x.banks} {
		people.Go(func() { lives(rand.New(rand.NewPCG(x.seed, uint64(100+n))), stop) })
	}
	begin, said := time.Now(), time.Now()
	draw := rand.New(rand.NewPCG(x.seed, 99))
	for kills := 0; kills < *tortureKills || x.wishes.Load() < int64(*tortureRequests); kills++ {
		x.allowed.Store(int64(*tortureRequests * (kills + 1) / max(*tortureKills, 1)))
		x.die(draw)
		if time.Since(said) > 10*time.Second {
			said = time.Now()
			x.t.Logf("%s: %d kills, %d requests", time.Since(begin).Round(time.Second), kills+1, x.wishes.Load())
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
	x.mu.Lock()
	defer x.mu.Unlock()
	x.deaths[where]++
}

// applicants file key requests and follow the redirect, or leave that to the webhook.
func (x *torture) applicants(draw *rand.Rand, stop <-chan struct{}) {
	for !over(stop) {
		if x.wishes.Load() >= x.allowed.Load() {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		w := drawWish(x.seed, x.wishes.Add(1))
		a, err := x.portals[w.portal].ask(w)
		if err != nil {
			x.t.Errorf("filing a key request: %v", err)
			return
		}
		k := keyAt{w.portal, a.ID}
		x.about(k, func(f *filing) { f.wish = w })
		if w.browses && browse(x.t).open(a.Redirect) == nil { // the bridge may be dead; a webhook or a listing brings it in
			x.about(k, func(f *filing) { f.led = true })
		}
		time.Sleep(time.Duration(draw.IntN(60)) * time.Millisecond)
	}
}

// misbehaves has the portals and the provider fail a few times each, again and again, and
// the portals' admins decide by themselves.
func (x *torture) misbehaves(draw *rand.Rand, stop <-chan struct{}) {
	kinds := []tyksandbox.FaultKind{
		tyksandbox.TooManyRequests, tyksandbox.ErrorBefore, tyksandbox.ErrorAfter, tyksandbox.CutBefore, tyksandbox.CutAfter,
	}
	names := []string{demoPortal, demoEnterprise}
	for !over(stop) {
		switch name := names[draw.IntN(2)]; draw.IntN(5) {
		case 0, 1:
			x.far.stripeFails(draw)
		case 2, 3:
			_ = x.portals[name].misbehaves(kinds[draw.IntN(len(kinds))], 1+draw.IntN(3)) // it is not missed if it cannot be set
		case 4:
			x.adminDecides(name, draw)
		}
		time.Sleep(time.Duration(50+draw.IntN(200)) * time.Millisecond)
	}
}

// adminDecides lets a portal's own admin decide about something that waits. They may not
// hear what came of it, so it is noted before.
func (x *torture) adminDecides(portal string, draw *rand.Rand) {
	approves := draw.IntN(2) == 0
	ids, err := x.portals[portal].waiting()
	if err != nil || len(ids) == 0 {
		return
	}
	k := keyAt{portal, ids[draw.IntN(len(ids))]}
	x.about(k, func(f *filing) { f.approved, f.declined = f.approved || approves, f.declined || !approves })
	if x.portals[portal].decides(k.id, approves) == nil {
		x.did(map[bool]string{true: "approved in the portal", false: "turned down in the portal"}[approves])
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
		"--webhook-secret", standPortalHook, "--enterprise-name", demoEnterprise, "--enterprise-secret", standPartnersHook,
		"--stripe-secret", standStripeHook)
	out, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	told := &logbook{}
	process.Stderr = told
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = process.Process.Kill()
		_ = process.Wait() // it was killed
		if text := told.end(16 << 10); t.Failed() && text != "" {
			t.Logf("the end of what the sandboxes said:\n%s", text)
		}
	})
	f := &farEnd{t: t}
	if err := json.NewDecoder(io.LimitReader(out, 64<<10)).Decode(&f.place); err != nil {
		t.Fatalf("the sandboxes do not say where they are: %v\n%s", err, told.end(2<<10))
	}
	return f
}
