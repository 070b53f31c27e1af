package main

import (
	"io"
	"log/slog"
	"path/filepath"
	"slices"

	"keybridge/bridge"
	"keybridge/bridge/export"
)

// exportsFolder is where files lie that people take away, in the data folder.
const exportsFolder = "exports"

// shelfOf makes where lists are taken away as files.
func shelfOf(cfg *config, store bridge.Store, log *slog.Logger) (*export.Shelf, error) {
	return export.New(export.Config{
		Folder: filepath.Join(cfg.Data, exportsFolder), Count: store.Count, Record: recordTo(store, log), Log: log,
	})
}

// writeTable writes a short table as a file.
func writeTable(to io.Writer, t bridge.Table, as bridge.Format) (int, error) {
	return export.Write(to, t, as, "") // the system's own folder, for an XLSX
}

// planNames are the names of a portal's plans, each once.
func (c *config) planNames(portal string) (names []string) {
	for _, p := range c.plans() {
		if p.Portal == portal {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
