package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"keybridge/bridge"
)

func (b *bench) paper(kind, name string) []byte {
	b.Helper()
	value, err := b.store.Paper(b.ctx, kind, name)
	if err != nil {
		b.Fatalf("paper %s %q: %v", kind, name, err)
	}
	return value
}

func (b *bench) setPaper(kind, name string, value []byte) {
	b.Helper()
	if err := b.store.SetPaper(b.ctx, kind, name, becomes(value)); err != nil {
		b.Fatalf("set paper %s %q: %v", kind, name, err)
	}
}

// becomes is a change to a value, whatever was there.
func becomes(value []byte) func([]byte) ([]byte, error) {
	return func([]byte) ([]byte, error) { return value, nil }
}

// names are those of all papers of a kind, read in pages.
func (b *bench) names(kind string, limit int) []string {
	b.Helper()
	var names []string
	for after := ""; ; {
		page, err := b.store.Papers(b.ctx, kind, after, limit)
		if err != nil {
			b.Fatalf("papers %q: %v", kind, err)
		}
		for _, p := range page {
			if p.Kind != kind || string(p.Value) != kind+"/"+p.Name {
				b.Fatalf("paper %q of %q is %q", p.Name, p.Kind, p.Value)
			}
			names = append(names, p.Name)
			after = p.Name
		}
		if len(page) == 0 {
			return names
		}
	}
}

var paperTests = []test{
	{"a paper is what was set last, byte for byte, and nil before and after", func(b *bench) {
		for _, value := range [][]byte{nil, []byte("1"), {0, 0xff, '\n'}, {}, bytes.Repeat([]byte{7}, 64<<10), nil, nil} {
			b.setPaper("user", "olga", value)
			if got := b.paper("user", "olga"); !bytes.Equal(got, value) || (got == nil) != (value == nil) {
				b.Fatalf("%q, want %q", got, value)
			}
		}
	}},
	{"a change sees what is so, and what it returns is kept", func(b *bench) {
		for n := range 5 {
			err := b.store.SetPaper(b.ctx, "count", "x", func(old []byte) ([]byte, error) {
				if n == 0 && old != nil || n > 0 && string(old) != strconv.Itoa(n-1) {
					b.Errorf("%q at %d", old, n)
				}
				return []byte(strconv.Itoa(n)), nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	}},
	{"changes at once all count", func(b *bench) {
		const each = 20
		together(8, func(int) {
			for range each {
				if err := b.store.SetPaper(b.ctx, "count", "x", func(old []byte) ([]byte, error) {
					n, _ := strconv.Atoi(string(old))
					return []byte(strconv.Itoa(n + 1)), nil
				}); err != nil {
					b.Error(err)
				}
			}
		})
		b.same("count", string(b.paper("count", "x")), strconv.Itoa(8*each))
	}},
	{"a change sees another paper as it is in its commit", func(b *bench) {
		const each = 20
		together(2, func(i int) { // each goes on while the other does
			mine, theirs := []string{"ada", "bob"}[i], []string{"bob", "ada"}[i]
			for range each {
				err := b.store.SetPaperBeside(b.ctx, "user", mine, theirs, func(_, beside []byte) ([]byte, error) {
					if string(beside) == "out" {
						return []byte("in"), nil
					}
					return []byte("out"), nil
				})
				if err != nil {
					b.Error(err)
				}
			}
		})
		if a, o := b.paper("user", "ada"), b.paper("user", "bob"); string(a) == string(o) {
			b.Fatalf("both are %q", a)
		}
	}},
	{"what is beside is nil where there is none, and stays as it is", func(b *bench) {
		b.setPaper("user", "olga", []byte("1"))
		set := func(name, beside, want string) {
			err := b.store.SetPaperBeside(b.ctx, "user", name, beside, func(_, other []byte) ([]byte, error) {
				if (other == nil) != (want == "") || string(other) != want {
					b.Errorf("beside %s is %q, want %q", name, other, want)
				}
				if len(other) > 0 {
					other[0] = '9'
				}
				return []byte("2"), nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
		set("pia", "nobody", "")
		set("pia", "olga", "1")
		b.same("beside", string(b.paper("user", "olga")), "1")
		set("olga", "olga", "1")
		b.same("itself", string(b.paper("user", "olga")), "2")
		b.wantKind(b.store.SetPaperBeside(b.ctx, "user", "olga", "", func(_, _ []byte) ([]byte, error) { return nil, nil }), bridge.Invalid)
	}},
	{"an error of a change is the caller's own, and nothing is kept", func(b *bench) {
		b.setPaper("user", "olga", []byte("1"))
		err := b.store.SetPaper(b.ctx, "user", "olga", func(old []byte) ([]byte, error) {
			old[0] = '3'
			return []byte("2"), errMine
		})
		if !errors.Is(err, errMine) {
			b.Fatal(err)
		}
		b.same("paper", string(b.paper("user", "olga")), "1")
	}},
	{"a change that panics is an error of its own caller", func(b *bench) {
		b.setPaper("user", "olga", []byte("1"))
		together(8, func(i int) {
			err := b.store.SetPaper(b.ctx, "user", fmt.Sprint(i), func([]byte) ([]byte, error) {
				if i == 3 {
					panic("no")
				}
				return []byte("x"), nil
			})
			if (i == 3) != (bridge.KindOf(err) == bridge.Internal) {
				b.Errorf("change %d: %v", i, err)
			}
		})
		if got := b.paper("user", "3"); got != nil {
			b.Fatalf("%q", got)
		}
		b.same("another", string(b.paper("user", "4")), "x")
	}},
	{"papers of a kind come by name, after a name, and no other kind's", func(b *bench) {
		names := []string{"A", "a", "a\x00", "a\x00\x01b", "a/b", "ab", "b", strings.Repeat("x", 200), "é"}
		kinds := []string{"use", "user", "user\x00", "users", strings.Repeat("k", 50)}
		for i := range names { // not in their order
			for _, kind := range kinds {
				name := names[(i*4+3)%len(names)]
				b.setPaper(kind, name, []byte(kind+"/"+name))
			}
		}
		for _, kind := range kinds {
			for _, limit := range []int{0, 1, 2, 1000} {
				b.same(kind, b.names(kind, limit), names)
			}
		}
		b.setPaper("user", "ab", nil)
		page, err := b.store.Papers(b.ctx, "user", "a/", 2)
		if err != nil || len(page) != 2 || page[0].Name != "a/b" || page[1].Name != "b" {
			b.Fatalf("%v, %v", page, err)
		}
		b.same("no such kind", b.names("nothing", 0), []string{})
	}},
	{"a page of papers is 100 unless another limit is given", func(b *bench) {
		together(101, func(i int) { b.setPaper("user", fmt.Sprintf("%03d", i), []byte(fmt.Sprintf("user/%03d", i))) })
		page, err := b.store.Papers(b.ctx, "user", "", 0)
		if err != nil || len(page) != 100 || page[99].Name != "099" {
			b.Fatalf("%d, %v", len(page), err)
		}
	}},
	{"what cannot be a paper is refused", func(b *bench) {
		for _, bad := range [][2]string{
			{"", "x"}, {strings.Repeat("k", 51), "x"}, {"\xff", "x"},
			{"user", ""}, {"user", strings.Repeat("x", 201)}, {"user", "\xff"},
		} {
			_, err := b.store.Paper(b.ctx, bad[0], bad[1])
			b.wantKind(err, bridge.Invalid)
			b.wantKind(b.store.SetPaper(b.ctx, bad[0], bad[1], becomes([]byte("1"))), bridge.Invalid)
			if bad[1] != "" { // which is where a list begins
				_, err = b.store.Papers(b.ctx, bad[0], bad[1], 0)
				b.wantKind(err, bridge.Invalid)
			}
		}
		for _, limit := range []int{-1, 1001} {
			_, err := b.store.Papers(b.ctx, "user", "", limit)
			b.wantKind(err, bridge.Invalid)
		}
		b.setPaper("user", "olga", []byte("1"))
		b.wantKind(b.store.SetPaper(b.ctx, "user", "olga", becomes(make([]byte, 64<<10+1))), bridge.Invalid)
		b.same("kept", string(b.paper("user", "olga")), "1")
	}},
	{"what is set and returned is the caller's own", func(b *bench) {
		value := []byte("1")
		b.setPaper("user", "olga", value)
		value[0] = '2'
		b.paper("user", "olga")[0] = '3'
		page, err := b.store.Papers(b.ctx, "user", "", 0)
		if err != nil {
			b.Fatal(err)
		}
		page[0].Value[0] = '4'
		b.same("paper", string(b.paper("user", "olga")), "1")
	}},
	{"bookmarks and papers do not meet", func(b *bench) {
		b.setBookmark("olga", []byte("1"))
		b.setPaper("bookmark", "olga", []byte("2"))
		b.same("bookmark", string(b.bookmark("olga")), "1")
		b.same("paper", string(b.paper("bookmark", "olga")), "2")
	}},
	{"a context that is over sets and reads no paper", func(b *bench) {
		ctx := over()
		_, paper := b.store.Paper(ctx, "user", "olga")
		_, papers := b.store.Papers(ctx, "user", "", 0)
		for _, err := range []error{paper, papers, b.store.SetPaper(ctx, "user", "olga", becomes([]byte("1")))} {
			if !errors.Is(err, ctx.Err()) {
				b.Errorf("error %v", err)
			}
		}
		if got := b.paper("user", "olga"); got != nil {
			b.Fatalf("%q", got)
		}
	}},
}
