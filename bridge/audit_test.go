package bridge_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"keybridge/bridge"
)

// chain is a history of some lines.
func chain(t *testing.T) ([]bridge.Entry, bridge.Head) {
	t.Helper()
	c := &bridge.Change{Request: request(waiting(payment))}
	c.Observe(keyIs(bridge.Pending), noon)
	c.Observe(moneyIs(bridge.Paid), noon.Add(time.Second))
	c.Observe(keyIs(bridge.Granted, "hash"), noon.Add(2*time.Second+123456789))
	if len(c.Entries) < 5 {
		t.Fatalf("only %d lines", len(c.Entries))
	}
	return c.Entries, c.Head
}

func TestHistoryAsItWasWrittenIsWhole(t *testing.T) {
	entries, head := chain(t)
	if err := bridge.VerifyHistory(entries, head); err != nil {
		t.Error(err)
	}
	if err := bridge.VerifyHistory(nil, bridge.Head{}); err != nil {
		t.Errorf("no history: %v", err)
	}
	for i, e := range entries {
		if e.Seq != uint64(i+1) || e.At.Location() != time.UTC || e.At.Nanosecond()%1000 != 0 {
			t.Errorf("entry %d is %+v", i, e)
		}
	}
}

func TestWhateverIsDoneToHistoryIsFound(t *testing.T) {
	other := func() []bridge.Entry {
		c := &bridge.Change{Request: request()}
		c.ID = "01JZZZZZZZZZZZZZZZZZZZZZZY"
		c.Observe(keyIs(bridge.Pending), noon)
		return c.Entries
	}
	for name, one := range map[string]struct {
		spoil func(e []bridge.Entry) []bridge.Entry
		says  string
	}{
		"a line is removed":              {func(e []bridge.Entry) []bridge.Entry { return slices.Delete(e, 2, 3) }, "entry 4 follows entry 2"},
		"the first line is removed":      {func(e []bridge.Entry) []bridge.Entry { return e[1:] }, "entry 2 follows entry 0"},
		"the last line is cut off":       {func(e []bridge.Entry) []bridge.Entry { return e[:len(e)-1] }, "the request says"},
		"everything is removed":          {func([]bridge.Entry) []bridge.Entry { return nil }, "history ends at entry 0"},
		"two lines are swapped":          {func(e []bridge.Entry) []bridge.Entry { e[1], e[2] = e[2], e[1]; return e }, "entry 3 follows entry 1"},
		"two lines are swapped with seq": {func(e []bridge.Entry) []bridge.Entry { e[1], e[2] = e[2], e[1]; e[1].Seq, e[2].Seq = 2, 3; return e }, "entry 2 does not continue entry 1"},
		"a line is doubled":              {func(e []bridge.Entry) []bridge.Entry { return slices.Insert(e, 1, e[0]) }, "entry 1 follows entry 1"},
		"who did it":                     {func(e []bridge.Entry) []bridge.Entry { e[1].Actor.Name = "somebody else"; return e }, "entry 2 was altered"},
		"when":                           {func(e []bridge.Entry) []bridge.Entry { e[1].At = e[1].At.Add(time.Microsecond); return e }, "entry 2 was altered"},
		"what":                           {func(e []bridge.Entry) []bridge.Entry { e[1].What = "x"; return e }, "entry 2 was altered"},
		"before":                         {func(e []bridge.Entry) []bridge.Entry { e[1].Before = "x"; return e }, "entry 2 was altered"},
		"after":                          {func(e []bridge.Entry) []bridge.Entry { e[1].After = "x"; return e }, "entry 2 was altered"},
		"why":                            {func(e []bridge.Entry) []bridge.Entry { e[1].Why = "x"; return e }, "entry 2 was altered"},
		"whose":                          {func(e []bridge.Entry) []bridge.Entry { e[1].Request = "x"; return e }, "entry 2 was altered"},
		"its hash":                       {func(e []bridge.Entry) []bridge.Entry { e[1].Hash = strings.Repeat("0", 64); return e }, "entry 2 was altered"},
		"another request's history":      {func([]bridge.Entry) []bridge.Entry { return other() }, "history ends at"},
	} {
		t.Run(name, func(t *testing.T) {
			entries, head := chain(t)
			err := bridge.VerifyHistory(one.spoil(entries), head)
			if err == nil || !strings.Contains(err.Error(), one.says) {
				t.Errorf("%v, want one that says %q", err, one.says)
			}
		})
	}
}
