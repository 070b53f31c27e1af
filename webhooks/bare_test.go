package webhooks_test

import (
	"net/url"
	"strings"
	"testing"

	"keybridge/webhooks"
)

func TestBareKey(t *testing.T) {
	for _, c := range []struct {
		name  string
		query string
		names []string
		want  string // "" is refused
	}{
		{"the first name", "key_request_id=" + keyID, nil, keyID},
		{"the second name", "request_id=" + keyID, nil, keyID},
		{"the third name", "id=" + keyID + "&utm_source=mail", nil, keyID},
		{"a UUID", "id=1b4e28ba-2fa1-11d2-883f-0016d3cca427", nil, "1b4e28ba-2fa1-11d2-883f-0016d3cca427"},
		{"a number", "id=42", nil, "42"},
		{"two names that agree", "id=42&request_id=42", nil, "42"},
		{"a configured name", "kr=42&id=43", []string{"kr"}, "42"},
		{"64 characters", "id=" + strings.Repeat("a", 64), nil, strings.Repeat("a", 64)},

		{"nothing", "", nil, ""},
		{"no name that is known", "key=42", nil, ""},
		{"a default name where another is configured", "id=42", []string{"kr"}, ""},
		{"a name in another case", "ID=42", nil, ""},
		{"empty", "id=", nil, ""},
		{"repeated", "id=42&id=43", nil, ""},
		{"repeated and equal", "id=42&id=42", nil, ""},
		{"two names that differ", "id=42&request_id=43", nil, ""},
		{"one good, one empty", "id=42&request_id=", nil, ""},
		{"one good, one ill-formed", "key_request_id=42&id=../x", nil, ""},
		{"65 characters", "id=" + strings.Repeat("a", 65), nil, ""},
		{"a path", "id=../../keys", nil, ""},
		{"a percent sign", "id=%2525", nil, ""},
		{"a line end", "id=42%0a", nil, ""},
		{"a zero byte", "id=42%00", nil, ""},
		{"letters of another script", "id=%D1%96d", nil, ""},
		{"markup", "id=<script>", nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			query, err := url.ParseQuery(c.query)
			if err != nil {
				t.Fatal(err)
			}
			got, err := webhooks.BareKey(query, c.names)
			if got != c.want {
				t.Fatalf("got %q, %v", got, err)
			}
			want := webhooks.Malformed
			if c.want != "" {
				want = ""
			}
			checkRefusal(t, err, want)
		})
	}
}

// FuzzBareKey: what is returned is safe in a path, stands in the address under one
// of the names, and is the only candidate there.
func FuzzBareKey(f *testing.F) {
	f.Add("key_request_id="+keyID, "kr")
	f.Add("id=1&request_id=2", "")
	f.Add("kr=%2e%2e", "kr")
	f.Fuzz(func(t *testing.T, raw, name string) {
		query, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		names := append(webhooks.BareNames(), name)
		key, err := webhooks.BareKey(query, names)
		if err != nil {
			if key != "" {
				t.Fatalf("%q along with %v", key, err)
			}
			return
		}
		if key == "" || len(key) > 64 || url.PathEscape(key) != key || strings.Contains(key, ".") {
			t.Fatalf("unsafe: %q", key)
		}
		for _, name := range names {
			for _, value := range query[name] {
				if value != key {
					t.Fatalf("chose %q although %s is %q", key, name, value)
				}
			}
		}
	})
}
