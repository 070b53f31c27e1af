// Command failures reads what go test -json wrote and says how it went: how long each
// package took and, where something failed, first what each failing test said itself,
// then the end of its output with the logs, and then what it said itself once more,
// because whoever is shown a part sees the beginning or the end. It exits with 1 where a
// test failed, was skipped, or did not come to its end.
package main
