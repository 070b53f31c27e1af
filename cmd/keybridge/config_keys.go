package main

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"keybridge/bridge"
)

// configKey is one key of a section, as the tags of its field describe it.
type configKey struct {
	name  string
	index []int
	kind  reflect.Type
	owner reflect.Type
	field string
	// secret: the key has two forms, name_env and name_file.
	secret   bool
	required bool
	// fallback is the default as it would stand in the file.
	fallback string
	min, max string
	// off: a length of time or a size may be off. empty: a list may be empty.
	off, empty bool
	// oneof are the choices: for a map, those of its keys.
	oneof []string
}

var (
	secretType   = reflect.TypeFor[secret]()
	secretsType  = reflect.TypeFor[[]secret]()
	stepType     = reflect.TypeFor[bridge.StepKind]()
	messageType  = reflect.TypeFor[bridge.MessageKind]()
	durationType = reflect.TypeFor[time.Duration]()
	sizeType     = reflect.TypeFor[byteSize]()
)

// configKeys lists the keys of a section, in the order of its fields. Fields
// without a yaml tag are not the file's.
func configKeys(section reflect.Type) []configKey {
	var keys []configKey
	for f := range section.Fields() {
		name := f.Tag.Get("yaml")
		if name == "" || name == "-" {
			continue
		}
		keys = append(keys, configKey{
			name: name, index: f.Index, kind: f.Type, owner: section, field: f.Name,
			secret:   f.Type == secretType || f.Type == secretsType,
			required: f.Tag.Get("required") == "yes",
			fallback: f.Tag.Get("default"),
			min:      f.Tag.Get("min"),
			max:      f.Tag.Get("max"),
			off:      f.Tag.Get("off") == "yes",
			empty:    f.Tag.Get("empty") == "yes",
			oneof:    choices(f),
		})
	}
	return keys
}

// choices are what a field can be: what its tag lists, the kinds of messages where it
// is about them, or the types of events.
func choices(f reflect.StructField) []string {
	t, listed := f.Type, f.Tag.Get("oneof")
	switch t.Kind() {
	case reflect.Slice:
		t = t.Elem()
	case reflect.Map:
		t = t.Key()
	}
	switch {
	case t == messageType:
		var kinds []string
		for _, kind := range bridge.MessageKinds {
			kinds = append(kinds, string(kind))
		}
		return kinds
	case listed == "events":
		return eventTypes()
	}
	return strings.Fields(listed)
}

// single reports whether a type is written as a single value.
func single(t reflect.Type) bool {
	if _, ok := shapes[t]; ok {
		return true
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Map, reflect.Struct, reflect.Pointer:
		return false
	}
	return true
}

// forms lists how the key can be written.
func (k configKey) forms() []string {
	if k.secret {
		return []string{k.name + "_env", k.name + "_file"}
	}
	return []string{k.name}
}

// takes reports whether a name in the file is this key.
func (k configKey) takes(name string) bool { return slices.Contains(k.forms(), name) }

// asWritten is the key for a message.
func (k configKey) asWritten() string { return strings.Join(k.forms(), " or ") }

// orRemove says what to do about a key without a value.
func (k configKey) orRemove() string {
	if k.kind.Kind() == reflect.Pointer && !single(k.kind) {
		return "write {} for a section with nothing but defaults, or remove the key"
	}
	return "give one, or remove the key"
}

// ofItem is the key for the items of a list: its bounds hold, its default does not.
func (k configKey) ofItem() configKey {
	k.fallback, k.required = "", false
	k.kind = k.kind.Elem()
	return k
}

// inBrief is the first sentence of what the key means.
func (k configKey) inBrief() string {
	meaning := configMeaning(k.owner, k.field)
	brief, _, _ := strings.Cut(meaning, ". ")
	return lowerFirst(strings.TrimSuffix(brief, "."))
}

// setDefault gives a field the value of its default, which TestDefaults holds to
// be a good one.
func (k configKey) setDefault(v reflect.Value) {
	if v.Kind() != reflect.Slice {
		_ = k.set(v, k.fallback)
		return
	}
	for _, text := range strings.Fields(k.fallback) {
		item := reflect.New(v.Type().Elem()).Elem()
		_ = k.set(item, text)
		v.Set(reflect.Append(v, item))
	}
}

// unknownKey says what to do about a key that a section does not have.
func unknownKey(name string, keys []configKey) string {
	var known []string
	for _, k := range keys {
		if k.secret && name == k.name {
			return fmt.Sprintf("secrets are never written into this file; use %s", k.asWritten())
		}
		known = append(known, k.forms()...)
	}
	if near := nearest(name, known); near != "" {
		return fmt.Sprintf("there is no such key here; did you mean %s?", near)
	}
	return "there is no such key here; it can be " + inWords(known)
}

// nearest returns the name that was probably meant, empty when none is near.
func nearest(name string, known []string) string {
	best, least := "", max(1, min(len(name), 9)/3)+1
	for _, k := range known {
		if d := distance(strings.ToLower(name), k); d < least {
			best, least = k, d
		}
	}
	if best != "" || len(name) < 4 {
		return best
	}
	for _, k := range known {
		if strings.HasPrefix(k, name+"_") || strings.HasSuffix(k, "_"+name) {
			return k
		}
	}
	return ""
}

// distance is how many letters have to be put in, taken out, changed or swapped
// with their neighbour to make b of a.
func distance(a, b string) int {
	if len(a) > 2*len(b)+4 {
		return len(a)
	}
	var before, last []int
	for i := range len(a) + 1 {
		row := make([]int, len(b)+1)
		for j := range row {
			switch {
			case i == 0 || j == 0:
				row[j] = i + j
				continue
			case a[i-1] == b[j-1]:
				row[j] = last[j-1]
				continue
			}
			row[j] = 1 + min(last[j-1], last[j], row[j-1])
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], 1+before[j-2])
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

// inWords joins names: "a, b or c".
func inWords(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

func lowerFirst(s string) string {
	if len(s) < 2 || s[1] >= 'A' && s[1] <= 'Z' {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
