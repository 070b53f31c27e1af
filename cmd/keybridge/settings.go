package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/mail"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"keybridge/bridge"
)

// At each start the house notes what differs in the configuration from the last start: an
// entry for each setting, with what it was and is. Secrets are compared by keyed digests,
// and so is what may be somebody's address or has a path that may be a secret; history is
// for good. What a file named in the configuration holds is not looked at, unless it is a
// secret.

// paperSettings is the kind of the papers that keep the configuration of the last start:
// one a section, so that none becomes too large.
const paperSettings = "settings"

// settingsTime is how long noting them may take.
const settingsTime = 30 * time.Second

// settings are the settings of a section: what each is, by its path.
type settings map[string]string

// noteSettings notes what differs from the last start. digest makes a text comparable and
// not readable. What cannot be noted is in the log, and keeps nothing from starting.
func noteSettings(cfg *config, store bridge.Store, digest func(string) string, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), settingsTime)
	defer cancel()
	if err := keepSettings(ctx, store, settingsOf(cfg, digest)); err != nil {
		log.Error("what was changed in the configuration cannot be noted", "error", err)
	}
}

// keepSettings compares the sections with those of the last start, has the house say what
// differs, and keeps them. One that was broken off says it again.
func keepSettings(ctx context.Context, store bridge.Store, now map[string]settings) error {
	was, err := keptSettings(ctx, store)
	if err != nil {
		return err
	}
	if len(was) == 0 {
		n := 0
		for _, s := range now {
			n += len(s)
		}
		e := bridge.Entry{Actor: bridge.Actor{Kind: bridge.ByClock}, What: bridge.WhatSettings, After: fmt.Sprintf("%d settings", n), Why: "the first start with this store"}
		if err := store.Record(ctx, e); err != nil {
			return err
		}
	}
	for _, section := range slices.Sorted(maps.Keys(union(was, now))) {
		if maps.Equal(was[section], now[section]) {
			continue
		}
		if len(was) > 0 {
			if err := sayChanges(ctx, store, was[section], now[section]); err != nil {
				return err
			}
		}
		if err := keepSection(ctx, store, section, now[section]); err != nil {
			return err
		}
	}
	return nil
}

// sayChanges adds an entry of the house for each setting that differs.
func sayChanges(ctx context.Context, store bridge.Store, was, is settings) error {
	for _, path := range slices.Sorted(maps.Keys(union(was, is))) {
		before, had := was[path]
		after, has := is[path]
		if had == has && before == after {
			continue
		}
		e := bridge.Entry{Actor: bridge.Actor{Kind: bridge.ByClock}, What: bridge.WhatSettings, Before: before, After: after, Why: path}
		if err := store.Record(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

func keepSection(ctx context.Context, store bridge.Store, section string, s settings) error {
	var text []byte
	if s != nil {
		var err error
		if text, err = json.Marshal(s); err != nil {
			return err
		}
	}
	return store.SetPaper(ctx, paperSettings, section, func([]byte) ([]byte, error) { return text, nil })
}

func keptSettings(ctx context.Context, store bridge.Store) (map[string]settings, error) {
	out := map[string]settings{}
	for after := ""; ; {
		page, err := store.Papers(ctx, paperSettings, after, 1000)
		if err != nil {
			return nil, err
		}
		for _, p := range page {
			var s settings
			if err := json.Unmarshal(p.Value, &s); err != nil {
				return nil, fmt.Errorf("the settings of the last start: %w", err)
			}
			out[p.Name], after = s, p.Name
		}
		if len(page) < 1000 {
			return out, nil
		}
	}
}

func union[V any](a, b map[string]V) map[string]V {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]V{}
	}
	maps.Copy(all, b)
	return all
}

// settingsOf are all settings, defaults too, by section. A section is a key of the file, or
// an item of a list of it.
func settingsOf(cfg *config, digest func(string) string) map[string]settings {
	r := settingsReader{digest: digest, out: map[string]settings{}}
	v := reflect.ValueOf(cfg).Elem()
	for _, k := range configKeys(v.Type()) {
		r.section = k.name
		r.value(v.FieldByIndex(k.index), k.name, true)
	}
	return r.out
}

// settingsReader walks over the configuration as the reference does.
type settingsReader struct {
	digest  func(string) string
	out     map[string]settings
	section string
}

func (r *settingsReader) value(v reflect.Value, path string, top bool) {
	switch {
	case v.Type() == secretType:
		if text := v.Interface().(secret).Reveal(); text != "" { //nolint:forcetypeassert // it is no other
			r.set(path, "a secret, "+r.digest(text))
		}
	case single(v.Type()):
		r.set(path, r.text(v))
	case v.Kind() == reflect.Pointer:
		if !v.IsNil() {
			r.value(v.Elem(), path, top)
		}
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			item := path + "[" + itemName(v.Index(i), i) + "]"
			if top {
				r.section = item
			}
			r.value(v.Index(i), item, false)
		}
	case v.Kind() == reflect.Map:
		for _, k := range v.MapKeys() {
			r.value(v.MapIndex(k), path+"."+k.String(), false)
		}
	default:
		for _, k := range configKeys(v.Type()) {
			r.value(v.FieldByIndex(k.index), join(path, k.name), false)
		}
	}
}

func (r *settingsReader) set(path, text string) {
	if r.out[r.section] == nil {
		r.out[r.section] = settings{}
	}
	r.out[r.section][path] = text
}

// itemName is what an item of a list is called by: its name, or its number.
func itemName(v reflect.Value, i int) string {
	if v.Kind() == reflect.Struct {
		if name := v.FieldByName("Name"); name.IsValid() && name.Kind() == reflect.String && name.String() != "" {
			return name.String()
		}
	}
	return fmt.Sprint(i)
}

// longestSetting is how much of a value is shown, in bytes.
const longestSetting = 200

// text is a value as it may stay in history.
func (r *settingsReader) text(v reflect.Value) string {
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return ""
	}
	switch value := v.Interface().(type) {
	case *url.URL:
		return r.address(value)
	case *mail.Address:
		return "an e-mail address, " + r.digest(value.String())
	}
	text := strings.ToValidUTF8(fmt.Sprint(v.Interface()), "\uFFFD")
	switch u, notWeb := parseAddress(text); {
	case strings.Contains(text, "@"):
		return "an e-mail address, " + r.digest(text)
	case notWeb == "":
		return r.address(u)
	case len(text) > longestSetting:
		return strings.ToValidUTF8(text[:longestSetting], "") + "…, " + r.digest(text)
	}
	return text
}

// address is an address without what may be a secret in it.
func (r *settingsReader) address(u *url.URL) string {
	text := u.Scheme + "://" + u.Host
	if u.User == nil && strings.Trim(u.Path, "/") == "" && u.RawQuery == "" && u.Fragment == "" {
		return text
	}
	return text + "/…, " + r.digest(u.String())
}
