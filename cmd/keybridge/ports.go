package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/oklog/ulid/v2"

	"keybridge/billing/stripe"
	"keybridge/bridge"
	"keybridge/bridge/tyk"
	"keybridge/bridge/web"
	"keybridge/webhooks"
)

// linksOf reads the secret of the pages' links, or makes one and keeps it.
func linksOf(cfg *config) (web.Links, error) {
	links := web.Links{Base: cfg.PublicURL.String(), Life: cfg.Pages.LinkLife}
	if text := cfg.Pages.Secret.Reveal(); text != "" {
		links.Secrets = [][]byte{[]byte(text)}
		return links, nil
	}
	path := filepath.Join(cfg.Data, pageSecret)
	secret, err := os.ReadFile(path) //nolint:gosec // in our own folder
	if errors.Is(err, os.ErrNotExist) {
		secret = []byte(rand.Text() + rand.Text())
		err = os.WriteFile(path, secret, 0o600) //nolint:gosec // likewise
	}
	if err == nil && len(secret) < 32 {
		err = fmt.Errorf("%s is damaged; remove it, and links to pages that are out stop working", path)
	}
	links.Secrets = [][]byte{secret}
	return links, err
}

// domainOf makes the ports on a store; see running.hear for who is told of what happens.
func domainOf(cfg *config, log *slog.Logger, store bridge.Store, links web.Links) (bridge.Config, error) {
	record := recordTo(store, log)
	out := bridge.Config{
		Refused: func(p bridge.Person, o bridge.Operation, id bridge.ID) {
			go record(context.Background(), bridge.Entry{ // it must not hold up the answer
				Request: id, Actor: p.Actor(), What: bridge.WhatRefused, After: string(o),
			})
		},
		Store: store, Portals: map[string]bridge.Site{}, Providers: map[string]bridge.Provider{}, Plans: cfg.plans(),
		Retain: cfg.Retain, Settle: cfg.Reconcile.Settle, Page: links.Page, Mailed: links.Mailed, NewID: newID, Log: log,
	}
	for _, p := range cfg.Portals {
		site, err := siteOf(cfg, p, log)
		if err != nil {
			return out, err
		}
		out.Portals[p.Name] = site
	}
	if s := cfg.Stripe; s != nil {
		provider, err := stripe.New(stripe.Config{
			Name: stripeProvider, Key: s.Key.Reveal(), URL: s.URL.String(), Log: log, Locale: s.Locale,
			CheckoutExpiry: s.CheckoutExpiry, Invoices: s.Invoices, TrialWithoutCard: s.TrialWithoutCard,
			Hint: func(event []byte) (bridge.Hint, bool) {
				h, known, err := webhooks.StripeHint(stripeProvider, event)
				return h, known && err == nil
			},
		})
		if err != nil {
			return out, err
		}
		out.Providers[stripeProvider] = provider
	}
	return out, nil
}

// siteOf makes a portal and what is configured of it.
func siteOf(cfg *config, p portalConfig, log *slog.Logger) (bridge.Site, error) {
	site := bridge.Site{Workers: p.Workers, Poll: p.Poll, Mailed: !p.leads(), Tell: p.Tell}
	if p.Handoff.Bare != nil {
		site.Fresh = p.Handoff.Bare.Fresh
	}
	if cfg.Mail != nil {
		site.Remind = cfg.Mail.Remind
	}
	var err error
	if p.Kind == tykEnterprise {
		site.Portal, err = tyk.NewEnterprise(tyk.EnterpriseConfig{
			Name: p.Name, URL: p.URL.String(), Secret: p.Secret.Reveal, Zone: p.TimeZone, Log: log,
		})
	} else {
		site.Portal, err = tyk.NewClassic(tyk.Config{
			Name: p.Name, URL: p.URL.String(), Secret: p.Secret.Reveal, Organisation: p.Organisation, Log: log,
		})
	}
	return site, err
}

// newID makes the ids of requests: ULIDs, which sort by time.
func newID() bridge.ID { return bridge.ID(ulid.Make().String()) }
