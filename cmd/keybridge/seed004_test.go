package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	mailsandbox "keybridge/bridge/notify/mail/sandbox"
	tyksandbox "keybridge/bridge/tyk/sandbox"

	"keybridge/bridge"
)

// TestSeed004HoldsForTheBridge takes each step of seed 004 ("Managing API Access
// Requests") in its order, on the Enterprise Portal's pages, and holds what the bridge
// makes of it to what the document says. That the portal's pages do what it says is the
// sandbox's own test.
func TestSeed004HoldsForTheBridge(t *testing.T) {
	t.Parallel()
	s := mailedStand(t, func(c *choice) {
		c.plans = append(of(freePlan), partnerReviewed) // of the portal's plans, one is left to keybridge
		c.subjects = `{approve: "Welcome to {{.Plan}}", reject: "No access to {{.Plan}}"}`
	})
	for n, part := range []struct {
		name string
		try  func(*consumer, *testing.T)
	}{
		{"Requesting access: what the document says a request identifies is known to the bridge", (*consumer).isIdentified},
		{"Manual approval: the owner approves, and the consumer is told by the template approve", (*consumer).isApproved},
		{"Manual approval: the owner rejects, and the consumer is told by the template reject", (*consumer).isRejected},
		{"Manual approval in keybridge: the credentials are in the app", (*consumer).isReviewed},
		{"Automatic approval: approved at once, and a record is kept", (*consumer).isApprovedAtOnce},
		{"Notification: subjects are as configured", (*consumer).getsSubjects},
	} {
		t.Run(part.name, func(t *testing.T) {
			f := &far{stand: s.in(t), portal: demoEnterprise, email: fmt.Sprintf("consumer%d@example.com", n)}
			c := &consumer{far: f, visitor: browse(t)}
			part.try(c, t)
		})
	}
}

// consumer is an API Consumer of the document, with a browser.
type consumer struct {
	*far
	*visitor
}

// does fails the test where a step of the browser fails.
func (c *consumer) does(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// signsUp makes an account, which is signed in then.
func (c *consumer) signsUp() {
	c.t.Helper()
	c.does(c.open(c.EnterpriseURL + "/portal/register"))
	c.does(c.submit("sign-up", map[string]string{"email": c.email, "first": "Cora", "last": "Consumer", "password": "a-password-of-coras"}))
	if find(c.page, "sign-in") != nil {
		c.does(c.submit("sign-in", map[string]string{"email": c.email, "password": "a-password-of-coras"}))
	}
}

// requests takes the steps 1 to 8 of "Requesting Access to an API Product" and returns
// the id of what was submitted.
func (c *consumer) requests(plan int, products ...int) string {
	c.t.Helper()
	for _, product := range products {
		c.does(c.open(c.EnterpriseURL + "/portal/catalogues"))
		more := find(c.page, fmt.Sprintf("more-info-%d", product))
		c.does(c.open(c.EnterpriseURL + attribute(more, "href")))
		c.does(c.submit(fmt.Sprintf("access-%d", plan), nil))
	}
	c.does(c.open(c.EnterpriseURL + "/portal/cart"))
	c.does(c.submit("submit-request", map[string]string{"plan": fmt.Sprint(plan), "app": "new", "app_name": "Raincoat"}))
	return attribute(find(c.page, "status"), "data-request")
}

// owner presses a button on the admin's page of access requests.
func (c *consumer) owner(what, key string) {
	c.t.Helper()
	admin := browse(c.t)
	c.does(admin.open(c.EnterpriseURL + "/admin/access-requests"))
	c.does(admin.submit(what+"-"+key, nil))
}

// "Identifies the specific API Product and subscription Plan they want to access,
// specifies which Developer App should receive the access credentials, creates an
// auditable record of the access request".
func (c *consumer) isIdentified(t *testing.T) {
	c.signsUp()
	key := c.requests(tyksandbox.ReviewedPlan, tyksandbox.ForecastProduct, tyksandbox.HistoryProduct)
	r := c.comesTo(key, bridge.StateReviewing)
	switch {
	case r.Applicant.Email != c.email, r.Applicant.Name != "Cora Consumer", r.Applicant.App != "Raincoat":
		t.Errorf("the applicant is %+v", r.Applicant)
	case len(r.Asked.Policies) != 2 || r.Asked.Plan != fmt.Sprint(tyksandbox.ReviewedPlan) || r.Terms.Plan != "Partner Reviewed":
		t.Errorf("asked for %+v, under %q", r.Asked, r.Terms.Plan)
	case !strings.Contains(r.Asked.Entry, "Forecast") || !strings.Contains(r.Asked.Entry, "History"):
		t.Errorf("the products are called %q", r.Asked.Entry)
	}
	if shown := c.operate("requests", "show", string(r.ID)); !strings.Contains(shown, "received") {
		t.Errorf("the record says %s", shown)
	}
}

func (c *consumer) isApproved(t *testing.T) {
	c.signsUp()
	key := c.requests(tyksandbox.ReviewedPlan, tyksandbox.ForecastProduct)
	c.comesTo(key, bridge.StateReviewing)
	c.owner("approve", key)
	r := c.comesTo(key, bridge.StateActive)
	if c.keys() != 1 || len(r.Access.Keys) != 1 || r.Verdict.Mark.By != (bridge.Actor{Kind: bridge.ByPortal, Name: demoEnterprise}) {
		t.Errorf("%d credentials, %+v, decided by %s", c.keys(), r.Access.Keys, r.Verdict.Mark.By)
	}
	c.told(bridge.TellApproved)
}

func (c *consumer) isRejected(t *testing.T) {
	c.signsUp()
	key := c.requests(tyksandbox.ReviewedPlan, tyksandbox.ForecastProduct)
	c.comesTo(key, bridge.StateReviewing)
	c.owner("reject", key)
	c.comesTo(key, bridge.StateDeclined)
	if c.keys() != 0 {
		t.Errorf("%d credentials", c.keys())
	}
	c.told(bridge.TellDeclined)
}

func (c *consumer) isReviewed(t *testing.T) {
	c.signsUp()
	key := c.requests(tyksandbox.ReviewedPlan, tyksandbox.ForecastProduct)
	c.operate("requests", "approve", string(c.comesTo(key, bridge.StateReviewing).ID))
	c.comesTo(key, bridge.StateActive)
	a, _ := c.Enterprise.AccessRequest(number(t, key))
	c.does(c.open(fmt.Sprintf("%s/portal/apps/%d", c.EnterpriseURL, a.AppID)))
	if status := attribute(find(c.page, "request-"+key), "data-status"); status != "approved" || len(a.Credentials) != 1 {
		t.Errorf("the app shows the request as %q with %d credentials", status, len(a.Credentials))
	}
	page := c.told(bridge.TellApproved)
	if !strings.Contains(page.Text, "app") {
		t.Errorf("the mail does not say where the credentials are:\n%s", page.Text)
	}
}

func (c *consumer) isApprovedAtOnce(t *testing.T) {
	c.signsUp()
	key := c.requests(tyksandbox.FreePlan, tyksandbox.ForecastProduct)
	r := c.comesTo(key, bridge.StateActive)
	if r.Verdict.Mark.Why != "approved in the portal" || c.keys() != 1 {
		t.Errorf("%q, %d credentials", r.Verdict.Mark.Why, c.keys())
	}
	for _, call := range c.Enterprise.Calls() {
		if call.Method == http.MethodPut && strings.Contains(call.Path, "/"+key+"/") {
			t.Errorf("the bridge decided too: %s", call.Path)
		}
	}
	c.told(bridge.TellApproved)
}

func (c *consumer) getsSubjects(t *testing.T) {
	c.signsUp()
	key := c.requests(tyksandbox.ReviewedPlan, tyksandbox.ForecastProduct)
	c.operate("requests", "decline", "--why", "not this year", string(c.comesTo(key, bridge.StateReviewing).ID))
	if m := c.told(bridge.TellDeclined); m.Subject != "No access to Partner Reviewed" || !strings.Contains(m.HTML, "not this year") {
		t.Errorf("subject %q", m.Subject)
	}
	again := c.requests(tyksandbox.ReviewedPlan, tyksandbox.WarningsProduct)
	c.operate("requests", "approve", string(c.comesTo(again, bridge.StateReviewing).ID))
	await(t, "the mail", func() bool {
		return len(c.Mail.Mails(mailsandbox.Filter{To: c.email, Subject: "Welcome to Partner Reviewed"})) == 1
	}, nil)
}
