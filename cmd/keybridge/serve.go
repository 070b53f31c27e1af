package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
)

// configFlag is the flag of every command that reads the configuration.
type configFlag struct {
	Config string `help:"The configuration file." default:"keybridge.yaml" env:"KEYBRIDGE_CONFIG" type:"path" placeholder:"FILE"`
}

// load reads the configuration and prints what is unwise in it.
func (f configFlag) load(c *console) (*config, error) {
	cfg, err := loadConfig(f.Config, c.lookup)
	if err != nil {
		return nil, err
	}
	for _, w := range cfg.Warnings {
		fmt.Fprintln(c.err, "warning:", w)
	}
	return cfg, nil
}

// newLog returns the log that the configuration asks for.
func newLog(cfg logConfig, out io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: cfg.Level}
	if cfg.Format == "text" {
		return slog.New(slog.NewTextHandler(out, opts))
	}
	return slog.New(slog.NewJSONHandler(out, opts))
}

// serveCommand runs the bridge until it is told to stop.
type serveCommand struct {
	configFlag
}

// Run runs the command.
func (cmd *serveCommand) Run(c *console) error {
	cfg, err := cmd.load(c)
	if err != nil {
		return err
	}
	relaxCollector(c.lookup)
	log := newLog(cfg.Log, c.err)
	b, err := startBridge(cfg, log, nil, nil)
	if err != nil {
		return err
	}
	log.Info("keybridge is running", "version", version(), "address", b.URL, "public_url", cfg.PublicURL.String(),
		"operations", b.Operations, "portals", len(cfg.Portals), "plans", len(cfg.Plans))
	select {
	case <-c.ctx.Done():
		log.Info("keybridge is stopping")
		return b.Stop()
	case err := <-b.failed:
		log.Error("keybridge cannot go on", "error", err)
		_ = b.Stop() // the first error is the one to tell
		return err
	}
}

// configCommand is about the configuration file.
type configCommand struct {
	Check   configCheckCommand   `cmd:"" help:"Say everything that is wrong with a configuration file."`
	Example configExampleCommand `cmd:"" help:"Print a complete file with comments, to start from."`
}

type configCheckCommand struct {
	configFlag
	jsonFlag
}

// checkedConfig is what is told of a configuration file.
type checkedConfig struct {
	File  string        `json:"file"`
	Good  bool          `json:"good"`
	Plans []checkedPlan `json:"plans,omitempty"`
	Wrong configErrors  `json:"wrong,omitempty"`
}

// checkedPlan is a plan of a portal, and what it demands.
type checkedPlan struct {
	Portal  string `json:"portal"`
	Plan    string `json:"plan"`
	Demands string `json:"demands"`
}

// Run runs the command.
func (cmd *configCheckCommand) Run(c *console) error {
	checked := checkedConfig{File: cmd.Config}
	cfg, err := cmd.load(c)
	if errors.As(err, &checked.Wrong) && cmd.JSON {
		return errors.Join(printJSON(c, checked), &exitError{exitUsage, fmt.Errorf("%s is not good", cmd.Config)})
	}
	if err != nil {
		return err
	}
	checked.Good = true
	for _, p := range cfg.plans() {
		checked.Plans = append(checked.Plans, checkedPlan{p.Portal, p.Name, planSummary(p.Terms)})
	}
	return cmd.tell(c, checked, func() error {
		fmt.Fprintf(c.out, "%s is good: %d portals, %d plans\n", cmd.Config, len(cfg.Portals), len(cfg.Plans))
		for _, p := range checked.Plans {
			fmt.Fprintf(c.out, "  %s · %s: %s\n", p.Portal, p.Plan, p.Demands)
		}
		return nil
	})
}

type configExampleCommand struct{}

// Run runs the command.
func (configExampleCommand) Run(c *console) error {
	_, err := io.WriteString(c.out, exampleConfig)
	return err
}

// versionCommand prints the version.
type versionCommand struct{ jsonFlag }

// Run runs the command.
func (cmd versionCommand) Run(c *console) error {
	return cmd.tell(c, map[string]string{"version": version()}, line(c, "keybridge "+version()))
}

// release is set by the build of a release (-ldflags "-X main.release=1.2.3").
var release string

// version is the release, or what the build says of the checkout it was made from.
func version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	text := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			text += " " + s.Value[:min(12, len(s.Value))]
		}
	}
	return text
}
