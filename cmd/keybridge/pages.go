package main

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/web"
	"keybridge/webhooks"
)

// publicOf makes the handler of the public listener.
func publicOf(cfg *config, log *slog.Logger, service *bridge.Service, links web.Links, metrics *web.Metrics) (*web.Server, error) {
	out := web.Config{
		Service: service, Portals: map[string]web.Portal{}, Links: links,
		Name: cfg.Pages.ServiceName, Contact: contactOf(cfg.Pages.Contact), Count: metrics.Handoff, Log: log,
		TrustedProxies: cfg.proxies(),
	}
	expectHints(cfg, metrics)
	receiver := webhooks.Receiver{Accept: service.Accept, Observe: metrics.Hint, Log: log}
	var err error
	if s := cfg.Stripe; s != nil {
		out.Stripe, err = webhooks.Stripe(webhooks.StripeConfig{
			Receiver: receiver, Name: stripeProvider, Secrets: reveal(s.WebhookSecrets),
		})
		if err != nil {
			return nil, err
		}
	}
	for _, p := range cfg.Portals {
		if out.Portals[p.Name], err = pagesOf(p, receiver, service); err != nil {
			return nil, err
		}
	}
	return web.New(out)
}

// proxies are those whose X-Forwarded-For is believed.
func (c *config) proxies() (all []string) {
	for _, proxy := range c.TrustedProxies {
		all = append(all, proxy.String())
	}
	return all
}

// pagesOf makes what the pages know of a portal.
func pagesOf(p portalConfig, receiver webhooks.Receiver, service *bridge.Service) (web.Portal, error) {
	out := web.Portal{
		Title: titleOf(p), Home: p.Home.String(), Delivery: p.KeyDelivery,
	}
	for _, address := range p.ReturnAddresses {
		out.Returns = append(out.Returns, address.String())
	}
	if len(p.WebhookSecrets) > 0 {
		hook, err := webhookOf(p, receiver, service)
		if err != nil {
			return out, err
		}
		out.Webhook = hook
	}
	if b := p.Handoff.Bare; b != nil {
		out.Bare = func(query url.Values) (string, error) { return webhooks.BareKey(query, b.Parameters) }
	}
	return out, errors.Join(takeTokens(&out, p.Name, p.Handoff.Token), takeQueries(&out, p.Name, p.Handoff.Query))
}

// titleOf is what people call a portal.
func titleOf(p portalConfig) string { return cmp.Or(p.Title, p.Home.Host) }

// webhookOf makes the receiver of a portal's webhook.
func webhookOf(p portalConfig, receiver webhooks.Receiver, service *bridge.Service) (http.Handler, error) {
	if p.Kind == tykEnterprise {
		return webhooks.TykEnterprise(webhooks.TykEnterpriseConfig{
			Receiver: receiver, Portal: p.Name, Secrets: reveal(p.WebhookSecrets), Header: p.WebhookHeader,
			Intake: service.Intake, Requests: service.Requests, Look: func() { service.Ask(p.Name) },
		})
	}
	return webhooks.Tyk(webhooks.TykConfig{
		Receiver: receiver, Portal: p.Name, Secrets: reveal(p.WebhookSecrets), Intake: service.Intake,
	})
}

// takeTokens lets browsers in with a signed token.
func takeTokens(out *web.Portal, name string, t *tokenConfig) error {
	if t == nil {
		return nil
	}
	var keys []webhooks.TokenKey
	for _, text := range append(reveal(t.Secrets), reveal(t.Keys)...) {
		keys = append(keys, webhooks.TokenKey{Text: text})
	}
	verifier, err := webhooks.NewTokenVerifier(webhooks.TokenConfig{
		Portal: name, Algorithm: t.Algorithm, Keys: keys, Issuer: t.Issuer, Audience: t.Audience, Leeway: t.Leeway,
	})
	out.Token = func(token string) (web.Handoff, error) {
		h, err := verifier.Verify(token, time.Now())
		return web.Handoff{Key: h.Key, ID: h.ID, Return: h.Return}, err
	}
	return err
}

// takeQueries lets browsers in with a signed query.
func takeQueries(out *web.Portal, name string, q *queryConfig) error {
	if q == nil {
		return nil
	}
	verifier, err := webhooks.NewQueryVerifier(webhooks.QueryConfig{
		Portal: name, Secrets: reveal(q.Secrets), KeyName: q.Parameter, Tolerance: q.Tolerance,
	})
	out.Query = func(path, rawQuery string) (web.Handoff, error) {
		h, err := verifier.Verify(path, rawQuery, time.Now())
		return web.Handoff{Key: h.Key, ID: h.ID, Return: h.Return}, err
	}
	return err
}

// contactOf makes an address out of what the file says.
func contactOf(text string) string {
	if text != "" && !isURL(text) {
		return "mailto:" + text
	}
	return text
}

func isURL(text string) bool { return len(text) > 8 && text[:8] == "https://" }
