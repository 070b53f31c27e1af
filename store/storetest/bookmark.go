package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"keybridge/bridge"
)

func (b *bench) bookmark(name string) []byte {
	b.Helper()
	value, err := b.store.Bookmark(b.ctx, name)
	if err != nil {
		b.Fatalf("bookmark %q: %v", name, err)
	}
	return value
}

func (b *bench) setBookmark(name string, value []byte) {
	b.Helper()
	if err := b.store.SetBookmark(b.ctx, name, value); err != nil {
		b.Fatalf("set bookmark %q: %v", name, err)
	}
}

var bookmarkTests = []test{
	{"a bookmark is what was set last, byte for byte, and nil before", func(b *bench) {
		if got := b.bookmark("crm"); got != nil {
			b.Fatalf("%q", got)
		}
		for _, value := range [][]byte{[]byte("1"), {0, 0xff, '\n'}, []byte(`{"place":7}`), bytes.Repeat([]byte{7}, 64<<10), {0}} {
			b.setBookmark("crm", value)
			b.same("bookmark", b.bookmark("crm"), value)
		}
	}},
	{"each name has its own", func(b *bench) {
		names := []string{"a", "A", "a ", "a/b", "a\x00", "é", strings.Repeat("x", 100)}
		for i, name := range names {
			b.setBookmark(name, []byte(fmt.Sprint(i)))
		}
		for i, name := range names {
			b.same(name, string(b.bookmark(name)), fmt.Sprint(i))
		}
	}},
	{"an empty value removes it, and that may be repeated", func(b *bench) {
		for _, empty := range [][]byte{nil, {}} {
			b.setBookmark("a", []byte("1"))
			b.setBookmark("b", []byte("2"))
			for range 2 {
				b.setBookmark("a", empty)
				if got := b.bookmark("a"); got != nil {
					b.Fatalf("%q", got)
				}
			}
			b.same("another", string(b.bookmark("b")), "2")
		}
	}},
	{"what cannot be a bookmark is refused", func(b *bench) {
		for _, name := range []string{"", strings.Repeat("x", 101), "\xff"} {
			b.wantKind(b.store.SetBookmark(b.ctx, name, []byte("1")), bridge.Invalid)
			_, err := b.store.Bookmark(b.ctx, name)
			b.wantKind(err, bridge.Invalid)
		}
		b.setBookmark("a", []byte("1"))
		b.wantKind(b.store.SetBookmark(b.ctx, "a", make([]byte, 64<<10+1)), bridge.Invalid)
		b.same("kept", string(b.bookmark("a")), "1")
	}},
	{"what is set and returned is the caller's own", func(b *bench) {
		value := []byte("1")
		b.setBookmark("a", value)
		value[0] = '2'
		got := b.bookmark("a")
		got[0] = '3'
		b.same("bookmark", string(b.bookmark("a")), "1")
	}},
	{"a context that is over sets nothing", func(b *bench) {
		ctx := over()
		if err := b.store.SetBookmark(ctx, "a", []byte("1")); !errors.Is(err, ctx.Err()) {
			b.Fatalf("error %v", err)
		}
		if _, err := b.store.Bookmark(ctx, "a"); !errors.Is(err, ctx.Err()) {
			b.Fatalf("error %v", err)
		}
		if got := b.bookmark("a"); got != nil {
			b.Fatalf("%q", got)
		}
	}},
}
