package auth

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/carrel-dev/carrel/gateway/logouts"
)

// withLogouts gives a world a record of logouts. It returns the function that makes it
// fail.
func withLogouts(w *world) (fail func(error)) {
	var failure error
	patch := func(context.Context, map[string]*string) error { return failure }
	w.desk.options.Logouts = logouts.New(patch, w.now.Now)
	return func(err error) { failure = err }
}

func (b *browser) post(there string) int {
	b.Helper()
	return b.get(there, func(r *http.Request) { r.Method = http.MethodPost }).Code
}

// in reports whether a page of alice's carrel is answered without a new login.
func (b *browser) in() bool {
	b.Helper()
	rw := b.get(alicesURL + "/")
	return rw.Code == http.StatusOK && strings.Contains(rw.Body.String(), "hello alice")
}

// A logout ends the login on the hosts of all carrels as well, at once, and that of no
// other browser. Cookies that somebody kept count no more.
func TestLogoutEndsThePagesOfCarrels(t *testing.T) {
	w := newWorld(t)
	withLogouts(w)
	one, two := w.browser(), w.browser()
	for _, b := range []*browser{one, two} {
		b.want(b.follow("alice", alicesURL+"/"), http.StatusOK, "hello alice")
	}
	kept := maps.Clone(one.cookies["desk.test"])
	if status := one.post(deskURL + "/logout"); status != http.StatusSeeOther {
		t.Errorf("the logout is answered %d", status)
	}
	if one.in() {
		t.Error("the carrel's page goes on after the logout")
	}
	one.cookies["desk.test"] = kept
	if rw := one.get(deskURL + "/"); rw.Code != http.StatusSeeOther {
		t.Errorf("with the cookies of before, the desk answers %d", rw.Code)
	}
	if !two.in() {
		t.Error("the logout ended the login of another browser")
	}
	one.want(one.follow("alice", alicesURL+"/"), http.StatusOK, "hello alice")
}

// A token that is on its way to a carrel when its login ends is not taken.
func TestLogoutEndsAHandOver(t *testing.T) {
	w := newWorld(t)
	withLogouts(w)
	b := w.browser()
	b.follow("alice", deskURL+"/")
	toDesk := b.next(alicesURL, b.get(alicesURL+"/"))
	toCarrel := b.next(toDesk, b.get(toDesk))
	b.post(deskURL + "/logout")
	b.want(b.get(toCarrel), http.StatusBadRequest, "This login can&#39;t be finished")
	if b.in() {
		t.Error("the hand-over was taken")
	}
}

func TestLogoutEverywhere(t *testing.T) {
	w := newWorld(t)
	withLogouts(w)
	one, two, other := w.browser(), w.browser(), w.browser()
	for _, b := range []*browser{one, two} {
		b.follow("alice", alicesURL+"/")
	}
	other.follow("bob", bobsURL+"/")
	one.want(one.get(deskURL+"/logout"), http.StatusOK, `action="/logout?everywhere="`)
	one.post(deskURL + "/logout?everywhere=")
	if one.in() || two.in() {
		t.Error("a login goes on")
	}
	other.want(other.get(bobsURL+"/"), http.StatusOK, "hello bob")
	// The same second, and a clock that is behind, do not end the new login.
	w.now.SetTime(w.now.Now().Add(-time.Minute))
	two.want(two.follow("alice", alicesURL+"/"), http.StatusOK, "hello alice")
	two.want(two.get(deskURL+"/"), http.StatusOK, "hello alice")
}

// A logout that could not be recorded ends the cookies of the desk, and is said.
func TestLogoutThatIsNotRecordedIsSaid(t *testing.T) {
	w := newWorld(t)
	fail := withLogouts(w)
	b := w.browser()
	b.follow("alice", alicesURL+"/")
	fail(errors.New("away"))
	b.want(b.get(deskURL+"/logout", func(r *http.Request) { r.Method = http.MethodPost }), http.StatusServiceUnavailable, "logged out here only")
	if rw := b.get(deskURL + "/"); rw.Code != http.StatusSeeOther {
		t.Errorf("the desk answers %d", rw.Code)
	}
}
