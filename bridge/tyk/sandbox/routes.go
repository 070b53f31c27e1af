package sandbox

import (
	"net/http"
	"strings"
)

// ServeHTTP serves the Dashboard API (/api/), the Dashboard's admin API and page (/admin/), the portal (/portal/), a
// gateway that honours its keys (/gateway/) and the sandbox's own control (/sandbox/).
//
// A fault that cuts the connection panics with http.ErrAbortHandler, which net/http's server understands.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	s.apiRoutes(mux)
	s.organisationRoutes(mux)
	mux.HandleFunc("GET /gateway/{policy}", s.gateway)

	pages := http.NewServeMux()
	s.portalRoutes(pages)
	s.adminRoutes(pages)
	s.controlRoutes(pages, s.ownControls())
	// Pages and control are what a browser may be tricked into posting to; the APIs ask for a header no form can send.
	guarded := http.NewCrossOriginProtection().Handler(pages)
	mux.Handle("/portal/", guarded)
	mux.Handle("/admin/", guarded)
	mux.Handle("/sandbox/", guarded)
	mux.Handle("GET /{$}", http.RedirectHandler("/portal/", http.StatusSeeOther))
	return withoutTrailingSlash(s.observed(mux))
}

func (s *Server) apiRoutes(mux *http.ServeMux) {
	for pattern, call := range map[string]apiCall{
		"GET /api/portal/requests":              s.listRequests,
		"POST /api/portal/requests":             s.postRequest,
		"GET /api/portal/requests/{id}":         s.getRequest,
		"DELETE /api/portal/requests/{id}":      s.deleteRequest,
		"PUT /api/portal/requests/approve/{id}": s.putApproval,

		"GET /api/portal/developers":                                s.listDevelopers,
		"POST /api/portal/developers":                               s.postDeveloper,
		"GET /api/portal/developers/{id}":                           s.getDeveloper,
		"PUT /api/portal/developers/{id}":                           s.putDeveloper,
		"DELETE /api/portal/developers/{id}":                        s.deleteDeveloper,
		"GET /api/portal/developers/email/{email}":                  s.getDeveloperByEmail,
		"POST /api/portal/developers/verify_credentials":            s.verifyCredentials,
		"POST /api/portal/developers/{id}/keys":                     s.postDeveloperKey,
		"POST /api/portal/developers/{id}/subscriptions":            s.postDeveloperKey,
		"PUT /api/portal/developers/{id}/keys/{keyID}":              s.putDeveloperKey,
		"DELETE /api/portal/developers/{id}/keys/{keyID}":           s.deleteDeveloperKey,
		"DELETE /api/portal/developers/key/{apiID}/{keyID}/{id}":    s.deleteDeveloperKey,
		"POST /api/portal/developers/{id}/keys/{keyID}/reset_quota": s.postQuotaReset,
		"DELETE /api/portal/developers/oauth/{appID}":               s.deleteOAuthClient,

		"GET /api/keys/{keyID}":                 s.getKey,
		"PUT /api/keys/{keyID}":                 s.putKey,
		"DELETE /api/keys/{keyID}":              s.deleteKey,
		"GET /api/apis/{apiID}/keys/{keyID}":    s.getKey,
		"PUT /api/apis/{apiID}/keys/{keyID}":    s.putKey,
		"DELETE /api/apis/{apiID}/keys/{keyID}": s.deleteKey,

		"GET /api/portal/policies":      s.listPolicies,
		"GET /api/portal/policies/{id}": s.getPolicy,
		"GET /api/portal/catalogue":     s.getCatalogue,
		"PUT /api/portal/catalogue":     s.putCatalogue,
		"GET /api/portal/configuration": s.getConfiguration,
		"PUT /api/portal/configuration": s.putConfiguration,

		"/api/": func(*http.Request) (any, error) { return nil, refuse(http.StatusNotFound, "Not found") },
	} {
		mux.HandleFunc(pattern, s.dashboard(call))
	}
}

// withoutTrailingSlash lets "/api/portal/policies/" mean "/api/portal/policies": Tyk's documents write both.
func withoutTrailingSlash(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		api := strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/admin/organisations")
		if api && strings.HasSuffix(path, "/") {
			r = r.Clone(r.Context())
			r.URL.Path = strings.TrimRight(path, "/")
			r.URL.RawPath = strings.TrimRight(r.URL.RawPath, "/")
		}
		next.ServeHTTP(w, r)
	})
}
