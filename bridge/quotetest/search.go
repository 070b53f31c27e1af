package quotetest

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"keybridge/bridge"
)

// FarEnd stands before a far end and passes calls on to it, but for the one whose answer is to be spoilt.
type FarEnd struct {
	// URL is its address.
	URL string

	next http.Handler
	mu   sync.Mutex
	how  http.HandlerFunc // nil: nothing is spoilt
	left int              // how many calls get through before
	met  bool
}

// Before stands before the far end at an address, which may have a path, until the test is over.
func Before(t testing.TB, address string) *FarEnd {
	t.Helper()
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	f := &FarEnd{next: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.URL = server.URL
	return f
}

// ServeHTTP passes a call on, or spoils its answer.
func (f *FarEnd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.answer()(w, r)
}

func (f *FarEnd) answer() http.HandlerFunc {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left--
	if f.how == nil || f.left != -1 {
		return f.next.ServeHTTP
	}
	f.met = true
	return f.how
}

// spoil has the answer to a call spoilt, after so many that get through.
func (f *FarEnd) spoil(after int, s Spoil) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left, f.how, f.met = after, s.answer, false
}

// spoilt reports whether there was such a call, and lets all get through from now on.
func (f *FarEnd) spoilt() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.how = nil
	return f.met
}

// Search is what is searched for Text, and how.
type Search struct {
	// Spoils are those that this far end's protocol has room for, by what they are, besides those of any HTTP.
	Spoils map[string]Spoil
	// Prepare brings a call of the adapter's port to the point where it can be made, past the FarEnd, and returns it. What
	// is made is another one each time.
	Prepare func() func(context.Context) error
	// Polls: the call asks until something is so, and so has no last answer.
	Polls bool
	// Log is what the adapter has logged so far, at every level.
	Log func() string
}

// mostAnswers is more than a call has that does not poll.
const mostAnswers = 20

// Search makes a call again and again, each time with another answer spoilt in another way, and fails the test where
// Text is in an error, in what the error says to people, or in the log.
func (f *FarEnd) Search(t testing.TB, s Search) {
	t.Helper()
	ways := ofAny()
	maps.Copy(ways, s.Spoils)
	failed := 0
	for name, spoil := range ways {
		failed += f.tries(t, s, name, spoil)
	}
	if failed < len(ways)/2 {
		t.Errorf("%d calls failed of more than %d, so this shows nothing", failed, len(ways))
	}
	for line := range strings.Lines(s.Log()) {
		if quotes(line) {
			t.Fatalf("it is in the log: %s", line)
		}
	}
}

// tries spoils one answer after the other in one way, and counts the calls that failed.
func (f *FarEnd) tries(t testing.TB, s Search, name string, spoil Spoil) (failed int) {
	t.Helper()
	for n := range mostAnswers {
		call := s.Prepare()
		f.spoil(n, spoil)
		err := call(t.Context())
		if !f.spoilt() {
			return failed // there was no such answer any more
		}
		if err != nil {
			failed++
		}
		for _, text := range []string{fmt.Sprintf("%v %+v %q", err, err, err), bridge.Explain(err)} {
			if quotes(text) {
				t.Errorf("answer %d, %s: %s", n+1, name, text)
			}
		}
		if !spoil.throughout {
			return failed
		}
	}
	if !s.Polls {
		t.Errorf("it has more than %d answers", mostAnswers)
	}
	return failed
}

// quotes reports whether a text has something of Text in it.
func quotes(text string) bool { return strings.Contains(strings.ToLower(text), mark) }
