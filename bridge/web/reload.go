package web

import (
	"maps"
	"net/url"
	"strconv"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
)

// reload is how a page that waits goes on.
type reload struct {
	// Every is after how many seconds it looks again by itself, at Next; 0: it does
	// not.
	Every int
	Next  string
	// Again is the link that looks again now; empty: there is nothing to wait for.
	Again string
	// Still is the link to the same page that stays as it is (WCAG 2.2, 2.2.1: whoever
	// needs more time can turn a reload off); empty where it stays already.
	Still string
}

// The queries of a developer's page.
const (
	queryGo    = "go"    // send on to the checkout as soon as there is one
	queryTry   = "try"   // how often the page has looked by itself
	queryStill = "still" // do not look again by itself
	queryLook  = "look"  // have the facts read again first
)

// reloadOf says when and where a page looks again.
func (s *Server) reloadOf(c *gin.Context, r bridge.Request, v view) reload {
	every := everySeconds(r, v.Checking, tries(c))
	if every == 0 && !payable(r) {
		return reload{}
	}
	path, kept := s.pagePath(c), url.Values{}
	if v.Checking {
		path += "/return"
	}
	if v.Go {
		kept.Set(queryGo, "1")
	}
	with := func(name, value string) string {
		q := maps.Clone(kept)
		q.Set(name, value)
		return path + "?" + q.Encode()
	}
	still := every == 0 || c.Query(queryStill) != "" || v.Question != nil || v.Lost != "" // nothing typed is wiped out
	if still && every > 0 {
		kept.Set(queryStill, "1")
	}
	out := reload{Again: with(queryTry, strconv.Itoa(tries(c)+1))}
	if settled(r) && !v.Checking {
		out.Again = with(queryLook, "1")
	}
	if !still {
		out.Every, out.Next, out.Still = every, with(queryTry, strconv.Itoa(tries(c)+1)), with(queryStill, "1")
	}
	return out
}

// everySeconds is how long a page waits until it looks again by itself: what moves is
// looked at often, and less so the longer it takes; what waits for a person or a bank
// now and then; what is at rest, or waits for the developer, not at all.
func everySeconds(r bridge.Request, checking bool, tried int) int {
	switch {
	case checking || working(r) && !r.Work.Attention:
		return pause(tried)
	case working(r):
		return 30
	case r.Payment.Have == bridge.Processing, r.Stage() == bridge.StateReviewing, inactive(r):
		return 60
	}
	return 0
}

func pause(tried int) int {
	switch {
	case tried < 5:
		return 2
	case tried < 10:
		return 5
	case tried < 20:
		return 15
	}
	return 30
}

// tries is how often the page has looked by itself.
func tries(c *gin.Context) int {
	n, err := strconv.Atoi(c.Query(queryTry))
	if err != nil || n < 0 || n > 1000 {
		return 0
	}
	return n
}
