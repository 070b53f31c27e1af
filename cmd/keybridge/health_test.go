package main

import (
	"bytes"
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"keybridge/bridge/web"
)

func TestHealthSaysInWordsWhatIsWrong(t *testing.T) {
	store := web.Check{Name: "store", Status: web.CheckOK}
	operations := httptest.NewServer(&web.Operations{
		Metrics: web.NewMetrics(), Checks: func(context.Context) []web.Check { return []web.Check{store} },
	})
	t.Cleanup(operations.Close)
	health := func() (code int, said, wrong string) {
		var out, errOut bytes.Buffer
		code = run(t.Context(), []string{"health", "--addr", strings.TrimPrefix(operations.URL, "http://")}, &out, &errOut)
		return code, out.String(), errOut.String()
	}
	if code, said, wrong := health(); code != 0 || said != "ready\n" || wrong != "" {
		t.Errorf("ready: exits with %d, says %q and %q", code, said, wrong)
	}
	store = web.Check{Name: "store", Status: web.CheckFailing, Says: "There is no room left."}
	if code, said, wrong := health(); code != exitFailed || said != "" || wrong != "keybridge: not ready\nstore: failing. There is no room left.\n" {
		t.Errorf("not ready: exits with %d, says %q and %q", code, said, wrong)
	}
}
