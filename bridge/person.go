package bridge

import (
	"fmt"
	"slices"
)

// Role is what a person of the house may do. Each role may do what the ones before it
// may.
type Role string

// The roles.
const (
	// Viewer sees requests and their history.
	Viewer Role = "viewer"
	// Reviewer works on requests: notes, questions, assignments, retries, and reviews
	// that are within the plan's threshold.
	Reviewer Role = "reviewer"
	// Approver decides about money as well: reviews above the threshold, waivers,
	// refunds, cancellations, key requests made for a developer.
	Approver Role = "approver"
	// Admin looks after people and tokens, and, where they may see all portals, reads the
	// audit.
	Admin Role = "admin"
)

// Roles lists every role, from the least to the most.
var Roles = []Role{Viewer, Reviewer, Approver, Admin}

// Operation is something that a person may or may not do.
type Operation string

// The operations.
const (
	MaySee    Operation = "see requests"
	MayExport Operation = "export lists"
	MayNote   Operation = "write notes"
	MayAssign Operation = "assign requests"
	MayAsk    Operation = "ask applicants"
	MayRetry  Operation = "retry"
	MayReview Operation = "approve and decline"
	MayWaive  Operation = "waive payments"
	MayRefund Operation = "refund"
	MayCancel Operation = "cancel subscriptions"
	MayCreate Operation = "make key requests"
	MayForget Operation = "forget applicants"
	MayManage Operation = "manage people and tokens"
	MayAudit  Operation = "read the audit"
	// MaySecond is the second approval of what takes two.
	MaySecond Operation = "approve above the threshold"
)

// least is the least role that may do an operation.
var least = map[Operation]Role{
	MaySee: Viewer, MayExport: Viewer,
	MayNote: Reviewer, MayAssign: Reviewer, MayAsk: Reviewer, MayRetry: Reviewer, MayReview: Reviewer,
	MayWaive: Approver, MayRefund: Approver, MayCancel: Approver, MayCreate: Approver, MaySecond: Approver,
	MayForget: Admin, MayManage: Admin, MayAudit: Admin,
}

// Operations lists every operation, for a table of who may do what.
func Operations() []Operation {
	return []Operation{
		MaySee, MayExport, MayNote, MayAssign, MayAsk, MayRetry, MayReview, MaySecond, MayWaive, MayRefund, MayCancel, MayCreate,
		MayForget, MayManage, MayAudit,
	}
}

// Person is who sits at the console, or whose token a program uses.
type Person struct {
	// Name is unique in the house, and is what history says: never an e-mail address.
	Name string
	Role Role
	// Portals are those whose requests they may see. None: all.
	Portals []string
	// Email is compared with an applicant's: nobody approves what they asked for. May be
	// empty.
	Email string
}

// Actor is the person as history names them.
func (p Person) Actor() Actor { return Actor{Kind: ByPerson, Name: p.Name} }

// Reaches reports whether a portal is within the person's scope.
func (p Person) Reaches(portal string) bool {
	return len(p.Portals) == 0 || slices.Contains(p.Portals, portal)
}

// May says why a person may not do something with the requests of a portal; nil when
// they may. An empty portal is for what is about no portal's requests. Denied, or
// NotFound for a portal they are not to know of.
func (p Person) May(o Operation, portal string) error {
	if portal != "" && !p.Reaches(portal) {
		return &Error{Kind: NotFound, Msg: "There is no such request."}
	}
	need, known := least[o]
	if !known || slices.Index(Roles, p.Role) < slices.Index(Roles, need) || !slices.Contains(Roles, p.Role) {
		return &Error{Kind: Denied, Msg: fmt.Sprintf("You may not %s: that takes the role %s, and you have %s.", o, need, p.Role)}
	}
	if o == MayAudit && len(p.Portals) > 0 { // one chain, about everybody's requests
		return &Error{Kind: Denied, Msg: "You may not read the audit: it is about all portals, and you may not see all of them."}
	}
	return nil
}
