package main

import (
	"fmt"
	"log/slog"
	"net/mail"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // an image of the program alone has no time zones

	"github.com/goccy/go-yaml/ast"
)

// shape is how single values of a type are written.
type shape struct {
	// takes says what they are, for the reference.
	takes string
	// set gives a field the value that a text stands for.
	set func(v reflect.Value, text string) (problem string)
}

// shapes are the types that are more than a text, a number, a length of time, or true
// or false.
var shapes = map[reflect.Type]shape{
	reflect.TypeFor[*url.URL]():       shaped("address", parseAddress),
	reflect.TypeFor[netip.Prefix]():   shaped("address or network", parseNetwork),
	reflect.TypeFor[*mail.Address]():  shaped("e-mail address", parseMailbox),
	reflect.TypeFor[*time.Location](): shaped("time zone", parseZone),
	reflect.TypeFor[timeOfDay]():      shaped("time of day", parseTimeOfDay),
	reflect.TypeFor[daily]():          shaped("time of day, or off", parseDaily),
	reflect.TypeFor[slog.Level]():     shaped("level", parseLevel),
}

func shaped[T any](takes string, parse func(string) (T, string)) shape {
	return shape{takes, func(v reflect.Value, text string) string {
		value, problem := parse(text)
		v.Set(reflect.ValueOf(value))
		return problem
	}}
}

// set gives a field the value that a text stands for, and returns what is wrong
// with the text, empty when nothing is.
func (k configKey) set(v reflect.Value, text string) (problem string) {
	if len(k.oneof) > 0 && !slices.Contains(k.oneof, text) {
		return k.notOneOf(text)
	}
	if s, ok := shapes[v.Type()]; ok {
		return s.set(v, text)
	}
	switch {
	case v.Type() == durationType:
		return k.setDuration(v, text)
	case v.Type() == sizeType:
		return k.setSize(v, text)
	case v.Kind() == reflect.Bool:
		return setBool(v, text)
	case v.Kind() == reflect.Int:
		return k.setInt(v, text)
	}
	v.SetString(text)
	return ""
}

// fewChoices is how many can be read at a glance.
const fewChoices = 12

// notOneOf says what a key takes. Of many choices the README has all.
func (k configKey) notOneOf(text string) string {
	near, few := nearest(text, k.oneof), len(k.oneof) <= fewChoices
	switch {
	case near != "" && few:
		return fmt.Sprintf("did you mean %s? It can be %s", near, inWords(k.oneof))
	case near != "":
		return fmt.Sprintf("did you mean %s?", near)
	case few:
		return "it can be " + inWords(k.oneof)
	}
	some := k.oneof[:4]
	return fmt.Sprintf("it can be %s or one of %d others, which the README lists", strings.Join(some, ", "), len(k.oneof)-len(some))
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
	if k.off && text == "off" {
		v.SetInt(-1)
		return ""
	}
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
func (k configKey) bounds() string {
	bounds := "from " + k.min + " to " + k.max
	if k.off {
		bounds += ", or off"
	}
	return bounds
}

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

func parseLevel(text string) (slog.Level, string) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(text)); err != nil {
		return level, "this is no level of a log"
	}
	return level, ""
}

// timeOfDay is a time on the clock.
type timeOfDay struct{ Hour, Minute int }

// since is how long after midnight it is.
func (t timeOfDay) since() time.Duration {
	return time.Duration(t.Hour)*time.Hour + time.Duration(t.Minute)*time.Minute
}

// String writes it as the file has it.
func (t timeOfDay) String() string { return fmt.Sprintf("%02d:%02d", t.Hour, t.Minute) }

func parseTimeOfDay(text string) (timeOfDay, string) {
	t, err := time.Parse("15:04", text)
	if err != nil {
		return timeOfDay{}, "it takes a time of day, as 08:00 or 17:30"
	}
	return timeOfDay{t.Hour(), t.Minute()}, ""
}

// daily is a time of every day, or never.
type daily struct {
	timeOfDay
	Off bool
}

func parseDaily(text string) (daily, string) {
	if text == "off" {
		return daily{Off: true}, ""
	}
	at, problem := parseTimeOfDay(text)
	if problem != "" {
		problem += ", or off"
	}
	return daily{timeOfDay: at}, problem
}

// String writes it as the file has it.
func (d daily) String() string {
	if d.Off {
		return "off"
	}
	return d.timeOfDay.String()
}

// parseZone finds a time zone. The machine's own is none: two machines would not agree
// on it.
func parseZone(text string) (*time.Location, string) {
	zone, err := time.LoadLocation(text)
	if err != nil || text == "Local" {
		return nil, "it takes the name of a time zone, as Europe/Berlin, or UTC"
	}
	return zone, ""
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
