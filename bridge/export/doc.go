// Package export takes lists of requests away as files: CSV for programs, XLSX for people.
//
// # The idea
//
// A bridge.Table is columns and a sequence of rows, and is written row by row (Write): a
// list of a million requests takes no more memory than one of ten. Requests makes a table of
// requests, and Each reads them by pages of the list, so that no read transaction is
// open while a file is written or a client is slow.
//
// A file is not written to the browser but onto a Shelf, in the background: whoever asked
// for it sees how far it has come, may cancel it, and fetches it when it is there. What a
// browser does meanwhile holds nothing up, and a list that breaks in the middle is told
// of instead of ending early and looking whole.
//
// # How data comes in and goes out
//
// Shelf.Start takes the desk of the person who asks and a filter. It asks that desk whether
// they may, and reads every page through it, so whatever they may not see or take away is
// refused there, and told of. That a list was taken away goes into the house's own chain
// (Config.Record): by which filter, with how many rows, and of what was searched for only
// how many words. It is kept before the file can be fetched. The file
// lies in Config.Folder, readable by this process's user alone, until it is removed, an
// hour has gone by, or the process ends. Shelf.Open gives it to the person who made it and
// to nobody else.
//
// # Decisions
//
//   - Text is hostile: applicants choose their names, and a spreadsheet runs what begins
//     with =, +, - or @. In CSV such text gets an apostrophe before it. Everything that a
//     spreadsheet may take for a border between cells (a semicolon, where commas are for
//     decimals; a tab; a new line) counts as a beginning too. In XLSX a text is a text by
//     its type and nothing is put before it; its cells have the format "text", so that it
//     stays one when somebody edits it.
//   - CSV begins with a byte order mark, because Excel takes what has none for the
//     system's old code page. It has commas, CRLF and points for decimals (RFC 4180), in
//     every country: who wants numbers in a spreadsheet takes XLSX.
//   - An amount is a number, and its currency stands in a column of its own. There is no
//     column to add up without looking at it.
//   - Times are UTC, and their column says so: an hour that comes twice in autumn would
//     be two things in one's own zone.
//   - The reasons that applicants give are not among the columns. They are free text that
//     finance has no use for, and a file is out of reach once it is taken away.
//   - A list is read while requests move on. What leaves the list meanwhile may be in the
//     file or not; nothing is in it twice.
//   - The shelf is in memory and its files go with it. What is interrupted by a restart is
//     started again by whoever still wants it: it takes seconds, and a file of personal
//     data that nobody remembers would stay. Where several nodes share a store, a file is at
//     the node that made it.
//   - Whose role or portals were changed since makes their file anew: an old one holds
//     what they might not see any more.
//
// # What it must never do
//
// Hold a list in memory, hold a read transaction while writing, log or record a search or
// anything of a row, or hand a file to somebody else.
package export
