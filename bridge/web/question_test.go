package web_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/html"

	"keybridge/bridge"
)

var rita = bridge.Actor{Kind: bridge.ByPerson, Name: "rita-canary"}

// noted makes it one with these notes, each "kind: text".
func noted(notes ...string) func(*bridge.Request) {
	return func(r *bridge.Request) {
		for _, note := range notes {
			kind, text, _ := strings.Cut(note, ": ")
			by := rita
			if kind == string(bridge.Answer) {
				by = bridge.Actor{Kind: bridge.ByDeveloper}
			}
			r.Notes = append(r.Notes, bridge.Note{Kind: bridge.NoteKind(kind), At: noon, By: by, Text: text})
		}
	}
}

// howMany is a question that waits.
var howMany = noted("question: How many people will use your map?\nAnd do you sell what you make of it?")

// reviewing makes it one that a person looks at.
var reviewing = all(steps(bridge.Review), func(r *bridge.Request) { r.Terms.Lines, r.Payment = nil, bridge.Payment{} })

// called gives it a key of its own.
func called(key string) func(*bridge.Request) { return func(r *bridge.Request) { r.Key = key } }

// ownBrowser is the cookie of a browser, and the change that makes a request one that came
// in it, unsigned.
func ownBrowser() (cookie http.Header, came func(*bridge.Request)) {
	value := strings.Repeat("ab", 16)
	sum := sha256.Sum256([]byte(value))
	return http.Header{"Cookie": {"keybridge_browser=" + value}}, func(r *bridge.Request) {
		r.Arrival.Trust, r.Arrival.Browser = bridge.Bare, hex.EncodeToString(sum[:])
	}
}

// post sends a form the way the page's own button does.
func (g *gallery) post(path string, form url.Values, header http.Header) *http.Response {
	return g.postRaw(path, "application/x-www-form-urlencoded", form.Encode(), header)
}

func (g *gallery) postRaw(path, kind, body string, header http.Header) *http.Response {
	w := httptest.NewRecorder()
	req := httptest.NewRequest(http.MethodPost, "https://bridge.example"+path, strings.NewReader(body))
	req.Header.Set("Content-Type", kind)
	for name, values := range header {
		req.Header[name] = values
	}
	g.ServeHTTP(w, req)
	return w.Result()
}

// answering is a form with an answer to the question at a place among the notes.
func answering(text, place string) url.Values { return url.Values{"answer": {text}, "to": {place}} }

// notes are those of the request with a key, each "kind: text".
func (g *gallery) notes(key string) (out []string) {
	g.t.Helper()
	r, err := g.store.Get(g.t.Context(), idOf(key))
	if err != nil {
		g.t.Fatal(err)
	}
	for _, n := range r.Notes {
		out = append(out, string(n.Kind)+": "+n.Text)
	}
	return out
}

// read returns the page of an answer and what it is made of. It can be read again.
func read(t *testing.T, page *http.Response) (string, *html.Node) {
	t.Helper()
	raw, err := io.ReadAll(page.Body)
	if err != nil {
		t.Fatal(err)
	}
	page.Body = io.NopCloser(bytes.NewReader(raw))
	root, err := html.Parse(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw), root
}

func element(root *html.Node, id string) *html.Node {
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && attribute(n, "id") == id {
			return n
		}
	}
	return nil
}

func TestThePageAsksWhatAPersonAsks(t *testing.T) {
	g := newGallery(t, quietPortal)
	for name, change := range map[string]func(*bridge.Request){
		"question-reviewing": all(reviewing, howMany),
		"question-paying":    howMany,
		"question-preparing": all(howMany, func(r *bridge.Request) { r.Payment = bridge.Payment{} }),
		"question-second": all(reviewing, noted("question: Who are you?", "note: canary of the house", "answer: A sailor.\nOf the sea.",
			"question: Which sea?", "note: canary again")),
		"question-answered": all(reviewing, noted("question: Who are you?", "answer: A sailor.", "note: canary of the house")),
		"question-decided":  all(active, noted("question: Who are you?", "answer: A sailor.")),
		"question-declined": all(declined(bridge.ByPerson, "no answer"), howMany),
		"question-inactive": all(reviewing, howMany, inactive),
		"question-forgot":   all(declined(bridge.ByPerson, "not for resale"), noted("question: ", "answer: ")),
		"question-hostile": all(reviewing, noted("question: "+hostile, "answer: "+hostile+"</dd></textarea><script>alert(2)</script>",
			"question: </blockquote>"+hostile)),
		"question-long": all(reviewing, noted("question: "+strings.Repeat("long", 1000), "answer: "+strings.Repeat("Länge", 600), "question: "+strings.Repeat("\n.", 2000))),
	} {
		t.Run(name, func(t *testing.T) { golden(t, name, http.StatusOK, g.get(g.put(all(change, called(name))))) })
	}
}

// What a page shows of questions depends on who looks: the applicant, or somebody of whom
// that is not known.
func TestQuestionsAreShownToTheApplicantOnly(t *testing.T) {
	g := newGallery(t, quietPortal)
	own, came := ownBrowser()
	told := func(r *bridge.Request) { r.Terms.Tell = bridge.MessageKinds }
	for name, test := range map[string]struct {
		is    func(*bridge.Request)
		known bool
		way   func(page, mailed string) *http.Response
	}{
		"question-to-signed":     {func(*bridge.Request) {}, true, func(page, _ string) *http.Response { return g.get(page) }},
		"question-to-mailed":     {untold, true, func(_, mailed string) *http.Response { return g.get(mailed) }},
		"question-to-passed":     {bare, true, func(page, mailed string) *http.Response { return g.send("GET", page, with(g.get(mailed))) }},
		"question-to-untold":     {all(untold, told), false, func(page, _ string) *http.Response { return g.get(page) }},
		"question-to-bare":       {all(came, told), false, func(page, _ string) *http.Response { return g.send("GET", page, own) }},
		"question-to-bare-alone": {came, false, func(page, _ string) *http.Response { return g.send("GET", page, own) }},
	} {
		page := g.put(all(reviewing, noted("question: Who?", "answer: A sailor.", "question: Which sea?"), test.is, called(name)))
		got := test.way(page, g.mailed(name, noon))
		text, root := read(t, got)
		golden(t, name, http.StatusOK, got)
		if asks := element(root, "send") != nil; asks != test.known || strings.Contains(text, "sea") != test.known || strings.Contains(text, "sailor") != test.known {
			t.Errorf("%s: it asks %t:\n%s", name, asks, text)
		}
	}
}

func TestAnAnswerIsKeptAndThePageSaysSo(t *testing.T) {
	for name, test := range map[string]struct{ typed, kept string }{
		"plain":           {"Ten.", "Ten."},
		"lines":           {"  One\r\nTwo\rThree\n\nFour\t!  \r\n", "One\nTwo\nThree\n\nFour\t!"},
		"markup":          {hostile, hostile},
		"controls":        {"a\x00b\x1b[31m\u0085c\x7f", "ab[31mc"},
		"no UTF-8":        {"a\xff\xfeb", "a\ufffdb"},
		"as long as can":  {strings.Repeat("x", bridge.LongestNote), strings.Repeat("x", bridge.LongestNote)},
		"line ends count": {strings.Repeat("x\r\n", bridge.LongestNote/2-1) + "xx", strings.Repeat("x\n", bridge.LongestNote/2-1) + "xx"},
		"other scripts":   {strings.Repeat("海", bridge.LongestNote/3), strings.Repeat("海", bridge.LongestNote/3)},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGallery(t, quietPortal)
			page := g.put(all(reviewing, noted("question: How many?"), called("mine")))
			got := g.post(page+"/answer", answering(test.typed, "0"), http.Header{"Sec-Fetch-Site": {"same-origin"}})
			if got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != page+"#answered" {
				t.Fatalf("answered %d to %q", got.StatusCode, got.Header.Get("Location"))
			}
			notes := g.notes("mine")
			if len(notes) != 2 || notes[1] != "answer: "+test.kept {
				t.Errorf("kept is %.200q", notes)
			}
			r, _ := g.store.Get(t.Context(), idOf("mine"))
			if by := r.Notes[1].By; by != (bridge.Actor{Kind: bridge.ByDeveloper}) || !r.Notes[1].At.Equal(noon) {
				t.Errorf("it is by %s at %s", by, r.Notes[1].At)
			}
			after := g.get(page)
			text, root := read(t, after)
			sound(t, after.Header, text)
			if element(root, "answered") == nil || element(root, "send") != nil || !strings.Contains(textOf(element(root, "earlier")), "How many?") {
				t.Errorf("the page afterwards:\n%s", text)
			}
		})
	}
}

func TestAnAnswerThatCannotBeTakenComesBackWithWhatWasWritten(t *testing.T) {
	g := newGallery(t, quietPortal)
	long := strings.Repeat("Länge ", bridge.LongestNote/7) + strings.Repeat("x", 1000)
	for name, test := range map[string]struct {
		status     int
		text, says string
	}{
		"question-empty":    {422, "", "Write your answer first."},
		"question-blank":    {422, " \r\n\t\u00a0\x00\x01 ", "Write your answer first."},
		"question-too-long": {422, long, "Shorten it by about 997 characters."},
		"question-by-one":   {422, strings.Repeat("x", bridge.LongestNote+1), "Shorten it by one character."},
		"question-markup":   {422, strings.Repeat("</textarea><script>alert(1)</script>\n", 200), "too long"},
	} {
		page := g.put(all(reviewing, howMany, called(name)))
		got := g.post(page+"/answer", answering(test.text, "0"), nil)
		_, root := read(t, got)
		golden(t, name, test.status, got)
		area, errors := element(root, "answer"), element(root, "errors")
		if area == nil || errors == nil || !strings.Contains(textOf(errors), test.says) || !strings.Contains(textOf(errors), "was not sent") {
			t.Errorf("%s: it does not say %q", name, test.says)
			continue
		}
		if kept := strings.TrimPrefix(textOf(area), "\n"); kept != strings.TrimSpace(strings.NewReplacer("\r", "", "\x00", "", "\x01", "").Replace(test.text)) {
			t.Errorf("%s: what was written is %q now", name, kept)
		}
		if n := len(g.notes(name)); n != 1 {
			t.Errorf("%s: there are %d notes", name, n)
		}
	}
}

// A field has a name that is said, its error is said with it, and the summary leads to it.
func TestTheFormCanBeUsedByEar(t *testing.T) {
	g := newGallery(t, quietPortal)
	page := g.put(all(reviewing, howMany))
	for name, got := range map[string]*http.Response{"asked": g.get(page), "wrong": g.post(page+"/answer", answering("", "0"), nil)} {
		_, root := read(t, got)
		area := element(root, "answer")
		for id := range strings.FieldsSeq(attribute(area, "aria-describedby")) {
			if element(root, id) == nil {
				t.Errorf("%s: the field is described by %q, which is not there", name, id)
			}
		}
		labelled := false
		for n := range root.Descendants() {
			labelled = labelled || n.Data == "label" && attribute(n, "for") == "answer" && textOf(n) == "Your answer"
		}
		errors := element(root, "errors")
		if wrong := name == "wrong"; !labelled || (errors != nil) != wrong || (attribute(area, "aria-invalid") == "true") != wrong || strings.Contains(attribute(area, "aria-describedby"), "wrong") != wrong {
			t.Errorf("%s: labelled %t, the field is %+v", name, labelled, area.Attr)
		}
	}
	_, root := read(t, g.post(page+"/answer", answering("", "0"), nil))
	link := false
	for n := range element(root, "errors").Descendants() {
		link = link || n.Data == "a" && attribute(n, "href") == "#answer"
	}
	focused := false
	for _, a := range element(root, "errors").Attr {
		focused = focused || a.Key == "autofocus"
	}
	if !link || !focused {
		t.Errorf("the summary has a link to the field: %t, and the focus: %t", link, focused)
	}
}

// Nobody but the applicant answers, and from nowhere but the page.
func TestOnlyTheApplicantAnswersAndOnlyFromThePage(t *testing.T) {
	g := newGallery(t, quietPortal)
	own, came := ownBrowser()
	page := func(name string, is func(*bridge.Request)) (page, mailed string) {
		return g.put(all(reviewing, howMany, is, called(name))), g.mailed(name, noon)
	}
	signed, _ := page("signed", func(*bridge.Request) {})
	bared, baredMailed := page("bare", came)
	unled, unledMailed := page("untold", untold)
	other, _ := page("other", func(*bridge.Request) {})
	for _, test := range []struct {
		name, path string
		header     http.Header
		want       int
	}{
		{"from another site", signed, http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403},
		{"from a neighbour", signed, http.Header{"Sec-Fetch-Site": {"same-site"}}, 403},
		{"from another origin", signed, http.Header{"Origin": {"https://evil.example"}}, 403},
		{"from no origin", signed, http.Header{"Origin": {"null"}}, 403},
		{"from another port", signed, http.Header{"Origin": {"https://bridge.example:444"}}, 403},
		{"bare, without its browser", bared, nil, 403},
		{"bare, in another browser", bared, http.Header{"Cookie": {"keybridge_browser=" + strings.Repeat("cd", 16)}}, 403},
		{"bare, in its browser, which says not who that is", bared, own, 403},
		{"nobody led here", unled, nil, 403},
		{"with the pass of another", unled, with(g.get(baredMailed)), 403},
		{"a token with another's signature", signed[:20] + other[20:], nil, 404},
		{"no token", "/r/AAAA", nil, 404},
		{"an old link", strings.TrimPrefix(g.links.Page(idOf("signed"), noon.AddDate(0, 0, -31)), g.links.Base), nil, 410},
	} {
		if got := g.post(test.path+"/answer", answering("Mine!", "0"), test.header); got.StatusCode != test.want {
			t.Errorf("%s is answered %d, want %d", test.name, got.StatusCode, test.want)
		}
		for _, key := range []string{"signed", "bare", "untold", "other"} {
			if n := len(g.notes(key)); n != 1 {
				t.Fatalf("%s: %s has %d notes", test.name, key, n)
			}
		}
	}
	golden(t, "error-answer-elsewhere", http.StatusForbidden, g.post(bared+"/answer", answering("Mine!", "0"), own))
	nothing := g.put(all(reviewing, came, called("nothing")))
	golden(t, "error-answer-nothing", http.StatusForbidden, g.post(nothing+"/answer", answering("Mine!", "0"), own))
	for name, path := range map[string]string{"signed": signed, "bare": baredMailed, "untold": unledMailed} {
		if got := g.post(path+"/answer", answering("Mine!", "0"), http.Header{"Origin": {"https://bridge.example"}}); got.StatusCode != http.StatusSeeOther || len(g.notes(name)) != 2 {
			t.Errorf("%s: the applicant is answered %d", name, got.StatusCode)
		}
	}
	passed, _ := page("passed", bare)
	if got := g.post(passed+"/answer", answering("Mine!", "0"), with(g.get(g.mailed("passed", noon)))); got.StatusCode != http.StatusSeeOther {
		t.Errorf("with a pass: %d", got.StatusCode)
	}
}

// A look changes nothing, whatever it has in its address.
func TestNothingButAPostAnswers(t *testing.T) {
	g := newGallery(t, quietPortal)
	page := g.put(all(reviewing, howMany))
	for method, want := range map[string]int{"GET": 303, "HEAD": 405, "PUT": 405, "PATCH": 405, "DELETE": 405, "OPTIONS": 405} {
		got := g.send(method, page+"/answer?answer=Mine&to=0", nil)
		if got.StatusCode != want || want == 303 && got.Header.Get("Location") != page {
			t.Errorf("%s is answered %d to %q", method, got.StatusCode, got.Header.Get("Location"))
		}
	}
	if got := g.get("/r/AAAA/answer"); got.StatusCode != http.StatusNotFound {
		t.Errorf("an address that is none is answered %d", got.StatusCode)
	}
	if r, err := g.store.Get(t.Context(), idOf(asked().Key)); err != nil || r.Revision != 1 {
		t.Errorf("it is at revision %d (%v)", r.Revision, err)
	}
}

func TestAFormThatIsNoneIsRefused(t *testing.T) {
	g := newGallery(t, quietPortal)
	page := g.put(all(reviewing, howMany))
	const form = "application/x-www-form-urlencoded"
	for name, test := range map[string]struct {
		kind, body string
		want       int
	}{
		"more than is read":    {form, "to=0&answer=" + strings.Repeat("x", 64<<10), 413},
		"many fields":          {form, strings.Repeat("a=1&", 20_000) + "to=0&answer=x", 413},
		"badly written":        {form, "to=0&answer=%zz", 400},
		"another sort":         {"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"answer\"\r\n\r\nx\r\n--b--\r\n", 303},
		"JSON":                 {"application/json", `{"answer": "x", "to": "0"}`, 303},
		"nothing":              {form, "", 303}, // nothing could be lost: back to the page
		"no question":          {form, "answer=x", 409},
		"another question":     {form, "answer=x&to=1", 409},
		"a question before it": {form, "answer=x&to=-1", 409},
		"none of ours":         {form, "answer=x&to=" + url.QueryEscape(hostile), 409},
	} {
		got := g.postRaw(page+"/answer", test.kind, test.body, nil)
		if got.StatusCode != test.want {
			t.Errorf("%s is answered %d, want %d", name, got.StatusCode, test.want)
		}
		if got.StatusCode != http.StatusSeeOther {
			text, _ := read(t, got)
			sound(t, got.Header, text)
		}
		if n := len(g.notes(asked().Key)); n != 1 {
			t.Fatalf("%s: there are %d notes", name, n)
		}
	}
	golden(t, "error-answer-far-too-long", http.StatusRequestEntityTooLarge, g.postRaw(page+"/answer", form, "answer="+strings.Repeat("x", 64<<10), nil))
}

func TestAnAnswerToWhatDoesNotWaitIsGivenBack(t *testing.T) {
	g := newGallery(t, quietPortal)
	answered := noted("question: Who?", "answer: A sailor.")
	for name, test := range map[string]struct {
		is       func(*bridge.Request)
		text, to string
		want     int
	}{
		"question-sent-twice":      {all(reviewing, answered), "A sailor.\r\n", "0", 303},
		"question-answered-before": {all(reviewing, answered), "A pilot.", "0", 409},
		"question-newer":           {all(reviewing, answered, noted("question: Which sea?")), "A pilot.", "0", 409},
		"question-too-late":        {all(declined(bridge.ByPerson, "no answer"), howMany), "A " + hostile, "0", 409},
		"question-never":           {reviewing, "A pilot.", "0", 409},
	} {
		page := g.put(all(test.is, called(name)))
		before := g.notes(name)
		got := g.post(page+"/answer", answering(test.text, test.to), nil)
		if got.StatusCode != test.want {
			t.Errorf("%s is answered %d, want %d", name, got.StatusCode, test.want)
		}
		if test.want == http.StatusConflict {
			text, _ := read(t, got)
			if !strings.Contains(text, html.EscapeString(test.text)) && !strings.Contains(text, "A &lt;script&gt;") {
				t.Errorf("%s: what was written is lost:\n%s", name, text)
			}
			golden(t, name, test.want, got)
		}
		if after := g.notes(name); strings.Join(after, "|") != strings.Join(before, "|") {
			t.Errorf("%s: the notes are %q now", name, after)
		}
	}
}

// Two tabs, or one that sends twice: one answer is kept, and the others are led to it.
func TestOfManyAnswersAtOnceOneIsKept(t *testing.T) {
	g := newGallery(t, quietPortal)
	page := g.put(all(reviewing, howMany))
	var wait sync.WaitGroup
	codes := make([]int, 8)
	for i := range codes {
		wait.Go(func() { codes[i] = g.post(page+"/answer", answering("Ten.", "0"), nil).StatusCode })
	}
	wait.Wait()
	for _, code := range codes {
		if code != http.StatusSeeOther {
			t.Errorf("the answers are %d", codes)
			break
		}
	}
	if n := len(g.notes(asked().Key)); n != 2 {
		t.Errorf("there are %d notes", n)
	}
}

// A page with a form does not reload itself, nor is anybody sent on from it.
func TestNothingTypedIsWipedOut(t *testing.T) {
	g := newGallery(t, quietPortal)
	for name, is := range map[string]func(*bridge.Request){
		"reviewing": reviewing, "paying": func(*bridge.Request) {}, "preparing": func(r *bridge.Request) { r.Payment = bridge.Payment{} },
		"received": func(r *bridge.Request) { r.Access.Have, r.Steps, r.Payment = bridge.Unread, nil, bridge.Payment{} },
	} {
		page := g.put(all(is, howMany, called(name)))
		for _, path := range []string{page, page + "?go=1"} {
			got := g.get(path)
			text, root := read(t, got)
			if got.StatusCode != http.StatusOK || strings.Contains(text, "http-equiv") || element(root, "send") == nil {
				t.Errorf("%s: %d\n%s", name, got.StatusCode, text)
			}
		}
	}
	answered := g.put(all(reviewing, howMany, noted("answer: Ten."), called("answered")))
	if text, _ := read(t, g.get(answered)); !strings.Contains(text, `http-equiv="refresh" content="60;`) {
		t.Error("after the answer the page does not look again")
	}
}

func TestAnAnswerIsNotLogged(t *testing.T) {
	g := newGallery(t, quietPortal)
	var log bytes.Buffer
	g.log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	g.serve(quietPortal)
	page := g.put(all(reviewing, howMany))
	g.post(page+"/answer", answering("", "0"), nil)
	g.post(page+"/answer", answering("Canary islands", "9"), nil)
	g.postRaw(page+"/answer", "application/x-www-form-urlencoded", "answer=Canary%zz", nil)
	g.post(page+"/answer", answering("Canary islands", "0"), nil)
	if err := g.store.Close(); err != nil {
		t.Fatal(err)
	}
	if got := g.post(page+"/answer", answering("Canary islands", "0"), nil); got.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("without a store it is answered %d", got.StatusCode)
	}
	text := log.String()
	if !strings.Contains(text, "route=/r/:token/answer") || strings.Contains(text, "Canary") || strings.Contains(text, "How many") || strings.Contains(text, strings.TrimPrefix(page, "/r/")) {
		t.Errorf("the log says\n%s", text)
	}
}

func TestProgramsAreToldWhatIsWrongWithAnAnswer(t *testing.T) {
	g := newGallery(t, quietPortal)
	page := g.put(all(reviewing, howMany))
	json := http.Header{"Accept": {"application/json"}}
	for name, test := range map[string]struct {
		form url.Values
		want int
	}{"empty": {answering("", "0"), 422}, "another question": {answering("x", "7"), 409}} {
		got := g.post(page+"/answer", test.form, json)
		if got.StatusCode != test.want || got.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s is answered %d %s", name, got.StatusCode, got.Header.Get("Content-Type"))
		}
	}
}
