package main

import (
	"strings"
	"testing"

	tyksandbox "keybridge/bridge/tyk/sandbox"

	"keybridge/bridge"
)

// What somebody pays is on the money page a moment later, with plots that a browser draws
// under the pages' policy and a table to take away; and who looked is in the audit.
func TestMoneyAndAuditInABrowser(t *testing.T) {
	t.Parallel()
	b := startChromium(t)
	v := b.visit(t, choice{plans: []string{paidPlan}})
	viewer, admin := v.hire("vera", bridge.Viewer), v.hire("ada", bridge.Admin)
	key := v.stand.ask(asker, tyksandbox.PaidPolicy)
	v.act(v.awaitCheckout(key.ID).ID, "pay", nil)
	r := v.awaitState(key.ID, bridge.StateActive)
	v.enters("vera", viewer, "/console/money") // and comes to where they wanted to go
	v.sees("Money")
	await(t, "the payment and the key to be counted", func() bool {
		v.reload()
		text, _ := look[string](v, `document.getElementById("main").innerText`)
		return strings.Contains(text, "came in with 1 payment") && strings.Contains(text, "Of 1 key ")
	}, v.where)
	v.holds("the plots to be drawn", `[...document.querySelectorAll(".figure img")].filter(i => i.complete && i.naturalWidth > 300).length >= 3`)
	taken := `(() => { const r = new XMLHttpRequest(); r.open("GET", document.querySelector('a[href*="plans-EUR.csv"]').href, false); r.send(); return r.responseText })()`
	if text := says[string](v, taken); !strings.HasPrefix(strings.TrimPrefix(text, "\uFEFF"), "Currency,Plan,In,Back,Net,Payments\r\nEUR,Weather Pro,") {
		t.Errorf("the table is taken away as %q", text)
	}
	v.open(v.url + "/console/requests/" + string(r.ID))
	v.leaves()
	v.enters("ada", admin, "/console/audit?what=viewed")
	v.sees("Audit")
	viewed := `[...document.querySelectorAll(".entries tbody tr")].map(row => row.innerText.replace(/\s+/g, " ")).join("\n")`
	await(t, "the view in the audit", func() bool {
		v.open(v.url + "/console/audit?what=viewed")
		text, _ := look[string](v, viewed)
		return strings.Contains(text, "person vera Viewed "+string(r.ID))
	}, v.where)
}

// reportPages are the pages of money and of the audit, with every table open.
func reportPages() []page {
	return []page{
		{"money", func(v *visit) {
			v.open(v.url + "/console/money")
			_ = says[bool](v, `document.querySelectorAll("details").forEach(d => { d.open = true }), true`)
		}},
		to("money-year", "/console/money?span=12m&portal="+demoPortal), to("money-mistake", "/console/money?from=x"),
		to("audit", "/console/audit"), to("audit-nothing", "/console/audit?who=nobody"), to("audit-mistake", "/console/audit?request=x"),
	}
}
