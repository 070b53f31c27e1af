package bridge

import (
	"testing"
	"time"
)

// Two runs may find the same, and each commits it.
func TestADifferenceThatNeedsAPersonIsNotedOnce(t *testing.T) {
	now := time.Date(2026, time.June, 10, 9, 0, 0, 0, time.UTC)
	c := &Change{}
	for i, one := range []struct {
		text  string
		lines int
	}{{"two checkouts are open", 1}, {"two checkouts are open", 1}, {"three are", 2}, {"", 2}, {"", 2}, {"two checkouts are open", 3}} {
		c.setApart(one.text, now)
		if len(c.Entries) != one.lines || c.Work.Apart != one.text {
			t.Errorf("after %d: %d lines in the history, want %d; %+v", i+1, len(c.Entries), one.lines, c.Work)
		}
		if one.text != "" && (!c.Work.Attention || c.Work.Error != one.text || c.Work.Doing != doingReconcile) {
			t.Errorf("after %d nobody is asked: %+v", i+1, c.Work)
		}
	}
}
