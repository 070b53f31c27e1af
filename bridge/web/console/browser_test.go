package console_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"keybridge/bridge"
)

// These tests look at the pages in a real browser: the one named by CHROMIUM, or the
// first Chromium on the PATH. Where there is none they skip; with CI=true they fail.
//
// KEYBRIDGE_SCREENS names a folder for pictures of every page: light, dark, and 360 px
// wide.

// patience is how long a test waits for what has to come to pass: far longer than it
// takes, because the machine may be slow and busy.
const patience = 2 * time.Minute

// tab is a browser's tab on an office.
type tab struct {
	t    *testing.T
	ctx  context.Context
	o    *office
	base string
}

func openTab(t *testing.T) *tab {
	t.Helper()
	path := os.Getenv("CHROMIUM")
	for _, name := range []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if found, err := exec.LookPath(name); err == nil && path == "" {
			path = found
		}
	}
	if path == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("there is no Chromium, and under CI nothing may skip: install it, or name it with CHROMIUM")
		}
		t.Skip("there is no Chromium on the PATH; install it, or name it with CHROMIUM")
	}
	folder, err := os.MkdirTemp("", "kb") // its processes may still write to it when the test ends
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	o := newOffice(t)
	server := httptest.NewServer(o)
	t.Cleanup(server.Close)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), chromedp.ExecPath(path), chromedp.Env("TMPDIR="+folder),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.UserDataDir(filepath.Join(folder, "profile")),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("disable-renderer-backgrounding", true),
		chromedp.Flag("disable-background-timer-throttling", true), chromedp.Flag("disable-backgrounding-occluded-windows", true),
		// What is pressed on a page that was not painted yet would be dropped.
		chromedp.Flag("allow-pre-commit-input", true), chromedp.WSURLReadTimeout(patience))
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1200, 900)); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	return &tab{t, ctx, o, server.URL}
}

// do runs actions, and gives up after a while.
func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// ready says that the page is there, and its script has run.
const ready = `document.readyState === "complete" && !(document.getElementById("help-open") || {}).hidden`

func (b *tab) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.base + path))
	b.sees(ready)
}

func (b *tab) press(keys ...string) {
	b.t.Helper()
	for _, key := range keys {
		b.do(chromedp.KeyEvent(key))
	}
}

// sees waits until a script says yes.
func (b *tab) sees(script string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for ctx.Err() == nil {
		// While a page goes there is nothing to ask: asked again is enough.
		if yes, err := chromedp.Run(ctx, chromedp.Evaluate[bool](script)); err == nil && yes {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.t.Fatalf("never true: %s\nat %s", script, b.look("location.pathname + ' ' + document.body.innerText.slice(0, 600)"))
}

// look is what a script says.
func (b *tab) look(script string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](script))
	if err != nil {
		b.t.Fatal(err)
	}
	return text
}

// signIn types a name and the password, without a mouse.
func (b *tab) signIn(name string) {
	b.t.Helper()
	b.open("/console/")
	b.do(chromedp.Focus("#name"))
	b.press(name, kb.Tab, password, kb.Enter)
	b.sees(`document.getElementById("list") !== null && ` + ready)
}

const focusedRow = `(document.activeElement.closest("tr") || {dataset: {}}).dataset.request || ""`

// again makes the queue read itself anew, as it does from time to time.
func (b *tab) again() {
	b.t.Helper()
	b.look(`document.getElementById("live").dispatchEvent(new Event("change")) + ""`)
}

func TestTheQueueIsWorkedThroughByKeyboard(t *testing.T) {
	t.Parallel()
	b := openTab(t)
	first := b.o.put("first", named("First"), func(r *bridge.Request) { r.Created = noon.Add(-3 * time.Hour) })
	second := b.o.put("second", named("Second"), func(r *bridge.Request) { r.Created = noon.Add(-2 * time.Hour) })
	b.signIn("anna")

	b.press("j")
	if got := b.look(focusedRow); got != string(first) {
		t.Errorf("j leads to %q", got)
	}
	b.press("j", "j")
	if got := b.look(focusedRow); got != string(second) {
		t.Errorf("j leads on to %q", got)
	}
	b.press("k", kb.Enter)
	b.sees(`location.pathname === "/console/requests/` + string(first) + `" && ` + ready)
	b.press("d")
	b.sees(`location.pathname.endsWith("/decline") && document.getElementById("confirm") !== null`)
	b.do(chromedp.Focus("#text"))
	b.press("a decline, j", kb.Tab, kb.Enter)
	b.sees(`document.getElementById("flash") !== null`)
	if r := b.o.get(first); r.Verdict.Outcome != bridge.Decline || r.Verdict.Mark.Why != "a decline, j" {
		t.Errorf("the verdict is %+v", r.Verdict)
	}
	b.open("/console/")
	b.press("/")
	b.sees(`document.activeElement.id === "q"`)
	b.look(`document.activeElement.value = ""`) // chromedp types the key even when the page has taken it
	b.press("jjad?")
	if got := b.look(`document.activeElement.id + " " + document.activeElement.value`); got != "q jjad?" {
		t.Errorf("typed is %q", got)
	}
	b.do(chromedp.Focus("a.open"))
	b.press("a")
	b.sees(`location.pathname === "/console/requests/` + string(second) + `/approve"`)
}

func TestTheKeysAreExplainedAndCanBeSwitchedOff(t *testing.T) {
	t.Parallel()
	b := openTab(t)
	b.o.put("k")
	b.signIn("vera")
	b.press("?")
	b.sees(`document.getElementById("help").open`)
	b.press(kb.Escape)
	b.sees(`!document.getElementById("help").open`)
	b.do(chromedp.Click("#help-open"), chromedp.Click("#keys-on"))
	b.press(kb.Escape)
	b.press("j")
	if got := b.look(focusedRow); got != "" {
		t.Errorf("a key that is off leads to %q", got)
	}
	b.open("/console/")
	b.press("j")
	if got := b.look(focusedRow); got != "" {
		t.Errorf("on the next page it leads to %q", got)
	}
}

func TestTheQueueKeepsItselfFreshAndOnesPlace(t *testing.T) {
	t.Parallel()
	b := openTab(t)
	for _, name := range []string{"Ada", "Ben", "Cyn"} {
		b.o.put(name, named(name))
	}
	b.signIn("anna")
	b.press("j", "j")
	mine := b.look(focusedRow)
	b.look(`document.getElementById("q").value = "half a wor"`)
	b.o.put("new", named("New"))
	b.again()
	b.sees(`document.querySelectorAll("tr[data-request]").length === 4`)
	if got := b.look(focusedRow); got != mine {
		t.Errorf("the focus went from %s to %s", mine, got)
	}
	if got := b.look(`document.getElementById("q").value + "|" + document.getElementById("live-says").textContent`); got != "half a wor|One request is new." {
		t.Errorf("the page says %q", got)
	}
	if got := b.o.as("second").decide(bridge.ID(mine), "decline", map[string][]string{"text": {"x"}}); got.StatusCode != http.StatusSeeOther {
		t.Fatal(got.StatusCode)
	}
	b.again()
	b.sees(`document.querySelectorAll("tr[data-request]").length === 3`)
	if got := b.look(focusedRow); got == "" || got == mine {
		t.Errorf("when its row goes the focus is on %q", got)
	}
	b.look(`window.asked = 0; const ask = fetch; window.fetch = (...a) => { window.asked++; return ask(...a); }; "counted from now on"`)
	b.look(`Object.defineProperty(document, "hidden", {value: true, configurable: true}); "as if another tab were in front"`)
	b.again()
	if got := b.look(`window.asked + ""`); got != "0" {
		t.Error("a hidden page asks")
	}
	b.o.close()
	b.look(`delete document.hidden; "in front again"`)
	b.sees(`(document.getElementById("live").dispatchEvent(new Event("change")), document.getElementById("live-says").textContent.includes("signed out"))`)
	if got := b.look(`document.querySelectorAll("tr[data-request]").length + ""`); got != "3" {
		t.Errorf("who is signed out has %s rows left", got)
	}
}

// No page has to be scrolled in two directions at 320 px (WCAG 2.2, 1.4.10), and what is
// pressed has a size to be pressed at (2.5.8).
func TestEveryPageFitsANarrowScreen(t *testing.T) {
	t.Parallel()
	b := openTab(t)
	shelf(b.o)
	pages := map[string][2]string{
		"queue": {"anna", "/console/?show=all"}, "queue-filter": {"anna", "/console/?show=all&plan=Weather+Pro"},
		"queue-mistake": {"anna", "/console/?currency=x&least=y"}, "error": {"anna", "/console/nothing"},
		"hostile":  {"anna", "/console/requests/" + string(b.o.put("hostile", hostileRequest))},
		"unbroken": {"anna", "/console/requests/" + string(b.o.put("long", func(r *bridge.Request) { unbroken(r) }))},
	}
	for name, is := range states {
		if is.as == "approver" {
			pages["request-"+name] = [2]string{"anna", "/console/requests/" + string(b.o.put("s-"+name, is.change))}
		}
	}
	for name, is := range confirmations {
		if is.form == nil && is.as == "approver" {
			pages["confirm-"+name] = [2]string{"anna", "/console/requests/" + string(b.o.put("c-"+name, is.change)) + "/" + is.do}
		}
	}
	b.do(chromedp.EmulateViewport(320, 640))
	b.open("/console/sign-in")
	b.fits("sign-in")
	b.shoot("sign-in")
	b.do(chromedp.EmulateViewport(320, 640))
	b.signIn("anna")
	for name, page := range pages {
		b.do(chromedp.EmulateViewport(320, 640))
		b.open(page[1])
		b.fits(name)
		b.shoot(name)
	}
}

// unbroken makes it one whose texts are long and have no place to break.
func unbroken(r *bridge.Request) {
	hostileRequest(r)
	long := strings.Repeat("Wetterdienst", 30)
	r.Applicant = bridge.Applicant{ID: long, Email: long + "@x.example", Name: long, Organisation: long, App: long}
	r.Asked.Reasons = map[string]string{long: long}
	r.Terms.Plan, r.Work.Error, r.Assigned = long, long, long
}

func (b *tab) fits(name string) {
	b.t.Helper()
	if got := b.look(`document.documentElement.scrollWidth > innerWidth ? [...document.querySelectorAll("main *, header *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.tagName + "." + e.className).slice(0, 4).join() + document.documentElement.scrollWidth : ""`); got != "" {
		b.t.Errorf("%s is wider than the screen: %s", name, got)
	}
	small := `[...document.querySelectorAll("button, input:not([type=hidden]), select, summary, a.button, a.open, .parts a, .pages a")].filter((e) => {
		const r = e.getBoundingClientRect(); return r.width > 0 && (r.width < 24 && e.type !== "checkbox" || r.height < 19); }).map((e) => e.outerHTML.slice(0, 80)).join()`
	if got := b.look(small); got != "" {
		b.t.Errorf("%s: too small to be pressed: %s", name, got)
	}
}

// shoot keeps pictures of a page, where they are wanted.
func (b *tab) shoot(name string) {
	folder := os.Getenv("KEYBRIDGE_SCREENS")
	if folder == "" {
		return
	}
	for _, is := range []struct {
		scheme, as string
		width      int64
	}{{"light", "light", 1280}, {"dark", "dark", 1280}, {"light", "360", 360}} {
		b.do(chromedp.EmulateViewport(is.width, 800))
		ctx, cancel := context.WithTimeout(b.ctx, patience)
		picture, err := chromedp.Run(ctx, func(ctx context.Context, t *chromedp.Target) ([]byte, error) {
			feature := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: is.scheme}}
			if _, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: feature}); err != nil {
				return nil, err
			}
			return chromedp.FullScreenshot(100)(ctx, t)
		})
		cancel()
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name+"-"+is.as+".png"), picture, 0o600)
		}
		if err != nil {
			b.t.Fatal(err)
		}
	}
}
