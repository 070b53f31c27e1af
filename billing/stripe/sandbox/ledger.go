package sandbox

import (
	"bufio"
	"container/heap"
	"io"
	"time"
)

// apiVersion is the one version the sandbox answers in, the version stripe-go
// v76 pins. Webhook endpoints may have another one: see versions.go.
const apiVersion = "2023-10-16"

// ledger is everything Stripe would know: its objects, its clock and what is to
// happen by itself later. It knows no HTTP and is not safe for concurrent use;
// the Server holds its lock around every call.
type ledger struct {
	clock  func() time.Time
	ahead  time.Duration // how far the sandbox's clock was put forward
	moment time.Time     // while an appointment is kept: the time it was for
	random *bufio.Reader
	diary  diary
	cause  cause
	base   string       // where the pages are reached, for the call under way
	post   func(*event) // hands a new event to the courier
	last   string       // what becomes of a subscription no retry could collect for

	customers     *shelf[*customer]
	products      *shelf[*product]
	prices        *shelf[*price]
	coupons       *shelf[*coupon]
	promotions    *shelf[*promotion]
	sessions      *shelf[*session]
	intents       *shelf[*intent]
	setups        *shelf[*setup]
	methods       *shelf[*method]
	charges       *shelf[*charge]
	refunds       *shelf[*refund]
	disputes      *shelf[*dispute]
	warnings      *shelf[*warning]
	subscriptions *shelf[*subscription]
	invoices      *shelf[*invoice]
	events        *shelf[*event]
	hooks         *shelf[*hook]
	portals       *shelf[*portal]
}

// cause is the API request an event was brought about by; empty for what
// happens on a page or by itself.
type cause struct{ request, key string }

func newLedger(clock func() time.Time, random io.Reader) *ledger {
	return &ledger{
		clock: clock, random: bufio.NewReader(random), last: "canceled",
		customers: newShelf[*customer](), products: newShelf[*product](), prices: newShelf[*price](),
		coupons: newShelf[*coupon](), promotions: newShelf[*promotion](),
		sessions: newShelf[*session](), intents: newShelf[*intent](), setups: newShelf[*setup](),
		methods: newShelf[*method](), charges: newShelf[*charge](), refunds: newShelf[*refund](),
		disputes: newShelf[*dispute](), warnings: newShelf[*warning](),
		subscriptions: newShelf[*subscription](), invoices: newShelf[*invoice](),
		events: newShelf[*event](), hooks: newShelf[*hook](), portals: newShelf[*portal](),
	}
}

const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// id makes an identifier in Stripe's manner: a prefix and random letters.
func (l *ledger) id(prefix string, length int) string {
	made := make([]byte, length)
	for i := range made {
		b, err := l.random.ReadByte()
		if err != nil {
			// The system's randomness does not fail; a Config.Rand that runs
			// dry would give the same id twice, which nothing could cope with.
			panic("stripe sandbox: Config.Rand ran dry: " + err.Error())
		}
		made[i] = letters[int(b)%len(letters)]
	}
	return prefix + string(made)
}

// now is the sandbox's time.
func (l *ledger) now() time.Time {
	if !l.moment.IsZero() {
		return l.moment
	}
	return l.clock().Add(l.ahead)
}

// unix is now in whole seconds, as Stripe writes times.
func (l *ledger) unix() int64 { return l.now().Unix() }

// appointment is something that happens by itself at a time.
type appointment struct {
	at  time.Time
	nth int
	do  func()
}

// diary keeps appointments, the earliest on top.
type diary struct {
	kept []appointment
	made int
}

func (d *diary) Len() int { return len(d.kept) }
func (d *diary) Less(i, j int) bool {
	if d.kept[i].at.Equal(d.kept[j].at) {
		return d.kept[i].nth < d.kept[j].nth
	}
	return d.kept[i].at.Before(d.kept[j].at)
}
func (d *diary) Swap(i, j int) { d.kept[i], d.kept[j] = d.kept[j], d.kept[i] }
func (d *diary) Push(x any) {
	if a, ok := x.(appointment); ok {
		d.kept = append(d.kept, a)
	}
}
func (d *diary) Pop() any {
	last := d.kept[len(d.kept)-1]
	d.kept[len(d.kept)-1] = appointment{}
	d.kept = d.kept[:len(d.kept)-1]
	return last
}

// at has something done at a time, in seconds since the epoch. What is done has
// to look first whether it still applies: an appointment is never called off.
func (l *ledger) at(unix int64, do func()) {
	l.diary.made++
	heap.Push(&l.diary, appointment{time.Unix(unix, 0), l.diary.made, do})
}

// catchUp keeps every appointment that is due, in order and each at its own
// time, so that a year put forward at once looks like a year that passed.
func (l *ledger) catchUp() {
	until := l.clock().Add(l.ahead)
	defer func() { l.moment = time.Time{} }()
	for l.diary.Len() > 0 && !l.diary.kept[0].at.After(until) {
		due, ok := heap.Pop(&l.diary).(appointment)
		if !ok {
			return
		}
		l.moment = due.at
		due.do()
	}
}

// each puts an id into an object where there is one, and null where there is none.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func numberOrNull(n int64) any {
	if n == 0 {
		return nil
	}
	return n
}

// wrap makes the list object that sits inside another object.
func wrap(rows []any, url string) object {
	if rows == nil {
		rows = []any{}
	}
	return object{"object": "list", "data": rows, "has_more": false, "url": url}
}
