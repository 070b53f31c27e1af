package sandbox

import (
	"cmp"
	"net/http"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The roles of a [User].
const (
	superAdmin = "super-admin"
	consumer   = "consumer-team-member"
)

// User is somebody known to the portal: the admin, who is user 1, or a developer. What an [Enterprise] hands out is a copy.
type User struct {
	ID          int
	Email       string
	Password    string // taken in, never given out
	First, Last string
	// Role is "super-admin" or, when empty, "consumer-team-member".
	Role string
	// OrganisationID is 0 for admins; for developers 0 means the first organisation.
	OrganisationID int
	// Inactive users cannot sign in.
	Inactive             bool
	CreatedAt, UpdatedAt time.Time
	// Apps are made for the user by [Enterprise.AddUser]; what is handed out has none, see [Enterprise.Apps].
	Apps []App
}

// Name returns the user's name, or the e-mail address.
func (u User) Name() string {
	return orElse(strings.TrimSpace(u.First+" "+u.Last), u.Email)
}

// Organisation is who developers belong to.
type Organisation struct {
	ID                   int
	Name                 string
	CreatedAt, UpdatedAt time.Time
}

// AddOrganisation makes an organisation and returns its id. No webhook is sent.
func (e *Enterprise) AddOrganisation(name string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.addOrganisationLocked(name).ID
}

func (e *Enterprise) addOrganisationLocked(name string) *Organisation {
	return e.organisations.add(func(id int) Organisation {
		return Organisation{ID: id, Name: name, CreatedAt: e.today(), UpdatedAt: e.today()}
	})
}

// AddUser makes a user as if they had been there before, with no mail and no webhook, and returns the record. It returns an
// error when the address is missing, is no address or is in use, or the organisation is not there.
func (e *Enterprise) AddUser(user User) (User, error) {
	record, err := e.addUser(user)
	if err != nil {
		return User{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, app := range user.Apps {
		app.UserID = record.ID
		e.addAppLocked(app)
	}
	return *record, nil
}

func (e *Enterprise) addUser(user User) (*User, error) {
	if address, err := mail.ParseAddress(user.Email); err != nil || address.Address != user.Email {
		return nil, errNoEmail
	}
	secret, err := e.hashed(user.Password)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, taken := e.emails[strings.ToLower(user.Email)]; taken {
		return nil, errUserTaken
	}
	user.Role = orElse(user.Role, consumer)
	if user.Role == consumer {
		user.OrganisationID = cmp.Or(user.OrganisationID, 1)
		if e.organisations.get(user.OrganisationID) == nil {
			return nil, errNoOrganisation
		}
	}
	user.Password, user.Apps = "", nil
	user.CreatedAt, user.UpdatedAt = e.today(), e.today()
	record := e.users.add(func(id int) User { user.ID = id; return user })
	e.emails[strings.ToLower(user.Email)] = record.ID
	e.passwords[record.ID] = secret
	return record, nil
}

// errUserTaken and errNoOrganisation are sentences for people too.
var (
	errUserTaken      = refuse(http.StatusUnprocessableEntity, "a user with this e-mail address is there already")
	errNoOrganisation = refuse(http.StatusUnprocessableEntity, "there is no such organisation")
)

// register makes a user as the sign-up page and the API do: the webhook is sent, and the user is welcomed by mail.
func (e *Enterprise) register(user User, actor int, base string) (*User, error) {
	record, err := e.addUser(user)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.announceUserLocked("UserRegistered", record, cmp.Or(actor, record.ID))
	e.postLocked(WelcomeDeveloperMail, record, base)
	return record, nil
}

// Users returns all users in the order of their ids, the admin first.
func (e *Enterprise) Users() []User {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.users.copies()
}

// User returns the user with the e-mail address, in any case, and whether there is one.
func (e *Enterprise) User(email string) (User, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if user := e.users.get(e.emails[strings.ToLower(email)]); user != nil {
		return *user, true
	}
	return User{}, false
}

// Activate lets a user sign in, as the admin does. It returns an error when there is no user with the address.
func (e *Enterprise) Activate(email string) error { return e.setActive(email, true) }

// Deactivate keeps a user from signing in, as the admin does: they are signed out, a mail and a webhook are sent. It
// returns an error when there is no user with the address.
func (e *Enterprise) Deactivate(email string) error { return e.setActive(email, false) }

func (e *Enterprise) setActive(email string, active bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	user := e.users.get(e.emails[strings.ToLower(email)])
	if user == nil {
		return notThere("There is no such user.")
	}
	e.setActiveLocked(user, active, e.base(nil))
	return nil
}

// setActiveLocked activates or deactivates a user. Where nothing changes nothing is sent.
func (e *Enterprise) setActiveLocked(user *User, active bool, base string) {
	if user.Inactive != active {
		return
	}
	user = e.users.change(user.ID, func(u *User) { u.Inactive, u.UpdatedAt = !active, e.today() })
	if active {
		e.announceUserLocked("UserAccountActivated", user, adminID)
		e.postLocked(ActivateMail, user, base)
		return
	}
	e.visits.drop(func(s *shopper) bool { return s.user == user.ID })
	if e.settings.DeactivationRevokes {
		for _, request := range e.requests.all() {
			if request.UserID == user.ID {
				e.revokeLocked(request)
			}
		}
	}
	e.announceUserLocked("UserAccountDeactivated", user, adminID)
	e.postLocked(DeactivateMail, user, base)
}

// adminID is the admin's user.
const adminID = 1

// authenticate returns the user whose e-mail address and password these are.
func (e *Enterprise) authenticate(email, text string) (*User, error) {
	e.mu.Lock()
	id := e.emails[strings.ToLower(email)]
	user, secret := e.users.get(id), e.passwords[id]
	e.mu.Unlock()
	// The comparison is slow on purpose, so it happens outside the lock, and for unknown addresses too.
	if !secret.is(text) || user == nil {
		return nil, refuse(http.StatusUnauthorized, "That e-mail address and password do not go together.")
	}
	if user.Inactive {
		return nil, refuse(http.StatusForbidden, "This account is not active. An admin has to activate it.")
	}
	return user, nil
}

// userInList is a user in a list, as the API speaks of them.
type userInList struct {
	ID             int
	Active         bool
	Email          string
	First, Last    string
	OrganisationID int
	Role           string
	Provider       string
}

func inList(u *User) userInList {
	return userInList{u.ID, !u.Inactive, u.Email, u.First, u.Last, u.OrganisationID, u.Role, "password"}
}

// wholeUser is one user as the API speaks of them.
type wholeUser struct {
	userInList
	JWTToken          string // of an admin: the API token, a live secret
	APITokenCreatedAt string
	Organisation      string
	ResetPassword     bool
	Teams             []spokenTeam
	CreatedAt         string
	UpdatedAt         string
}

// spokenTeam is a team as the API speaks of it: each organisation has its default one, and teams are not modelled further.
type spokenTeam struct {
	ID      int
	Name    string
	Default bool
}

func teamOf(o *Organisation) []spokenTeam {
	return []spokenTeam{{ID: o.ID, Name: o.Name + " All users", Default: true}}
}

func (e *Enterprise) spokenUserLocked(u *User) wholeUser {
	spoken := wholeUser{userInList: inList(u), CreatedAt: stamp(u.CreatedAt), UpdatedAt: stamp(u.UpdatedAt), Teams: []spokenTeam{}}
	if organisation := e.organisations.get(u.OrganisationID); organisation != nil {
		spoken.Organisation, spoken.Teams = organisation.Name, teamOf(organisation)
	}
	if u.ID == adminID {
		spoken.JWTToken, spoken.APITokenCreatedAt = e.secret, u.CreatedAt.Format(time.DateOnly)
	}
	return spoken
}

// stamp is a time as the portal's API writes it, in the portal's own zone; never is empty.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format("2006-01-02 15:04")
}

func (e *Enterprise) getUsers(r *http.Request) (any, error) {
	return pageOfShelf(e, r, &e.users, inList)
}

func (e *Enterprise) getUser(r *http.Request) (any, error) {
	return oneOfShelf(e, r, &e.users, e.spokenUserLocked)
}

// sentUser is a user as it is sent; what is not sent stays as it is.
type sentUser struct {
	Active         *bool
	Email          *string
	First, Last    *string
	OrganisationID *int
	Role           *string
	Password       string
}

func (e *Enterprise) postUser(r *http.Request) (any, error) {
	var sent sentUser
	if err := readJSON(r, &sent); err != nil {
		return nil, err
	}
	user := User{Password: sent.Password}
	put(&user.Email, sent.Email)
	put(&user.First, sent.First)
	put(&user.Last, sent.Last)
	put(&user.Role, sent.Role)
	put(&user.OrganisationID, sent.OrganisationID)
	user.Inactive = sent.Active != nil && !*sent.Active
	if user.Role == superAdmin {
		return nil, refuse(http.StatusUnprocessableEntity, "this portal has one admin")
	}
	record, err := e.register(user, adminID, e.base(r))
	if err != nil {
		return nil, refuse(http.StatusUnprocessableEntity, err.Error())
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.spokenUserLocked(record), nil
}

// putUser changes what is sent of a user's names and whether they are active; address, role and organisation stay.
func (e *Enterprise) putUser(r *http.Request) (any, error) {
	var sent sentUser
	if err := readJSON(r, &sent); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	user, err := foundIn(r, "id", &e.users)
	if err != nil {
		return nil, err
	}
	if sent.Active != nil && !*sent.Active && user.ID == adminID {
		return nil, refuse(http.StatusUnprocessableEntity, "the admin stays active")
	}
	e.users.change(user.ID, func(u *User) {
		put(&u.First, sent.First)
		put(&u.Last, sent.Last)
		u.UpdatedAt = e.today()
	})
	if sent.Active != nil {
		e.setActiveLocked(e.users.get(user.ID), *sent.Active, e.base(r))
	}
	return e.spokenUserLocked(e.users.get(user.ID)), nil
}

// deleteUser removes a user with their apps, and so their access requests and credentials.
func (e *Enterprise) deleteUser(r *http.Request) (any, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	user, err := foundIn(r, "id", &e.users)
	if err != nil {
		return nil, err
	}
	if user.ID == adminID {
		return nil, refuse(http.StatusUnprocessableEntity, "the admin stays")
	}
	for _, app := range e.apps.all() {
		if app.UserID == user.ID {
			e.dropAppLocked(app)
		}
	}
	e.users.remove(user.ID)
	delete(e.emails, strings.ToLower(user.Email))
	delete(e.passwords, user.ID)
	e.visits.drop(func(s *shopper) bool { return s.user == user.ID })
	return saying("ok", ""), nil
}

// organisationInList is an organisation in a list, as the API speaks of it.
type organisationInList struct {
	ID   int
	Name string
}

// wholeOrganisation is one organisation as the API speaks of it.
type wholeOrganisation struct {
	organisationInList
	CreatedAt string
	UpdatedAt string
	Teams     []spokenTeam
	Users     []userInList
}

func (e *Enterprise) spokenOrganisationLocked(o *Organisation) wholeOrganisation {
	spoken := wholeOrganisation{
		organisationInList: organisationInList{o.ID, o.Name}, CreatedAt: stamp(o.CreatedAt), UpdatedAt: stamp(o.UpdatedAt),
		Teams: teamOf(o), Users: []userInList{},
	}
	for _, user := range e.users.all() {
		if user.OrganisationID == o.ID {
			spoken.Users = append(spoken.Users, inList(user))
		}
	}
	return spoken
}

func (e *Enterprise) getOrganisations(r *http.Request) (any, error) {
	return pageOfShelf(e, r, &e.organisations, func(o *Organisation) organisationInList { return organisationInList{o.ID, o.Name} })
}

func (e *Enterprise) getOrganisation(r *http.Request) (any, error) {
	return oneOfShelf(e, r, &e.organisations, e.spokenOrganisationLocked)
}

func (e *Enterprise) postOrganisation(r *http.Request) (any, error) {
	var sent struct{ Name string }
	if err := readJSON(r, &sent); err != nil {
		return nil, err
	}
	if strings.TrimSpace(sent.Name) == "" {
		return nil, refuse(http.StatusUnprocessableEntity, "Name is needed")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if slices.ContainsFunc(e.organisations.all(), func(o *Organisation) bool { return o.Name == sent.Name }) {
		return nil, refuse(http.StatusUnprocessableEntity, "an organisation with that name already exists")
	}
	organisation := e.addOrganisationLocked(sent.Name)
	e.announceLocked("OrganisationRegistered", "", struct {
		ID        int
		Name      string
		CreatedAt time.Time
	}{organisation.ID, organisation.Name, organisation.CreatedAt})
	return e.spokenOrganisationLocked(organisation), nil
}

// descriptor is how the API names a user within other records.
func descriptor(user int) string { return "User#" + strconv.Itoa(user) }
