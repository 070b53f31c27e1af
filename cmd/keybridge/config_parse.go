package main

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	// maxTokens and maxNesting keep a file from keeping the parser busy: it takes
	// the square of the number of keys, and recurses into brackets.
	maxTokens  = 50_000
	maxNesting = 32
)

// parse returns the root of the file's one document. It reports what is wrong and
// returns false where there is nothing to go on with.
func (r *reading) parse(text []byte) (ast.Node, bool) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if !r.readable(text) {
		return nil, false
	}
	tokens := lexer.Tokenize(string(text))
	if !r.bounded(tokens) {
		return nil, false
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		r.syntax(err)
		return nil, false
	}
	return r.document(file)
}

// readable refuses what is no text. YAML allows no control characters but tab,
// line feed and carriage return, and the parser would let them through.
func (r *reading) readable(text []byte) bool {
	line, column := 1, 1
	for len(text) > 0 {
		c, n := utf8.DecodeRune(text)
		if c == utf8.RuneError && n == 1 {
			r.wrongAt(place{line: line, column: column}, "the file is not UTF-8; save it as UTF-8")
			return false
		}
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f {
			r.wrongAt(place{line: line, column: column}, "a control character (U+%04X) stands here; remove it", c)
			return false
		}
		column++
		if c == '\n' {
			line, column = line+1, 1
		}
		text = text[n:]
	}
	return true
}

// bounded refuses a file that is too much for the parser.
func (r *reading) bounded(tokens token.Tokens) bool {
	if len(tokens) > maxTokens {
		r.wrongAt(placeOf(tokens[maxTokens]), "the file has more than %d words and signs, which no configuration needs", maxTokens)
		return false
	}
	depth, dashes, line := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			dashes, line = 0, t.Position.Line
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		case token.SequenceEntryType, token.MappingKeyType:
			dashes++
		}
		if depth > maxNesting || dashes > maxNesting || t.Position.IndentNum > 8*maxNesting {
			r.wrongAt(placeOf(t), "lists and sections are nested more than %d deep", maxNesting)
			return false
		}
	}
	return true
}

// syntax reports why the file is not YAML.
func (r *reading) syntax(err error) {
	e, ok := errors.AsType[yaml.Error](err)
	if !ok || e.GetToken() == nil {
		r.wrongAt(place{line: 1, column: 1}, "the file is not YAML")
		return
	}
	msg := strings.ReplaceAll(e.GetMessage(), "\t", `\t`) // the message shows a tab as itself
	r.wrongAt(placeOf(e.GetToken()), "the file is not YAML from here on: %s", msg)
}

// document returns the root of the one document, and nil for an empty file.
func (r *reading) document(file *ast.File) (ast.Node, bool) {
	var root ast.Node
	for i, doc := range file.Docs {
		if i > 0 || doc.Body != nil && doc.Body.Type() == ast.DirectiveType {
			at := place{line: 1, column: 1}
			if doc.Start != nil {
				at = placeOf(doc.Start)
			}
			r.wrongAt(at, "the file holds several documents, or a directive; keep to one document without --- and %%")
			return nil, false
		}
		root = doc.Body
	}
	return root, r.collectAnchors(root)
}

// collectAnchors notes every anchor, so that an alias can be resolved.
func (r *reading) collectAnchors(root ast.Node) bool {
	if root == nil {
		return true
	}
	before := r.found
	for _, node := range ast.Filter(ast.AnchorType, root) {
		anchor, ok := node.(*ast.AnchorNode)
		if !ok || anchor.Name == nil {
			continue
		}
		name := anchor.Name.GetToken().Value
		if _, twice := r.anchors[name]; twice {
			r.wrongAt(placeOf(anchor.GetToken()), "two anchors have the name %q; rename one", name)
		}
		r.anchors[name] = anchor
	}
	return r.found == before
}
