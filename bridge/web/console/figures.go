package console

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// figure is one thing that the money pages show: a sentence, a plot and a table, which can
// be taken away as CSV or XLSX. All three are made of the same numbers.
type figure struct {
	// Name is that of its files.
	Name, Title, Says string
	// Chart is drawn; nil: there is a table alone.
	Chart *chart
	Table table
}

// table is a table as a page and a file have it.
type table struct {
	Caption string
	// Currency is that of all its amounts; empty: it has none.
	Currency string
	Head     []string
	Rows     [][]cell
	// Total is the last line of the page; a file has none, so that a column can be added up.
	Total []cell
	// Folded: it is long, and opened where it is wanted.
	Folded bool
}

// cell is a value: as the page shows it, and as a file has it for a program.
type cell struct {
	Text string
	File bridge.Cell
}

func words(text string) cell { return cell{text, bridge.Cell{Text: text}} }

func counted(n int) cell { return words(strconv.Itoa(n)) }

func amount(a bridge.Amount) cell { return cell{web.FormatAmount(a), bridge.Cell{Amount: a}} }

// lasting is a duration, in seconds in a file.
func lasting(d time.Duration, known bool) cell {
	if !known {
		return cell{Text: "–"}
	}
	return cell{lasted(d), bridge.Cell{Text: strconv.Itoa(int(d.Seconds()))}}
}

// lasted is a duration in words, the seconds only of short ones.
func lasted(d time.Duration) string {
	if d < time.Minute {
		return strconv.Itoa(int(d.Seconds())) + " s"
	}
	return age(d)
}

// How a part of a span is named in a table, and in a sentence before its name.
var (
	partHead = map[bridge.PartLength]string{bridge.Daily: "Day", bridge.Weekly: "Week from", bridge.Monthly: "Month"}
	partTime = map[bridge.PartLength]string{bridge.Daily: "on ", bridge.Weekly: "in the week from ", bridge.Monthly: "in "}
)

// partCell is a part's name in a table, and the day it begins with in a file.
func partCell(p bridge.Part, unit bridge.PartLength) cell {
	text := p.From.Format("2 Jan 2006")
	if unit == bridge.Monthly {
		text = p.From.Format("January 2006")
	}
	return cell{text, bridge.Cell{Text: p.From.Format(time.DateOnly)}}
}

// figuresOf are the figures of a span.
func figuresOf(days []bridge.Day, s span) (all []figure) {
	parts, total := bridge.Parts(days, s.From, s.To, s.unit()), bridge.AddUp(days)
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = partName(p, s.unit())
	}
	for _, currency := range total.Currencies() {
		all = append(all, flows(currency, parts, names, total, s), plans(currency, total, s))
	}
	if len(all) == 0 {
		all = append(all, figure{Name: "money", Title: "Money", Says: "No money came in or went back " + s.Words() + "."})
	}
	return append(all, waits(parts, names, total, s), milestones(total, s), declines(total, s), failures(total, s))
}

// flows are the money of one currency along time.
func flows(currency string, parts []bridge.Part, names []string, total bridge.Sheet, s span) figure {
	whole := total.In(currency)
	in, back := bridge.NewAmount(whole.In, currency), bridge.NewAmount(whole.Back, currency)
	says := fmt.Sprintf("%s came in with %s and %s went back, %s.", web.FormatAmount(in), many(whole.Payments, "payment"), web.FormatAmount(back), s.Words())
	t := table{
		Caption: "Money in " + currency + " by " + string(s.unit()), Currency: currency, Folded: true,
		Head: []string{partHead[s.unit()], "In", "Back", "Net", "Payments"},
	}
	received, returned := series{Name: "in"}, series{Name: "back"}
	most, when := int64(0), 0
	for i, p := range parts {
		f := p.In(currency)
		received.Values = append(received.Values, major(f.In, currency))
		returned.Values = append(returned.Values, major(f.Back, currency))
		t.Rows = append(t.Rows, append([]cell{partCell(p, s.unit())}, flow(f, currency)...))
		if f.In > most {
			most, when = f.In, i
		}
	}
	if len(parts) > 1 && most > 0 {
		says += fmt.Sprintf(" The most came %s%s: %s.", partTime[s.unit()], partCell(parts[when], s.unit()).Text, web.FormatAmount(bridge.NewAmount(most, currency)))
	}
	return figure{
		Name: "money-" + currency, Title: "Money in " + currency, Says: says, Table: t,
		Chart: &chart{Form: columns, Parts: names, Series: []series{received, returned}, Words: thousands},
	}
}

// major is an amount in the currency's own unit, for drawing alone.
func major(minor int64, currency string) float64 {
	return float64(minor) / math.Pow10(bridge.NewAmount(0, currency).Decimals())
}

// thousands writes a number with commas between its thousands.
func thousands(v float64) string {
	_, text, _ := strings.Cut(web.FormatAmount(bridge.NewAmount(int64(math.Round(v)), "JPY")), " ") // it has no decimals
	return text
}

// flow are the cells of what came in and went back.
func flow(f bridge.Flow, currency string) []cell {
	return []cell{
		amount(bridge.NewAmount(f.In, currency)), amount(bridge.NewAmount(f.Back, currency)),
		amount(bridge.NewAmount(f.In-f.Back, currency)), counted(f.Payments),
	}
}

// plans are the money of one currency by plan.
func plans(currency string, total bridge.Sheet, s span) figure {
	t := table{Caption: "Money in " + currency + " by plan", Currency: currency, Head: []string{"Plan", "In", "Back", "Net", "Payments"}}
	for _, line := range total.ByPlan() {
		if line.In.Currency != currency {
			continue
		}
		plan := cmp.Or(line.Plan, "(no plan)")
		f := bridge.Flow{In: line.In.Minor, Back: line.Back.Minor, Payments: line.Payments}
		t.Rows = append(t.Rows, append([]cell{words(plan)}, flow(f, currency)...))
	}
	t.Total = append([]cell{words("All plans")}, flow(total.In(currency), currency)...)
	first := t.Rows[0]
	says := fmt.Sprintf("%s, %s. The most came in for %s: %s.", many(len(t.Rows), "plan"), s.Words(), first[0].Text, first[1].Text)
	return figure{Name: "plans-" + currency, Title: currency + " by plan", Says: says, Table: t}
}

// waits are how long it took from a request to its key.
func waits(parts []bridge.Part, names []string, total bridge.Sheet, s span) figure {
	t := table{
		Caption: "Time to the key by " + string(s.unit()), Folded: true,
		Head: []string{partHead[s.unit()], "Keys", "Median", "95th percentile"},
	}
	half, most := series{Name: "median"}, series{Name: "95th percentile"}
	for _, p := range parts {
		median, ok := p.Quantile(0.5)
		late, _ := p.Quantile(0.95)
		half.Values, most.Values = append(half.Values, seconds(median, ok)), append(most.Values, seconds(late, ok))
		t.Rows = append(t.Rows, []cell{partCell(p, s.unit()), counted(p.Keys()), lasting(median, ok), lasting(late, ok)})
	}
	f := figure{Name: "waits", Title: "From request to key"}
	median, ok := total.Quantile(0.5)
	if !ok {
		f.Says = "No key was granted " + s.Words() + "."
		return f
	}
	late, _ := total.Quantile(0.95)
	f.Says = fmt.Sprintf("Of %s %s half took up to %s from the request, and 95 of 100 up to %s. These times are rounded up, by a quarter at most.",
		many(total.Keys(), "key"), s.Words(), lasted(median), lasted(late))
	f.Table, f.Chart = t, &chart{Form: courses, Parts: names, Series: []series{half, most}}
	return f
}

// seconds are how long something took, for drawing; not a number where it is not known.
func seconds(d time.Duration, known bool) float64 {
	if !known {
		return math.NaN()
	}
	return d.Seconds()
}

var milestoneWords = map[bridge.Milestone]string{
	bridge.MilestoneReceived: "Asked for", bridge.MilestoneHandedOff: "Came here from the portal", bridge.MilestoneCheckedOut: "Checkout opened",
	bridge.MilestonePaid: "Paid, or on trial or invoice", bridge.MilestoneGranted: "Key granted",
}

// stages are how far requests came.
func milestones(total bridge.Sheet, s span) figure {
	f := tally("stages", "How far requests came", "Reached for the first time", milestoneWords, bridge.Milestones, total.Milestones)
	first := total.Milestones[bridge.MilestoneReceived]
	f.Table.Head = append(f.Table.Head, "Of those asked for")
	for i, stage := range bridge.Milestones {
		share := cell{Text: "–"}
		if first > 0 {
			percent := strconv.FormatFloat(100*float64(total.Milestones[stage])/float64(first), 'f', 1, 64)
			share = cell{percent + " %", bridge.Cell{Text: percent}}
		}
		f.Table.Rows[i] = append(f.Table.Rows[i], share)
	}
	f.Says = fmt.Sprintf("%s asked for %s: %d came here from the portal, for %d a checkout was opened, %d paid, and %d got a key.",
		many(first, "key")+plural(first, " was", " were"), s.Words(), total.Milestones[bridge.MilestoneHandedOff], total.Milestones[bridge.MilestoneCheckedOut], total.Milestones[bridge.MilestonePaid], total.Milestones[bridge.MilestoneGranted]) +
		" Each is counted on the day it happened, and free plans need no checkout, so the numbers need not fall from one to the next."
	return f
}

var causeWords = map[bridge.Cause]string{
	bridge.CauseApplicant: "Cancelled by the applicant", bridge.CausePerson: "Declined by a person", bridge.CauseTime: "Not paid or validated in time",
	bridge.CausePortal: "Withdrawn in the portal", bridge.CausePayment: "The payment did not last",
}

// declines are why requests came to nothing.
func declines(total bridge.Sheet, s span) figure {
	causes := slices.SortedFunc(maps.Keys(causeWords), func(a, b bridge.Cause) int {
		return cmp.Or(total.Declined[b]-total.Declined[a], cmp.Compare(a, b))
	})
	f := tally("declines", "Why requests came to nothing", "Cause", causeWords, causes, total.Declined)
	f.Says = told(f, total.Declined, "request came to nothing", "requests came to nothing", s)
	return f
}

// failures are what people had to look at.
func failures(total bridge.Sheet, s span) figure {
	names := slices.SortedFunc(maps.Keys(total.Failed), func(a, b string) int {
		return cmp.Or(total.Failed[b]-total.Failed[a], cmp.Compare(a, b))
	})
	title := map[string]string{}
	for _, name := range names {
		title[name] = cmp.Or(upper(name), "(not said)")
	}
	f := tally("failures", "What needed attention", "What failed", title, names, total.Failed)
	f.Says = told(f, total.Failed, "time a request needed a person's attention", "times a request needed a person's attention", s)
	return f
}

// told says how many there were in all, and of what the most.
func told[K comparable](f figure, all map[K]int, one, more string, s span) string {
	n := 0
	for _, k := range all {
		n += k
	}
	if n == 0 {
		return "None " + s.Words() + "."
	}
	return fmt.Sprintf("%d %s %s, most of them: %s (%s).", n, plural(n, one, more), s.Words(), strings.ToLower(f.Table.Rows[0][0].Text), f.Table.Rows[0][1].Text)
}

// tally is a figure of what is counted by kind.
func tally[K comparable](name, title, of string, titles map[K]string, kinds []K, counts map[K]int) figure {
	f := figure{Name: name, Title: title, Table: table{Caption: title, Head: []string{of, "Requests"}}}
	c := chart{Form: bars, Series: []series{{Name: title}}, Words: thousands}
	n := 0
	for _, kind := range kinds {
		n += counts[kind]
		c.Parts = append(c.Parts, titles[kind])
		c.Series[0].Values = append(c.Series[0].Values, float64(counts[kind]))
		f.Table.Rows = append(f.Table.Rows, []cell{words(titles[kind]), counted(counts[kind])})
	}
	if n > 0 {
		f.Chart = &c
	}
	return f
}

// many is a number of things, plural the word for one or for more.
func many(n int, thing string) string { return strconv.Itoa(n) + " " + plural(n, thing, thing+"s") }

func plural(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}
