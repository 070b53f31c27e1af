// Package report says how it goes: what came in and went back, how long requests take
// to their key, how many get there, and why the others do not.
//
// # The idea
//
// Everything follows from the history of the requests. A Reader goes through the
// store's feed, adds what each entry says to the sheet of its day and portal, and keeps
// how far it has come on the sheet itself: an entry is added to a sheet once, whatever
// crashes between. A report is sheets added up. So the pages cost what their days cost,
// and not what a million requests cost.
//
// # How data walks
//
// A commit wakes the Reader (Wake), which rests a moment and then reads Feed from its
// bookmark to where it ended. It asks for the requests that the entries are about, each once,
// and follows their histories (counted). What that adds goes, all of it together, into papers
// of the kind "report", named by day and portal: "2026-03-01 main". Between
// returns the sheets of some days for some portals (bridge.Day); bridge.AddUp and bridge.Parts
// add them up. What a sheet is and how it is read is the domain's, so that pages and programs
// speak of it without knowing who counts.
//
// # What it must never do
//
// Add up two currencies. Mix two portals: who may see one of them alone is shown its
// sheets alone. Hold anything personal: a sheet has names of plans and portals, amounts
// and counts. Be the truth: sheets are made of the history, and can be thrown away and
// made again.
//
// # Decisions
//
//   - A day is a day in UTC. Sheets of days in one's own time zone would have to be made
//     anew when the zone is changed.
//   - Times to the key are counted in buckets, each a quarter longer than the one before,
//     so that sheets can be added up and a quantile is within a quarter of the truth.
//   - What went back is counted on the day it went back, and not taken off the day it
//     came in: that is what the bank account shows.
//   - History says when a payment is there, and what went back of it in all. A payment
//     that is there again after a dispute was counted when it came. One of which only the
//     return was ever seen came as well.
//   - Conversion counts requests by the first time they reach a stage. A request that
//     comes today and is paid tomorrow is counted today as come and tomorrow as paid, so
//     the columns of a short span need not be a funnel. A hand-off counts once the portal
//     has said that there is such a key request: anybody can follow a link.
//   - What an entry adds depends on it and on the entries of its request before it, and on
//     nothing that changes later. So it does not matter how much later it is read.
//   - Sheets are two seconds behind where much is going on, and Counted says how far they have
//     come. A reader that ran after every entry would read a request anew for each of them,
//     and write every sheet each time; so it gathers, and reads a request on its way once or
//     twice (tally). A history is asked for only where its beginning was gathered before.
//   - The sheet keeps the place, and the bookmark only says where to begin: it may be
//     behind, and is thrown away when the shape of sheets changes. An older sheet is made
//     anew by the first entry that belongs on it.
//   - A paper is small, so a sheet has a bounded number of lines of money. What is beyond
//     goes into one line for the rest, currency by currency: totals stay right.
//   - An entry that cannot be read, or whose request cannot, is left out: one damaged page
//     of a file must not end all reports. The log names it, Counted tells of it, and the pages
//     say that too little is counted. At each start it is looked at again, and counted once it
//     can be read; the sheet knows such latecomers one by one. A hundred are remembered, those
//     beyond only as a number.
//   - Only what the store calls damaged (bridge.Internal) is left out. Whatever may pass stops
//     the reader until the next try, and the sheets stay behind meanwhile, which Counted says.
//   - A damaged sheet is not made anew: it would take the whole feed. The reader stops at it,
//     and says so in the log; like all else of the store it comes back from a backup.
package report
