package sandbox_test

import (
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge/tyk/sandbox"
)

// Each step of seed 004, in its order: requesting access, the manual and the automatic approval, and the notification.
func TestSeed004(t *testing.T) {
	t.Run("Requesting access", func(t *testing.T) {
		e := newEnterprise(t, sandbox.EnterpriseConfig{})
		b := e.shopper()
		t.Run("1 from Catalogues, choose the product and select More info", func(t *testing.T) {
			b.in(t)
			b.get("/portal/").shows(`id="open-catalogues"`)
			b.get("/portal/catalogues").shows("Weather Catalogue").shows(`id="more-info-1" href="/portal/catalogue-products/weather-forecast"`)
		})
		t.Run("2 on the product's page, select Access with this Plan", func(t *testing.T) {
			b.in(t)
			b.get("/portal/catalogue-products/weather-forecast").shows("Access with this Plan").shows("Free").shows("Pro").shows("Enterprise")
			b.choose(sandbox.ForecastProduct, sandbox.PaidPlan)
		})
		t.Run("3 the combination is added to the cart", func(t *testing.T) {
			b.in(t)
			b.shows(`<tr id="item-1"><td>Weather Forecast</td><td>Pro</td>`)
		})
		t.Run("4 repeat for all products", func(t *testing.T) {
			b.in(t)
			b.choose(sandbox.HistoryProduct, sandbox.ReviewedPlan).shows(`id="item-1"`).shows(`id="item-2"`)
		})
		t.Run("5 the cart's icon is on every page", func(t *testing.T) {
			b.in(t)
			b.get("/portal/catalogues").shows(`<a id="nav-cart" href="/portal/cart">Cart (2)</a>`)
		})
		t.Run("6 review: one authentication method", func(t *testing.T) {
			b.in(t)
			b.choose(sandbox.WarningsProduct, sandbox.PaidPlan).shows("have to use the same authentication method")
			if strings.Contains(b.page, "submit-request") {
				t.Error("a mixed cart can be sent")
			}
			if b.checkout(sandbox.PaidPlan).shows("same authentication method"); b.status != 422 || len(e.AccessRequests()) != 0 {
				t.Errorf("it was sent: %d", b.status)
			}
			b.post("/portal/cart/remove", url.Values{"product": {"3"}}).shows("submit-request")
		})
		t.Run("6 review: a single plan", func(t *testing.T) {
			b.in(t)
			b.shows(`id="plan-2" name="plan"`).shows(`id="plan-3" name="plan"`)
			for _, plan := range []string{"", "1", "7"} {
				if b.post("/portal/cart/submit", url.Values{"plan": {plan}, "app": {"1"}}).shows("Choose one plan"); b.status != 422 {
					t.Errorf("plan %q: %d", plan, b.status)
				}
			}
		})
		t.Run("7 an existing app or a new one", func(t *testing.T) {
			b.in(t)
			b.shows(`id="app-1"`).shows("Umbrella").shows(`id="app-new"`)
			for _, form := range []url.Values{{}, {"app": {"9"}}, {"app": {"new"}, "app_name": {"  "}}} {
				form.Set("plan", "2")
				if b.post("/portal/cart/submit", form).shows("Choose one of your apps"); b.status != 422 {
					t.Errorf("%v: %d", form, b.status)
				}
			}
		})
		t.Run("8 Submit request", func(t *testing.T) {
			b.in(t)
			b.post("/portal/cart/submit", url.Values{"plan": {"2"}, "app": {"new"}, "app_name": {"Raincoat"}}).shows(`data-status="pending"`)
			request := e.request(1)
			want := sandbox.AccessRequest{
				ID: 1, Status: sandbox.Pending, UserID: 2, AppID: 2, PlanID: sandbox.PaidPlan,
				ProductIDs: []int{sandbox.ForecastProduct, sandbox.HistoryProduct}, Catalogue: "Weather Catalogue", AuthType: "authToken",
				CreatedAt: request.CreatedAt, UpdatedAt: request.CreatedAt,
			}
			if diff := cmp.Diff(want, request); diff != "" {
				t.Error(diff)
			}
			b.get("/portal/cart").shows("Your cart is empty.")
		})
	})
	t.Run("Manual approval", func(t *testing.T) {
		e := newEnterprise(t, sandbox.EnterpriseConfig{})
		admin := e.browser()
		t.Run("the owner is notified by mail", func(t *testing.T) {
			e.bought(sandbox.ReviewedPlan)
			if diff := cmp.Diff([]string{"submitted " + sandbox.EnterpriseAdmin}, kinds(e.Mail())); diff != "" {
				t.Error(diff)
			}
		})
		t.Run("1 API Consumers > Access Requests", func(t *testing.T) {
			admin.in(t)
			if admin.get("/admin/").shows("API Consumers: Access Requests"); admin.at.Path != "/admin/access-requests" {
				t.Errorf("at %s", admin.at)
			}
		})
		t.Run("2 user, app, products and plan are there to review", func(t *testing.T) {
			admin.in(t)
			admin.shows("<td>Erin Engineer, erin@example.com</td><td>Umbrella</td><td>Weather Forecast</td><td>Enterprise</td>")
		})
		t.Run("3 approved, credentials are issued to the app", func(t *testing.T) {
			admin.in(t)
			admin.post("/admin/access-requests/1/approve", url.Values{}).shows("The access request was approved.").shows("No access request is waiting.")
			request := e.request(1)
			if request.Status != sandbox.Approved || request.ProvisionImmediately || len(request.Credentials) != 1 || request.Credentials[0].AppID != 1 {
				t.Errorf("%+v", request)
			}
			if !e.Admits(request.Credentials[0].Key, sandbox.ForecastProduct) || e.Admits(request.Credentials[0].Key, sandbox.HistoryProduct) {
				t.Error("the key does not open what was asked for, and that alone")
			}
		})
		t.Run("3 rejected, no access is granted", func(t *testing.T) {
			admin.in(t)
			id := e.ask(sandbox.PaidPlan, sandbox.HistoryProduct).ID
			admin.post("/admin/access-requests/"+strconv.Itoa(id)+"/reject", url.Values{}).shows("The access request was rejected.")
			if request := e.request(id); request.Status != sandbox.Rejected || len(request.Credentials) != 0 {
				t.Errorf("%+v", request)
			}
		})
	})
	t.Run("Automatic approval", func(t *testing.T) {
		e := newEnterprise(t, sandbox.EnterpriseConfig{})
		admin := e.browser()
		t.Run("1 and 2 the plan on the page of plans", func(t *testing.T) {
			admin.in(t)
			admin.get("/admin/plans").shows(`id="auto-approve-2" name="auto_approve" value="on">`).shows("Auto approve access request")
		})
		t.Run("3 and 4 set the box and save", func(t *testing.T) {
			admin.in(t)
			admin.post("/admin/plans/2/save", url.Values{"auto_approve": {"on"}}).shows("Your changes were saved.").shows(`id="auto-approve-2" name="auto_approve" value="on" checked`)
		})
		t.Run("a request is approved immediately and provisioned", func(t *testing.T) {
			b := e.bought(sandbox.PaidPlan).shows(`data-status="approved"`)
			request := e.request(1)
			if !request.ProvisionImmediately || len(request.Credentials) != 1 {
				t.Fatalf("%+v", request)
			}
			b.get("/portal/apps/1").shows(request.Credentials[0].Key)
		})
		t.Run("a record is kept on the page of access requests", func(t *testing.T) {
			admin.in(t)
			admin.get("/admin/access-requests").shows("approved automatically").shows(`id="request-1"`)
		})
		t.Run("without the box it waits again", func(t *testing.T) {
			admin.in(t)
			admin.post("/admin/plans/2/save", url.Values{})
			if request := e.ask(sandbox.PaidPlan, sandbox.ForecastProduct); request.Status != sandbox.Pending {
				t.Errorf("%+v", request)
			}
		})
	})
	t.Run("Notification", func(t *testing.T) {
		for _, c := range []struct {
			name, template, subject, text string
			decide                        func(*enterprise, int) error
		}{
			{"approved: the template approve", sandbox.ApproveMail, "Welcome aboard, Umbrella", "Weather Forecast, Weather History", func(e *enterprise, id int) error { return e.Approve(id) }},
			{"rejected: the template reject", sandbox.RejectMail, "Sorry about 1", "Pro is not for Erin Engineer", func(e *enterprise, id int) error { return e.Reject(id) }},
		} {
			t.Run(c.name, func(t *testing.T) {
				e := newEnterprise(t, sandbox.EnterpriseConfig{URL: "https://portal.example/"})
				e.browser().post("/admin/emails/templates", url.Values{
					"approve_subject": {"Welcome aboard, {app}"}, "approve_text": {"You have {products}.\r\n{portal}"},
					"reject_subject": {"Sorry about {id}"}, "reject_text": {"{plan} is not for {name}"},
				}).shows("The e-mail templates were saved.")
				id := e.ask(sandbox.PaidPlan, sandbox.ForecastProduct, sandbox.HistoryProduct).ID
				if err := c.decide(e, id); err != nil {
					t.Fatal(err)
				}
				mails := e.Mail()
				last := mails[len(mails)-1]
				if last.Kind != c.template || last.To != sandbox.EnterpriseEmail || last.Subject != c.subject ||
					!strings.Contains(last.Text, c.text) || last.Link != "https://portal.example/portal/apps/1" {
					t.Errorf("%+v", last)
				}
				e.shopper().get("/portal/mail").shows(c.subject)
			})
		}
		t.Run("automatically approved: the template approve too", func(t *testing.T) {
			e := newEnterprise(t, sandbox.EnterpriseConfig{})
			e.ask(sandbox.FreePlan, sandbox.ForecastProduct)
			if diff := cmp.Diff([]string{"approve " + sandbox.EnterpriseEmail}, kinds(e.Mail())); diff != "" {
				t.Error(diff)
			}
		})
		t.Run("without the e-mail service nobody is told", func(t *testing.T) {
			e := newEnterprise(t, sandbox.EnterpriseConfig{})
			e.set(func(c *sandbox.EnterpriseSettings) { c.EmailService = false })
			e.granted(sandbox.PaidPlan, sandbox.ForecastProduct)
			if mails := e.Mail(); len(mails) != 0 {
				t.Errorf("%v", kinds(mails))
			}
		})
	})
}
