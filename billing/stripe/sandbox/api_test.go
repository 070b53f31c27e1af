package sandbox

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"weak"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"
)

// sessionForm is a well-formed request for a session, changed by pairs of name
// and value; an empty value takes a parameter out, "-" sends it empty.
func sessionForm(change ...string) url.Values {
	form := url.Values{
		"mode": {"payment"}, "success_url": {"https://shop.example/done"},
		"line_items[0][price]": {"price_once"}, "line_items[0][quantity]": {"1"},
	}
	for i := 0; i+1 < len(change); i += 2 {
		switch change[i+1] {
		case "":
			form.Del(change[i])
		case "-":
			form.Set(change[i], "")
		default:
			form.Set(change[i], change[i+1])
		}
	}
	return form
}

func TestWhatASessionMayNotBeMadeWith(t *testing.T) {
	b := setUp(t)
	inactive := must(b.client.Prices.New(&stripe.PriceParams{
		Currency: stripe.String("eur"), UnitAmount: stripe.Int64(100), Active: stripe.Bool(false),
		ProductData: &stripe.PriceProductDataParams{Name: stripe.String("Old")},
	}))(t)
	customer := must(b.client.Customers.New(nil))(t)
	soon := func(d time.Duration) string { return fmt.Sprint(b.Now().Add(d).Unix()) }
	const item, data = "line_items[0]", "line_items[0][price_data]"
	inline := func(more ...string) []string {
		return append([]string{item + "[price]", "", data + "[currency]", "eur", data + "[unit_amount]", "1000",
			data + "[product_data][name]", "Access"}, more...)
	}
	for name, c := range map[string]struct {
		change      []string
		code, param string
	}{
		"an unknown parameter":              {[]string{"return_to", "x"}, "parameter_unknown", "return_to"},
		"an unknown parameter deep down":    {[]string{"payment_intent_data[meta]", "x"}, "parameter_unknown", "payment_intent_data[meta]"},
		"no mode":                           {[]string{"mode", ""}, "parameter_missing", "mode"},
		"a mode there is not":               {[]string{"mode", "donation"}, "", "mode"},
		"no address to come back to":        {[]string{"success_url", ""}, "parameter_missing", "success_url"},
		"an address that is none":           {[]string{"success_url", "shop"}, "url_invalid", "success_url"},
		"no line items":                     {[]string{item + "[price]", "", item + "[quantity]", ""}, "parameter_missing", "line_items"},
		"line items that are no list":       {[]string{"line_items", "x", item + "[price]", "", item + "[quantity]", ""}, "parameter_invalid_array", "line_items"},
		"a line without quantity":           {[]string{item + "[quantity]", ""}, "parameter_missing", item + "[quantity]"},
		"a quantity of none":                {[]string{item + "[quantity]", "0"}, "parameter_invalid_integer", item + "[quantity]"},
		"a quantity that is no number":      {[]string{item + "[quantity]", "many"}, "parameter_invalid_integer", item + "[quantity]"},
		"an unknown price":                  {[]string{item + "[price]", "price_unknown"}, "resource_missing", item + "[price]"},
		"an inactive price":                 {[]string{item + "[price]", inactive.ID}, "", item + "[price]"},
		"a recurring price in payment mode": {[]string{item + "[price]", "price_monthly"}, "", item + "[price]"},
		"a one-off price in subscription":   {[]string{"mode", "subscription"}, "", "line_items"},
		"a price and price data":            {[]string{data + "[currency]", "eur"}, "", item},
		"price data without currency":       {inline(data+"[currency]", ""), "parameter_missing", data + "[currency]"},
		"price data in no currency":         {inline(data+"[currency]", "xxx"), "", data + "[currency]"},
		"price data without an amount":      {inline(data+"[unit_amount]", ""), "parameter_missing", data + "[unit_amount]"},
		"a negative amount":                 {inline(data+"[unit_amount]", "-5"), "parameter_invalid_integer", data + "[unit_amount]"},
		"less than can be charged":          {inline(data+"[unit_amount]", "49"), "amount_too_small", ""},
		"more than can be charged":          {inline(data+"[unit_amount]", "100000000"), "amount_too_large", data + "[unit_amount]"},
		"a dinar's last digit":              {inline(data+"[currency]", "kwd", data+"[unit_amount]", "1005"), "parameter_invalid_integer", data + "[unit_amount]"},
		"two currencies":                    {[]string{"line_items[1][price]", "price_monthly", "line_items[1][quantity]", "1", "mode", "subscription"}, "", "line_items[1][price]"},
		"another currency than the price":   {[]string{"currency", "usd"}, "", "line_items[0][price]"},
		"too long a reference":              {[]string{"client_reference_id", strings.Repeat("x", 201)}, "", "client_reference_id"},
		"an empty reference":                {[]string{"client_reference_id", "-"}, "parameter_invalid_empty", "client_reference_id"},
		"an e-mail address that is none":    {[]string{"customer_email", "nobody"}, "email_invalid", "customer_email"},
		"an unknown customer":               {[]string{"customer", "cus_unknown"}, "resource_missing", "customer"},
		"a customer and an e-mail address":  {[]string{"customer", customer.ID, "customer_email", "a@example.com"}, "", "customer_email"},
		"a customer and making one":         {[]string{"customer", customer.ID, "customer_creation", "always"}, "", "customer_creation"},
		"too short a life":                  {[]string{"expires_at", soon(20 * time.Minute)}, "", "expires_at"},
		"too long a life":                   {[]string{"expires_at", soon(25 * time.Hour)}, "", "expires_at"},
		"another mode's data":               {[]string{"subscription_data[description]", "x"}, "", "subscription_data"},
		"a setup without currency":          {[]string{"mode", "setup", item + "[price]", "", item + "[quantity]", ""}, "parameter_missing", "currency"},
		"a setup with line items":           {[]string{"mode", "setup", "currency", "eur"}, "", "line_items"},
		"a flag that is none":               {[]string{"allow_promotion_codes", "yes"}, "parameter_invalid_boolean", "allow_promotion_codes"},
		"two discounts":                     {[]string{"discounts[0][coupon]", "a", "discounts[1][coupon]", "b"}, "", "discounts"},
		"an unknown coupon":                 {[]string{"discounts[0][coupon]", "a"}, "resource_missing", "discounts[0][coupon]"},
		"too long a metadata key":           {[]string{"metadata[" + strings.Repeat("k", 41) + "]", "v"}, "", "metadata[" + strings.Repeat("k", 41) + "]"},
		"too long a metadata value":         {[]string{"metadata[k]", strings.Repeat("v", 501)}, "", "metadata[k]"},
		"metadata in metadata":              {[]string{"metadata[k][j]", "v"}, "", "metadata[k]"},
		"an expansion to nowhere":           {[]string{"expand[0]", "nowhere"}, "", "expand"},
		"an expansion too deep":             {[]string{"expand[0]", "payment_intent.latest_charge.customer.subscriptions.data"}, "", "expand"},
		"a page that is not hosted":         {[]string{"ui_mode", "embedded"}, "", "ui_mode"},
		"holding a bank debit":              {[]string{"payment_intent_data[capture_method]", "manual", "payment_method_types[0]", "sepa_debit"}, "", "payment_intent_data[capture_method]"},
		"a value and an object":             {[]string{"metadata", "x", "metadata[k]", "v"}, "", ""},
		"a name that does not close":        {[]string{"metadata[k", "v"}, "", "metadata[k"},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(b.Objects("checkout.session")) + len(b.Objects("product")) + len(b.Objects("price"))
			got := b.ask("POST", "/v1/checkout/sessions", sessionForm(c.change...))
			if got.status != 400 || got.field("error.type") != "invalid_request_error" || got.field("error.code") != c.code {
				t.Errorf("%d %s, want code %q", got.status, got.body, c.code)
			}
			if param := got.field("error.param"); param != c.param && c.param != "" {
				t.Errorf("it blames %q, want %q", param, c.param)
			}
			if after := len(b.Objects("checkout.session")) + len(b.Objects("product")) + len(b.Objects("price")); after != before {
				t.Error("something was made nevertheless")
			}
		})
	}
}

func TestMoreThanFiftyKeysOfMetadataAreRefused(t *testing.T) {
	b := setUp(t)
	form := sessionForm()
	for i := range 51 {
		form.Set(fmt.Sprintf("metadata[k%d]", i), "v")
	}
	if got := b.ask("POST", "/v1/checkout/sessions", form); got.status != 400 || got.field("error.param") != "metadata" {
		t.Errorf("%d %s", got.status, got.body)
	}
	form.Del("metadata[k0]")
	if got := b.ask("POST", "/v1/checkout/sessions", form); got.status != 200 {
		t.Errorf("fifty: %d %s", got.status, got.body)
	}
}

func TestMinorUnitsAreTheCurrencysOwn(t *testing.T) {
	for _, c := range []struct {
		amount   int64
		currency string
		want     string
	}{
		{2000, "eur", "€20.00 EUR"}, {2000, "jpy", "¥2,000 JPY"}, {1500, "kwd", "1.500 KWD"}, {5, "usd", "$0.05 USD"},
		{123456789, "chf", "1,234,567.89 CHF"}, {-250, "gbp", "-£2.50 GBP"}, {0, "krw", "₩0 KRW"}, {50, "BHD", "0.050 BHD"},
	} {
		if got := Amount(c.amount, c.currency); got != c.want {
			t.Errorf("%d %s is %q, want %q", c.amount, c.currency, got, c.want)
		}
	}
}

func TestZeroDecimalAmountsPassWhole(t *testing.T) {
	b := setUp(t)
	p := onceParams()
	p.LineItems[0] = &stripe.CheckoutSessionLineItemParams{Quantity: stripe.Int64(2), PriceData: &stripe.CheckoutSessionLineItemPriceDataParams{
		Currency: stripe.String("JPY"), UnitAmount: stripe.Int64(500),
		ProductData: &stripe.CheckoutSessionLineItemPriceDataProductDataParams{Name: stripe.String("鍵")},
	}}
	made := b.open(p)
	b.act(made.ID, "pay", nil)
	got := b.session(made.ID)
	if got.Currency != "jpy" || got.AmountTotal != 1000 {
		t.Errorf("%d %s", got.AmountTotal, got.Currency)
	}
	lines := b.client.CheckoutSessions.ListLineItems(&stripe.CheckoutSessionListLineItemsParams{Session: &made.ID})
	if !lines.Next() || lines.LineItem().Description != "鍵" || lines.LineItem().Quantity != 2 || lines.LineItem().AmountTotal != 1000 {
		t.Errorf("line: %+v", lines.LineItem())
	}
}

func TestOnlyTheKeyIsLetIn(t *testing.T) {
	b := setUp(t)
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(testKey+":"))
	for name, c := range map[string]struct {
		header string
		status int
		says   string
	}{
		"as a bearer token":      {"Bearer " + testKey, 200, ""},
		"as the user of basic":   {basic, 200, ""},
		"not without":            {"", 401, "You did not provide an API key"},
		"not an empty one":       {"Bearer ", 401, "You did not provide an API key"},
		"not another one":        {"Bearer sk_test_somebodyElsesKey1234", 401, "Invalid API Key provided: sk_test_*"},
		"not the key and more":   {"Bearer " + testKey + "x", 401, "Invalid API Key provided"},
		"not in another fashion": {"Token " + testKey, 401, "You did not provide an API key"},
	} {
		t.Run(name, func(t *testing.T) {
			got := b.ask("GET", "/v1/account", nil, "Authorization", c.header)
			if got.status != c.status || !strings.Contains(got.field("error.message"), c.says) || strings.Contains(got.body, "somebodyElsesKey") {
				t.Errorf("%d %s", got.status, got.body)
			}
		})
	}
}

func TestTheSandboxSpeaksOneVersion(t *testing.T) {
	b := setUp(t)
	if got := b.ask("GET", "/v1/account", nil, "Stripe-Version", "2023-10-16"); got.status != 200 || got.header.Get("Stripe-Version") != "2023-10-16" || got.header.Get("Request-Id") == "" {
		t.Errorf("%d %v", got.status, got.header)
	}
	if got := b.ask("GET", "/v1/account", nil, "Stripe-Version", "2025-03-31.basil"); got.status != 400 {
		t.Errorf("another one: %d", got.status)
	}
}

func TestWhatIsNotThereIs404InStripesShape(t *testing.T) {
	b := setUp(t)
	for path, says := range map[string]string{
		"/v1/customers/x": "No such customer: 'x'", "/v1/products/x": "No such product: 'x'",
		"/v1/prices/x": "No such price: 'x'", "/v1/coupons/x": "No such coupon: 'x'",
		"/v1/checkout/sessions/x": "No such checkout.session: 'x'", "/v1/checkout/sessions/x/line_items": "No such checkout.session: 'x'",
		"/v1/payment_intents/x": "No such payment_intent: 'x'", "/v1/setup_intents/x": "No such setupintent: 'x'",
		"/v1/payment_methods/x": "No such PaymentMethod: 'x'", "/v1/charges/x": "No such charge: 'x'",
		"/v1/refunds/x": "No such refund: 'x'", "/v1/disputes/x": "No such dispute: 'x'",
		"/v1/subscriptions/x": "No such subscription: 'x'", "/v1/invoices/x": "No such invoice: 'x'",
		"/v1/events/x": "No such event: 'x'", "/v1/webhook_endpoints/x": "No such webhook endpoint: 'x'",
		"/v1/promotion_codes/x": "No such promotion code: 'x'", "/v1/radar/early_fraud_warnings/x": "No such early_fraud_warning: 'x'",
		"/v1/tax_rates": "Unrecognized request URL (GET: /v1/tax_rates)", "/v1/": "Unrecognized request URL (GET: /v1/)",
	} {
		got := b.ask("GET", path, nil)
		if got.status != 404 || !strings.HasPrefix(got.field("error.message"), says) || got.field("error.type") != "invalid_request_error" {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}

func TestABodyIsReadUpToOneMebibyteAndAsAForm(t *testing.T) {
	b := setUp(t)
	if got := b.ask("POST", "/v1/customers", url.Values{"name": {strings.Repeat("x", mostBody)}}); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("too large: %d", got.status)
	}
	if got := b.ask("POST", "/v1/customers", url.Values{"name": {"x"}}, "Content-Type", "application/json"); got.status != 400 {
		t.Errorf("as JSON: %d", got.status)
	}
}

func TestAPageOfAListSaysWhetherThereIsMore(t *testing.T) {
	b := setUp(t)
	var ids []string
	for i := range 7 {
		ids = append(ids, must(b.client.Customers.New(&stripe.CustomerParams{Email: stripe.String(fmt.Sprintf("%d@example.com", i%2))}))(t).ID)
	}
	slices.Reverse(ids) // lists are newest first
	list := func(form url.Values) (got []string, more bool) {
		answer := b.ask("GET", "/v1/customers", form)
		var page struct {
			Data    []struct{ ID string }
			HasMore bool `json:"has_more"`
		}
		decode(t, answer.body, &page)
		for _, one := range page.Data {
			got = append(got, one.ID)
		}
		return got, page.HasMore
	}
	even := []string{ids[0], ids[2], ids[4], ids[6]}
	for name, c := range map[string]struct {
		form url.Values
		want []string
		more bool
	}{
		"all":                      {url.Values{}, ids, false},
		"the first three":          {url.Values{"limit": {"3"}}, ids[:3], true},
		"the next three":           {url.Values{"limit": {"3"}, "starting_after": {ids[2]}}, ids[3:6], true},
		"the last one":             {url.Values{"limit": {"3"}, "starting_after": {ids[5]}}, ids[6:], false},
		"back again":               {url.Values{"limit": {"3"}, "ending_before": {ids[5]}}, ids[2:5], true},
		"back to the beginning":    {url.Values{"limit": {"3"}, "ending_before": {ids[2]}}, ids[:2], false},
		"by e-mail address":        {url.Values{"email": {"0@example.com"}}, even, false},
		"by address, from one":     {url.Values{"email": {"0@example.com"}, "starting_after": {ids[2]}}, even[2:], false},
		"by address, from another": {url.Values{"email": {"0@example.com"}, "starting_after": {ids[3]}}, even[2:], false},
		"by address, back":         {url.Values{"email": {"0@example.com"}, "ending_before": {ids[3]}}, even[:2], false},
		"by nobody's address":      {url.Values{"email": {"9@example.com"}}, nil, false},
		"made later":               {url.Values{"created[gt]": {"99999999999"}}, nil, false},
		"made since":               {url.Values{"created[gte]": {"1"}, "limit": {"2"}}, ids[:2], true},
	} {
		t.Run(name, func(t *testing.T) {
			got, more := list(c.form)
			if diff := cmp.Diff(c.want, got); diff != "" || more != c.more {
				t.Errorf("more: %v, want %v; (-want +got)\n%s", more, c.more, diff)
			}
		})
	}
	for name, form := range map[string]url.Values{
		"a limit of none": {"limit": {"0"}}, "a limit too large": {"limit": {"101"}}, "both cursors": {"starting_after": {ids[0]}, "ending_before": {ids[1]}},
		"an unknown cursor": {"starting_after": {"cus_x"}}, "another unknown cursor": {"ending_before": {"cus_x"}},
	} {
		if got := b.ask("GET", "/v1/customers", form); got.status != 400 {
			t.Errorf("%s: %d", name, got.status)
		}
	}
}

func TestCreatedIsAMomentOrARange(t *testing.T) {
	b := setUp(t)
	var made []int64
	for range 3 {
		made = append(made, must(b.client.Customers.New(nil))(t).Created)
		b.Advance(time.Hour)
	}
	at := func(i int) string { return fmt.Sprint(made[i]) }
	for name, c := range map[string]struct {
		form url.Values
		want int
	}{
		"exactly": {url.Values{"created": {at(1)}}, 1}, "after": {url.Values{"created[gt]": {at(0)}}, 2},
		"from": {url.Values{"created[gte]": {at(0)}}, 3}, "before": {url.Values{"created[lt]": {at(2)}}, 2},
		"between": {url.Values{"created[gt]": {at(0)}, "created[lte]": {at(1)}}, 1},
	} {
		if got := strings.Count(b.ask("GET", "/v1/customers", c.form).body, `"object":"customer"`); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestExpandingPutsObjectsInThePlaceOfIDs(t *testing.T) {
	b := setUp(t)
	p := monthlyParams()
	for _, path := range []string{"line_items.data.price.product"} {
		p.AddExpand(path)
	}
	made := b.open(p)
	if made.LineItems.Data[0].Price.Product.Name != "API access" {
		t.Errorf("at creation: %+v", made.LineItems.Data[0].Price.Product)
	}
	b.act(made.ID, "pay", nil)
	list := &stripe.CheckoutSessionListParams{}
	for _, path := range []string{"data.subscription.latest_invoice.charge", "data.customer.subscriptions", "data.payment_intent", "data.line_items"} {
		list.AddExpand(path)
	}
	got := b.client.CheckoutSessions.List(list)
	if !got.Next() {
		t.Fatal(got.Err())
	}
	s := got.CheckoutSession()
	if s.Subscription.LatestInvoice.Charge.Amount != 1500 || s.Customer.Email != "dev@example.com" ||
		len(s.Customer.Subscriptions.Data) != 1 || len(s.LineItems.Data) != 1 || s.PaymentIntent != nil {
		t.Errorf("%+v", s)
	}
	charge := s.Subscription.LatestInvoice.Charge.ID
	if _, err := b.client.Refunds.New(&stripe.RefundParams{Charge: &charge, Amount: stripe.Int64(5)}); err != nil {
		t.Fatal(err)
	}
	get := &stripe.ChargeParams{}
	get.AddExpand("refunds")
	get.AddExpand("invoice.subscription")
	if c := must(b.client.Charges.Get(charge, get))(t); len(c.Refunds.Data) != 1 || c.Invoice.Subscription.ID != s.Subscription.ID {
		t.Errorf("%+v", c)
	}
}

func decode(t *testing.T, body string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), into); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
}

func TestTheRestOfTheAPI(t *testing.T) {
	b := setUp(t)
	c := b.client
	product := must(c.Products.New(&stripe.ProductParams{Name: stripe.String("Key"), Images: []*string{stripe.String("https://shop.example/key.png")}}))(t)
	price := must(c.Prices.New(&stripe.PriceParams{
		Product: &product.ID, Currency: stripe.String("eur"), UnitAmount: stripe.Int64(700), LookupKey: stripe.String("key"),
		Recurring: &stripe.PriceRecurringParams{Interval: stripe.String("year")},
	}))(t)
	if _, err := c.Prices.New(&stripe.PriceParams{Product: &product.ID, Currency: stripe.String("eur"), UnitAmount: stripe.Int64(1), LookupKey: stripe.String("key")}); err == nil {
		t.Error("two prices have one lookup key")
	}
	moved := must(c.Prices.New(&stripe.PriceParams{
		Product: &product.ID, Currency: stripe.String("eur"), UnitAmount: stripe.Int64(800), LookupKey: stripe.String("key"), TransferLookupKey: stripe.Bool(true),
	}))(t)
	found := c.Prices.List(&stripe.PriceListParams{LookupKeys: []*string{stripe.String("key")}, Active: stripe.Bool(true)})
	if !found.Next() || found.Price().ID != moved.ID || found.Next() {
		t.Error("the lookup key does not lead to the price it was moved to")
	}
	if off := must(c.Prices.Update(price.ID, &stripe.PriceParams{Active: stripe.Bool(false), Nickname: stripe.String("old")}))(t); off.Active {
		t.Error("the price is still active")
	}
	for range 1 {
		must(c.Products.Get(product.ID, nil))(t)
		must(c.Prices.Get(price.ID, nil))(t)
		must(c.Accounts.Get())(t)
	}
	if products := c.Products.List(&stripe.ProductListParams{IDs: []*string{&product.ID}}); !products.Next() || products.Next() {
		t.Error("the product is not found by its id")
	}
	coupon := must(c.Coupons.New(&stripe.CouponParams{ID: stripe.String("HALF"), PercentOff: stripe.Float64(50)}))(t)
	must(c.Coupons.Get(coupon.ID, nil))(t)
	promo := must(c.PromotionCodes.New(&stripe.PromotionCodeParams{Coupon: &coupon.ID, Code: stripe.String("half")}))(t)
	must(c.PromotionCodes.Get(promo.ID, nil))(t)
	if codes := c.PromotionCodes.List(&stripe.PromotionCodeListParams{Code: stripe.String("HALF")}); !codes.Next() {
		t.Error("the code is not found")
	}
	customer := must(c.Customers.New(&stripe.CustomerParams{
		Email: stripe.String("a@example.com"), Name: stripe.String("A"), Metadata: map[string]string{"a": "1", "b": "2"},
		Address: &stripe.AddressParams{City: stripe.String("Rome"), Country: stripe.String("IT")},
	}))(t)
	changedTo := must(c.Customers.Update(customer.ID, &stripe.CustomerParams{Name: stripe.String("B"), Metadata: map[string]string{"a": "", "c": "3"}}))(t)
	if diff := cmp.Diff(map[string]string{"b": "2", "c": "3"}, changedTo.Metadata); diff != "" || changedTo.Name != "B" || changedTo.Address.City != "Rome" {
		t.Errorf("%+v\n%s", changedTo, diff)
	}
	p := onceParams()
	p.CustomerEmail, p.Customer = nil, &customer.ID
	p.PaymentIntentData.SetupFutureUsage = stripe.String("off_session")
	made := b.open(p)
	b.act(made.ID, "pay", Args{"email": "somebody@else.example"})
	paid := b.session(made.ID)
	if paid.CustomerDetails.Email != "a@example.com" {
		t.Errorf("a customer's own address was changed on the page to %s", paid.CustomerDetails.Email)
	}
	methods := c.PaymentMethods.List(&stripe.PaymentMethodListParams{Customer: &customer.ID})
	if !methods.Next() {
		t.Fatal("the card was not kept for the customer")
	}
	must(c.PaymentMethods.Get(methods.PaymentMethod().ID, nil))(t)
	must(c.Customers.Update(customer.ID, &stripe.CustomerParams{InvoiceSettings: &stripe.CustomerInvoiceSettingsParams{DefaultPaymentMethod: &methods.PaymentMethod().ID}}))(t)
	b.restOfPayments(customer.ID, paid)
	visit := must(c.BillingPortalSessions.New(&stripe.BillingPortalSessionParams{Customer: &customer.ID, ReturnURL: stripe.String("https://shop.example")}))(t)
	if !strings.HasPrefix(visit.URL, b.url+"/p/session/") {
		t.Error(visit.URL)
	}
	if balance := must(c.Balance.Get(nil))(t); balance.Available[0].Amount != 2000 {
		t.Errorf("%+v", balance.Available[0])
	}
}

// restOfPayments reads a payment in every way there is.
func (b *bench) restOfPayments(customer string, paid *stripe.CheckoutSession) {
	t, c := b.t, b.client
	t.Helper()
	intent := paid.PaymentIntent.ID
	if got := must(c.PaymentIntents.Update(intent, &stripe.PaymentIntentParams{Description: stripe.String("d"), Metadata: map[string]string{"x": "y"}}))(t); got.Metadata["on"] != "intent" || got.Metadata["x"] != "y" {
		t.Errorf("%+v", got.Metadata)
	}
	if list := c.PaymentIntents.List(&stripe.PaymentIntentListParams{Customer: &customer}); !list.Next() || list.PaymentIntent().ID != intent {
		t.Error("the intent is not found by its customer")
	}
	for name, by := range map[string]*stripe.ChargeListParams{"intent": {PaymentIntent: &intent}, "customer": {Customer: &customer}} {
		if list := c.Charges.List(by); !list.Next() || list.Charge().PaymentIntent.ID != intent {
			t.Errorf("the charge is not found by its %s", name)
		}
	}
	for name, by := range map[string]*stripe.CheckoutSessionListParams{
		"intent": {PaymentIntent: &intent}, "customer": {Customer: &customer}, "status": {Status: stripe.String("complete")},
		"address": {CustomerDetails: &stripe.CheckoutSessionListCustomerDetailsParams{Email: stripe.String("a@example.com")}},
	} {
		if list := c.CheckoutSessions.List(by); !list.Next() || list.CheckoutSession().ID != paid.ID {
			t.Errorf("the session is not found by its %s: %v", name, list.Err())
		}
	}
	refund := must(c.Refunds.New(&stripe.RefundParams{PaymentIntent: &intent, Amount: stripe.Int64(100)}))(t)
	must(c.Refunds.Get(refund.ID, nil))(t)
	refunds := c.Refunds.List(&stripe.RefundListParams{Charge: &refund.Charge.ID})
	if !refunds.Next() {
		t.Error("the refund is not found by its charge")
	}
	must(c.Refunds.New(&stripe.RefundParams{PaymentIntent: &intent}))(t)
	events := c.Events.List(&stripe.EventListParams{Types: []*string{stripe.String("charge.refunded"), stripe.String("payment_intent.*")}})
	n := 0
	for events.Next() {
		n++
		must(c.Events.Get(events.Event().ID, nil))(t)
	}
	if n != 4 {
		t.Errorf("%d events, want two refunds and two of the intent", n)
	}
	again := b.open(onceParams())
	b.act(again.ID, "pay", nil)
}

func TestASubscriptionIsFoundAndChanged(t *testing.T) {
	b := setUp(t)
	c := b.client
	session, id := b.subscribe(monthlyParams(), nil)
	sub := b.subscription(id)
	for name, by := range map[string]*stripe.SubscriptionListParams{
		"customer": {Customer: &sub.Customer.ID}, "price": {Price: stripe.String("price_monthly")}, "status": {Status: stripe.String("active")},
	} {
		if list := c.Subscriptions.List(by); !list.Next() || list.Subscription().ID != id {
			t.Errorf("it is not found by its %s", name)
		}
	}
	if list := c.CheckoutSessions.List(&stripe.CheckoutSessionListParams{Subscription: &id}); !list.Next() || list.CheckoutSession().ID != session {
		t.Error("the session is not found by its subscription")
	}
	if list := c.Invoices.List(&stripe.InvoiceListParams{Customer: &sub.Customer.ID, Status: stripe.String("paid")}); !list.Next() {
		t.Error("the invoice is not found by its customer")
	}
	must(c.Invoices.Get(sub.LatestInvoice.ID, nil))(t)
	end := b.Now().Add(100 * time.Hour).Unix()
	got := must(c.Subscriptions.Update(id, &stripe.SubscriptionParams{
		Metadata: map[string]string{"k": "v"}, Description: stripe.String("d"), CancelAt: &end,
		CancellationDetails: &stripe.SubscriptionCancellationDetailsParams{Comment: stripe.String("dear"), Feedback: stripe.String("too_expensive")},
	}))(t)
	if got.CancelAt != end || got.Metadata["k"] != "v" || got.CancellationDetails.Comment != "dear" {
		t.Errorf("%+v", got)
	}
	b.Advance(101 * time.Hour)
	if ended := b.subscription(id); ended.Status != "canceled" {
		t.Errorf("it did not end when it was to: %s", ended.Status)
	}
	if list := c.Subscriptions.List(nil); list.Next() {
		t.Error("an ended subscription is in the list that was not asked for it")
	}
	if list := c.Subscriptions.List(&stripe.SubscriptionListParams{Status: stripe.String("ended")}); !list.Next() {
		t.Error("an ended subscription is not in the list of the ended")
	}
	if _, err := c.Subscriptions.Update(id, &stripe.SubscriptionParams{Description: stripe.String("d")}); err == nil {
		t.Error("an ended subscription was changed")
	}
	_, failing := b.subscribe(monthlyParams(), nil)
	b.act(failing, "miss", nil)
	if void := must(c.Invoices.VoidInvoice(b.subscription(failing).LatestInvoice.ID, nil))(t); void.Status != "void" {
		t.Errorf("%+v", void)
	}
	_, trial := b.subscribe(trialParams(), nil)
	if got := must(c.Subscriptions.Update(trial, &stripe.SubscriptionParams{TrialEndNow: stripe.Bool(true)}))(t); got.Status != "active" {
		t.Errorf("after its trial: %s", got.Status)
	}
}

func TestTheSandboxIsSafeForManyAtOnce(t *testing.T) {
	b := setUp(t)
	var done sync.WaitGroup
	for i := range 8 {
		done.Go(func() {
			for j := range 10 {
				got := b.ask("POST", "/v1/checkout/sessions", sessionForm("client_reference_id", fmt.Sprint(i, j)))
				id := got.field("id")
				if err := b.Act(id, "pay", nil); err != nil {
					t.Error(err)
				}
				b.ask("GET", "/v1/checkout/sessions", url.Values{"expand[]": {"data.payment_intent.latest_charge"}})
				b.ask("GET", "/v1/events", url.Values{"delivery_success": {"false"}})
				b.Events()
				b.Advance(time.Second)
			}
		})
	}
	done.Wait()
	if n := len(b.Objects("charge")); n != 80 {
		t.Errorf("%d charges, want 80", n)
	}
}

// What is put into the diary is kept there for a day, and a request holds on to its connection.
func TestAnOpenSessionKeepsNothingOfTheRequestItWasMadeBy(t *testing.T) {
	s := New(Config{Key: testKey, Prices: []Price{{ID: "price_once", Product: "x", Currency: "eur", Amount: 100}}})
	defer s.Close()
	var made weak.Pointer[http.Request]
	mux := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		made = weak.Make(r)
		s.ServeHTTP(w, r)
	})
	if answer := request(mux, http.MethodPost, "/v1/checkout/sessions", sessionForm().Encode()); !strings.Contains(answer.String(), `"status":"open"`) {
		t.Fatal(answer)
	}
	runtime.GC()
	if made.Value() != nil {
		t.Error("the request is still held")
	}
	if n := len(s.Objects("checkout.session")); n != 1 {
		t.Errorf("there are %d sessions", n)
	}
}

// request is what the sandbox answers, without a network between.
func request(s http.Handler, method, at, body string) *bytes.Buffer {
	r := httptest.NewRequest(method, at, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+testKey)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Body
}
