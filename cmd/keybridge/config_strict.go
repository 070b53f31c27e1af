package main

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// fill reads the whole file.
func (r *reading) fill(c *config, root ast.Node) {
	v := reflect.ValueOf(c).Elem()
	at := place{line: 1, column: 1}
	if root == nil {
		r.absent(v, at)
		r.wrongAt(at, "the file is empty; start from the example in the README")
		return
	}
	node, ok := r.resolve(root, at)
	if !ok {
		r.lost(v, at)
		return
	}
	r.section(node, v, at)
}

// resolve follows aliases and takes anchors off. It returns false, having
// reported, where that leads nowhere.
func (r *reading) resolve(n ast.Node, at place) (ast.Node, bool) {
	for range maxNesting {
		r.read++
		if r.read > maxValues {
			if r.read == maxValues+1 {
				r.wrongAt(at, "the aliases of the file come to more than %d values; write fewer", maxValues)
			}
			return nil, false
		}
		switch node := n.(type) {
		case *ast.AnchorNode:
			n = node.Value
		case *ast.AliasNode:
			name := node.Value.GetToken().Value
			anchor, ok := r.anchors[name]
			if !ok || anchor.GetToken().Position.Offset > node.GetToken().Position.Offset {
				r.wrongAt(at, "no anchor &%s stands before this alias", name)
				return nil, false
			}
			n = anchor.Value
		case *ast.TagNode:
			r.wrongAt(at, "tags (%s) are not used here; write the value alone", node.GetToken().Value)
			return nil, false
		case nil:
			return nil, false
		default:
			return n, true
		}
	}
	r.wrongAt(at, "the alias leads to itself; write the value out")
	return nil, false
}

// value reads a node into a field. at is where it stands in the file itself, also
// when what is read stands at an anchor.
func (r *reading) value(n ast.Node, v reflect.Value, k configKey, at place) {
	here := r.note(v, at)
	before := r.found
	defer func() { here.bad = here.bad || r.found > before }()
	node, ok := r.resolve(n, at)
	if !ok {
		here.bad = true
		return
	}
	switch {
	case node.Type() == ast.NullType:
		r.wrong(v.Addr().Interface(), "it has no value; %s", k.orRemove())
	case single(v.Type()):
		r.scalar(node, v, k, at)
	case v.Kind() == reflect.Slice:
		r.list(node, v, k, at)
	case v.Kind() == reflect.Map:
		r.table(node, v, k, at)
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		r.section(node, v.Elem(), at)
	default:
		r.section(node, v, at)
	}
}

// list reads a list.
func (r *reading) list(node ast.Node, v reflect.Value, k configKey, at place) {
	seq, ok := node.(*ast.SequenceNode)
	switch {
	case !ok:
		r.wrong(v.Addr().Interface(), "this is %s, and it takes a list: [one, two], or a line for each that begins with a hyphen", describe(node))
		return
	case len(seq.Values) == 0 && !k.empty:
		r.wrong(v.Addr().Interface(), "the list is empty; it takes at least one")
		return
	}
	// Allocated once: the addresses of its elements are what places are noted by.
	v.Set(reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values)))
	for i, n := range seq.Values {
		item := nodePlace(n)
		item.path = fmt.Sprintf("%s[%d]", at.path, i)
		r.value(n, v.Index(i), k.ofItem(), item)
	}
}

// entryOf is one value of a map, which has no address: the map's and the key.
type entryOf struct {
	table any
	key   string
}

// table reads a mapping whose keys are the choices of the field.
func (r *reading) table(node ast.Node, v reflect.Value, k configKey, at place) {
	var keys []configKey
	for _, name := range k.oneof {
		keys = append(keys, configKey{name: name, kind: v.Type().Elem()})
	}
	given, _ := r.entries(node, keys, at)
	v.Set(reflect.MakeMap(v.Type()))
	for _, key := range keys {
		e, ok := given[key.name]
		if !ok {
			continue
		}
		item := reflect.New(key.kind).Elem()
		r.value(e.node, item, key, e.place())
		r.places[entryOf{v.Addr().Interface(), key.name}] = r.place(item.Addr().Interface())
		v.SetMapIndex(reflect.ValueOf(key.name).Convert(v.Type().Key()), item)
	}
}

// section reads a mapping into a struct: every key once, no unknown one, none
// missing that is required.
func (r *reading) section(node ast.Node, v reflect.Value, at place) {
	keys := configKeys(v.Type())
	given, ok := r.entries(node, keys, at)
	if !ok {
		r.lost(v, at)
		return
	}
	for _, k := range keys {
		r.field(v.FieldByIndex(k.index), k, given, at)
	}
}

// entries returns what a mapping gives for each of the keys, by the name that is
// written. It returns false, having reported, for what is no mapping.
func (r *reading) entries(node ast.Node, keys []configKey, at place) (map[string]entry, bool) {
	m, ok := node.(*ast.MappingNode)
	if !ok {
		r.wrongAt(at, "this is %s, and it takes a section: keys with their values, each on a line of its own", describe(node))
		return nil, false
	}
	seen := map[string]place{}
	given := map[string]entry{}
	for _, pair := range m.Values {
		name, ok := r.keyName(pair, at)
		if !ok {
			continue
		}
		here := nodePlace(pair.Key)
		here.path = join(at.path, name)
		if first, twice := seen[name]; twice {
			r.wrongAt(here, "the key is written twice, first on line %d; remove one", first.line)
			continue
		}
		seen[name] = here
		if !slices.ContainsFunc(keys, func(k configKey) bool { return k.takes(name) }) {
			r.wrongAt(here, "%s", unknownKey(name, keys))
			continue
		}
		given[name] = entry{node: pair.Value, key: here}
	}
	return given, true
}

// entry is one key of a section with its value.
type entry struct {
	node ast.Node
	key  place
}

// place is where the entry's value stands; the key, where there is no value.
func (e entry) place() place {
	at := e.key
	if e.node != nil && e.node.Type() != ast.NullType {
		at = nodePlace(e.node)
		at.path = e.key.path
	}
	return at
}

// keyName returns the text of a key, or reports why it has none.
func (r *reading) keyName(pair *ast.MappingValueNode, at place) (string, bool) {
	here := nodePlace(pair.Key)
	here.path = at.path
	switch key := pair.Key.(type) {
	case *ast.StringNode:
		return key.Value, true
	case *ast.MergeKeyNode:
		r.wrongAt(here, "merge keys (<<) are not used here; write the keys out, or give a whole section an alias")
	case *ast.MappingKeyNode:
		r.wrongAt(here, "keys with ? are not used here; write key: value")
	case *ast.IntegerNode, *ast.BoolNode, *ast.FloatNode:
		return key.GetToken().Value, true
	default:
		r.wrongAt(here, "this cannot be a key; write key: value")
	}
	return "", false
}

// field reads one field of a section, or what its absence means.
func (r *reading) field(v reflect.Value, k configKey, given map[string]entry, parent place) {
	if k.secret {
		r.secrets(v, k, given, parent)
		return
	}
	if e, ok := given[k.name]; ok {
		r.value(e.node, v, k, e.place())
		return
	}
	r.missing(v, k, parent)
}

// missing notes that the file does not give a field: an error, a default, or
// nothing.
func (r *reading) missing(v reflect.Value, k configKey, parent place) {
	at := parent
	at.path, at.absent = join(parent.path, k.name), true
	here := r.note(v, at)
	switch {
	case k.required:
		here.bad = true
		r.wrongAt(parent, "%s is missing: %s", k.asWritten(), k.inBrief())
	case k.fallback != "":
		k.setDefault(v)
	case v.Kind() == reflect.Struct && !single(v.Type()):
		r.absent(v, at)
	}
}

// absent fills a section that is not there.
func (r *reading) absent(v reflect.Value, at place) {
	for _, k := range configKeys(v.Type()) {
		k.required = false
		r.field(v.FieldByIndex(k.index), k, nil, at)
	}
}

// lost fills a section that stands there and cannot be read. That was reported, so
// nothing is said of what it might have held.
func (r *reading) lost(v reflect.Value, at place) {
	at.bad = true
	r.absent(v, at)
}

// scalar reads a single value.
func (r *reading) scalar(node ast.Node, v reflect.Value, k configKey, at place) {
	if v.Type() == stepType {
		r.step(node, v, at)
		return
	}
	text, problem := scalarText(node, v.Kind())
	if problem == "" {
		problem = k.set(v, text)
	}
	if problem != "" {
		r.wrong(v.Addr().Interface(), "%s", problem)
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
