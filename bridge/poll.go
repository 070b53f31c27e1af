package bridge

import (
	"context"
	"time"
)

// Polling finds the key requests that wait in a portal and that neither a browser nor
// a webhook told us of. Each is a hint like any other; one that is known already is
// left to its own clock, so that a long queue costs one listing and no more. One that is
// over here has no clock, and should not wait there: it is hinted at as well.

const (
	// pollWithin bounds one listing.
	pollWithin = 10 * time.Minute
	// pollAgain is how soon a listing that failed is tried again, at least.
	pollAgain = 30 * time.Second
	// pollRest is how long a portal is left alone between two listings that were asked
	// for.
	pollRest = 2 * time.Second
)

// Ask has a portal asked soon for key requests that wait: its webhook told of one
// without saying which. It does not block. Nothing is lost with the process, because
// every portal is asked at the start.
func (s *Service) Ask(portal string) {
	select {
	case s.asks[portal] <- struct{}{}:
	default: // it will be asked already, or is not configured
	}
}

// Requests returns the ids of an applicant's requests that are not over, newest first.
// applicant is the developer's id at the portal.
func (s *Service) Requests(ctx context.Context, portal, applicant string) ([]ID, error) {
	var ids []ID
	for f := (Filter{Portal: portal, Applicant: applicant, Limit: 100}); ; {
		page, err := s.cfg.Store.List(ctx, f)
		if err != nil {
			return nil, err
		}
		for _, r := range page.Requests {
			if stage := r.Stage(); stage != StateDeclined && stage != StateEnded {
				ids = append(ids, r.ID)
			}
		}
		if f.After = page.Next; f.After == "" {
			return ids, nil
		}
	}
}

// poll asks a portal for what waits: at the start, as often as the site says, and when
// somebody says so.
func (w *Worker) poll(ctx context.Context, portal string, site Site) {
	for {
		again := site.poll()
		err := w.list(ctx, portal, site)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			w.cfg.Log.Warn("cannot list what waits in a portal", "portal", portal, "kind", string(KindOf(err)), "error", err)
			if again < 0 || again > pollAgain {
				again = max(pollAgain, min(retryAfter(err), time.Hour))
			}
		}
		if !w.rest(ctx, portal, again) {
			return
		}
	}
}

// rest waits until a portal is to be asked again; false when ctx has ended.
func (w *Worker) rest(ctx context.Context, portal string, again time.Duration) bool {
	var due <-chan time.Time
	if again >= 0 {
		due = time.After(again)
	}
	select {
	case <-ctx.Done():
		return false
	case <-due:
		return true
	case <-time.After(pollRest):
	}
	select {
	case <-ctx.Done():
		return false
	case <-due:
		return true
	case <-w.service.asks[portal]:
		return true
	}
}

// list hints at every key request that waits and is not known.
func (w *Worker) list(ctx context.Context, portal string, site Site) error {
	ctx, cancel := context.WithTimeout(ctx, pollWithin)
	defer cancel()
	p := &pass{w: w, request: Request{Portal: portal}}
	return p.timed("list pending", func() error {
		return site.Portal.ListPending(ctx, func(key string) error {
			r, err := w.service.GetKey(ctx, portal, key)
			if _, over := r.over(); KindOf(err) != NotFound && !over {
				return err
			}
			_, err = w.service.accept(ctx, Hint{
				Source: "poll/" + portal, What: "pending", Portal: portal, Key: key, Intake: w.service.Intake(portal, key),
			}, nil)
			return err
		})
	})
}
