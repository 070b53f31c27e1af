package mail

import (
	_ "embed" // the comments of Letter
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"
	"sync"

	"keybridge/bridge"
)

// letterSource is where the meaning of every variable is written, once: the comments
// of Letter's fields.
//
//go:embed letter.go
var letterSource string

// Variable is one thing that a template may use.
type Variable struct {
	// Name is as it stands in a template: ".Plan".
	Name string `json:"name"`
	// Description says what it is, in a sentence or two.
	Description string `json:"description"`
	// Example is what it is on one of Samples.
	Example string `json:"example,omitempty"`
}

// Variables returns everything that a template may use, in the order of Letter. The
// templates are Go's (text/template, html/template) in files named like
// "start.subject.txt", "start.txt" and "start.html", one of each for every
// bridge.MessageKind, within "layout.txt" and "layout.html", which write them by
// {{template "main" .}}. TemplateText is what to begin with.
func Variables() []Variable {
	meanings, examples := meanings(), examples()
	var out []Variable
	for f := range reflect.TypeFor[Letter]().Fields() {
		out = append(out, Variable{"." + f.Name, meanings[f.Name], examples[f.Name]})
	}
	return out
}

// meanings are the comments of Letter's fields, without the "Name is" they begin with.
var meanings = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	file, err := parser.ParseFile(token.NewFileSet(), "letter.go", letterSource, parser.ParseComments)
	if err != nil { // the compiler has read the same file
		return out
	}
	ast.Inspect(file, func(node ast.Node) bool {
		named, ok := node.(*ast.TypeSpec)
		if !ok || named.Name.Name != "Letter" {
			return true
		}
		for _, field := range named.Type.(*ast.StructType).Fields.List {
			name := field.Names[0].Name
			text := strings.TrimPrefix(strings.Join(strings.Fields(field.Doc.Text()), " "), name+" ")
			out[name] = strings.TrimPrefix(strings.TrimPrefix(text, "is "), "are ")
		}
		return false
	})
	return out
})

// examples are the first thing that each field is on a sample.
var examples = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	n := &Notifier{cfg: Config{
		Contact: "mailto:help@example.com", Portals: map[string]Portal{"sample": {
			Title: "Weather Portal", Home: "https://portal.example/keys", KeyDelivery: bridge.MailsLink,
		}},
	}.complete()}
	for _, s := range Samples() {
		l := n.letter(n.sampleMessage(s.Kind, s.Request))
		l.Subject = "Your " + l.Plan + " key request is approved"
		for f, value := range reflect.ValueOf(l).Fields() {
			if _, known := out[f.Name]; !known && !value.IsZero() {
				out[f.Name] = exampleOf(value.Interface())
			}
		}
	}
	return out
})

func exampleOf(value any) string {
	switch v := value.(type) {
	case []Price:
		return fmt.Sprintf("Name: %s, Amount: %s, Interval: %s", v[0].Name, v[0].Amount, v[0].Interval)
	case []Answer:
		return fmt.Sprintf("Field: %s, Text: %s", v[0].Field, v[0].Text)
	}
	return line(fmt.Sprint(value), 200)
}
