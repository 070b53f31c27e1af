package bridge

import (
	"context"
	"fmt"
	"time"
)

// do makes the one call of an action. The attempt has been written down before.
func (p *pass) do(ctx context.Context, act Action) (f Facts, err error) {
	err = p.timed(string(act.Kind), func() error {
		switch act.Kind {
		case ApproveKey, DeclineKey, SuspendKey, ResumeKey, RevokeKey:
			var key KeyRequest
			key, err := p.doPortal(ctx, act.Kind)
			f.Key = &key
			return err
		case Tell:
			return p.doTell(ctx, act)
		}
		var money Money
		money, err := p.doProvider(ctx, act)
		f.Money = &money
		return err
	})
	return f, err
}

func (p *pass) doPortal(ctx context.Context, kind ActionKind) (KeyRequest, error) {
	r, known, portal := p.request, p.request.known(), p.site.Portal
	if try := r.Work.Attempts[ResumeKey]; kind == ResumeKey && !try.Again && !try.Left {
		known.Since = time.Time{} // this is the first call of all
	}
	switch kind {
	case ApproveKey:
		return portal.Approve(ctx, r.Key, known)
	case DeclineKey:
		return portal.Decline(ctx, r.Key, known, r.Verdict.Mark.Why)
	case SuspendKey:
		return portal.Suspend(ctx, r.Key, known)
	case ResumeKey:
		return portal.Resume(ctx, r.Key, known)
	}
	return portal.Revoke(ctx, r.Key, known)
}

func (p *pass) doProvider(ctx context.Context, act Action) (Money, error) {
	r := p.request
	provider := p.w.cfg.Providers[r.Terms.Provider]
	if provider == nil {
		return Money{}, &Error{Kind: Invalid, Msg: fmt.Sprintf("the provider %q is not configured any more", r.Terms.Provider)}
	}
	try := r.Work.Attempts[act.Kind]
	switch act.Kind {
	case OpenCheckout:
		order, err := p.order(ctx, act, try)
		if err != nil {
			return Money{}, err
		}
		return provider.Open(ctx, order)
	case ExpireCheckout:
		return provider.Expire(ctx, r, try.Key)
	case CapturePayment:
		return provider.Capture(ctx, r, try.Key)
	case VoidPayment:
		return provider.Void(ctx, r, try.Key)
	case RefundPayment:
		return provider.Refund(ctx, r, act.Amount, try.Key)
	}
	return provider.Cancel(ctx, r, try.Key)
}

// order is the checkout to open, the same for every repetition of an attempt.
// Who is not known by a signed hand-off is not named on the provider's page.
func (p *pass) order(ctx context.Context, act Action, try Attempt) (Order, error) {
	r := p.request
	page := p.w.cfg.Page(r.ID, try.Begun)
	o := Order{Request: r, For: act.For, Key: try.Key, At: try.Begun, Success: page + "/return", Cancel: page}
	if try.Left {
		o.Since = try.First
	}
	if r.Payment.Customer != "" {
		o.Customer = r.Payment.Customer // the same person, earlier in the same request
		return o, nil
	}
	if !r.named() {
		return o, nil
	}
	customer, err := p.customer(ctx)
	if err != nil {
		return o, err
	}
	o.Customer = customer
	if customer == "" {
		o.Email = r.Applicant.Email
	}
	return o, nil
}

// named reports whether the provider's page may say who pays: whoever comes to it was
// let in by the portal's signature, or by a link in the applicant's own mail.
func (r Request) named() bool {
	return r.Arrival.Trust == Signed || r.Arrival.Trust == Untold && r.Terms.Mailed
}

// customer finds the payer of an earlier request of the same developer with the
// same provider.
func (p *pass) customer(ctx context.Context) (string, error) {
	r := p.request
	if r.Applicant.ID == "" {
		return "", nil
	}
	page, err := p.w.cfg.Store.List(ctx, Filter{Portal: r.Portal, Applicant: r.Applicant.ID, Limit: 20})
	if err != nil {
		return "", err
	}
	for _, other := range page.Requests {
		if other.Terms.Provider == r.Terms.Provider && other.Payment.Customer != "" && other.named() {
			return other.Payment.Customer, nil
		}
	}
	return "", nil
}

func (p *pass) doTell(ctx context.Context, act Action) error {
	if p.w.cfg.Notifier == nil {
		return &Error{Kind: Invalid, Msg: "nothing is configured to tell applicants with"}
	}
	r := p.request
	try := r.Work.Attempts[Tell]
	m := Message{ID: try.Key, Kind: act.Message, At: try.First, Request: r, Page: p.w.cfg.Mailed(r.ID, try.First)}
	if step, ok := r.Current(); ok && step.asks() {
		m.Until = r.deadline(step)
	}
	return p.w.cfg.Notifier.Send(ctx, m)
}
