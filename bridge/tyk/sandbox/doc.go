// Package sandbox is both of Tyk's portals, to try keybridge with: a Classic Portal with its Dashboard API, see [New], and
// an Enterprise Developer Portal, see [NewEnterprise]. They serve the demonstration, the tests, and whoever writes a client of
// their own. They keep everything in memory and misbehave on demand.
//
// # The idea
//
// Neither product runs where keybridge is built, so this package behaves as Tyk's public documents say they behave. It
// speaks the protocol and knows nothing of keybridge (it imports the standard library alone): what works against it works
// because the protocol was spoken rightly. Where the documents are silent there is a setting, off or on as the documents'
// samples suggest, so that a client is tried against each reading and not against one guess.
//
// The two portals are two server types, since they are two products: another API, other records, other pages. What is not
// Tyk's but the sandbox's is there once and shared by both: ids and the clock, faults, calls, mails, webhooks, who is signed
// in, the signed redirect, the control API's common part, the style of pages. What follows up to "The Enterprise Portal" is
// the Classic Portal.
//
// # How things go in and out
//
//	/api/…       the Dashboard API, header `authorization: <Secret>`, no scheme word
//	/admin/organisations/{id}  the Dashboard Admin API, header `admin-auth: <AdminSecret>`: event_options sets the webhook
//	/admin/      the Dashboard admin's page: approve, decline, keys, settings, faults, webhooks
//	/portal/     what a developer sees
//	/gateway/{policy}  an API behind the gateway: 200 to a key that opens it, else 401 or 403 (header Authorization: <key>)
//	/sandbox/…   control, in JSON
//
// A program that holds the [Server] calls its methods instead of /sandbox/. Out go the redirect after the request form
// and the webhook; mails stay inside.
//
// # The Dashboard API
//
//	GET    /api/portal/requests?p=&approved=         list; p counts from 0, 10 a page, -1 is everything
//	POST   /api/portal/requests                      create; Message is the id
//	GET    /api/portal/requests/{id}                 read
//	PUT    /api/portal/requests/approve/{id}         approve; answers with the key or the OAuth client, live secrets
//	DELETE /api/portal/requests/{id}                 decline
//	GET    /api/portal/developers?p=                 list; also POST, and GET PUT DELETE /api/portal/developers/{id}
//	GET    /api/portal/developers/email/{email}      read
//	POST   /api/portal/developers/verify_credentials {"username","password"}: 200 or 401
//	POST   /api/portal/developers/{id}/keys          issue a key; of old …/{id}/subscriptions with policy_id
//	PUT    /api/portal/developers/{id}/keys/{key}    change its policies
//	DELETE /api/portal/developers/{id}/keys/{key}    revoke; of old …/developers/key/{api}/{key}/{id}
//	POST   /api/portal/developers/{id}/keys/{key}/reset_quota
//	DELETE /api/portal/developers/oauth/{client}     revoke an OAuth client
//	GET    /api/keys/{key}?hashed=true               read a key; PUT (&suppress_reset=1) replaces its session, DELETE ends
//	                                                 it; also below /api/apis/{api}/keys/
//	GET    /api/portal/policies, …/policies/{id}     policies
//	GET    /api/portal/catalogue                     the catalogue; PUT replaces it
//	GET    /api/portal/configuration                 the portal's settings; PUT replaces them
//
// A path may end in a slash. Errors are {"Status":"Error","Message":…,"Meta":null}.
//
// # Control
//
//	GET PUT PATCH /sandbox/settings        [Settings]; PUT replaces all, PATCH changes what is sent
//	GET POST DELETE /sandbox/faults        {"method","path","kind","times","delay_ms","retry_after","status"}, see [Fault]
//	GET DELETE /sandbox/calls              what was called, see [Call]
//	GET /sandbox/mail?to=                  mails, see [Message]: oldest first, or of one address newest first
//	GET /sandbox/webhooks                  webhooks, see [Delivery]
//	POST /sandbox/webhooks/{id}/replay     send one again
//	POST /sandbox/requests                 [Ask]: file a key request as the form does → {"id","redirect"}
//	PUT /sandbox/requests/{id}             {"fields"}: change one, which fires the webhook for an update
//
// Errors are {"error":…} with a 4xx status.
//
// # Ids on the pages
//
// For browser tests; {policy} is a policy's id, {id} a key request's, {key} the hash a key is named by.
//
//	everywhere            #nav-catalogue #nav-login #nav-register #nav-keys #nav-mail #sign-out #problem #notice
//	/portal/              #open-catalogue
//	/portal/catalogue     #plan-{policy} #request-{policy}; with multi-selection form#selection #choose-{policy}
//	                      #request-selected
//	/portal/login         form#login: #email #password #sign-in
//	/portal/register      form#register: #name #email #password #field_1… #sign-up
//	/portal/request       ?policy={policy}…; form#key-request: #field_1… #redirect_uri (OAuth) #submit-request
//	/portal/requests/{id} #status with data-status waiting, approved or generate
//	/portal/keys          #raw-key, #client-id and #client-secret (once), table#keys tr#key-{key}, table#requests
//	                      tr#request-{id} with data-status, a#generate-{id}
//	/portal/generate/{id} #generate-key
//	/portal/mail          article#mail-{n} with data-kind welcome, key or generate
//	/admin/               table#pending tr#request-{id} #approve-{id} #decline-{id}; table#developers div#key-{key} with
//	                      data-status, #suspend-{key} #resume-{key} #remove-{key}; form#settings: the JSON names of
//	                      [Settings], #signed_redirect #signed_secret #signed_issuer #signed_audience #signed_portal
//	                      #signed_parameter #signed_lifetime #missing_status #save-settings; form#faults: #fault-kind
//	                      #fault-method #fault-path #fault-times #fault-delay #fault-retry #fault-status #set-fault
//	                      #clear-faults; table#webhooks tr#webhook-{n} #replay-{n}
//
// # Decisions
//
//   - A redirect leaves the key request pending even where no approval is required: it hands the decision to somebody
//     else, and a key issued at once would have taken it.
//   - "approved" has to be sent as false. A request created through the API without it, or with true, counts as processed
//     since Dashboard 1.8 (liip/wp-tyk-dev-portal issue 8): it is listed as approved, has no key, and its approval answers
//     "Key request has already been processed." Settings.OmittedApprovalIsPending forgives the omission.
//   - A policy that does not exist is accepted in a request and refused at its approval (TykTechnologies/tyk issue 272).
//     A developer who does not exist is refused at once, with 400: there is nobody to file the request for.
//   - Under secure approval the approve answer is {"RawKey":"","Password":""} and the developer has no key until they
//     click: Tyk's documents show no answer for this case.
//   - An approval is an update of the key request and fires the webhook. The name of that event is Settings.UpdateEvent.
//   - A webhook is attempted once, beside the request that caused it, with no header of its own: Tyk documents neither
//     retry nor signature.
//   - Without hashed keys a key's id is the raw key, as with Tyk; the default is therefore hashed keys. Asked with hashed=true
//     such a gateway answers 400, as the open-source gateway's handleGetDetail does.
//   - Lists begin with the newest, by when a request entered the list: the approved ones by their approval.
//   - net/http's client repeats a GET by itself when a kept connection is cut: a CutBefore fault for one GET may go unseen.
//   - POST …/developers/{id}/keys answers as an approval does and sends no mail; the documents show neither.
//   - PUT of a key takes the bare session, as the documents' sample does, or the session within "data", as GET shows it.
//   - Records are replaced, never changed: a list of thousands is put together under one short lock and written as JSON
//     outside it. Key requests are indexed by state and by developer.
//   - Each answer to a developer who is known holds all of their keys, as with Tyk. A load test should therefore file its
//     requests for many developers.
//
// # The Enterprise Portal
//
//	/portal-api/…  the management API, header `Authorization: <Secret>`, no scheme word
//	/admin/…       the admin's pages; nobody has to sign in
//	/portal/…      the live portal, what a developer sees
//	/gateway/{product}  an API product behind the gateway: 200 to a credential that opens it, else 401 or 403
//	/sandbox/…     control, in JSON
//
// Below /portal-api, with ids that are whole numbers from 1 (text for webhooks and their headers, as described):
//
//	GET    /access_requests?page=&per_page=&limit=   list; pages count from 1 and hold 20
//	GET    /access_requests/{id}                     read; DELETE also revokes its credentials
//	PUT    /access_requests/{id}/approve             also /reject: 200 or 422, {"status","message"}
//	GET    /apps                                     also POST, and GET PUT DELETE /apps/{id}
//	PUT    /apps/{id}/provision                      {"ProductIDs","PlanID","ProvisionImmediately"}: a new access request
//	GET    /apps/{id}/access-requests                also GET DELETE …/{request}
//	GET    /apps/{id}/access-requests/{request}/credentials  also GET DELETE …/{credential}, PUT …/{credential}/rotate
//	GET    /users                                    also POST, and GET PUT DELETE /users/{id}; "Active":false deactivates
//	GET    /organisations                            also POST, and GET /organisations/{id}
//	GET    /plans, /products, /catalogues            also …/{id}; PUT /plans/{id} sets AutoApproveAccessRequests
//	GET    /webhooks                                 also POST, and GET PUT DELETE /webhooks/{id}
//	GET    /webhooks/{id}/headers                    also POST, and GET PUT DELETE …/{header}
//
// Errors are {"errors":[…]}; of a decision {"status":"error","message"}, of a provision {"status":"error","errors"}.
//
// Webhooks are {"Event","Message","Timestamp"} for AccessRequestCreated, AccessRequestApproved, AccessRequestRejected,
// CredentialRegistered, UserRegistered, UserAccountActivated, UserAccountDeactivated, ApplicationRegistered and
// OrganisationRegistered. Mails are approve, reject, submitted (to the admin), welcome_dev, activate and deactivate.
//
// Control is the Classic Portal's but for key requests ([EnterpriseSettings] in place of [Settings]), and:
//
//	POST /sandbox/access_requests       [AccessAsk]: file an access request as the cart does → {"id","status","link"}
//	POST /sandbox/channels/{id}/test    test the connection of a webhook → [Delivery]
//
// Ids on its pages; {n} is the id of what it is about:
//
//	live portal           #nav-catalogues #nav-apps #nav-mail #nav-cart #nav-login #nav-register #sign-out #problem #notice
//	/portal/              #open-catalogues
//	/portal/catalogues    #catalogue-{n} #product-{n} a#more-info-{n}
//	/portal/catalogue-products/{path}  #plan-{n} #access-{plan}
//	/portal/login         form#login: #email #password #sign-in
//	/portal/register      form#register: #first #last #email #password #sign-up
//	/portal/cart          #cart-empty, or table#cart tr#item-{product} #remove-{product}; form#checkout: #plan-{n} #app-{n}
//	                      #app-new #app_name #submit-request
//	/portal/requests/{n}  #status with data-status pending, approved or rejected and data-request; a#theme-link, a#open-app
//	/portal/apps          ul#apps #app-{n}; form#new-app: #app_name #description #create-app
//	/portal/apps/{n}      #request-{n} with data-status; details#credential-{n} #show-{n}: #key-{n}, or #client-id-{n} and
//	                      #client-secret-{n}
//	/portal/mail          article#mail-{n} with data-kind
//	admin                 #nav-access-requests #nav-users #nav-plans #nav-webhooks #nav-emails #nav-settings #nav-faults
//	                      #nav-portal
//	/admin/access-requests  table#pending, table#decided tr#request-{n} with data-status: #approve-{n} #reject-{n}
//	                      #delete-{n} #revoke-{credential}
//	/admin/users          table#users tr#user-{n} with data-status: #activate-{n} #deactivate-{n}
//	/admin/plans          #plan-{n} with data-auto: #auto-approve-{n} #save-plan-{n}
//	/admin/webhooks       #channel-{n}: #header-name-{n} #header-value-{n} #add-header-{n} #header-{h} #remove-header-{h}
//	                      #test-{n} #remove-{n}; form#new-channel: #name #url #method #timeout #event-{event} #add-channel;
//	                      table#webhooks tr#webhook-{n} #replay-{n}
//	/admin/emails         form#templates: #approve_subject #approve_text #reject_subject #reject_text #save-templates;
//	                      table#sent tr#mail-{n} with data-kind
//	/admin/settings       form#settings: the JSON names of [EnterpriseSettings] but for templates, the signed_… fields of the
//	                      Classic form, #missing_status #save-settings
//	/admin/faults         as on the Classic admin's page
//
// Decisions, where Tyk's documents are silent or disagree:
//
//   - Calls, members and statuses are those of Tyk's OpenAPI description (1.14, in places 1.8), webhooks those of its page on
//     webhooks. The list's parameters page, per_page and limit are described, one for the status is not: it is ignored.
//     Lists begin with the newest; a page that is no number from 1 is refused.
//   - Credentials are in the list of access requests, and an access request below its app has all its members, unless
//     Quirks says otherwise: the description leaves them out there.
//   - Products is text in the calls for access requests, names joined with a comma, and always a list within an app.
//   - A decision is made once: what was decided answers 422 to the next one. RepeatsSucceed and DecisionsChange are the other
//     readings. A decision about what is not there answers 422 too: only 200 and 422 are described.
//   - There is no body described for a provision; the one here is what tools built on the portal send. The answer does not
//     tell the new request's id, so a client has to read it back. A provision that fails after the request was filed (see
//     ProvisioningFails) answers 422 and leaves the request pending.
//   - An automatic approval sends AccessRequestCreated with the status pending, then CredentialRegistered and
//     AccessRequestApproved; each is sent beside the others, so they may come in any order. The published sample of
//     AccessRequestCreated ("ID":0, approved already) is Quirks.PublishedSamples.
//   - ByUser is the developer whose request it is; Quirks.ByActor makes it whoever acted.
//   - Deleting the credentials leaves the request approved: that is all there is of a suspension, and a new provision is all
//     there is of its end. Deleting an access request sends nothing.
//   - A user who is deactivated is signed out and can no longer sign in; their credentials live on, unless DeactivationRevokes.
//   - Webhooks made through the API take no headers along: those have calls of their own. None of a webhook's events is sent
//     unless it is named.
//   - An OAuth client is presented to the gateway by its secret: no identity provider is there to give a token for it.
//   - Dates without a zone are in the zone of the portal's clock, as the sample of Expires suggests.
//   - Not modelled: teams and audiences beyond the default one, custom attributes, requests of organisations, blog and pages,
//     SSO, password resets. No event about them is sent.
//
// # What it must never do
//
// Show a raw key or client secret anywhere but where Tyk shows it: the approve answer, the key mail, once on the page of
// keys, and OAuth secrets in the developer's record; of an Enterprise Portal, in the API's credentials and on the app's page.
// Write a webhook's URL or headers, which hold its receiver's secret, to a log, or show a header's value on a page.
package sandbox
