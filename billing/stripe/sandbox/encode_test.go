package sandbox

import (
	"encoding/json"
	"math"
	"net/url"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
)

// asLibrary is how a library for JSON would write an object.
func asLibrary(t *testing.T, made any) string {
	t.Helper()
	raw, err := jsonv2.Marshal(made, jsonv2.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestAnObjectIsWrittenAsALibraryWouldWriteIt(t *testing.T) {
	for name, made := range map[string]any{
		"nothing in it":      object{},
		"every kind":         object{"a": nil, "b": "text", "c": true, "d": int64(-7), "e": 12.5, "f": 3, "g": json.RawMessage(`{"x":1}`)},
		"within each other":  object{"z": object{"y": []any{object{"x": []any{}}, "w", nil}}, "a": map[string]any{"b": object{"c": "d"}}},
		"names out of order": object{"b": 1.0, "a": false, "ab": int64(1), "B": "x", "": "y", "ä": "z", "a_b": nil},
		"names after an object within": object{
			"m": object{"z": "1", "a": "2"}, "n": map[string]string{"q": "3", "b": "4"}, "a": "5", "z": "6",
		},
		"what has to be escaped":           object{"a\"b": "\\ \" \n \t \x00 \x1f / < > & \u2028 é 😀"},
		"metadata of whoever likes":        map[string]string{"10": "ten", "9": "nine", "Ω": "omega", "\u007f": "delete"},
		"nothing where something could be": object{"a": object(nil), "b": []any(nil), "c": map[string]string(nil), "d": map[string]any(nil)},
		"numbers at the ends":              object{"a": int64(math.MaxInt64), "b": int64(math.MinInt64), "c": 0.1},
	} {
		if got, want := string(encode(made)), asLibrary(t, made); got != want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
	}
}

func TestWhatIsNoUTF8IsReplaced(t *testing.T) {
	b := setUp(t)
	got := b.ask("POST", "/v1/customers", url.Values{"name": {"Dana \xff Doe"}})
	if got.status != 200 || got.field("name") != "Dana \ufffd Doe" {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestAnObjectOfAKindMayHaveOtherMembersThanTheLast(t *testing.T) {
	for _, made := range []object{
		{"object": "thing", "b": "1", "a": "2"}, {"object": "thing", "b": "1", "c": "2"}, {"object": "thing", "c": "1"},
		{"object": "thing", "c": object{"object": "thing", "d": object{"object": "thing", "a": "1"}}, "a": "2"},
		{"object": "thing", "a": "1", "b": "2"}, {"object": "thing", "a": "1", "b": "2"}, {"object": int64(1), "a": "1"},
	} {
		for range 3 {
			if got, want := string(encode(made)), asLibrary(t, made); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
	}
}

// What was written before stays as it was: the room is used again, the bytes are not.
func TestWhatWasEncodedIsNotTouchedAgain(t *testing.T) {
	first := encode(object{"id": "first", "more": "words that take some room"})
	encode(object{"id": "other", "more": "something else that takes it"})
	if got := string(first); got != `{"id":"first","more":"words that take some room"}` {
		t.Error(got)
	}
}
