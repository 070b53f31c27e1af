package bolt

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func FuzzKeysOfDifferentIdsDiffer(f *testing.F) {
	f.Add("a", "b", "a", "b")
	f.Add("a\x00", "b", "a", "\x00b")
	f.Add("a\x00\x01", "b", "a", "\x01b")
	f.Add("\x00", "\xff", "\x00\xff", "")
	f.Add(strings.Repeat("x", 300), "", strings.Repeat("x", 256), "")
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		if same := a == c && b == d; bytes.Equal(key(a, b), key(c, d)) != same {
			t.Fatalf("%q %q and %q %q", a, b, c, d)
		}
		if bytes.HasPrefix(key(a, b), key(c)) != (a == c) {
			t.Fatalf("the prefix of %q is one of %q %q", c, a, b)
		}
	})
}

func TestTimesInIndexesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	times := []time.Time{
		{}, time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(1, 0), time.Unix(1, 1000),
		time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	for i, at := range times[1:] {
		if bytes.Compare(appendUint(nil, stamp(times[i])), appendUint(nil, stamp(at))) >= 0 {
			t.Errorf("%s is not before %s", times[i], at)
		}
	}
	for _, at := range append(times[2:], time.Time{}) {
		if !moment(stamp(at)).Equal(at) {
			t.Errorf("%s comes back as %s", at, moment(stamp(at)))
		}
	}
}
