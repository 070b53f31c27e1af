package main

import (
	"context"
	"log/slog"
	"net/http"

	"keybridge/bridge"
	"keybridge/bridge/export"
	"keybridge/bridge/people"
	"keybridge/bridge/report"
	"keybridge/bridge/web/api"
)

// apiOf makes the API for programs.
func apiOf(cfg *config, service *bridge.Service, store bridge.Store, register *people.Register, shelf *export.Shelf, sheets *report.Reader, log *slog.Logger) (*api.API, error) {
	out := api.Config{
		Service: service, Who: register.WhoByToken, Papers: store, Plans: cfg.plans(), Portals: map[string]api.Portal{}, People: namesOf(register),
		House: store.House, Report: sheets, Shelf: shelf, Record: recordTo(store, log), Log: log,
	}
	for _, proxy := range cfg.TrustedProxies {
		out.TrustedProxies = append(out.TrustedProxies, proxy.String())
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
