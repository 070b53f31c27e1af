package main

import (
	"encoding/json"
	"fmt"
)

// jsonFlag is what a command takes that tells something.
type jsonFlag struct {
	JSON bool `help:"Print JSON." name:"json"`
}

// tell prints a value for programs, where that is asked for, and otherwise in words.
func (f jsonFlag) tell(c *console, v any, words func() error) error {
	if f.JSON {
		return printJSON(c, v)
	}
	return words()
}

// line is what can be told in words of one line.
func line(c *console, text string) func() error {
	return func() error {
		_, err := fmt.Fprintln(c.out, text)
		return err
	}
}

func printJSON(c *console, v any) error {
	e := json.NewEncoder(c.out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
