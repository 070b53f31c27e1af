package main

import (
	"encoding/json"
	"fmt"
	"time"
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

// tellEvery is how often a person is told how far something is.
const tellEvery = 2 * time.Second

// progressTo tells how far something is.
func progressTo[N int64 | uint64](c *console, what string) func(done, of N) {
	last := time.Now()
	return func(done, of N) {
		if of > 0 && time.Since(last) > tellEvery {
			last = time.Now()
			fmt.Fprintf(c.err, "%d %% %s\n", done*100/of, what)
		}
	}
}
