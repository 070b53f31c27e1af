package outgoing

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// schedule is how long to wait after the first failure in a row, the second, and so
// on: the specification's example, whose last wait goes on.
var schedule = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// giveUpDefault is how long an endpoint may fail before it is paused.
const giveUpDefault = 72 * time.Hour

// askedMax is the longest wait that an endpoint may ask for.
const askedMax = 24 * time.Hour

// retryAt is when to try again after a number of failures in a row, the first of
// which was at since: as the schedule says, spread by jitter over a fifth of it, with
// a last try when the endpoint is given up; and not before the endpoint asked for it.
func retryAt(now, since time.Time, failures int, jitter float64, asked, giveUp time.Duration) time.Time {
	wait := schedule[min(max(failures, 1), len(schedule))-1]
	at := now.Add(time.Duration(float64(wait) * (0.9 + 0.2*jitter)))
	if last := since.Add(giveUp); at.After(last) && now.Before(last) {
		at = last
	}
	if polite := now.Add(asked); at.Before(polite) {
		return polite
	}
	return at
}

// retryAfter reads the header (RFC 9110, section 10.2.3): seconds or a date. Nonsense
// is 0, more than a day is a day.
func retryAfter(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	if seconds, err := strconv.ParseInt(header, 10, 32); err == nil {
		return min(max(time.Duration(seconds)*time.Second, 0), askedMax)
	}
	at, err := http.ParseTime(header)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), askedMax)
}
