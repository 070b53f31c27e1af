package console

import (
	"keybridge/bridge"
	"keybridge/bridge/web"
)

// consequence says in words what a call leads to.
func (s *Console) consequence(r bridge.Request, a bridge.Action) string {
	portal := s.title(r.Portal)
	switch a.Kind {
	case bridge.ApproveKey:
		return "The key request is approved in " + portal + ", and the applicant gets their key."
	case bridge.DeclineKey:
		return "The key request is declined in " + portal + ". No key is issued."
	case bridge.SuspendKey:
		return "The key is suspended in " + portal + ": it opens nothing any more."
	case bridge.ResumeKey:
		return "The key works again in " + portal + "."
	case bridge.RevokeKey:
		return "The key is revoked in " + portal + " for good."
	case bridge.Tell:
		return "The applicant is mailed " + toldWords[a.Message] + "."
	}
	return moneyConsequence(r, a)
}

func moneyConsequence(r bridge.Request, a bridge.Action) string {
	total, known := r.Terms.Total()
	of := ""
	if known {
		of = " of " + web.FormatAmount(total)
	}
	switch {
	case a.Kind == bridge.OpenCheckout && a.For == bridge.Validation:
		return "The applicant is asked to have a card checked."
	case a.Kind == bridge.OpenCheckout:
		return "The applicant is asked for the payment" + of + "."
	case a.Kind == bridge.ExpireCheckout:
		return "The open checkout is closed: nobody can pay at it any more."
	case a.Kind == bridge.CapturePayment:
		return "The held payment" + of + " is taken."
	case a.Kind == bridge.VoidPayment && r.Payment.Have == bridge.Held:
		return "The held payment" + of + " is let go of, and not taken."
	case a.Kind == bridge.VoidPayment:
		return "The invoice" + of + " is withdrawn."
	case a.Kind == bridge.RefundPayment:
		return web.FormatAmount(a.Amount) + " go back to the payer."
	case a.Kind == bridge.CancelPayment:
		return "The subscription is cancelled: nothing more is charged."
	}
	return upper(a.String()) + "."
}
