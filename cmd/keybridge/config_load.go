package main

import (
	_ "embed" // the example
	"errors"
	"fmt"
	"io"
	"os"
)

// exampleConfig is a complete file with comments, to start from.
//
//go:embed example.yaml
var exampleConfig string

// maxConfig is the longest file that is read, in bytes.
const maxConfig = 1 << 20

// loadConfig reads the configuration of a file. Secrets come from the environment,
// which is asked through lookup (os.LookupEnv), and from the files it names;
// relative paths start at the folder of the file.
//
// The error is a configErrors with everything that is wrong, or, where the file
// cannot be read at all, a configErrors with that.
func loadConfig(path string, lookup func(string) (string, bool)) (*config, error) {
	text, err := readConfigFile(path)
	if err != nil {
		return nil, configErrors{{File: path, Msg: err.Error()}}
	}
	return parseConfig(path, text, lookup)
}

// parseConfig is loadConfig for the text of a file.
func parseConfig(path string, text []byte, lookup func(string) (string, bool)) (*config, error) {
	r := newReading(path, lookup)
	root, ok := r.parse(text)
	if !ok {
		return nil, r.errs.sorted()
	}
	c := &config{}
	r.fill(c, root)
	r.check(c)
	if len(r.errs) > 0 {
		return nil, r.errs.sorted()
	}
	c.Warnings = r.warnings.sorted()
	return c, nil
}

// readConfigFile returns at most maxConfig bytes of a file.
func readConfigFile(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the operator says which file to read
	if err != nil {
		return nil, fmt.Errorf("the configuration cannot be read: %w; name one with --config", reasonOf(err))
	}
	defer func() { _ = f.Close() }() // nothing was written
	text, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the configuration cannot be read: %w", reasonOf(err))
	case len(text) > maxConfig:
		return nil, errors.New("the file is longer than 1 MiB, which no configuration needs")
	}
	return text, nil
}

// reasonOf returns what went wrong with a file, without its name.
func reasonOf(err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err
	}
	return err
}
