package export

import (
	"fmt"
	"strings"
	"time"

	"keybridge/bridge"
)

// Asked says in words which requests a filter chooses, fit for an audit that is kept for
// good: how many words were searched for and not which, and that it was one applicant's
// and not whose. Everything: "all requests".
func Asked(f bridge.Filter) string {
	var says []string
	say := func(is bool, format string, values ...any) {
		if is {
			says = append(says, fmt.Sprintf(format, values...))
		}
	}
	say(f.State != "", "state %s", f.State)
	say(f.Portal != "", "portal %s", f.Portal)
	say(f.Portal == "" && len(f.Portals) > 0, "portals %s", strings.Join(f.Portals, " and "))
	say(f.Applicant != "", "one applicant")
	words := len(f.Words)
	for _, tag := range f.Tags {
		if tag == bridge.TagWord(strings.TrimPrefix(string(tag), string(bridge.TagWord("")))) {
			words++
			continue
		}
		says = append(says, tagWords(tag))
	}
	say(f.Least.Currency != "", "from %s", f.Least)
	say(f.Most.Currency != "", "up to %s", f.Most)
	say(!f.From.IsZero(), "created from %s", f.From.UTC().Format(time.RFC3339))
	say(!f.Before.IsZero(), "created before %s", f.Before.UTC().Format(time.RFC3339))
	say(words == 1, "1 word searched for")
	say(words > 1, "%d words searched for", words)
	if len(says) == 0 {
		return "all requests"
	}
	return strings.Join(says, ", ")
}

// tagWords say what a tag stands for.
func tagWords(tag bridge.Tag) string {
	switch tag {
	case bridge.TagWaits:
		return "waiting for a person"
	case bridge.TagAttention:
		return "needs attention"
	}
	kind, value, _ := strings.Cut(string(tag), "/")
	if kind == "assigned" {
		kind = "assigned to"
	}
	return kind + " " + value
}
