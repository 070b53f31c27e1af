// Package sandbox is a mail server to try things with: it takes mail on loopback, keeps it, shows it in a browser, and
// misbehaves on demand.
package sandbox
