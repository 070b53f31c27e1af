package quotetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// heard is a test that fails without failing this one.
type heard struct {
	testing.TB
	wrongs []string
}

func (h *heard) Errorf(format string, args ...any) {
	h.wrongs = append(h.wrongs, fmt.Sprintf(format, args...))
}

func (h *heard) Fatalf(format string, args ...any) { h.Errorf(format, args...) }

// bench is a far end that says "fine" to whoever asks, and a FarEnd before it.
type bench struct {
	*FarEnd
	client *http.Client
}

func newBench(t *testing.T) bench {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "fine") }))
	t.Cleanup(server.Close)
	client := &http.Client{Timeout: 10 * time.Second}
	t.Cleanup(client.CloseIdleConnections)
	return bench{Before(t, server.URL), client}
}

var errWords = errors.New("the far end did not say that all is fine")

// asks makes so many calls, and tells in words of its own or in the far end's what went wrong.
func (b bench) asks(calls int, quoting bool) func(context.Context) error {
	return func(ctx context.Context) error {
		for range calls {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.URL, nil)
			if err != nil {
				return err
			}
			answer, err := b.client.Do(req)
			if err != nil {
				if quoting {
					return err
				}
				return errWords
			}
			body, err := io.ReadAll(answer.Body)
			_ = answer.Body.Close()
			switch {
			case err == nil && string(body) == "fine":
			case quoting:
				return fmt.Errorf("the far end said %s", body)
			default:
				return errWords
			}
		}
		return nil
	}
}

func TestASearchFindsWhatIsQuoted(t *testing.T) {
	silent := func() string { return "" }
	for name, c := range map[string]struct {
		calls   int
		quoting bool
		polls   bool
		log     func() string
		says    string // empty: nothing is wrong
	}{
		"words of its own":             {3, false, false, silent, ""},
		"those of the far end":         {1, true, false, silent, "answer 1, in what is no HTTP"},
		"those of a later answer":      {3, true, false, silent, "answer 3, in what is no HTTP"},
		"those of the far end, logged": {1, false, false, func() string { return "all is well\nCANARY Birdsong\n" }, "it is in the log: CANARY"},
		"no call at all":               {0, false, false, silent, "so this shows nothing"},
		"more answers than it may":     {mostAnswers + 1, false, false, silent, "more than 20 answers"},
		"it asks until something is":   {mostAnswers + 1, false, true, silent, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, h := newBench(t), &heard{TB: t}
			b.Search(h, Search{
				Spoils:  map[string]Spoil{"in a fault": Says(http.StatusInternalServerError, "text/plain", Text)},
				Prepare: func() func(context.Context) error { return b.asks(c.calls, c.quoting) },
				Polls:   c.polls, Log: c.log,
			})
			if said := strings.Join(h.wrongs, "\n"); (said == "") != (c.says == "") || !strings.Contains(said, c.says) {
				t.Errorf("it says %q, want %q", said, c.says)
			}
		})
	}
}

func TestEveryWordOfTheTextIsSearchedFor(t *testing.T) {
	for word := range strings.FieldsSeq(Text) {
		if !quotes(word) {
			t.Errorf("%q would not be found", word)
		}
	}
}
