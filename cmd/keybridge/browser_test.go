package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	stripesandbox "keybridge/billing/stripe/sandbox"
	mailsandbox "keybridge/bridge/notify/mail/sandbox"
	tyksandbox "keybridge/bridge/tyk/sandbox"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// These tests do what a developer does, in a real browser: sign in at the portal,
// ask for a key, go where they are sent, pay, come back. What came of it is asked
// of the portal's and the provider's own interfaces.
//
// Chromium is the one named by CHROMIUM, or the first one found on the PATH. Where
// there is none the tests skip; with CI=true they fail.
//
// KEYBRIDGE_SCREENS names a folder for pictures of pages on which a test failed.
// With KEYBRIDGE_SCREENS_ALL=1 every page that a test waited for is kept there, in
// light and dark.

// The reasons the developer types. They have to arrive to the letter.
const (
	reasonBuild = `A weather app for "sailors" & <b>friends</b>, größer`
	reasonCalls = "10000"
)

// way is one way through a stand, with what has to be so at its end.
type way struct {
	name   string
	choice choice
	walk   func(*visit)
}

func TestADeveloperInABrowser(t *testing.T) {
	t.Parallel()
	b := startChromium(t)
	for _, group := range [][]way{plainWays(), placeWays(), bankWays(), checkoutWays(), lossWays(), handoffWays(), reviewWays(), mailWays()} {
		for _, w := range group {
			t.Run(w.name, func(t *testing.T) {
				t.Parallel()
				w.walk(b.visit(t, w.choice))
			})
		}
	}
}

// mailWays are those of an applicant whom nobody leads to the bridge: they have the
// mail that it sent them.
func mailWays() []way {
	both := choice{both: true, handoff: "{}", plans: append(of(paidPlan), partnerPaid)}
	return []way{
		{"asks in an Enterprise Portal's cart, pays by the link in the mail and finds the credential in the app", both, func(v *visit) {
			f := &far{stand: v.stand, portal: demoEnterprise, email: tyksandbox.EnterpriseEmail}
			v.shop()
			key := fmt.Sprint(v.Enterprise.AccessRequests()[0].ID)
			v.readMail(f.told(bridge.TellStart))
			v.sees("Waiting for your payment")
			v.press("checkout")
			v.pay()
			v.sees("Your access is active")
			f.comesTo(key, bridge.StateActive)
			f.wantPaidOnce(key)
			v.readMail(f.told(bridge.TellStart, bridge.TellApproved))
			v.sees("Your access is active")
			v.open(v.EnterpriseURL + "/portal/apps/1")
			v.at("credential-1")
		}},
		{"asks in the Classic Portal, closes the tab, and pays by the link in the mail in another browser", both, func(v *visit) {
			f := &far{stand: v.stand, portal: demoPortal, email: tyksandbox.DemoEmail}
			key := f.file(paid)
			v.readMail(f.told(bridge.TellStart))
			v.press("checkout")
			v.pay()
			v.sees("Your access is active")
			v.wantOneKey(key, tyksandbox.DemoEmail)
		}},
	}
}

// shop signs in at the Enterprise Portal, puts two products into the cart and sends it.
func (v *visit) shop() {
	v.t.Helper()
	v.open(v.EnterpriseURL + "/portal/login")
	v.fill("email", tyksandbox.EnterpriseEmail)
	v.fill("password", tyksandbox.EnterprisePassword)
	v.press("sign-in")
	v.at("sign-out")
	for _, product := range []int{tyksandbox.ForecastProduct, tyksandbox.HistoryProduct} {
		v.press("nav-catalogues")
		v.press(fmt.Sprintf("more-info-%d", product))
		v.press(fmt.Sprintf("access-%d", tyksandbox.PaidPlan))
		v.at(fmt.Sprintf("item-%d", product))
	}
	v.press(fmt.Sprintf("plan-%d", tyksandbox.PaidPlan))
	v.press("app-1")
	v.press("submit-request")
	await(v.t, "the access request at the portal", func() bool { return len(v.Enterprise.AccessRequests()) == 1 }, v.where)
}

// readMail opens a mail in the mailbox, and the link to keybridge's page in it if there
// is one.
func (v *visit) readMail(m mailsandbox.Mail) {
	v.t.Helper()
	v.open(fmt.Sprintf("%s/mails/%d", v.MailboxURL, m.Number))
	v.sees(m.Subject)
	if n := slices.IndexFunc(m.Links, func(link string) bool { return strings.HasPrefix(link, v.url+"/r/") }); n >= 0 {
		v.press(fmt.Sprintf("link-%d", n+1))
	}
}

// holdWebhooks makes the browser the first to bring word of a key request.
func holdWebhooks(s *tyksandbox.Settings) { s.HoldWebhooks = true }

func plainWays() []way {
	return []way{
		{"pays for the paid plan and has one active key", choice{}, func(v *visit) {
			v.ask(tyksandbox.PaidPolicy)
			v.pay()
			v.wantActive()
			v.wantCheckouts(v.request(v.key).ID, "complete paid")
		}},
		{"is approved at once where the plan asks for nothing", choice{plans: []string{freePlan}}, func(v *visit) {
			v.ask(tyksandbox.FreePolicy)
			v.wantActive()
			v.wantCheckouts(v.request(v.key).ID)
		}},
		{"has a card checked and is charged nothing", choice{plans: []string{cardPlan}}, func(v *visit) {
			v.ask(tyksandbox.FreePolicy)
			v.pay()
			v.wantActive()
			v.wantCheckouts(v.request(v.key).ID, "complete no_payment_required")
			if n := len(v.Stripe.Objects("charge")); n != 0 {
				v.t.Errorf("%d charges were made for a card check", n)
			}
		}},
		{"subscribes and has one active key", choice{plans: []string{monthlyPlan}}, func(v *visit) {
			v.ask(tyksandbox.PaidPolicy)
			v.pay()
			v.wantActive()
			if n := len(v.Stripe.Objects("subscription")); n != 1 {
				v.t.Errorf("there are %d subscriptions, want one", n)
			}
		}},
	}
}

func placeWays() []way {
	return []way{
		{"pays with JavaScript switched off", choice{}, func(v *visit) {
			v.do(func(ctx context.Context, t *chromedp.Target) error {
				_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
				return err
			})
			v.open("data:text/html,<h1>off</h1><script>document.querySelector('h1').textContent = 'on'</script>")
			v.sees("off")
			v.ask(tyksandbox.PaidPolicy)
			v.pay()
			v.wantActive()
		}},
		{"goes on to the payment with the keyboard alone", choice{}, func(v *visit) {
			v.ask(tyksandbox.PaidPolicy)
			v.press("cancel")
			v.sees("Waiting for your payment")
			await(v.t, "Tab to reach the payment", func() bool {
				v.strike(kb.Tab)
				reached, _ := look[bool](v, `document.activeElement.id === "checkout"`)
				return reached
			}, v.where)
			v.strike(kb.Enter)
			v.pay()
			v.wantActive()
		}},
		{"pays on a phone without scrolling sideways", choice{}, func(v *visit) {
			v.narrow = 360
			v.acts("holding a phone", chromedp.EmulateViewport(v.narrow, 740, chromedp.EmulateMobile))
			v.ask(tyksandbox.PaidPolicy)
			v.press("cancel")
			v.sees("Waiting for your payment")
			v.press("checkout")
			v.pay()
			v.wantActive()
		}},
	}
}

func bankWays() []way {
	return []way{
		{"pays by a bank debit that succeeds days later", choice{}, func(v *visit) {
			v.ask(tyksandbox.PaidPolicy)
			v.payLater()
			if v.approved(v.key) {
				v.t.Error("approved before the money had arrived")
			}
			v.act(v.session().ID, "settle", nil)
			v.awaitState(v.key, bridge.StateActive)
			v.reload()
			v.wantActive()
			v.wantCheckouts(v.request(v.key).ID, "complete paid")
		}},
		{"pays by a bank debit that fails, then pays again", choice{}, func(v *visit) {
			v.ask(tyksandbox.PaidPolicy)
			v.payLater()
			v.act(v.session().ID, "fail", nil)
			v.awaitCheckout(v.key)
			v.reload()
			v.sees("Please try again")
			v.press("checkout")
			v.pay()
			v.wantActive()
			v.wantCheckouts(v.request(v.key).ID, "complete unpaid", "complete paid")
		}},
	}
}

func checkoutWays() []way {
	return []way{
		{"has a card declined, then pays with another", choice{}, func(v *visit) {
			v.ask(tyksandbox.PaidPolicy)
			v.at("pay")
			v.choose("card", "insufficient_funds")
			v.pay()
			v.at("notice")
			if v.approved(v.key) {
				v.t.Error("approved although the card was declined")
			}
			v.pay()
			v.wantActive()
			v.wantCheckouts(v.request(v.key).ID, "complete paid")
		}},
		{"cancels at the checkout, comes back and pays", choice{}, func(v *visit) {
			v.ask(tyksandbox.PaidPolicy)
			v.press("cancel")
			v.sees("Waiting for your payment")
			v.press("checkout")
			v.pay()
			v.wantActive()
			v.wantCheckouts(v.request(v.key).ID, "complete paid")
		}},
		{"withdraws instead of paying", choice{}, withdraws},
		{"withdraws on an old page after paying on another, and gets the money back", choice{}, withdrawsTooLate},
		{"finds the checkout expired and pays at a new one", choice{}, func(v *visit) {
			v.ask(tyksandbox.PaidPolicy)
			v.press("expire")
			v.at("expired")
			v.awaitCheckout(v.key)
			v.press("back")
			v.sees("Waiting for your payment")
			v.press("checkout")
			v.pay()
			v.wantActive()
			v.wantCheckouts(v.request(v.key).ID, "expired unpaid", "complete paid")
		}},
	}
}

// withdraws: the request is gone from the portal, and nothing can be paid any more.
func withdraws(v *visit) {
	v.ask(tyksandbox.PaidPolicy)
	v.press("cancel")
	v.sees("Waiting for your payment")
	v.press("withdraw")
	v.sees("You cancelled your request")
	v.awaitState(v.key, bridge.StateDeclined)
	if status := v.dashboard("requests/"+v.key, &struct{}{}); status != http.StatusNotFound {
		v.t.Errorf("the Dashboard still has the withdrawn request: %d", status)
	}
	if n := v.keysOf(tyksandbox.DemoEmail); n != 0 {
		v.t.Errorf("the developer has %d keys, want none", n)
	}
	v.wantCheckouts(v.request(v.key).ID, "expired unpaid")
}

// withdrawsTooLate: what came in meanwhile goes back.
func withdrawsTooLate(v *visit) {
	v.ask(tyksandbox.PaidPolicy)
	v.press("cancel")
	v.sees("Waiting for your payment")
	v.Stripe.Hold(true)
	v.act(v.session().ID, "pay", nil)
	v.press("withdraw")
	v.sees("You cancelled your request")
	v.awaitState(v.key, bridge.StateDeclined)
	v.wantCharges(charge{Amount: 4900, Captured: 4900, Refunded: 4900})
	if n := v.keysOf(tyksandbox.DemoEmail); n != 0 {
		v.t.Errorf("the developer has %d keys, want none", n)
	}
}

func lossWays() []way {
	return []way{
		{"closes the tab after paying, and the webhook alone brings the key", choice{}, func(v *visit) {
			v.ask(tyksandbox.PaidPolicy)
			v.at("pay") // the way to it leads past pages that have to load
			v.neverLoad(v.url + "/r/*")
			v.pay()
			v.awaitState(v.key, bridge.StateActive)
			v.open(v.PortalURL + "/portal/keys")
			v.at("request-" + v.key)
			v.wantOneKey(v.key, tyksandbox.DemoEmail)
			if strings.Contains(v.log.String(), "/r/:token/return") {
				v.t.Error("the landing page was loaded, so this shows nothing about the webhook")
			}
		}},
		{"comes back although every webhook is lost, and the landing page alone brings the key", choice{}, func(v *visit) {
			v.Stripe.Fault(stripesandbox.Fault{Kind: stripesandbox.WebhookLoss})
			v.ask(tyksandbox.PaidPolicy)
			v.pay()
			v.wantActive()
			for _, e := range v.Stripe.Events() {
				if len(e.Deliveries) > 0 {
					v.t.Fatalf("%s was delivered, so this shows nothing about the landing page", e.Type)
				}
			}
		}},
		{"is handed over while the portal is down, and the page goes on by itself", choice{settings: holdWebhooks}, portalDown},
		{"comes back while the portal is down, and the page goes on by itself", choice{}, func(v *visit) {
			v.ask(tyksandbox.PaidPolicy)
			v.at("pay")
			v.portalFault(tyksandbox.Fault{Path: "/api/", Kind: tyksandbox.ErrorBefore, Status: 503})
			v.pay()
			await(v.t, "a page that waits", func() bool { return slices.Contains([]string{"Checking your payment", "Almost there"}, v.heading()) }, v.where)
			v.Portal.ClearFaults()
			v.wantActive()
		}},
	}
}

// portalDown: nothing is lost and nothing has to be done when the portal does not
// answer at the moment of the hand-off.
func portalDown(v *visit) {
	v.portalFault(tyksandbox.Fault{Path: "/api/", Kind: tyksandbox.CutBefore})
	v.ask(tyksandbox.PaidPolicy)
	v.sees("Preparing your request")
	v.Portal.ClearFaults()
	v.pay() // waits for the checkout; nobody reloads or clicks
	v.wantActive()
}

func handoffWays() []way {
	paysAndIsKnown := func(v *visit) {
		v.ask(tyksandbox.PaidPolicy)
		v.at("pay")
		if email := v.session().CustomerEmail; email != tyksandbox.DemoEmail {
			v.t.Errorf("the checkout of a signed hand-off knows the developer as %q", email)
		}
		v.pay()
		v.wantActive()
		if trust := v.request(v.key).Arrival.Trust; trust != bridge.Signed {
			v.t.Errorf("the arrival is %q, want signed", trust)
		}
	}
	secure := func(s *tyksandbox.Settings) { s.SecureKeyApproval = true }
	return []way{
		{"arrives by a signed token", choice{handoff: tokenHandoff, settings: holdWebhooks}, paysAndIsKnown},
		{"arrives by a signed query", choice{handoff: queryHandoff, settings: holdWebhooks}, paysAndIsKnown},
		{"arrives by a bare id and is not named at the checkout", choice{}, func(v *visit) {
			v.ask(tyksandbox.PaidPolicy)
			v.at("pay")
			if email := v.session().CustomerEmail; email != "" {
				v.t.Error("the checkout of an unsigned hand-off names the developer")
			}
			v.pay()
			v.wantActive()
		}},
		{"generates the key under secure approval", choice{delivery: "link", settings: secure}, func(v *visit) {
			v.ask(tyksandbox.PaidPolicy)
			v.pay()
			v.sees("Your access is active")
			if !v.approved(v.key) || v.keysOf(tyksandbox.DemoEmail) != 0 {
				v.t.Error("under secure approval the request is approved and there is no key yet")
			}
			v.open(v.PortalURL + "/portal/generate/" + v.key)
			v.press("generate-key")
			v.at("raw-key")
			v.wantOneKey(v.key, tyksandbox.DemoEmail)
			v.wantReasons()
		}},
	}
}

func reviewWays() []way {
	several := func(s *tyksandbox.Settings) { s.EnableMultiSelection = true }
	return []way{
		{"waits for a person and is approved", choice{plans: []string{reviewedPlan}}, func(v *visit) {
			v.ask(tyksandbox.ReviewedPolicy)
			v.sees("Your request is being reviewed")
			v.operate("requests", "approve", string(v.request(v.key).ID))
			v.awaitState(v.key, bridge.StateActive)
			v.reload()
			v.wantActive()
		}},
		{"has the payment held until a person approved", choice{plans: []string{heldPlan}}, func(v *visit) {
			v.ask(tyksandbox.ReviewedPolicy)
			v.pay()
			v.sees("Your request is being reviewed")
			if have := v.request(v.key).Payment.Have; have != bridge.Held {
				v.t.Errorf("the payment is %q during the review, want held", have)
			}
			v.operate("requests", "approve", string(v.request(v.key).ID))
			v.awaitState(v.key, bridge.StateActive)
			v.reload()
			v.wantActive()
			v.wantCheckouts(v.request(v.key).ID, "complete paid")
		}},
		{"asks for two plans at once and pays for both", choice{plans: []string{freePlan, paidPlan}, settings: several}, func(v *visit) {
			v.signIn()
			v.press("choose-" + tyksandbox.FreePolicy)
			v.press("choose-" + tyksandbox.PaidPolicy)
			v.press("request-selected")
			v.sendReasons()
			v.pay()
			v.wantActive()
			if plan := v.request(v.key).Terms.Plan; plan != "Weather Free + Weather Pro" {
				v.t.Errorf("the plan is %q", plan)
			}
		}},
	}
}

// visit is one browser context, with nothing of any other in it, at a stand of its
// own.
type visit struct {
	*stand
	ctx    context.Context // chromedp keeps the tab in it
	key    string          // the key request that was filed
	narrow int64           // the width of a phone; zero: do not mind
	screen string          // the folder for pictures
	shots  int
}

// browser is the one browser of this test binary.
type browser struct{ ctx context.Context }

// startChromium starts the browser, which ends with the test.
func startChromium(t *testing.T) browser {
	t.Helper()
	path := os.Getenv("CHROMIUM")
	for _, name := range []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if found, err := exec.LookPath(name); err == nil && path == "" {
			path = found
		}
	}
	if path == "" && os.Getenv("CI") == "true" {
		t.Fatal("there is no Chromium, and under CI nothing may skip: install it, or name it with CHROMIUM")
	}
	if path == "" {
		t.Skip("there is no Chromium on the PATH; install it, or name it with CHROMIUM")
	}
	folder := shortFolder(t) // which its processes may still write to when the test ends
	allocator, stop := chromedp.NewExecAllocator(context.Background(), chromedp.ExecPath(path), chromedp.Env("TMPDIR="+folder),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.UserDataDir(filepath.Join(folder, "profile")),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("disable-renderer-backgrounding", true),
		chromedp.Flag("disable-background-timer-throttling", true), chromedp.Flag("disable-backgrounding-occluded-windows", true),
		// What is pressed on a page that was not painted yet would be dropped.
		chromedp.Flag("allow-pre-commit-input", true), chromedp.WSURLReadTimeout(patience))
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	return browser{ctx}
}

// visit opens a tab of its own on a stand of its own.
func (b browser) visit(t *testing.T, c choice) *visit {
	t.Helper()
	return b.tab(startStand(t, c))
}

// tab opens a tab of its own on a stand.
func (b browser) tab(s *stand) *visit {
	t := s.t
	t.Helper()
	v := &visit{stand: s, screen: os.Getenv("KEYBRIDGE_SCREENS")}
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	v.ctx = ctx
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(900, 760)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the browser is at %s", v.where())
			v.shoot("failed")
		}
	})
	return v
}

// open goes to an address. Where the way of the page before is broken off just then, the
// browser gives that up and tells us of it as of ours: it is asked again.
func (v *visit) open(address string) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	err := chromedp.Do(ctx, chromedp.Navigate(address))
	for tries := 0; err != nil && strings.Contains(err.Error(), "net::ERR_ABORTED") && tries < 5; tries++ {
		err = chromedp.Do(ctx, chromedp.Navigate(address))
	}
	if err != nil {
		v.t.Fatalf("opening a page: %v; %s", err, v.where())
	}
}

// acts does something in the tab, and gives up when it takes too long.
func (v *visit) acts(doing string, steps ...chromedp.Action[chromedp.Void]) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		v.t.Fatalf("%s: %v; %s", doing, err, v.where())
	}
}

// strike strikes keys, one after the other.
func (v *visit) strike(keys ...string) {
	v.t.Helper()
	for _, key := range keys {
		v.acts("striking a key", chromedp.KeyEvent(key))
	}
}

// reload loads the page again, as a developer does who has waited.
func (v *visit) reload() {
	v.t.Helper()
	v.open(says[string](v, "location.href"))
}

// do runs an action of the protocol.
func (v *visit) do(f func(context.Context, *chromedp.Target) error) {
	v.t.Helper()
	v.acts("a command to the browser", chromedp.Func(f))
}

// neverLoad lets no request to addresses of a pattern out of the browser, as if the
// tab had been closed before.
func (v *visit) neverLoad(pattern string) {
	v.t.Helper()
	paused := chromedp.Events(v.ctx, fetch.RequestPaused)
	go func() {
		for stopped, err := range paused {
			if err != nil {
				return
			}
			_, _ = chromedp.Call(v.ctx, fetch.FailRequest, fetch.FailRequestParams{
				RequestID: stopped.RequestID, ErrorReason: network.ErrorReasonAborted,
			}) // the tab may be closed by now
		}
	}()
	v.do(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, fetch.Enable, fetch.EnableParams{Patterns: []*fetch.RequestPattern{{URLPattern: pattern}}})
		return err
	})
}

// press clicks on what has an id, as soon as it can be seen.
func (v *visit) press(id string) {
	v.t.Helper()
	v.at(id)
	v.acts("pressing "+id, chromedp.Click(chromedp.CSS(cssID(id)), chromedp.NodeVisible))
}

// fill types a text into a field, in place of what is there.
func (v *visit) fill(id, text string) {
	v.t.Helper()
	v.types(id, "this.select()", kb.Backspace+text)
}

// types presses keys in a field, after something was done to it. The field is found by a
// script: chromedp's own way reads what it knows of the page beside who brings that up to date.
func (v *visit) types(id, first, keys string) {
	v.t.Helper()
	v.at(id)
	await(v.t, "the focus on "+id, func() bool {
		there, _ := look[bool](v, `(function() { this.focus(); `+first+`; return document.activeElement === this }).call(document.getElementById(`+quoted(id)+`))`)
		return there
	}, v.where)
	v.acts("typing into "+id, chromedp.KeyEvent(keys))
}

// choose chooses from a list.
func (v *visit) choose(id, value string) {
	v.t.Helper()
	v.at(id)
	if _, ok := look[bool](v, `(function() { this.value = `+quoted(value)+`; this.dispatchEvent(new Event("change", {bubbles: true})); return true }).call(document.getElementById(`+quoted(id)+`))`); !ok {
		v.t.Fatalf("choosing %s: %s", id, v.where())
	}
}

// cssID selects by id, also one that begins with a digit.
func cssID(id string) string { return `[id="` + id + `"]` }

// at waits until something with an id is on the page, and the page is whole.
func (v *visit) at(id string) {
	v.t.Helper()
	v.holds("something with the id "+id, `document.getElementById(`+quoted(id)+`) !== null && document.readyState === "complete"`)
	v.arrived(id)
}

// sees waits until the page has a heading.
func (v *visit) sees(heading string) {
	v.t.Helper()
	await(v.t, "a page with the heading "+heading, func() bool { return v.heading() == heading }, v.where)
	v.arrived(heading)
}

// arrived is called for every page that was waited for.
func (v *visit) arrived(name string) {
	v.t.Helper()
	if v.narrow > 0 {
		if width, ok := look[int64](v, `document.documentElement.scrollWidth`); ok && width > v.narrow {
			v.t.Errorf("%s: the page is %d pixels wide on a screen of %d", v.where(), width, v.narrow)
		}
	}
	if os.Getenv("KEYBRIDGE_SCREENS_ALL") != "" {
		v.shoot(name)
	}
}

// heading is the heading of the page; empty while there is none, or while the page is
// loading: its scripts hear no key yet.
func (v *visit) heading() string {
	text, _ := look[string](v, `document.readyState === "complete" && document.querySelector("h1")?.textContent || ""`)
	return text
}

// holds waits until an expression is true on the page.
func (v *visit) holds(what, expression string) {
	v.t.Helper()
	await(v.t, what, func() bool {
		so, _ := look[bool](v, expression)
		return so
	}, v.where)
}

// says is what an expression is on the page that was waited for.
func says[T any](v *visit, expression string) (value T) {
	v.t.Helper()
	await(v.t, "the page to say "+expression, func() (ok bool) {
		value, ok = look[T](v, expression)
		return ok
	}, v.where)
	return value
}

// look evaluates an expression on the page. ok is false while the page is changing
// under it.
func look[T any](v *visit, expression string) (value T, ok bool) {
	ctx, cancel := context.WithTimeout(v.ctx, 10*time.Second)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	return value, err == nil
}

func quoted(text string) string {
	b, _ := json.Marshal(text) // a string always encodes
	return string(b)
}

// where says what the browser shows, for the message of a test that failed.
func (v *visit) where() string {
	text, _ := look[string](v, `location.origin + location.pathname.slice(0, 20) + " says: " + document.body.innerText.slice(0, 400)`)
	return text
}

// shoot keeps a picture of the page in light and dark.
func (v *visit) shoot(name string) {
	if v.screen == "" {
		return
	}
	v.shots++
	for _, scheme := range []string{"light", "dark"} {
		ctx, cancel := context.WithTimeout(v.ctx, 20*time.Second)
		picture, err := chromedp.Run(ctx, func(ctx context.Context, t *chromedp.Target) ([]byte, error) {
			feature := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}
			if _, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: feature}); err != nil {
				return nil, err
			}
			return chromedp.FullScreenshot(100)(ctx, t)
		})
		cancel()
		if err == nil {
			file := fmt.Sprintf("%s-%02d-%s-%s.png", filepath.Base(v.t.Name()), v.shots, strings.ReplaceAll(name, " ", "_"), scheme)
			err = os.WriteFile(filepath.Join(v.screen, file), picture, 0o600)
		}
		if err != nil {
			v.t.Logf("no picture of %s: %v", name, err)
		}
	}
}

// signIn signs the developer in at the portal, which leads to the catalogue.
func (v *visit) signIn() {
	v.t.Helper()
	v.open(v.PortalURL + "/portal/")
	v.press("nav-login")
	v.at("sign-in")
	v.fill("email", tyksandbox.DemoEmail)
	v.fill("password", tyksandbox.DemoPassword)
	v.press("sign-in")
}

// ask signs in and asks for a plan, with reasons.
func (v *visit) ask(policy string) {
	v.t.Helper()
	v.signIn()
	v.press("request-" + policy)
	v.sendReasons()
}

// sendReasons fills in the form of the key request and sends it, which leads to the
// bridge.
func (v *visit) sendReasons() {
	v.t.Helper()
	v.at("submit-request")
	v.fill("field_1", reasonBuild)
	v.fill("field_2", reasonCalls)
	v.press("submit-request")
	await(v.t, "the key request at the portal", func() bool { return len(v.Portal.KeyRequests()) == 1 }, v.where)
	v.key = v.Portal.KeyRequests()[0].ID
	await(v.t, "the key request at the bridge", func() bool { return v.request(v.key).ID != "" }, v.where)
}

// pay fills in the checkout as soon as it is there, and presses its button.
func (v *visit) pay() {
	v.t.Helper()
	v.fillEmail()
	v.press("pay")
}

// payLater pays in a way that takes the bank days.
func (v *visit) payLater() {
	v.t.Helper()
	v.fillEmail()
	v.press("pay-later")
	v.sees("Your payment is on its way")
}

// fillEmail says who pays, where the checkout does not know.
func (v *visit) fillEmail() {
	v.t.Helper()
	v.at("pay")
	if !says[bool](v, `document.getElementById("email").readOnly`) {
		v.fill("email", "payer@example.org")
	}
}

// session is the newest checkout of the request.
func (v *visit) session() checkout {
	v.t.Helper()
	all := v.checkouts(v.request(v.key).ID)
	if len(all) == 0 {
		v.t.Fatal("there is no checkout")
	}
	return all[len(all)-1]
}

// wantActive waits for the page that says so, and checks that it is true: approved
// in the portal by one call, one key, and the reasons where a reviewer reads them.
func (v *visit) wantActive() {
	v.t.Helper()
	v.sees("Your access is active")
	v.wantOneKey(v.key, tyksandbox.DemoEmail)
	v.wantReasons()
}

// wantReasons checks that what the developer typed is in the record.
func (v *visit) wantReasons() {
	v.t.Helper()
	var shown web.RequestView
	text := v.operate("requests", "show", "--json", string(v.request(v.key).ID))
	if err := json.Unmarshal([]byte(text), &shown); err != nil {
		v.t.Fatal(err)
	}
	questions := tyksandbox.DefaultSettings().KeyRequestFields
	if shown.Asked.Reasons[questions[0]] != reasonBuild || shown.Asked.Reasons[questions[1]] != reasonCalls {
		v.t.Errorf("the reasons in the record are %q", shown.Asked.Reasons)
	}
}
