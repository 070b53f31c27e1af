package main

import "strings"

// checkStripe looks at the Stripe account. Keys that were taken for one another
// are told from their prefixes.
func (r *reading) checkStripe(s *stripeConfig) {
	if s == nil {
		return
	}
	r.checkCredential(&s.Key, 1)
	key := s.Key.Reveal()
	switch {
	case key == "":
	case strings.HasPrefix(key, "pk_"):
		r.wrong(&s.Key, "this is a publishable key (pk_); use a secret (sk_) or restricted (rk_) one")
	case !strings.HasPrefix(key, "sk_") && !strings.HasPrefix(key, "rk_"):
		r.wrong(&s.Key, "the key begins neither with sk_ nor with rk_; use an API key of the Stripe account")
	}
	for i := range s.WebhookSecrets {
		w := &s.WebhookSecrets[i]
		r.checkSecret(w, 16)
		if text := w.Reveal(); strings.HasPrefix(text, "sk_") || strings.HasPrefix(text, "rk_") || strings.HasPrefix(text, "pk_") {
			r.wrong(w, "this is an API key; use the signing secret of the webhook endpoint (whsec_)")
		}
	}
	test := strings.HasPrefix(key, "sk_test_") || strings.HasPrefix(key, "rk_test_")
	r.checkWeb(&s.URL, test)
}
