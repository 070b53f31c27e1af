package main

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	tyksandbox "keybridge/bridge/tyk/sandbox"
)

// TestAPortalThatHangsDoesNotSlowTheOther measures how long requests of the Enterprise
// Portal take from the cart to the key, while the Classic Portal answers and while it
// does not. What is compared is measured in one run, in turns, and beside no other test.
func TestAPortalThatHangsDoesNotSlowTheOther(t *testing.T) {
	const rounds, batch, clients, waiting = 3, 60, 6, 100
	s := mailedStand(t, func(c *choice) {
		c.plans = append(of(freePlan), partnerReviewed, partnerFree)
		c.shutdown = time.Second
	})
	if err := s.Enterprise.SetAutoApprove(tyksandbox.FreePlan, false); err != nil {
		t.Fatal(err)
	}
	ways := []struct {
		name  string
		fault *tyksandbox.Fault
	}{
		{"answers", nil},
		{"answers after 30 s", &tyksandbox.Fault{Kind: tyksandbox.Latency, Delay: 30 * time.Second}},
		{"does not answer", &tyksandbox.Fault{Kind: tyksandbox.Latency, Delay: time.Minute}},
	}
	took := map[string][]time.Duration{}
	for round := range rounds {
		for n, way := range ways {
			s.Portal.ClearFaults()
			if way.fault != nil {
				f := *way.fault
				f.Path = "/api/"
				s.portalFault(f)
				for i := range waiting { // the Classic Portal's workers have their hands full
					s.askAs(fmt.Sprintf("slow%d-%d-%d@example.com", round, n, i))
				}
			}
			took[way.name] = append(took[way.name], median(s.paces(fmt.Sprintf("%d-%d", round, n), batch, clients)))
		}
	}
	base := median(took["answers"])
	for _, way := range ways {
		now := median(took[way.name])
		t.Logf("the Classic Portal %s: a request of the Enterprise Portal takes %s (%.2f times; medians of %d rounds of %d)",
			way.name, now.Round(100*time.Microsecond), float64(now)/float64(base), rounds, batch)
		if now > 3*base+20*time.Millisecond {
			t.Errorf("%s where it was %s", now, base)
		}
	}
}

// askAs files a key request in the Classic Portal.
func (s *stand) askAs(email string) {
	s.t.Helper()
	if _, err := s.Portal.CreateKeyRequest(tyksandbox.Ask{Email: email, Policies: []string{tyksandbox.FreePolicy}}); err != nil {
		s.t.Fatal(err)
	}
}

// paces has clients file access requests one after the other and says how long each
// took to its key.
func (s *stand) paces(name string, batch, clients int) []time.Duration {
	s.t.Helper()
	all := make([]time.Duration, batch)
	var at sync.WaitGroup
	for client := range clients {
		at.Go(func() {
			for i := client; i < batch; i += clients {
				begin := time.Now()
				a, err := s.Enterprise.CreateAccessRequest(tyksandbox.AccessAsk{
					Email: fmt.Sprintf("pace%s-%d@example.com", name, i), Products: []int{tyksandbox.ForecastProduct}, Plan: tyksandbox.FreePlan,
				})
				if err != nil {
					s.t.Error(err)
					return
				}
				for deadline := begin.Add(patience); !s.granted(a.ID) && time.Now().Before(deadline); {
					time.Sleep(time.Millisecond)
				}
				all[i] = time.Since(begin)
			}
		})
	}
	at.Wait()
	return all
}

// granted reports whether the Enterprise Portal has approved an access request.
func (s *stand) granted(id int) bool {
	a, _ := s.Enterprise.AccessRequest(id)
	return a.Status == "approved"
}

func median[T cmp.Ordered](all []T) T {
	all = slices.Clone(all)
	slices.Sort(all)
	return all[len(all)/2]
}
