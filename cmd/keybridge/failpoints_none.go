//go:build !failpoints

package main

import (
	"net/http"

	"keybridge/bridge"
)

// A program that is not built with the tag failpoints has none: see failpoints.go.

func portsThroughFailpoints(c bridge.Config) bridge.Config { return c }

func handlerThroughFailpoints(h http.Handler) http.Handler { return h }
