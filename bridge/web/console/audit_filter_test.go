package console

import (
	"net/url"
	"testing"
	"time"

	"keybridge/bridge"
)

// Whatever stands in an address, a filter of the audit asks for the same again, chooses
// only what it says, and never leads away.
func FuzzAuditFilter(f *testing.F) {
	for _, query := range []string{
		"", "who=anna", "what=viewed&request=01J8ZQ4Y5V0000000000000000", "from=2026-03-14&to=2026-03-15&before=12", "to=9999-12-31",
		"from=0001-01-01", "before=-1", "before=18446744073709551615", "who=%00%0d%0a", "request=x", "to=2026-02-30",
	} {
		f.Add(query, "anna", "viewed", int64(0))
	}
	zone := time.FixedZone("", 5*3600)
	f.Fuzz(func(t *testing.T, text, who, what string, minutes int64) {
		query, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		filter := readAudit(query, zone)
		again, err := url.Parse(filter.address(auditPath, filter.Before))
		if err != nil || again.Path != auditPath || again.Host != "" {
			t.Fatalf("%s leads to %v: %v", text, again, err)
		}
		if same := readAudit(again.Query(), zone); same.Who != filter.Who || same.What != filter.What || same.Request != filter.Request || same.Before != filter.Before || !same.begin.Equal(filter.begin) || !same.end.Equal(filter.end) {
			t.Errorf("%s asks for %+v, and again for %+v", text, filter, same)
		}
		e := bridge.Entry{Actor: bridge.Actor{Kind: bridge.ByPerson, Name: who}, What: bridge.What(what), At: ides.Add(time.Duration(minutes%1e6) * time.Minute)}
		if len(filter.Problems) == 0 && filter.fits(e) && (filter.Who != "" && filter.Who != who || filter.What != "" && filter.What != what || filter.Request != "") {
			t.Errorf("%s shows %+v", text, e)
		}
		if !filter.narrow() && !filter.fits(e) {
			t.Errorf("%s asks for everything, and leaves out %+v", text, e)
		}
	})
}
