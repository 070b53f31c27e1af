package outgoing

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"keybridge/bridge"
)

// BenchmarkDeliver measures how fast an endpoint that answers at once gets messages,
// each of which is kept as delivered before the next one is sent.
func BenchmarkDeliver(b *testing.B) {
	w := newWorld(b)
	var n atomic.Int64
	done := make(chan struct{})
	crm := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if n.Add(1) == int64(b.N) {
			close(done)
		}
	}))
	defer crm.Close()
	s := w.sender(Config{}, Endpoint{Name: "crm", URL: crm.URL, Secrets: []string{secretOf(1)}, Types: []string{"checkout.*"}})
	const requests = 100
	for i := range requests {
		w.read(i)
	}
	for i := range b.N {
		if _, err := w.store.Update(b.Context(), idOf(i%requests), func(c *bridge.Change) error {
			c.Observe(bridge.Facts{Money: &bridge.Money{
				State: bridge.NoPayment, Checkout: bridge.Checkout{ID: fmt.Sprint(i), State: bridge.CheckoutOpen},
			}}, w.now())
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	w.run(s)
	<-done
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}
