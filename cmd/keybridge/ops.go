package main

import (
	_ "embed" // the dashboard and the rules
	"io"
)

// opsCommand prints what a watching system is set up with. Both files name metrics of
// this very version; a test sees to it. Neither takes --json: each prints a file, as it is,
// in the form that the other program reads.
type opsCommand struct {
	Dashboard opsDashboardCommand `cmd:"" help:"Print a dashboard for Grafana."`
	Alerts    opsAlertsCommand    `cmd:"" help:"Print alert rules for Prometheus."`
}

//go:embed ops/dashboard.json
var opsDashboard string

//go:embed ops/alerts.yaml
var opsAlerts string

// opsDashboardCommand prints the dashboard. Grafana imports it as it is, and asks for the
// data source.
type opsDashboardCommand struct{}

// Run runs the command.
func (opsDashboardCommand) Run(c *console) error {
	_, err := io.WriteString(c.out, opsDashboard)
	return err
}

// opsAlertsCommand prints the alert rules, a file that rule_files of Prometheus's
// configuration may name.
type opsAlertsCommand struct{}

// Run runs the command.
func (opsAlertsCommand) Run(c *console) error {
	_, err := io.WriteString(c.out, opsAlerts)
	return err
}
