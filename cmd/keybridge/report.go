package main

import (
	"log/slog"

	"keybridge/bridge"
	"keybridge/bridge/report"
	finance "keybridge/bridge/web/console"
)

// reportOf makes what keeps the sheets of the money pages. It works only once it is run.
func reportOf(store bridge.Store, log *slog.Logger) (*report.Reader, error) {
	return report.New(report.Config{Store: store, Log: log})
}

// showReport gives the console what its money pages and its audit page show.
func showReport(out *finance.Config, store bridge.Store, sheets *report.Reader) {
	out.Report, out.Chain = sheets, store
}
