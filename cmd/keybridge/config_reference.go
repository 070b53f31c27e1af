package main

import (
	_ "embed" // the comments of the keys
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"
	"sync"
)

// configSource is where the meaning of every key is written, once: the comments of
// its field.
//
//go:embed config.go
var configSource string

// configMeanings are the comments of all fields, by "type.field".
var configMeanings = sync.OnceValue(func() map[string]string {
	meanings := map[string]string{}
	file, err := parser.ParseFile(token.NewFileSet(), "config.go", configSource, parser.ParseComments)
	if err != nil { // the compiler has read the same file
		return meanings
	}
	for _, d := range file.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, s := range decl.Specs {
			noteMeanings(meanings, s)
		}
	}
	return meanings
})

func noteMeanings(meanings map[string]string, spec ast.Spec) {
	named, ok := spec.(*ast.TypeSpec)
	if !ok {
		return
	}
	fields, ok := named.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, f := range fields.Fields.List {
		for _, name := range f.Names {
			meanings[named.Name.Name+"."+name.Name] = strings.Join(strings.Fields(f.Doc.Text()), " ")
		}
	}
}

// configMeaning is what a field's comment says.
func configMeaning(section reflect.Type, field string) string {
	return configMeanings()[section.Name()+"."+field]
}

// configReference is a Markdown table of every key of the file: where it stands,
// what it takes, its default and what it means. The README holds it, and a test
// compares the two.
func configReference() string {
	var b strings.Builder
	b.WriteString("| key | takes | default | meaning |\n|---|---|---|---|\n")
	referenceOf(&b, reflect.TypeFor[config](), "")
	return b.String()
}

func referenceOf(b *strings.Builder, section reflect.Type, path string) {
	for _, k := range configKeys(section) {
		here := join(path, k.name)
		var names []string
		for _, form := range k.forms() {
			names = append(names, "`"+join(path, form)+"`")
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", strings.Join(names, " or "), k.takesWhat(), k.defaultWords(), cell(configMeaning(k.owner, k.field)))
		inner := k.kind
		if inner.Kind() == reflect.Slice {
			inner, here = inner.Elem(), here+"[]"
		}
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct && inner != secretType && !single(k.element()) {
			referenceOf(b, inner, here)
		}
	}
}

// element is the type of the key's value, or of one of them where it is a list.
func (k configKey) element() reflect.Type {
	if k.kind.Kind() == reflect.Slice {
		return k.kind.Elem()
	}
	return k.kind
}

// takesWhat says what sort of value the key takes.
func (k configKey) takesWhat() string {
	one := k.takesOne(k.element())
	switch {
	case k.kind == secretsType:
		return one + ", or a list"
	case k.kind.Kind() == reflect.Slice:
		return "list: " + one
	case k.kind.Kind() == reflect.Map:
		return "section: a text each for " + one
	}
	return one
}

func (k configKey) takesOne(t reflect.Type) string {
	if len(k.oneof) > 0 {
		return "`" + strings.Join(k.oneof, "`, `") + "`"
	}
	if s, ok := shapes[t]; ok {
		return s.takes
	}
	switch {
	case t == secretType:
		return "name of an environment variable, or of a file"
	case t == durationType:
		return "time, " + k.bounds()
	case t == sizeType:
		return "size, " + k.bounds()
	case t == stepType:
		return "`validation: card`, `review`, `payment`"
	case t.Kind() == reflect.Bool:
		return "`true`, `false`"
	case t.Kind() == reflect.Int:
		return "number, " + k.bounds()
	case t.Kind() == reflect.String:
		return "text"
	}
	return "section"
}

// defaultWords says what an absent key means.
func (k configKey) defaultWords() string {
	switch {
	case k.required:
		return "required"
	case k.fallback == "":
		return ""
	case k.kind.Kind() == reflect.Slice:
		return "`[" + strings.Join(strings.Fields(k.fallback), ", ") + "]`"
	}
	return "`" + k.fallback + "`"
}

// cell makes a text fit a cell of a Markdown table.
func cell(text string) string {
	return strings.NewReplacer("|", "\\|", "<", "&lt;").Replace(text)
}
