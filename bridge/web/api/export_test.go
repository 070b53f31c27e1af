package api

import (
	"context"

	"github.com/gin-gonic/gin"
)

// Routes lists what the router answers: "GET /api/v1/requests/:id".
func (a *API) Routes() []string {
	var all []string
	for _, route := range a.handler.(*gin.Engine).Routes() {
		all = append(all, route.Method+" "+route.Path)
	}
	return all
}

// Sweep removes what is no longer kept, as Run does every hour.
func (a *API) Sweep(ctx context.Context) error { return a.sweep(ctx) }

// The bounds that tests go to.
const (
	Receipts    = receipts
	KeepReceipt = keepReceipt
	Lease       = lease
	WrongBurst  = wrongBurst
)
