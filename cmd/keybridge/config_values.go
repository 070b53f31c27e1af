package main

import (
	"encoding"
	"fmt"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

var textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()

// set gives a field the value that a text stands for, and returns what is wrong
// with the text, empty when nothing is.
func (k configKey) set(v reflect.Value, text string) (problem string) {
	if len(k.oneof) > 0 && !slices.Contains(k.oneof, text) {
		return k.notOneOf(text)
	}
	switch {
	case v.Type() == durationType:
		return k.setDuration(v, text)
	case v.Type() == urlType:
		u, problem := parseAddress(text)
		v.Set(reflect.ValueOf(u))
		return problem
	case v.Type() == reflect.TypeFor[netip.Prefix]():
		p, problem := parseNetwork(text)
		v.Set(reflect.ValueOf(p))
		return problem
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(text)); err != nil {
			return "this is not a value for it"
		}
		return ""
	}
	switch v.Kind() {
	case reflect.Bool:
		return setBool(v, text)
	case reflect.Int:
		return k.setInt(v, text)
	default:
		v.SetString(text)
	}
	return ""
}

func (k configKey) notOneOf(text string) string {
	if near := nearest(text, k.oneof); near != "" {
		return fmt.Sprintf("did you mean %s? It can be %s", near, inWords(k.oneof))
	}
	return "it can be " + inWords(k.oneof)
}

func setBool(v reflect.Value, text string) string {
	if text != "true" && text != "false" {
		return "it can be true or false, without quotes"
	}
	v.SetBool(text == "true")
	return ""
}

var wholeNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,8})$`)

func (k configKey) setInt(v reflect.Value, text string) string {
	if !wholeNumber.MatchString(text) {
		return "it takes a whole number, " + k.bounds()
	}
	n, _ := strconv.Atoi(text) // the pattern leaves nothing to fail
	least, _ := strconv.Atoi(k.min)
	most, _ := strconv.Atoi(k.max)
	if n < least || n > most {
		return "it is out of bounds: it takes a whole number, " + k.bounds()
	}
	v.SetInt(int64(n))
	return ""
}

func (k configKey) setDuration(v reflect.Value, text string) string {
	d, ok := parseSpan(text)
	if !ok {
		return "it takes a time with its unit, as 90s, 15m, 36h or 7d, " + k.bounds()
	}
	least, _ := parseSpan(k.min)
	most, _ := parseSpan(k.max)
	if d < least || d > most {
		return "it is out of bounds: it takes a time " + k.bounds()
	}
	v.SetInt(int64(d))
	return ""
}

// bounds says what the key's least and greatest value are.
func (k configKey) bounds() string { return "from " + k.min + " to " + k.max }

// spanPattern bounds the days so that they fit a time.Duration.
var spanPattern = regexp.MustCompile(`^(?:([0-9]{1,5})d)?(.*)$`)

// parseSpan parses a length of time: Go's syntax, with days of 24 hours in front
// (7d, 1d12h).
func parseSpan(text string) (time.Duration, bool) {
	m := spanPattern.FindStringSubmatch(text)
	if text == "" || m == nil {
		return 0, false
	}
	if m[1] == "" {
		d, err := time.ParseDuration(text)
		return d, err == nil
	}
	n, _ := strconv.Atoi(m[1]) // at most five digits
	days := time.Duration(n) * 24 * time.Hour
	if m[2] == "" {
		return days, true
	}
	rest, err := time.ParseDuration(m[2])
	return days + rest, err == nil && rest >= 0 && days+rest >= days
}

// scalarText returns the literal text of a single value: a number never goes
// through a float.
func scalarText(node ast.Node, kind reflect.Kind) (text, problem string) {
	switch n := node.(type) {
	case *ast.StringNode:
		text = n.Value
	case *ast.LiteralNode:
		text = strings.TrimSuffix(n.Value.Value, "\n")
	case *ast.IntegerNode, *ast.FloatNode:
		text = n.GetToken().Value
	case *ast.BoolNode:
		if kind != reflect.Bool {
			return "", "this is true or false, and it takes something else; put text in quotes"
		}
		text = n.GetToken().Value
	case *ast.InfinityNode, *ast.NanNode:
		return "", "this is no number that can be used; write digits"
	default:
		return "", fmt.Sprintf("this is %s, and it takes a single value", describe(node))
	}
	switch {
	case text == "":
		return "", "the value is empty; give one, or remove the key"
	case strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f }):
		return "", "the value has several lines or control characters; write it in one line"
	case len(text) > 2000:
		return "", "the value has more than 2000 bytes"
	}
	return text, ""
}

// describe says what sort of value a node is.
func describe(n ast.Node) string {
	switch n.Type() {
	case ast.MappingType, ast.MappingValueType:
		return "a section"
	case ast.SequenceType:
		return "a list"
	case ast.IntegerType, ast.FloatType:
		return "a number"
	case ast.BoolType:
		return "true or false"
	case ast.StringType, ast.LiteralType:
		return "text"
	case ast.NullType:
		return "nothing"
	}
	return "something else"
}
