package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/people"
	"keybridge/bridge/web"
	finance "keybridge/bridge/web/console"
)

// registerOf makes what knows who may sit at the console.
func registerOf(cfg *config, store bridge.Store, links web.Links, log *slog.Logger) (*people.Register, error) {
	out := people.Config{
		Papers: store, Secrets: links.Secrets, Idle: cfg.Console.Idle, Absolute: cfg.Console.Longest, Record: recordTo(store, log),
	}
	if o := cfg.Console.OIDC; o != nil {
		groups := map[string]people.Grant{}
		for _, g := range o.Groups {
			groups[g.Group] = people.Grant{Role: g.Role, Portals: g.Portals}
		}
		out.OIDC = &people.OIDC{
			Issuer: o.Issuer.String(), ClientID: o.ClientID, ClientSecret: o.ClientSecret.Reveal,
			RedirectURL: cfg.PublicURL.String() + finance.BackPath, Scopes: o.Scopes,
			NameClaim: o.NameClaim, GroupsClaim: o.GroupsClaim, Groups: groups,
		}
	}
	return people.New(out)
}

// recordTo keeps what concerns the house: who signed in, who was refused, whose request
// somebody looked at. It holds names of users and ids of requests, and nobody's address.
// What could not be kept is in the log, and holds nobody up.
func recordTo(store bridge.Store, log *slog.Logger) func(context.Context, bridge.Entry) {
	return func(ctx context.Context, e bridge.Entry) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if e.At.IsZero() {
			e.At = time.Now()
		}
		if err := store.Record(ctx, e); err != nil {
			log.Error("not kept in the audit", "error", err, "what", string(e.What), "by", e.Actor.String(), "request", string(e.Request),
				"before", e.Before, "after", e.After, "why", e.Why)
		}
	}
}

// console makes the finance console on a store.
func (b *running) console(cfg *config, store bridge.Store, log *slog.Logger) (*finance.Console, error) {
	register := b.register
	out := finance.Config{
		Service: b.service, Count: store.Count, Record: recordTo(store, log), Portals: map[string]finance.Portal{},
		Name: cfg.Pages.ServiceName, Zone: cfg.Console.TimeZone, Origin: cfg.PublicURL.String(), Secure: cfg.PublicURL.Scheme == "https",
		Links: linksOut(cfg), Log: log, Shelf: b.shelf, WriteTable: writeTable, Views: store, House: house{register}, Ledger: showLedger(b.keeper),
		Report: b.sheets, Chain: store, TrustedProxies: cfg.proxies(),
		SignIn: func(ctx context.Context, a finance.Attempt) (string, time.Time, error) {
			token, s, err := register.SignIn(ctx, people.Attempt{
				Name: a.Name, Password: a.Password, Code: a.Code, Half: a.Half, Address: a.Address,
			})
			if needed, ok := errors.AsType[people.CodeNeededError](err); ok {
				err = finance.CodeNeededError{Half: needed.Half}
			}
			return token, s.Last, err
		},
		Who: func(ctx context.Context, token string) (bridge.Person, error) {
			p, _, err := register.Who(ctx, token)
			return p, err
		},
		Glance: func(ctx context.Context, token string) (bridge.Person, error) {
			p, _, err := register.Glance(ctx, token)
			return p, err
		},
		SignOut: register.SignOut,
		SignOutEverywhere: func(ctx context.Context, name string) error {
			return register.SignOutEverywhere(ctx, bridge.Person{Name: name}, name)
		},
		People: namesOf(register),
	}
	if o := cfg.Console.OIDC; o != nil {
		out.OpenID = &finance.OpenID{
			Name: o.Name, Begin: register.Begin,
			Finish: func(ctx context.Context, r finance.Returned) (string, time.Time, error) {
				token, s, err := register.Finish(ctx, people.Returned{Code: r.Code, State: r.State, Sealed: r.Sealed, Address: r.Address})
				return token, s.Last, err
			},
		}
	}
	for _, p := range cfg.Portals {
		out.Portals[p.Name] = finance.Portal{Title: titleOf(p), Plans: cfg.planNames(p.Name)}
	}
	return finance.New(out)
}

// linksOut leads from ids to Stripe's own pages about them.
func linksOut(cfg *config) func(bridge.Ref) string {
	base := "https://dashboard.stripe.com"
	if s := cfg.Stripe; s == nil || s.URL.Hostname() != "api.stripe.com" {
		return func(bridge.Ref) string { return "" } // a sandbox has no such pages
	} else if strings.Contains(s.Key.Reveal(), "_test_") {
		base += "/test"
	}
	pages := map[bridge.RefKind]string{
		bridge.RefIntent: "/payments/", bridge.RefCharge: "/payments/", bridge.RefInvoice: "/invoices/",
		bridge.RefSubscription: "/subscriptions/", bridge.RefSetup: "/setup_intents/",
	}
	return func(r bridge.Ref) string {
		page := pages[r.Kind]
		if r.System != stripeProvider || page == "" {
			return ""
		}
		return base + page + url.PathEscape(r.ID)
	}
}

// consolePath is where the console begins.
const consolePath = "/console/"

// withConsole answers the console's addresses with it and all others with the pages.
func withConsole(pages, desk http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(consolePath, desk)
	mux.Handle(strings.TrimSuffix(consolePath, "/"), http.RedirectHandler(consolePath, http.StatusMovedPermanently))
	mux.Handle("/", pages)
	return mux
}
