package main

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	tyksandbox "keybridge/bridge/tyk/sandbox"

	"keybridge/bridge"
	"keybridge/bridge/people"
)

// These tests do what finance does, in a real browser.

// twoPersonPlan is reviewed by two where it has a price, and by two where it has none.
const twoPersonPlan = `{name: Weather Enterprise, policies: ["` + tyksandbox.ReviewedPolicy + `"], steps: [review], two_persons: {above: 0, currency: EUR}}`

// hire adds somebody to the console.
func (s *stand) hire(name string, role bridge.Role, portals ...string) (password string) {
	s.t.Helper()
	password = newPassword()
	_, err := s.bridge.register.Add(s.t.Context(), operator, people.Newcomer{Name: name, Role: role, Portals: portals, Password: password})
	if err != nil {
		s.t.Fatal(err)
	}
	return password
}

// enters signs somebody in at the console, as somebody who wanted to go to an address.
func (v *visit) enters(name, password, address string) {
	v.t.Helper()
	v.open(v.url + address)
	v.at("sign-in")
	v.fill("name", name)
	v.fill("password", password)
	v.press("sign-in")
}

// leaves signs out.
func (v *visit) leaves() {
	v.t.Helper()
	v.holds("the page to be whole", `document.readyState === "complete"`)
	v.acts("signing out", chromedp.Click(chromedp.CSS(`form[action="/console/sign-out"] button`), chromedp.NodeVisible))
	v.at("sign-in")
}

// confirms writes a reason and confirms.
func (v *visit) confirms(why string) {
	v.t.Helper()
	v.at("confirm")
	v.write("text", why)
	v.press("confirm")
	v.at("flash")
}

func TestFinanceInABrowser(t *testing.T) {
	t.Parallel()
	b := startChromium(t)
	for _, w := range []way{
		{"a reviewer finds what waits, opens it and approves it", choice{plans: []string{reviewedPlan}, mail: true}, func(v *visit) {
			password := v.hire("rita", bridge.Reviewer)
			key := v.stand.ask(asker, tyksandbox.ReviewedPolicy)
			r := v.awaitState(key.ID, bridge.StateReviewing)
			v.enters("rita", password, "/console/")
			v.sees("Queue")
			v.opensRequest(r.ID)
			v.press("approve")
			v.confirms("Looks fine.")
			v.awaitState(key.ID, bridge.StateActive)
			v.wantOneKey(key.ID, asker)
		}},
		{"a reviewer declines, and the applicant reads why", choice{plans: []string{reviewedPlan}, mail: true}, func(v *visit) {
			password := v.hire("rita", bridge.Reviewer)
			key := v.stand.ask(asker, tyksandbox.ReviewedPolicy)
			r := v.awaitState(key.ID, bridge.StateReviewing)
			v.enters("rita", password, "/console/requests/"+string(r.ID)) // and comes to where they wanted to go
			v.press("decline")
			v.confirms("For sailors only.")
			v.awaitState(key.ID, bridge.StateDeclined)
			f := &far{stand: v.stand, portal: demoPortal, email: asker}
			if m := f.told(bridge.TellDeclined); !strings.Contains(m.Text, "For sailors only.") {
				v.t.Errorf("the mail does not say why:\n%s", m.Text)
			}
		}},
		{"above the threshold it takes two, who are two", choice{plans: []string{twoPersonPlan}}, func(v *visit) {
			rita, paul := v.hire("rita", bridge.Reviewer), v.hire("paul", bridge.Approver)
			key := v.stand.ask(asker, tyksandbox.ReviewedPolicy)
			r := v.awaitState(key.ID, bridge.StateReviewing)
			at := "/console/requests/" + string(r.ID)
			v.enters("rita", rita, at)
			v.press("approve")
			v.confirms("Fine by me.")
			if got := v.request(key.ID); got.Stage() != bridge.StateReviewing || len(got.Seconded) != 1 {
				v.t.Errorf("%s after one approval", got.Stage())
			}
			v.leaves()
			v.enters("paul", paul, at)
			v.at("second")
			v.press("approve")
			v.confirms("By me, too.")
			v.awaitState(key.ID, bridge.StateActive)
			v.wantOneKey(key.ID, asker)
		}},
		{"two decide at once: one wins, and the other is told who was first", choice{plans: []string{reviewedPlan}, mail: true}, func(v *visit) {
			rita, paul := v.hire("rita", bridge.Reviewer), v.hire("paul", bridge.Approver)
			key := v.stand.ask(asker, tyksandbox.ReviewedPolicy)
			r := v.awaitState(key.ID, bridge.StateReviewing)
			other := b.tab(v.stand)
			v.enters("rita", rita, "/console/requests/"+string(r.ID))
			other.enters("paul", paul, "/console/requests/"+string(r.ID))
			v.press("approve")
			v.at("confirm")
			other.press("decline")
			other.at("confirm")
			other.write("text", "Not for us.")
			v.confirms("Fine by me.")
			other.press("confirm")
			other.sees("Somebody was first")
			if told := says[string](other, `document.querySelector(".lead").textContent`); !strings.Contains(told, "approve") || !strings.Contains(told, "rita") {
				v.t.Errorf("the second is told %q", told)
			}
			got := v.awaitState(key.ID, bridge.StateActive)
			if mark := got.Verdict.Mark; mark.By.Name != "rita" || mark.Why != "Fine by me." {
				v.t.Errorf("decided by %s: %s", mark.By, mark.Why)
			}
			v.wantOneKey(key.ID, asker)
		}},
		{"a viewer sees and is offered nothing", choice{plans: []string{reviewedPlan}}, func(v *visit) {
			password := v.hire("vera", bridge.Viewer)
			key := v.stand.ask(asker, tyksandbox.ReviewedPolicy)
			r := v.awaitState(key.ID, bridge.StateReviewing)
			v.enters("vera", password, "/console/")
			v.opensRequest(r.ID)
			for _, id := range []string{"approve", "decline", "note", "assign", "retry"} {
				if says[bool](v, fmt.Sprintf("document.getElementById(%q) !== null", id)) {
					v.t.Errorf("%s is offered to a viewer", id)
				}
			}
		}},
		{"an approver gives money back", choice{}, func(v *visit) {
			password := v.hire("paul", bridge.Approver)
			key := v.stand.ask(asker, tyksandbox.PaidPolicy)
			v.act(v.awaitCheckout(key.ID).ID, "pay", nil)
			r := v.awaitState(key.ID, bridge.StateActive)
			v.enters("paul", password, "/console/requests/"+string(r.ID))
			v.press("refund")
			v.at("confirm")
			v.fill("amount", "49.00")
			v.confirms("They asked for it.")
			v.awaitState(key.ID, bridge.StateEnded)
			v.wantCharges(charge{Amount: 4900, Captured: 4900, Refunded: 4900})
		}},
		{"many are approved at once, but for one that moved on meanwhile", choice{plans: []string{reviewedPlan}, mail: true}, func(v *visit) {
			password := v.hire("rita", bridge.Reviewer)
			var keys []asked
			for i := range 3 {
				keys = append(keys, v.stand.ask(fmt.Sprintf("dev%d@example.com", i), tyksandbox.ReviewedPolicy))
				v.awaitState(keys[i].ID, bridge.StateReviewing)
			}
			v.enters("rita", password, "/console/")
			v.sees("Queue")
			v.press("bulk-all")
			v.press("bulk-approve")
			v.at("confirm")
			v.operate("requests", "decline", string(v.request(keys[1].ID).ID), "--why", "Not this one.")
			v.confirms("All fine.")
			for i, want := range []bridge.State{bridge.StateActive, bridge.StateDeclined, bridge.StateActive} {
				v.awaitState(keys[i].ID, want)
			}
			v.wantOneKey(keys[0].ID, "dev0@example.com")
			v.wantOneKey(keys[2].ID, "dev2@example.com")
			if left := says[string](v, `document.getElementById("title").closest("main").textContent`); !strings.Contains(left, "changed since you looked") {
				v.t.Errorf("of the one that moved on nothing is said:\n%s", left)
			}
		}},
		{"a viewer takes the list away, and no cell of it runs", choice{plans: []string{reviewedPlan}}, func(v *visit) {
			password := v.hire("vera", bridge.Viewer)
			key := v.stand.ask("=cmd@example.com", tyksandbox.ReviewedPolicy)
			v.awaitState(key.ID, bridge.StateReviewing)
			v.enters("vera", password, "/console/")
			v.sees("Queue")
			v.press("export-csv")
			v.sees("Exports")
			file := v.downloads()
			if !strings.Contains(file, key.ID) || !strings.Contains(file, "'=cmd@example.com") {
				v.t.Errorf("the file is\n%s", file)
			}
		}},
		{"the queue is walked with the keyboard", choice{plans: []string{reviewedPlan}}, func(v *visit) {
			password := v.hire("rita", bridge.Reviewer)
			for i := range 3 {
				v.awaitState(v.stand.ask(fmt.Sprintf("dev%d@example.com", i), tyksandbox.ReviewedPolicy).ID, bridge.StateReviewing)
			}
			v.enters("rita", password, "/console/")
			v.sees("Queue")
			v.strike("j", "j", "k", "a")
			v.at("confirm")
		}},
	} {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			w.walk(b.visit(t, w.choice))
		})
	}
}

// opensRequest opens a request from the queue.
func (v *visit) opensRequest(id bridge.ID) {
	v.t.Helper()
	link := fmt.Sprintf("tr[data-request=%q] a.open", id)
	v.holds("the request in the queue", `document.querySelector(`+quoted(link)+`) !== null && document.readyState === "complete"`)
	v.acts("opening the request", chromedp.Click(chromedp.CSS(link), chromedp.NodeVisible))
	v.at("next-title")
}

// downloads waits until the newest file is ready, and returns what is in it.
func (v *visit) downloads() string {
	v.t.Helper()
	v.holds("a file that is ready", `document.querySelector("#files a.open") !== null`)
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](
		`fetch(document.querySelector("#files a.open").href).then(answer => answer.text())`, chromedp.EvalAwaitPromise))
	if err != nil {
		v.t.Fatal(err)
	}
	return text
}
