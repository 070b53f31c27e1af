package main

import (
	"crypto/ed25519"

	"keybridge/bridge"
	"keybridge/bridge/ledger"
)

// checkAudit looks at the keys of the audit.
func (r *reading) checkAudit(a *auditConfig) {
	if text := a.Key.Reveal(); text != "" && r.good(&a.Key) {
		key, err := ledger.ParsePrivate([]byte(text))
		if err != nil {
			r.wrong(&a.Key, "%v", err)
		}
		a.key = key
	}
	for i := range a.OldKeys {
		key, err := ledger.ParseKey(a.OldKeys[i])
		if err != nil {
			r.wrong(&a.OldKeys[i], "%s", bridge.Explain(err))
			continue
		}
		a.old = append(a.old, key)
	}
}

// auditKeys are the parsed keys of the audit.
type auditKeys struct {
	key ed25519.PrivateKey
	old []ed25519.PublicKey
}
