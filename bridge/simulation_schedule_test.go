package bridge_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// A schedule is everything that chance decides before it begins: which requests there
// are, and what happens when. It is plain data, so that happenings can be dropped one by
// one while it still fails, and so that it can be kept.
type schedule struct {
	Seed uint64 `json:"seed"`
	// Found is what was wrong when it was kept.
	Found string `json:"found,omitempty"`
	// Plans are those of the requests, one each.
	Plans []string `json:"plans"`
	// Workers is how many requests are worked on at once.
	Workers int `json:"workers"`
	// Renews: in this portal a key that is resumed comes of a request of its own.
	Renews bool `json:"renews,omitempty"`
	// Awake is how long a pause is at most that a process works through.
	Awake pausing     `json:"awake"`
	Steps []happening `json:"steps"`
}

// happening is one thing that happens, a while after the one before.
type happening struct {
	After pausing `json:"after"`
	What  string  `json:"what"`
	// Of is the number of the request it happens to.
	Of int `json:"of"`
	// How says which way, where there are several; Call is the call that a fault is for.
	How  string `json:"how,omitempty"`
	Call string `json:"call,omitempty"`
	// N is how often, or how many points later.
	N int `json:"n,omitempty"`
	// For is how long it lasts, or is under way.
	For pausing `json:"for,omitempty"`
}

// pausing is a duration that JSON has in words.
type pausing time.Duration

func (p pausing) MarshalText() ([]byte, error) { return []byte(time.Duration(p).String()), nil }

func (p *pausing) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	*p = pausing(d)
	return err
}

// What a schedule is drawn from. Faults are the world's and two of the network's.
var (
	simulatedPlans = []string{
		"free", "reviewed", "checked", "paid", "paid", "held", "held", "monthly", "monthly", "strict", "large", "nobody's",
	}
	simulatedCalls  = slices.Concat(sides["portal"], sides["provider"], sides["mail"])
	simulatedFaults = []string{
		"cut before", "cut after", "cut after", "500 before", "500 after", "limited", "refused", "invalid", "panics", "conflicts",
		"slow", "late",
	}
	faultNames = map[string]fault{
		"cut before": cutBefore, "cut after": cutAfter, "500 before": storedBefore, "500 after": storedAfter,
		"limited": limited, "refused": refused, "invalid": invalid, "panics": panics, "conflicts": conflicts, "quotes": quotes,
	}
	// deliveries is how an event comes to us.
	deliveries = []string{"at once", "at once", "late", "twice", "never"}
)

// draw draws a schedule.
func draw(seed uint64) schedule {
	rng := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // chance that can be repeated is what is wanted
	s := schedule{Seed: seed, Workers: 1 + rng.IntN(4), Renews: rng.IntN(4) == 0, Awake: pausing(5 * time.Minute)}
	if rng.IntN(10) == 0 {
		s.Awake = pausing(3 * time.Hour)
	}
	for range 1 + rng.IntN(3) {
		s.Plans = append(s.Plans, pick(rng, simulatedPlans))
	}
	for i := range s.Plans {
		s.Steps = append(s.Steps, happening{What: "is asked for", Of: i, How: pick(rng, comings), For: min(gap(rng), pausing(time.Hour))})
	}
	total := 0
	for _, d := range doings {
		total += d.weight
	}
	for range 4 + rng.IntN(36) {
		n := rng.IntN(total)
		for _, d := range doings {
			if n -= d.weight; n < 0 {
				s.Steps = append(s.Steps, drawStep(rng, d, len(s.Plans)))
				break
			}
		}
	}
	return s
}

func drawStep(rng *rand.Rand, d doing, requests int) happening {
	h := happening{After: gap(rng), What: d.name, Of: rng.IntN(requests)}
	if len(d.ways) > 0 {
		h.How = pick(rng, d.ways)
	}
	if d.name == "a fault" {
		h.Call = pick(rng, simulatedCalls)
		h.N = 1 + rng.IntN(3)
	}
	if d.lasts {
		h.For = min(gap(rng), pausing(30*time.Hour)) // it is over before everything is compared
		h.N = 1 + rng.IntN(25)
	}
	return h
}

func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }

// gap is how long until the next thing happens: mostly soon, sometimes much later.
func gap(rng *rand.Rand) pausing {
	most := time.Second
	switch n := rng.IntN(100); {
	case n >= 97:
		most = 20 * 24 * time.Hour
	case n >= 88:
		most = 30 * time.Hour
	case n >= 75:
		most = 2 * time.Hour
	case n >= 40:
		most = 2 * time.Minute
	}
	return pausing(time.Millisecond + time.Duration(rng.Int64N(int64(most))).Truncate(time.Millisecond))
}

// keptSchedules is the folder of those that once failed.
const keptSchedules = "testdata/simulation"

func (s schedule) String() string {
	b, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		panic(err) // strings and numbers always encode
	}
	return string(b) + "\n"
}

// keep writes the schedule to a file of its own name and returns where.
func (s schedule) keep(folder, name string) (string, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	path := filepath.Join(folder, name)
	return path, os.WriteFile(path, []byte(s.String()), 0o600)
}

// shrink drops what can be dropped while the schedule still fails: half of it, a
// quarter, and so on to one happening at a time.
func (s schedule) shrink(fails func(schedule) string) schedule {
	for size := max(len(s.Steps)/2, 1); ; size /= 2 {
		for from := 0; from < len(s.Steps); {
			less := s
			less.Steps = append(append([]happening(nil), s.Steps[:from]...), s.Steps[min(from+size, len(s.Steps)):]...)
			if found := fails(less); found != "" {
				s, s.Found = less, found
				continue
			}
			from += size
		}
		if size <= 1 {
			return s
		}
	}
}
