package bolt

import (
	"bytes"
	"fmt"
	"testing"

	"keybridge/bridge"
)

func TestWhatIsRememberedIsNobodysToChange(t *testing.T) {
	s := open(t, Config{Path: temp(t)})
	id := testID(1)
	if _, err := s.Accept(t.Context(), testHint(1), nil); err != nil {
		t.Fatal(err)
	}
	name := func(to string) func(*bridge.Change) error {
		return func(c *bridge.Change) error {
			c.Asked.Reasons = map[string]string{"why": to}
			return nil
		}
	}
	if _, err := s.Update(t.Context(), id, name("first")); err != nil {
		t.Fatal(err)
	}
	get := func() bridge.Request {
		t.Helper()
		r, err := s.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	get().Asked.Reasons["why"] = "spoiled"
	refused := fmt.Errorf("no")
	if _, err := s.Update(t.Context(), id, func(c *bridge.Change) error {
		c.Asked.Reasons["why"] = "given up"
		return refused
	}); err != refused { //nolint:errorlint // it is to be the very error
		t.Fatal(err)
	}
	if got := get().Asked.Reasons["why"]; got != "first" {
		t.Errorf("it is %q, want first", got)
	}
	r, err := s.Update(t.Context(), id, name("second"))
	if err != nil {
		t.Fatal(err)
	}
	r.Asked.Reasons["why"] = "spoiled"
	if got := get().Asked.Reasons["why"]; got != "second" {
		t.Errorf("it is %q, want second", got)
	}
}

// A record that rots is not answered for from memory.
func TestWhatIsRememberedCountsForItsBytesAlone(t *testing.T) {
	var d decoded
	record := func(key string) []byte {
		t.Helper()
		b, err := seal(bridge.Request{ID: testID(1), Key: key})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	id := []byte(testID(1))
	for _, key := range []string{"a", "b", "a"} {
		r, err := d.open(id, record(key))
		if err != nil || r.Key != key {
			t.Errorf("key %q, want %q: %v", r.Key, key, err)
		}
	}
	rotten := bytes.Replace(record("a"), []byte(`"a"`), []byte(`"c"`), 1)
	if _, err := d.open(id, rotten); bridge.KindOf(err) != bridge.Internal {
		t.Errorf("%v, want that it is damaged", err)
	}
	if _, err := d.open([]byte(testID(2)), record("a")); bridge.KindOf(err) != bridge.Internal {
		t.Errorf("%v, want that it is another request's", err)
	}
}

func TestOnlySoMuchIsRemembered(t *testing.T) {
	var d decoded
	for n := range 5 * mostDecoded {
		record, err := seal(bridge.Request{ID: testID(n)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.open([]byte(testID(n)), record); err != nil {
			t.Fatal(err)
		}
		if len(d.newer)+len(d.older) > 2*mostDecoded {
			t.Fatalf("%d are remembered", len(d.newer)+len(d.older))
		}
	}
	if _, ok := d.older[testID(4*mostDecoded-1)]; !ok {
		t.Error("the last before the newer ones was forgotten")
	}
}
