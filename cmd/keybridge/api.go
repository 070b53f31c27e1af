package main

import (
	"context"
	"log/slog"
	"net/http"

	"keybridge/bridge"
	"keybridge/bridge/people"
	"keybridge/bridge/web/api"
)

// api makes the API for programs on a store.
func (b *running) api(cfg *config, store bridge.Store, log *slog.Logger) (*api.API, error) {
	out := api.Config{
		Service: b.service, Who: b.register.WhoByToken, Papers: store, Plans: cfg.plans(), Portals: map[string]api.Portal{}, People: namesOf(b.register),
		House: store.House, Report: b.sheets, Shelf: b.shelf, Record: recordTo(store, log), Log: log, TrustedProxies: cfg.proxies(),
	}
	for _, p := range cfg.Portals {
		out.Portals[p.Name] = api.Portal{Title: titleOf(p)}
	}
	return api.New(out)
}

// namesOf lists those that a request can be assigned to.
func namesOf(register *people.Register) func(context.Context) ([]string, error) {
	return func(ctx context.Context) (names []string, err error) {
		users, err := register.List(ctx)
		for _, u := range users {
			if !u.Disabled {
				names = append(names, u.Name)
			}
		}
		return names, err
	}
}

// withAPI answers the API's addresses with it, and hands all others on.
func withAPI(others, programs http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(api.Base+"/", programs)
	mux.Handle("/", others)
	return mux
}
