package sandbox

import (
	"flag"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"
	"golang.org/x/net/html"
)

var update = flag.Bool("update", false, "write the golden pages anew")

// look opens a page.
func look(t *testing.T, at string) (int, string) {
	t.Helper()
	answer, err := browser().Get(at)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// still is a bench on which nothing moves by itself: a fixed clock, ids from a
// seed, an endpoint nobody listens at.
func still(t *testing.T) *bench {
	return setUp(t, func(c *Config) {
		at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		c.Now = func() time.Time { return at }
		c.URL = "http://sandbox.example"
		c.Endpoints = []Endpoint{{URL: "http://127.0.0.1:1/webhooks/stripe", Events: []string{"invoice.paid"}, Disabled: true}}
	})
}

func (b *bench) path(p string) string { return b.url + p }

// checkout is a page of a session, reached where the test's server listens.
func (b *bench) checkout(s *stripe.CheckoutSession) string { return b.url + "/c/pay/" + s.ID }

func TestPagesLookAsTheyDid(t *testing.T) {
	for name, page := range map[string]func(b *bench) string{
		"checkout-payment": func(b *bench) string { return b.checkout(b.open(onceParams())) },
		"checkout-no-email": func(b *bench) string {
			p := onceParams()
			p.CustomerEmail, p.AllowPromotionCodes = nil, stripe.Bool(true)
			p.LineItems[0].Quantity = stripe.Int64(3)
			return b.checkout(b.open(p))
		},
		"checkout-manual":       func(b *bench) string { return b.checkout(b.open(manualParams())) },
		"checkout-setup":        func(b *bench) string { return b.checkout(b.open(setupParams())) },
		"checkout-subscription": func(b *bench) string { return b.checkout(b.open(monthlyParams())) },
		"checkout-trial": func(b *bench) string {
			p := trialParams()
			p.PaymentMethodCollection = stripe.String("if_required")
			return b.checkout(b.open(p))
		},
		"checkout-discount": func(b *bench) string {
			p := onceParams()
			p.Discounts = []*stripe.CheckoutSessionDiscountParams{{
				Coupon: &must(b.client.Coupons.New(&stripe.CouponParams{PercentOff: stripe.Float64(25)}))(b.t).ID,
			}}
			return b.checkout(b.open(p))
		},
		"checkout-complete": func(b *bench) string {
			s := b.open(onceParams())
			b.act(s.ID, "pay", nil)
			return b.checkout(s)
		},
		"checkout-expired": func(b *bench) string {
			s := b.open(onceParams())
			b.act(s.ID, "expire", nil)
			return b.checkout(s)
		},
		"checkout-unknown": func(b *bench) string { return b.path("/c/pay/cs_unknown") },
		"portal": func(b *bench) string {
			session, sub := b.subscribe(monthlyParams(), nil)
			b.act(sub, "cancel_later", nil)
			b.subscribe(func() *stripe.CheckoutSessionParams {
				p := monthlyParams()
				p.CustomerEmail, p.Customer = nil, &b.session(session).Customer.ID
				return p
			}(), nil)
			visit := must(b.client.BillingPortalSessions.New(&stripe.BillingPortalSessionParams{
				Customer: &b.session(session).Customer.ID, ReturnURL: stripe.String("https://shop.example/r/1"),
			}))(b.t)
			return b.path(strings.TrimPrefix(visit.URL, "http://sandbox.example"))
		},
		"dashboard-empty": func(b *bench) string { return b.path("/") },
		"dashboard": func(b *bench) string {
			b.act(b.open(onceParams()).ID, "pay", nil)
			b.open(setupParams())
			b.subscribe(monthlyParams(), nil)
			b.Fault(Fault{Kind: Latency, Path: "/nowhere", Delay: Wait(time.Second), Times: 3})
			return b.path("/")
		},
		"session-pending": func(b *bench) string {
			s := b.open(onceParams())
			b.act(s.ID, "pay_later", nil)
			return b.path("/sessions/" + s.ID)
		},
		"session-paid": func(b *bench) string {
			s := b.open(onceParams())
			b.act(s.ID, "pay", nil)
			return b.path("/sessions/" + s.ID)
		},
		"subscription-past-due": func(b *bench) string {
			_, sub := b.subscribe(monthlyParams(), nil)
			b.act(sub, "miss", nil)
			return b.path("/subscriptions/" + sub)
		},
		"object-unknown": func(b *bench) string { return b.path("/subscriptions/sub_unknown") },
	} {
		t.Run(name, func(t *testing.T) {
			_, got := look(t, page(still(t)))
			golden(t, name, got)
			checkPage(t, got)
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".html")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("run the test with -update if this is meant (-want +got):\n%s", diff)
	}
}

// checkPage holds a page to what everybody needs of it: one heading at the top,
// none left out below, a label for each field, ids that are there once, a
// language, a title, nothing from elsewhere and no script.
func checkPage(t *testing.T, page string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	ids, labelled, level := map[string]bool{}, map[string]bool{}, 0
	var fields []*html.Node
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if id := attr(n, "id"); id != "" {
			if ids[id] {
				t.Errorf("two elements have the id %q", id)
			}
			ids[id] = true
		}
		switch n.Data {
		case "html":
			if attr(n, "lang") == "" {
				t.Error("the page has no language")
			}
		case "h1", "h2", "h3":
			now := int(n.Data[1] - '0')
			if now > level+1 || (now == 1 && level > 0) {
				t.Errorf("a heading of level %d follows one of level %d", now, level)
			}
			level = now
		case "label":
			labelled[attr(n, "for")] = true
		case "input", "select":
			if attr(n, "type") != "hidden" {
				fields = append(fields, n)
			}
		case "script", "iframe", "img":
			t.Errorf("there is a %s on the page", n.Data)
		case "link":
			if !strings.HasPrefix(attr(n, "href"), "/") {
				t.Errorf("the page takes %s from elsewhere", attr(n, "href"))
			}
		}
	}
	if level == 0 || !strings.Contains(page, "<title>") || !ids["sandbox-banner"] {
		t.Error("the page lacks a heading, a title or the banner")
	}
	for _, f := range fields {
		if !labelled[attr(f, "id")] {
			t.Errorf("the field %q has no label", attr(f, "name"))
		}
	}
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func TestColoursContrastEnough(t *testing.T) {
	style, err := files.ReadFile("templates/style.css")
	if err != nil {
		t.Fatal(err)
	}
	light, dark, _ := strings.Cut(string(style), "prefers-color-scheme: dark")
	for name, part := range map[string]string{"light": light, "dark": dark} {
		colour := map[string]float64{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6})`).FindAllStringSubmatch(part, -1) {
			colour[m[1]] = luminance(t, m[2])
		}
		for _, c := range []struct {
			on, of string
			least  float64
		}{
			{"paper", "ink", 4.5}, {"paper", "soft", 4.5}, {"field", "ink", 4.5}, {"field", "soft", 4.5}, {"paper", "accent", 4.5},
			{"accent", "on-accent", 4.5}, {"banner", "on-banner", 4.5}, {"paper", "alert", 4.5}, {"paper", "line", 3}, {"field", "line", 3},
		} {
			a, z := colour[c.on], colour[c.of]
			if ratio := (max(a, z) + 0.05) / (min(a, z) + 0.05); ratio < c.least {
				t.Errorf("%s: %s on %s contrasts %.2f, WCAG AA wants %.1f", name, c.of, c.on, ratio, c.least)
			}
		}
	}
}

// luminance is WCAG's relative luminance of a colour.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	part := func(from int) float64 {
		n, err := strconv.ParseUint(hex[from:from+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*part(1) + 0.7152*part(3) + 0.0722*part(5)
}

func TestTheCheckoutPageDoesWhatItsButtonsSay(t *testing.T) {
	const mail = "dev@example.com"
	for name, c := range map[string]struct {
		of      func() *stripe.CheckoutSessionParams
		form    url.Values
		status  int
		says    string
		session string // status/payment_status
	}{
		"pay":              {onceParams, url.Values{"action": {"pay"}, "email": {mail}}, 303, "", "complete/paid"},
		"pay, no address":  {withoutEmail, url.Values{"action": {"pay"}}, 422, "enter your e-mail address", "open/unpaid"},
		"pay, own address": {withoutEmail, url.Values{"action": {"pay"}, "email": {mail}}, 303, "", "complete/paid"},
		"decline":          {onceParams, url.Values{"action": {"decline"}, "email": {mail}}, 402, "Your card was declined. Nothing was charged", "open/unpaid"},
		"a bad card":       {onceParams, url.Values{"action": {"pay"}, "card": {"expired_card"}, "email": {mail}}, 402, "Your card has expired.", "open/unpaid"},
		"pay later":        {onceParams, url.Values{"action": {"pay_later"}, "email": {mail}}, 303, "", "complete/unpaid"},
		"let expire":       {onceParams, url.Values{"action": {"expire"}}, 200, "This checkout has expired", "expired/unpaid"},
		"authorise":        {manualParams, url.Values{"action": {"pay"}, "email": {mail}}, 303, "", "complete/unpaid"},
		"save card":        {setupParams, url.Values{"action": {"pay"}, "email": {mail}}, 303, "", "complete/no_payment_required"},
		"bad card saved":   {setupParams, url.Values{"action": {"decline"}, "email": {mail}}, 402, "Your card was declined", "open/no_payment_required"},
		"subscribe":        {monthlyParams, url.Values{"action": {"pay"}, "email": {mail}}, 303, "", "complete/paid"},
		"start trial":      {trialParams, url.Values{"action": {"pay"}, "email": {mail}}, 303, "", "complete/no_payment_required"},
		"without a card":   {trialParams, url.Values{"action": {"pay_without_card"}, "email": {mail}}, 303, "", "complete/no_payment_required"},
		"later, held":      {manualParams, url.Values{"action": {"pay_later"}, "email": {mail}}, 409, "", "open/unpaid"},
		"something else":   {onceParams, url.Values{"action": {"dance"}}, 400, "not something this page can do", "open/unpaid"},
	} {
		t.Run(name, func(t *testing.T) {
			b := setUp(t)
			made := b.open(c.of())
			answer, body := press(t, made.URL, c.form)
			if answer.StatusCode != c.status || !strings.Contains(body, c.says) {
				t.Errorf("answered %d, want %d saying %q:\n%s", answer.StatusCode, c.status, c.says, body)
			}
			got := b.session(made.ID)
			if is := fmt.Sprintf("%s/%s", got.Status, got.PaymentStatus); is != c.session {
				t.Errorf("the session is %s, want %s", is, c.session)
			}
		})
	}
}

func withoutEmail() *stripe.CheckoutSessionParams {
	p := onceParams()
	p.CustomerEmail = nil
	return p
}

func TestOnlyThePagesOwnButtonsWorkOnIt(t *testing.T) {
	b := setUp(t)
	made := b.open(onceParams())
	b.act(made.ID, "pay", nil)
	if answer, _ := press(t, made.URL, url.Values{"action": {"refund"}}); answer.StatusCode != http.StatusBadRequest {
		t.Errorf("a customer refunded from the checkout page: %d", answer.StatusCode)
	}
	if answer, body := press(t, made.URL, url.Values{"action": {"pay"}}); answer.StatusCode != http.StatusConflict || !strings.Contains(body, "complete") {
		t.Errorf("paying again: %d", answer.StatusCode)
	}
}

func TestACodeOnThePageTakesSomethingOff(t *testing.T) {
	b := setUp(t)
	coupon := must(b.client.Coupons.New(&stripe.CouponParams{PercentOff: stripe.Float64(50)}))(t)
	must(b.client.PromotionCodes.New(&stripe.PromotionCodeParams{Coupon: &coupon.ID, Code: stripe.String("HALF")}))(t)
	p := onceParams()
	p.AllowPromotionCodes = stripe.Bool(true)
	made := b.open(p)
	if _, body := press(t, made.URL, url.Values{"action": {"apply"}, "promotion_code": {"nope"}}); !strings.Contains(body, "This code is invalid.") {
		t.Error("a code there is not was taken")
	}
	if _, body := press(t, made.URL, url.Values{"action": {"apply"}, "promotion_code": {"half"}}); !strings.Contains(body, "€10.00 EUR") {
		t.Errorf("the code took nothing off:\n%s", body)
	}
	if got := b.session(made.ID); got.AmountTotal != 1000 || got.TotalDetails.AmountDiscount != 1000 {
		t.Errorf("%d", got.AmountTotal)
	}
	plain := b.open(onceParams())
	if _, body := press(t, plain.URL, url.Values{"action": {"apply"}, "promotion_code": {"half"}}); !strings.Contains(body, "This code is invalid.") {
		t.Error("a code was taken where none is allowed")
	}
}

func TestTheDashboardDoesWhatItsButtonsSay(t *testing.T) {
	b := setUp(t)
	made := b.open(onceParams())
	at := b.path("/sessions/" + made.ID)
	b.act(made.ID, "pay_later", nil)
	do := func(at string, form url.Values, want int) string {
		t.Helper()
		answer, body := press(t, at, form)
		if answer.StatusCode != want {
			t.Fatalf("%v: %d, want %d\n%s", form, answer.StatusCode, want, body)
		}
		return body
	}
	do(at, url.Values{"action": {"settle"}}, 303)
	do(at, url.Values{"action": {"refund"}, "amount": {"700"}}, 303)
	if body := do(at, url.Values{"action": {"refund"}, "amount": {"7000"}}, 409); !strings.Contains(body, "Refund amount (€70.00) is greater") {
		t.Error(body)
	}
	do(at, url.Values{"action": {"refund"}, "amount": {"half"}}, 409)
	do(at, url.Values{"action": {"dance"}}, 400)
	do(b.path("/sessions/cs_unknown"), url.Values{"action": {"settle"}}, 404)
	home := b.path("/")
	do(home, url.Values{"action": {"hold"}}, 303)
	do(home, url.Values{"action": {"release"}}, 303)
	do(home, url.Values{"action": {"lose"}}, 303)
	if len(b.Faults()) != 1 {
		t.Error("webhooks are not lost")
	}
	do(home, url.Values{"action": {"clear"}}, 303)
	was := b.Now()
	do(home, url.Values{"action": {"advance"}, "by": {"24h"}}, 303)
	if b.Now().Sub(was) < 24*time.Hour {
		t.Error("the clock was not put forward")
	}
	do(home, url.Values{"action": {"advance"}, "by": {"-24h"}}, 400)
	do(home, url.Values{"action": {"dance"}}, 400)
	n := len(b.inbox.events())
	back := do(b.path("/events/"+b.Events()[0].ID+"/deliver"), url.Values{"back": {"//elsewhere.example"}}, 303)
	if strings.Contains(back, "elsewhere") {
		t.Error("it led away")
	}
	waitFor(t, "it is delivered again", func() bool { return len(b.inbox.events()) > n })
	do(b.path("/events/evt_unknown/deliver"), nil, 502)
}

func TestACustomerEndsASubscriptionInThePortal(t *testing.T) {
	b := setUp(t)
	session, sub := b.subscribe(monthlyParams(), nil)
	_, other := b.subscribe(monthlyParams(), nil)
	visit := must(b.client.BillingPortalSessions.New(&stripe.BillingPortalSessionParams{Customer: &b.session(session).Customer.ID}))(t)
	press(t, visit.URL, url.Values{"action": {"cancel_later"}, "subscription": {sub}})
	if !b.subscription(sub).CancelAtPeriodEnd {
		t.Error("it does not end")
	}
	press(t, visit.URL, url.Values{"action": {"keep"}, "subscription": {sub}})
	if b.subscription(sub).CancelAtPeriodEnd {
		t.Error("it still ends")
	}
	press(t, visit.URL, url.Values{"action": {"cancel"}, "subscription": {sub}})
	press(t, visit.URL, url.Values{"action": {"cancel_later"}, "subscription": {other}})
	if b.subscription(sub).Status != "active" || b.subscription(other).CancelAtPeriodEnd {
		t.Error("the portal did what it may not")
	}
	b.Advance(2 * time.Hour)
	if status, _ := look(t, visit.URL); status != http.StatusNotFound {
		t.Errorf("an old visit: %d", status)
	}
}

func TestOtherSitesCannotPressTheButtons(t *testing.T) {
	b := setUp(t)
	made := b.open(onceParams())
	for _, at := range []string{"/c/pay/" + made.ID, "/", "/sessions/" + made.ID, "/sandbox/act", "/sandbox/faults"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.path(at), strings.NewReader("action=expire"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		answer, err := browser().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", at, answer.StatusCode)
		}
	}
}

func TestPagesTakeNothingFromElsewhere(t *testing.T) {
	b := setUp(t)
	answer, err := browser().Get(b.path("/"))
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if policy := answer.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
		t.Error(policy)
	}
	if status, style := look(t, b.path("/sandbox/style.css")); status != 200 || strings.Contains(style, "url(") || strings.Contains(style, "@import") {
		t.Errorf("style: %d", status)
	}
}
