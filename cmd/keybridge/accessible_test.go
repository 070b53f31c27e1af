package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"keybridge/bridge"
)

// These tests open every page of ours and have axe-core look at it, in light and dark and
// on a phone. KEYBRIDGE_AXE names its axe.min.js (npm pack axe-core); where it is not
// given the tests skip, and with CI=true they fail. KEYBRIDGE_SCREENS names a folder for
// a picture of each page.

// axe is what looks at a page. It is put into the page as developer tools would: the
// pages' own policy lets no script in that is not ours.
func axe(t *testing.T) string {
	t.Helper()
	path := os.Getenv("KEYBRIDGE_AXE")
	if path == "" && os.Getenv("CI") == "true" {
		t.Fatal("KEYBRIDGE_AXE does not name axe.min.js, and under CI nothing may skip")
	}
	if path == "" {
		t.Skip("KEYBRIDGE_AXE does not name axe.min.js: npm pack axe-core has it")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// sight is a way of looking at a page.
type sight struct {
	name, scheme string
	width        int64
}

// sights are those that every page is looked at in.
var sights = []sight{{"light", "light", 1280}, {"dark", "dark", 1280}, {"phone", "light", 360}}

// violations is asked of the page: what axe-core finds, a line each.
const violations = `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}).then(found =>
	found.violations.map(v => v.id + ": " + v.help + ": " + v.nodes.map(n => n.target.join(" ") + " (" + n.failureSummary.replace(/\s+/g, " ") + ")").slice(0, 4).join("; ")).join("\n"))`

// control is a page with faults, to see that they are found.
const control = `data:text/html,<html><img src="x"><p style="color:%23ccc;background:white">faint</p><input></html>`

// inspect looks at the page that is open in every way, and keeps pictures.
func (v *visit) inspect(page, source string) {
	v.t.Helper()
	there := false // in the page, which stays the same for all sights
	for _, s := range sights {
		ctx, cancel := context.WithTimeout(v.ctx, patience)
		features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: s.scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}
		err := chromedp.Do(ctx, chromedp.EmulateViewport(s.width, 800), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
			return err
		}))
		if err == nil && !there {
			_, err = chromedp.Run(ctx, chromedp.Evaluate[bool](source+"; true"))
			there = true
		}
		var found string
		if err == nil {
			found, err = chromedp.Run(ctx, chromedp.Evaluate[string](violations, chromedp.EvalAwaitPromise))
		}
		cancel()
		if page == control {
			if err != nil || strings.Count(found, "\n") < 3 {
				v.t.Fatalf("of a page with faults is found (%v):\n%s", err, found)
			}
			return
		}
		if err != nil {
			v.t.Errorf("%s could not be looked at (%s): %v", page, s.name, err)
			return
		}
		if found != "" {
			v.t.Errorf("%s (%s):\n%s", page, s.name, found)
		}
		if width, ok := look[int64](v, `document.documentElement.scrollWidth`); ok && width > s.width {
			v.t.Errorf("%s (%s) is %d pixels wide on a screen of %d", page, s.name, width, s.width)
		}
		v.picture(page + "-" + s.name)
	}
}

// picture keeps a picture of the whole page, if pictures are wanted.
func (v *visit) picture(name string) {
	if v.screen == "" {
		return
	}
	ctx, cancel := context.WithTimeout(v.ctx, 20*time.Second)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(v.screen, strings.ReplaceAll(name, " ", "-")+".png"), picture, 0o600)
	}
	if err != nil {
		v.t.Logf("no picture of %s: %v", name, err)
	}
}

// page is one page, and how it is come to.
type page struct {
	name string
	open func(*visit)
}

// to is a page that an address leads to.
func to(name, address string) page {
	return page{name, func(v *visit) { v.open(v.url + address) }}
}

func TestEveryPageCanBeUsedByEverybody(t *testing.T) {
	t.Parallel()
	source, b := axe(t), startChromium(t)
	v := b.visit(t, choice{both: true, plans: append(of(reviewedPlan, paidPlan), partnerReviewed), more: soon})
	v.open(control)
	v.inspect(control, source)
	passwords := map[bridge.Role]string{}
	for _, role := range bridge.Roles {
		passwords[role] = v.hire(string(role), role)
	}
	f := &far{stand: v.stand, portal: demoPortal, email: asker}
	waits := f.comesTo(f.file(reviewed), bridge.StateReviewing)
	f.email = "payer@example.com"
	pays := f.comesTo(f.file(paid), bridge.StatePaying)
	f.email = "paid@example.com"
	key := f.file(paid)
	v.act(v.awaitCheckout(key).ID, "pay", nil)
	active := f.comesTo(key, bridge.StateActive)
	v.awaitCheckout(pays.Key)
	v.strayCheckout()
	v.awaitDifferences("reconciling to find what belongs to nobody, and nothing else", func(found bridge.Reconciliation) bool { return found.Total() == 1 })
	for name, pages := range map[string][]page{
		"somebody who is not signed in": {
			to("sign-in", "/console/sign-in"),
			{"sign-in-refused", func(v *visit) { v.enters("nobody", "not the password", "/console/"); v.at("problem") }},
			to("nothing-here", "/console/nothing"),
		},
		string(bridge.Viewer): {
			to("viewer-queue", "/console/"),
			to("viewer-request", "/console/requests/"+string(waits.ID)),
			to("viewer-may-not", "/console/requests/"+string(waits.ID)+"/approve"),
		},
		string(bridge.Reviewer): append(deskPages(waits, "approve", "decline", "ask"), workPages()...),
		string(bridge.Approver): append(deskPages(active, "refund", "end"), deskPages(pays, "decline", "waive")...),
		string(bridge.Admin): append(append(housePages(passwords[bridge.Admin]), reportPages()...),
			to("queue", "/console/"), to("queue-all", "/console/?show=all"), to("queue-attention", "/console/?show=attention"),
			to("queue-mistake", "/console/?show=all&least=x&age=y"), to("queue-nothing-fits", "/console/?show=all&q=nosuchword"),
			to("exports", "/console/exports"), to("money", "/console/money"), to("money-year", "/console/money?span=12m"), to("audit", "/console/audit"),
			to("reconcile", "/console/reconcile"),
		),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := b.tab(v.in(t))
			if password, ok := passwords[bridge.Role(name)]; ok {
				v.enters(name, password, "/console/")
				v.sees("Queue")
			}
			for _, p := range pages {
				p.open(v)
				v.inspect(p.name, source)
			}
		})
	}
}

// deskPages are a request, and what would come of some deeds on it.
func deskPages(r bridge.Request, deeds ...string) []page {
	at := "/console/requests/" + string(r.ID)
	pages := []page{to(string(r.State())+"-request", at)}
	for _, deed := range deeds {
		pages = append(pages, to(fmt.Sprintf("%s-%s", r.State(), deed), at+"/"+deed))
	}
	return pages
}
