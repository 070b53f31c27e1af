// Package report says how it goes: what came in and went back, how long requests take
// to their key, how many get there, and why the others do not.
//
// # The idea
//
// Everything follows from the history of the requests. A Reader goes through the
// store's feed, adds each entry to the sheet of its day, and keeps how far it has come
// on the sheet itself: an entry is added to a sheet once, whatever crashes between. A
// Report is sheets added up. So the pages cost what their days cost, and not what a
// million requests cost.
//
// # How data walks
//
// A commit wakes the Reader (Wake); it reads Feed from the least place that its sheets
// have, asks for the request an entry is about (plan, intake), and writes sheets as
// papers of the kind "report", named like their day in UTC. Between returns the sum of
// some days.
//
// # What it must never do
//
// Add up two currencies. Hold anything personal: a sheet has names of plans and portals,
// amounts and counts. Be the truth: sheets are made of the history, and can be thrown
// away and made again for as long as the feed goes back.
//
// # Decisions
//
//   - A day is a day in UTC. Sheets of days in one's own time zone would have to be made
//     anew when the zone is changed.
//   - Times to the key are counted in buckets, each a quarter longer than the one before,
//     so that sheets can be added up and a quantile is within a quarter of the truth.
//   - What went back is counted on the day it went back, and not taken off the day it
//     came in: that is what the bank account shows.
//   - Conversion counts requests by the first time they reach a stage. A request that
//     comes today and is paid tomorrow is counted today as come and tomorrow as paid, so
//     the columns of a short span need not be a funnel.
package report
