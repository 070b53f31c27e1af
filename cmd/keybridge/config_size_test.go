package main

import "testing"

func TestSizesAreReadWithTheirUnits(t *testing.T) {
	for text, want := range map[string]byteSize{
		"1KiB": 1 << 10, "512MiB": 512 << 20, "20 GiB": 20 << 30, "16TiB": 16 << 40, "999999TiB": 999999 << 40,
		"": 0, "0MiB": 0, "512": 0, "1.5GiB": 0, "-1GiB": 0, "1000000TiB": 0, "1GB": 0, "1 gib": 0, "GiB": 0, "1GiB ": 0, "01GiB": 0,
	} {
		if got, ok := parseSize(text); got != want || ok != (want > 0) {
			t.Errorf("%q is %d bytes (%t), want %d", text, got, ok, want)
		}
	}
}

func TestASizeIsWithinItsBounds(t *testing.T) {
	for name, c := range map[string]struct {
		store string
		want  storeConfig
		bad   bool
	}{
		"nothing is said":    {"", storeConfig{CompactFree: 256 << 20}, false},
		"both":               {"store: {max_size: 20GiB, compact_free: 1 GiB}", storeConfig{20 << 30, 1 << 30}, false},
		"never compacted":    {"store: {compact_free: off}", storeConfig{CompactFree: -1}, false},
		"a limit is no off":  {"store: {max_size: off}", storeConfig{}, true},
		"too small":          {"store: {max_size: 15MiB}", storeConfig{}, true},
		"too large":          {"store: {max_size: 17TiB}", storeConfig{}, true},
		"without a unit":     {"store: {max_size: 1073741824}", storeConfig{}, true},
		"something unknown":  {"store: {maximum: 1GiB}", storeConfig{}, true},
		"a unit of ten":      {"store: {max_size: 20GB}", storeConfig{}, true},
		"a negative one":     {"store: {compact_free: -1MiB}", storeConfig{}, true},
		"one of many digits": {"store: {compact_free: 99999999999999999999TiB}", storeConfig{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := parseConfig("keybridge.yaml", []byte(sizeFile+c.store), func(string) (string, bool) { return "dashboard-secret", true })
			if (err != nil) != c.bad || err == nil && cfg.Store != c.want {
				t.Errorf("%+v, %v", cfg, err)
			}
		})
	}
}

const sizeFile = `public_url: http://127.0.0.1:8080
portals:
  - {name: main, url: http://127.0.0.1:9, secret_env: S, organisation: 5ac07777cbb8c2d530000020, home: "http://127.0.0.1:9/", handoff: {bare: {}}}
plans: [{name: Free, policies: [p], steps: []}]
`
