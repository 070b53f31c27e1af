package bridge_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"keybridge/bridge"
)

func TestAnErrorIsOneKindAndSaysOneThing(t *testing.T) {
	full := &bridge.Error{Kind: bridge.Limited, Msg: "Please wait.", Err: io.ErrUnexpectedEOF}
	for name, one := range map[string]struct {
		err       error
		kind      bridge.Kind
		text      string
		explains  string
		permanent bool
	}{
		"no error":              {nil, "", "", general, false},
		"an error of no kind":   {io.EOF, bridge.Internal, "EOF", general, false},
		"kind alone":            {&bridge.Error{Kind: bridge.NotFound}, bridge.NotFound, "not found", general, true},
		"a message":             {&bridge.Error{Kind: bridge.Invalid, Msg: "No."}, bridge.Invalid, "No.", "No.", true},
		"a cause":               {&bridge.Error{Kind: bridge.Refused, Err: io.EOF}, bridge.Refused, "EOF", general, true},
		"message and cause":     {full, bridge.Limited, "Please wait.: unexpected EOF", "Please wait.", false},
		"wrapped":               {fmt.Errorf("reading: %w", full), bridge.Limited, "reading: Please wait.: unexpected EOF", "Please wait.", false},
		"the first of a chain":  {&bridge.Error{Kind: bridge.Conflict, Err: full}, bridge.Conflict, "Please wait.: unexpected EOF", general, false},
		"unavailable may pass":  {&bridge.Error{Kind: bridge.Unavailable}, bridge.Unavailable, "unavailable", general, false},
		"joined with no kind":   {errors.Join(io.EOF, full), bridge.Limited, "EOF\nPlease wait.: unexpected EOF", "Please wait.", false},
		"internal of our doing": {&bridge.Error{Kind: bridge.Internal}, bridge.Internal, "internal", general, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := bridge.KindOf(one.err); got != one.kind {
				t.Errorf("kind %q, want %q", got, one.kind)
			}
			if one.err != nil && one.err.Error() != one.text {
				t.Errorf("text %q, want %q", one.err, one.text)
			}
			if got := bridge.Explain(one.err); got != one.explains {
				t.Errorf("explained as %q, want %q", got, one.explains)
			}
			if got := bridge.Permanent(one.err); got != one.permanent {
				t.Errorf("permanent %v", got)
			}
		})
	}
	if !errors.Is(full, io.ErrUnexpectedEOF) {
		t.Error("the cause cannot be found")
	}
}

const general = "Something went wrong on our side. It has been noted, and nothing you did is lost."
