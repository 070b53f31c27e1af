package sandbox

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Credential is what an app calls products with: a key of the gateway or, with dynamic client registration, an OAuth
// client of the identity provider. Key and OAuthClientSecret are live secrets.
type Credential struct {
	ID                int
	AccessRequestID   int
	AppID             int
	Key, Hash         string
	OAuthClientID     string
	OAuthClientSecret string
	CreatedAt         time.Time
}

// Secret returns what the credential is presented as.
func (c Credential) Secret() string { return orElse(c.Key, c.OAuthClientSecret) }

// issueLocked makes a credential for a request and lets the gateway know it.
func (e *Enterprise) issueLocked(request *AccessRequest) *Credential {
	e.credentials++
	credential := &Credential{ID: e.credentials, AccessRequestID: request.ID, AppID: request.AppID, CreatedAt: e.today()}
	e.cutLocked(credential, request.DCREnabled)
	return credential
}

// cutLocked gives a credential its secrets.
func (e *Enterprise) cutLocked(credential *Credential, oauth bool) {
	if oauth {
		credential.OAuthClientID, credential.OAuthClientSecret = e.ids.secret(16), e.ids.secret(24)
	} else {
		token := fmt.Sprintf(`{"org":"%024x","id":"%s","h":"murmur64"}`, 0x7000, e.ids.secret(16))
		credential.Key = base64.StdEncoding.EncodeToString([]byte(token))
		sum := sha256.Sum256([]byte(credential.Key))
		credential.Hash = hex.EncodeToString(sum[:8])
	}
	e.live[credential.Secret()] = credential
}

// revokeLocked takes all credentials of a request away.
func (e *Enterprise) revokeLocked(request *AccessRequest) {
	for _, credential := range request.Credentials {
		delete(e.live, credential.Secret())
	}
	if len(request.Credentials) > 0 {
		e.requests.change(request.ID, func(a *AccessRequest) { a.Credentials, a.UpdatedAt = nil, e.today() })
	}
}

// RevokeCredential deletes a credential as the portal's admin does: the access request stays approved. It returns an error
// when there is no such credential.
func (e *Enterprise) RevokeCredential(id int) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, credential := range e.live {
		if credential.ID == id {
			e.revokeOneLocked(e.requests.get(credential.AccessRequestID), *credential)
			return nil
		}
	}
	return notThere("There is no such credential.")
}

func (e *Enterprise) revokeOneLocked(request *AccessRequest, credential Credential) {
	delete(e.live, credential.Secret())
	e.requests.change(request.ID, func(a *AccessRequest) {
		a.Credentials = slices.DeleteFunc(slices.Clone(a.Credentials), func(c Credential) bool { return c.ID == credential.ID })
		a.UpdatedAt = e.today()
	})
}

// Admits tells whether the gateway lets a credential's secret through to a product: a key, or the secret of an OAuth client
// in place of the token that an identity provider would give for it.
func (e *Enterprise) Admits(secret string, product int) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	credential := e.live[secret]
	return credential != nil && slices.Contains(e.requests.get(credential.AccessRequestID).ProductIDs, product)
}

// gateway stands for a product's API behind Tyk's gateway.
func (e *Enterprise) gateway(w http.ResponseWriter, r *http.Request) {
	secret := r.Header.Get("Authorization")
	product, err := strconv.Atoi(r.PathValue("product"))
	switch {
	case secret == "":
		writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "Authorization field missing"})
	case err != nil || !e.Admits(secret, product):
		writeJSON(w, http.StatusForbidden, map[string]string{"error": "Access to this API has been disallowed"})
	default:
		writeJSON(w, http.StatusOK, map[string]string{"forecast": "sunny"})
	}
}

// spokenCredential is a credential as the API speaks of it.
type spokenCredential struct {
	ID                         int
	AccessRequest              string
	Credential                 string
	CredentialHash             string
	DCRRegistrationAccessToken string
	DCRRegistrationClientURI   string
	DCRResponse                string
	Expires                    string
	GrantType                  string
	JWKSURI                    string
	OAuthClientID              string
	OAuthClientSecret          string
	RedirectURI                string
	ResponseType               string
	Scope                      string
	TokenEndpoints             string
}

// spokenCredential writes "never" as the portal does: the beginning of the epoch, in the portal's zone.
func (e *Enterprise) spokenCredential(c Credential) spokenCredential {
	spoken := spokenCredential{
		ID: c.ID, AccessRequest: "AccessRequest#" + strconv.Itoa(c.AccessRequestID), Credential: c.Key, CredentialHash: c.Hash,
		Expires: stamp(time.Unix(0, 0).In(e.now().Location())), OAuthClientID: c.OAuthClientID, OAuthClientSecret: c.OAuthClientSecret,
	}
	if c.OAuthClientID != "" {
		spoken.GrantType, spoken.TokenEndpoints = "client_credentials", "client_secret_basic"
	}
	return spoken
}

func (e *Enterprise) getCredentials(r *http.Request) (any, error) {
	p, err := pageOfList(r)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	request, err := e.requestOfAppLocked(r)
	if err != nil {
		return nil, err
	}
	from, to := p.window(len(request.Credentials))
	spoken := []spokenCredential{}
	for _, credential := range request.Credentials[from:to] {
		spoken = append(spoken, e.spokenCredential(credential))
	}
	return spoken, nil
}

// credentialLocked returns the credential a path names, and its request.
func (e *Enterprise) credentialLocked(r *http.Request) (*AccessRequest, Credential, error) {
	request, err := e.requestOfAppLocked(r)
	if err != nil {
		return nil, Credential{}, err
	}
	named := func(c Credential) bool { return strconv.Itoa(c.ID) == r.PathValue("credential") }
	place := slices.IndexFunc(request.Credentials, named)
	if place < 0 {
		return nil, Credential{}, notThere("record not found")
	}
	return request, request.Credentials[place], nil
}

func (e *Enterprise) getCredential(r *http.Request) (any, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, credential, err := e.credentialLocked(r)
	if err != nil {
		return nil, err
	}
	return e.spokenCredential(credential), nil
}

func (e *Enterprise) deleteCredential(r *http.Request) (any, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	request, credential, err := e.credentialLocked(r)
	if err != nil {
		return nil, err
	}
	e.revokeOneLocked(request, credential)
	return saying("ok", ""), nil
}

// putRotation replaces the secrets of a credential; its id stays.
func (e *Enterprise) putRotation(r *http.Request) (any, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	request, credential, err := e.credentialLocked(r)
	if err != nil {
		return nil, err
	}
	delete(e.live, credential.Secret())
	rotated := credential
	e.cutLocked(&rotated, request.DCREnabled)
	e.requests.change(request.ID, func(a *AccessRequest) {
		a.Credentials = slices.Clone(a.Credentials)
		a.Credentials[slices.Index(a.Credentials, credential)] = rotated
		a.UpdatedAt = e.today()
	})
	return saying("ok", "Action Rotate: Executed successfully"), nil
}
