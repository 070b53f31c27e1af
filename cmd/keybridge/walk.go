package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html"

	mailsandbox "keybridge/bridge/notify/mail/sandbox"

	"keybridge/bridge"
)

// walk takes one paid request from the portal to the key, as a developer's browser
// would, and tells each step.
func (d *demo) walk(ctx context.Context, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	v, err := newVisitor(ctx)
	if err != nil {
		return err
	}
	begin := time.Now()
	step := func(text string, args ...any) {
		fmt.Fprintf(out, "%6.2fs  %s\n", time.Since(begin).Seconds(), fmt.Sprintf(text, args...))
	}
	if err := d.ask(v, step); err != nil {
		return err
	}
	if err := v.submit("pay", map[string]string{"email": d.place.DeveloperEmail}); err != nil {
		return err
	}
	step("paid at the checkout, and sent back to %s", v.at.Host)
	r, err := d.await(ctx, "the key", func(r bridge.Request) bool { return r.Stage() == bridge.StateActive })
	if err != nil {
		return err
	}
	step("the bridge read the payment and approved the key request: %s", r.Stage())
	if err := v.open(d.bridge.URL + v.at.Path); err != nil {
		return err
	}
	step("the developer's page says: %s", text(find(v.page, "title")))
	if err := d.checkKey(v, step); err != nil {
		return err
	}
	m, err := d.sandboxes.Mail.Await(ctx, mailsandbox.Filter{To: d.place.DeveloperEmail})
	if err != nil {
		return fmt.Errorf("waited too long for the mail: %w", err)
	}
	step("the developer was mailed: %s", m.Subject)
	step("done")
	return nil
}

// ask signs in at the portal and asks for the paid plan.
func (d *demo) ask(v *visitor, step func(string, ...any)) error {
	if err := v.open(d.place.Portal + "login"); err != nil {
		return err
	}
	if err := v.submit("sign-in", map[string]string{"email": d.place.DeveloperEmail, "password": d.place.DeveloperPassword}); err != nil {
		return err
	}
	step("signed in at the portal as %s", d.place.DeveloperEmail)
	if err := v.open(d.place.Portal + "request?policy=" + d.place.Policies["paid"]); err != nil {
		return err
	}
	if err := v.submit("submit-request", map[string]string{"field_1": "A weather app for sailors", "field_2": "10000"}); err != nil {
		return err
	}
	for find(v.page, "pay") == nil { // the bridge's page goes on by itself
		if err := v.refresh(); err != nil {
			return err
		}
	}
	step("asked for the paid plan; handed off to the bridge, which sent us on to the checkout at %s", v.at.Host)
	return nil
}

// checkKey looks up what the portal granted.
func (d *demo) checkKey(v *visitor, step func(string, ...any)) error {
	if err := v.open(d.place.Portal + "keys"); err != nil {
		return err
	}
	dev, ok := d.sandboxes.Portal.Developer(d.place.DeveloperEmail)
	if !ok || len(dev.Keys) != 1 {
		return fmt.Errorf("the developer has %d keys instead of one", len(dev.Keys))
	}
	step("the developer has exactly one key in the portal")
	return nil
}

// visitor is a browser without JavaScript: it keeps cookies, follows redirects, and
// fills in forms.
type visitor struct {
	ctx    context.Context
	client *http.Client
	at     *url.URL
	page   *html.Node
}

func newVisitor(ctx context.Context) (*visitor, error) {
	jar, err := cookiejar.New(nil)
	return &visitor{ctx: ctx, client: &http.Client{Jar: jar}}, err
}

// open goes to an address.
func (v *visitor) open(address string) error {
	return v.do(http.MethodGet, address, nil)
}

func (v *visitor) do(method, address string, form url.Values) error {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(v.ctx, method, address, body)
	if err != nil {
		return err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := v.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }() // read to its end
	v.at = answer.Request.URL
	if v.page, err = html.Parse(io.LimitReader(answer.Body, 4<<20)); err != nil {
		return err
	}
	if answer.StatusCode >= 400 {
		return fmt.Errorf("%s answered %s: %s", v.at.Redacted(), answer.Status, text(find(v.page, "title")))
	}
	return nil
}

// submit fills in the form that a button belongs to and presses the button.
func (v *visitor) submit(button string, values map[string]string) error {
	b := find(v.page, button)
	if b == nil {
		return fmt.Errorf("%s has no button %q", v.at, button)
	}
	form := b
	for form != nil && form.Data != "form" {
		form = form.Parent
	}
	if form == nil {
		return fmt.Errorf("the button %q of %s belongs to no form", button, v.at)
	}
	action, err := v.at.Parse(attribute(form, "action"))
	if err != nil {
		return err
	}
	filled := url.Values{}
	for n := range form.Descendants() {
		name := attribute(n, "name")
		if name == "" || n.Data != "input" && n.Data != "select" {
			continue
		}
		value := attribute(n, "value")
		if n.Data == "select" {
			value = firstOption(n)
		}
		if given, ok := values[name]; ok {
			value = given
		}
		filled.Set(name, value)
	}
	if name := attribute(b, "name"); name != "" {
		filled.Set(name, attribute(b, "value"))
	}
	return v.do(http.MethodPost, action.String(), filled)
}

// refresh does what the page's meta refresh says.
func (v *visitor) refresh() error {
	for n := range v.page.Descendants() {
		if n.Data != "meta" || attribute(n, "http-equiv") != "refresh" {
			continue
		}
		wait, to, _ := strings.Cut(attribute(n, "content"), "; url=")
		pause, err := time.ParseDuration(wait + "s")
		if err != nil {
			return err
		}
		select {
		case <-time.After(pause):
		case <-v.ctx.Done():
			return v.ctx.Err()
		}
		next, err := v.at.Parse(to)
		if err != nil {
			return err
		}
		return v.open(next.String())
	}
	return errors.New("the page at " + v.at.String() + " says: " + text(find(v.page, "title")) + ", and does not go on")
}

// find returns the element with an id; nil where there is none.
func find(page *html.Node, id string) *html.Node {
	for n := range page.Descendants() {
		if n.Type == html.ElementNode && attribute(n, "id") == id {
			return n
		}
	}
	return nil
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func firstOption(sel *html.Node) string {
	for n := range sel.Descendants() {
		if n.Data == "option" {
			return attribute(n, "value")
		}
	}
	return ""
}

// text returns the text within a node.
func text(n *html.Node) string {
	var b strings.Builder
	if n != nil {
		for d := range n.Descendants() {
			if d.Type == html.TextNode {
				b.WriteString(d.Data)
			}
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
