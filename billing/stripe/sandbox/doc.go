// Package sandbox is a Stripe to try things with.
package sandbox
