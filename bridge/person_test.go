package bridge_test

import (
	"testing"

	"keybridge/bridge"
)

// TestWhoMayDoWhat is the table of roles and operations, in and out of scope.
func TestWhoMayDoWhat(t *testing.T) {
	may := map[bridge.Operation]string{
		bridge.MaySee: "vrpa", bridge.MayExport: "vrpa",
		bridge.MayNote: "rpa", bridge.MayAssign: "rpa", bridge.MayAsk: "rpa", bridge.MayRetry: "rpa", bridge.MayReview: "rpa",
		bridge.MaySecond: "pa", bridge.MayWaive: "pa", bridge.MayRefund: "pa", bridge.MayCancel: "pa", bridge.MayCreate: "pa",
		bridge.MayForget: "a", bridge.MayManage: "a", bridge.MayAudit: "a",
	}
	letters := map[bridge.Role]byte{bridge.Viewer: 'v', bridge.Reviewer: 'r', bridge.Approver: 'p', bridge.Admin: 'a', "": '-', "boss": '-'}
	if len(may) != len(bridge.Operations()) {
		t.Errorf("%d operations are in the table, there are %d", len(may), len(bridge.Operations()))
	}
	for _, o := range bridge.Operations() {
		for role, letter := range letters {
			all, some := bridge.Person{Name: "p", Role: role}, bridge.Person{Name: "p", Role: role, Portals: []string{"main"}}
			want := bridge.Denied
			for i := range len(may[o]) {
				if may[o][i] == letter {
					want = ""
				}
			}
			for what, got := range map[string]error{"any portal": all.May(o, "main"), "their portal": some.May(o, "main"), "no portal": some.May(o, "")} {
				want := want
				if o == bridge.MayAudit && what != "any portal" {
					want = bridge.Denied // it is about all portals
				}
				if bridge.KindOf(got) != want {
					t.Errorf("%q: %s with %s: %v, want %q", role, o, what, got, want)
				}
			}
			if got := some.May(o, "other"); bridge.KindOf(got) != bridge.NotFound {
				t.Errorf("%q: %s with another portal: %v, want that it is not there", role, o, got)
			}
		}
	}
}
