package mail_test

import (
	"strings"
	"testing"

	"keybridge/bridge"
)

func TestAQuestionIsMailedInFullWithTheWayToAnswer(t *testing.T) {
	n := quiet(t)
	m := message(bridge.TellQuestion)
	long := strings.TrimSpace(strings.Repeat("Why? ", bridge.LongestNote/5))
	m.Request.Notes[0].Text = long
	raw, err := n.Compose(m)
	if err != nil {
		t.Fatal(err)
	}
	p := parse(t, raw)
	if !strings.Contains(p.text, long) || !strings.Contains(p.html, long) {
		t.Errorf("the question is not there in full:\n%s", p.text)
	}
	m.Request.Notes[0].Text = "One & two?\r\n\r\n<b>Three</b>?"
	if raw, err = n.Compose(m); err != nil {
		t.Fatal(err)
	}
	p = parse(t, raw)
	if !strings.Contains(p.text, "One & two?\n<b>Three</b>?\n") || !strings.Contains(p.html, "One &amp; two?\n&lt;b&gt;Three&lt;/b&gt;?</blockquote>") {
		t.Errorf("the question's lines and signs:\n%s\n%s", p.text, p.html)
	}
	for _, part := range []string{p.text, p.html} {
		if !strings.Contains(part, m.Page) || strings.Contains(part, "rita") {
			t.Errorf("no way to answer, or the person who asks:\n%s", part)
		}
	}
	m.Page = ""
	if _, err := n.Compose(m); bridge.KindOf(err) != bridge.Invalid {
		t.Errorf("without a page to answer on: %v", err)
	}
}

// A mail that is repeated after the answer came, or after the decision, asks nothing.
func TestOnlyAQuestionThatWaitsIsInALetter(t *testing.T) {
	n := quiet(t)
	for name, test := range map[string]struct {
		change func(*bridge.Request)
		want   string
	}{
		"it waits": {func(*bridge.Request) {}, "How many people will use your map?\nAnd do you sell what you make of the forecasts?"},
		"the second of two waits": {func(r *bridge.Request) {
			r.Notes = append(r.Notes, bridge.Note{Kind: bridge.Answer, Text: "Ten."}, bridge.Note{Kind: bridge.Question, Text: "Only ten?"})
		}, "Only ten?"},
		"answered": {func(r *bridge.Request) { r.Notes = append(r.Notes, bridge.Note{Kind: bridge.Answer, Text: "Ten."}) }, ""},
		"decided":  {func(r *bridge.Request) { r.Verdict.Outcome = bridge.Decline }, ""},
		"none":     {func(r *bridge.Request) { r.Notes = nil }, ""},
	} {
		m := message(bridge.TellQuestion)
		m.Request = m.Request.Clone()
		test.change(&m.Request)
		if got := n.LetterOf(m).Question; got != test.want {
			t.Errorf("%s: the letter asks %q, want %q", name, got, test.want)
		}
		_, text, page, err := n.Preview(bridge.TellQuestion, m.Request)
		if err != nil || test.want == "" && (strings.Contains(text, "Ten.") || strings.Contains(page, "<blockquote")) {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
}
