package auth

import (
	"context"
	"net/http"

	"sigs.k8s.io/controller-runtime/pkg/log"
)

// everywhere is the parameter of a logout that ends all logins of its user.
const everywhere = "everywhere"

// endedPath is where the browser comes after a logout.
const endedPath = "/login?ended="

func (d *Desk) askLogout(w http.ResponseWriter, r *http.Request) {
	p := pageLogout.localized(r)
	p.Buttons = []Button{{p.Title, "/logout"}}
	if d.options.Logouts != nil {
		p.Buttons = append(p.Buttons, Button{pageLogoutEverywhere.localized(r).Title, "/logout?" + everywhere + "="})
	}
	d.render(w, r, p)
}

// logout ends the login at the desk and at all carrels to which it was handed over, and at
// the provider if the provider offers that. With the parameter everywhere, it ends all
// logins of the user.
func (d *Desk) logout(w http.ResponseWriter, r *http.Request) {
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		d.fail(w, r, errElsewhere, pageElsewhere)
		return
	}
	s, loggedIn := d.readSession(r, forSession, sessionCookie)
	d.forget(w)
	if !loggedIn {
		redirect(w, endedPath)
		return
	}
	if err := d.record(r.Context(), s, r.URL.Query().Has(everywhere)); err != nil {
		log.FromContext(r.Context()).Error(err, "end a login", "user", s.User)
		d.show(w, r, pageLogoutHere)
		return
	}
	log.FromContext(r.Context()).Info("logged out", "user", s.User, everywhere, r.URL.Query().Has(everywhere))
	there := ""
	if p := d.providers[s.Provider]; p != nil {
		there = p.logout(r.Context(), d.url.String()+endedPath)
	}
	if there == "" {
		redirect(w, endedPath)
		return
	}
	d.leaveTo(w, r, there)
}

// record records that a login, or all of its user, have ended.
func (d *Desk) record(ctx context.Context, s session, all bool) error {
	until := d.now().Add(d.sessions.Absolute.Duration)
	if all {
		return d.options.Logouts.EndAll(ctx, s.User, until)
	}
	return d.options.Logouts.End(ctx, s.User, s.ID, until)
}

// LoggedOut reports whether a user has ended a login, which LoginFromContext returned.
func (d *Desk) LoggedOut(user string, l Login) bool {
	return d.options.Logouts.Ended(user, l.id, l.begun)
}

// Logouts returns a channel that receives a value after logins were ended. There is one
// receiver.
func (d *Desk) Logouts() <-chan struct{} { return d.options.Logouts.Changed() }
