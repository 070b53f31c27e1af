package web

import (
	"net/url"
	"path"
	"strings"
	"testing"
)

var returning = Portal{
	Home:    "https://portal.example/portal/",
	Returns: []string{"https://apps.example/team", "http://localhost:3000", "https://deep.example/a/b/?x=1"},
}

func TestOnlyListedAddressesAreReturnedTo(t *testing.T) {
	for _, good := range []string{
		"https://portal.example/portal/", "https://portal.example/portal", "https://portal.example/portal/keys?tab=1#key",
		"https://apps.example/team", "https://apps.example/team/", "https://apps.example/team/x%20y?next=https://evil.example",
		"http://localhost:3000", "http://localhost:3000/anything", "https://deep.example/a/b",
	} {
		if got := returning.returnAddress(good); got != good {
			t.Errorf("%q leads to %q", good, got)
		}
	}
	for _, bad := range []string{
		"", "/", "portal", "//evil.example", "///evil.example", `\\evil.example`, `/\evil.example`, "?x", "#x",
		"https://evil.example/portal/", "https://evil.example#https://portal.example/portal/",
		"https://portal.example@evil.example/portal/", "https://portal.example:x@evil.example/portal/",
		"https://someone@portal.example/portal/", "https://portal.example.evil.example/portal/", "https://xportal.example/portal/",
		`https://portal.example\@evil.example/portal/`, `https://evil.example\.portal.example/portal/`, "https://portal.example%2eevil.example/portal/",
		"http://portal.example/portal/", "HTTPS//portal.example/portal/", "https:portal.example/portal/", "https:/portal.example/portal/",
		"javascript:alert(1)", "javascript://portal.example/portal/%0aalert(1)", "data:text/html,x", "https:///portal/", "ftp://portal.example/portal/",
		"https://portal.example:444/portal/", "https://portal.example:443/portal/", "https://PORTAL.example/portal/", "https://portal.example./portal/",
		"https://portal.example/portalx", "https://portal.example/", "https://portal.example", "https://portal.example/Portal/",
		"https://apps.example/teams", "https://apps.example/team.evil", "https://apps.example/team;x", "http://localhost:30001/", "http://localhost:300/",
		"https://apps.example/team/../admin", "https://apps.example/team/%2e%2e/admin", "https://apps.example/team/%2E./admin", "https://apps.example/team/..%2fadmin",
		"https://apps.example/team/..\\admin", "https://apps.example/team%2f..%2fadmin", " https://apps.example/team", "https://apps.example/team\r\nX: y", "https://apps.example/te\tam",
		"https://[::1]/portal/", "https://portal.example/portal/\x00", "https://deep.example/a/bc", "https://deep.example/a",
	} {
		if got := returning.returnAddress(bad); got != returning.Home {
			t.Errorf("%q leads to %q", bad, got)
		}
	}
}

// FuzzReturnAddress asks of whatever comes out that a browser, which reads addresses
// by other rules than net/url, ends up on a listed host below a listed path.
func FuzzReturnAddress(f *testing.F) {
	for _, seed := range []string{
		"https://apps.example/team/x", "https://apps.example/team/%2e%2e/x", "https://apps.example@evil.example/team",
		"//apps.example/team", `https:\\apps.example\team`, "https://apps.example/team/..;/x", "http://localhost:3000/\\evil", "https://apps.example/team?\\",
		"https://apps.example/team/000  ?\xfb \xb0",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, asked string) {
		got := returning.returnAddress(asked)
		if got == returning.Home {
			return
		}
		if again := returning.returnAddress(got); again != got {
			t.Errorf("%q leads to %q, and that to %q", asked, got, again)
		}
		var origin, below string
		for _, allowed := range []string{"https://portal.example/portal", "https://apps.example/team", "http://localhost:3000", "https://deep.example/a/b"} {
			if rest, ok := strings.CutPrefix(got, allowed); ok && (rest == "" || strings.ContainsRune("/?#", rune(rest[0]))) {
				u, _ := url.Parse(allowed)
				origin, below = u.Host, u.Path
			}
		}
		if origin == "" || strings.ContainsAny(got, "\\\r\n\t ") {
			t.Fatalf("%q leads to %q", asked, got)
		}
		u, err := url.Parse(got)
		if err != nil || u.Host != origin || u.User != nil {
			t.Fatalf("%q leads to %q", asked, got)
		}
		if climbed := path.Clean("/" + u.Path); below != "" && climbed != below && !strings.HasPrefix(climbed, below+"/") {
			t.Errorf("%q leads to %q, which is %q", asked, got, climbed)
		}
	})
}
