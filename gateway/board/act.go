package board

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/time/rate"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/directory"
	"github.com/carrel-dev/carrel/gateway/limit"
	"github.com/carrel-dev/carrel/gateway/page"
)

// longestKeep is the largest number of hours for which one request keeps a carrel
// running.
const longestKeep = 7 * 24

const (
	// askEvery and askAtOnce bound what one person asks of carrels: each request is a
	// write for the API server. An assistant who restarts a row of seats is not held up.
	askEvery  = time.Second
	askAtOnce = 20
	// maxAskers bounds how many people's requests are counted.
	maxAskers = 1000
)

// maxForm is the largest size of a form, in bytes.
const maxForm = 4 << 10

var (
	errUnconfirmed = errors.New("the name typed is not the carrel's")
	errBadRequest  = errors.New("not something that can be asked")
)

// action describes a form of a carrel's page.
type action struct {
	request Request
	// may reports whether a visitor with these rights may do it.
	may func(rights) bool
	// when returns the time to write for the request; zero withdraws the request.
	when func(r *http.Request, c directory.Carrel, now time.Time) (time.Time, error)
	// note is the text of the event; if it is empty, no event is recorded.
	note string
}

func staff(has rights) bool        { return has.operate }
func owner(has rights) bool        { return has.own }
func ownerOrStaff(has rights) bool { return has.own || has.operate }

func now(_ *http.Request, _ directory.Carrel, now time.Time) (time.Time, error) { return now, nil }

func never(*http.Request, directory.Carrel, time.Time) (time.Time, error) {
	return time.Time{}, nil
}

// actions holds the actions by the last part of the path.
var actions = map[string]action{
	"restart": {RestartAt, ownerOrStaff, now, "asked for a restart"},
	"stop":    {StopAt, ownerOrStaff, now, "asked for a stop"},
	"keep":    {KeepUntil, staff, keepUntil, "asked to keep it running"},
	"release": {KeepUntil, staff, never, "asked to let it sleep again"},
	"reset":   {ResetAt, staff, confirmed, "asked for fresh volumes"},
	"raise":   {HelpSince, owner, raised, ""},
	"lower":   {HelpSince, ownerOrStaff, never, ""},
}

func keepUntil(r *http.Request, _ directory.Carrel, now time.Time) (time.Time, error) {
	hours, err := strconv.Atoi(r.PostFormValue("hours"))
	if err != nil || hours < 1 || hours > longestKeep {
		return time.Time{}, errBadRequest
	}
	return now.Add(time.Duration(hours) * time.Hour), nil
}

func confirmed(r *http.Request, c directory.Carrel, now time.Time) (time.Time, error) {
	if r.PostFormValue("confirm") != c.Name {
		return time.Time{}, errUnconfirmed
	}
	return now, nil
}

// raised returns the time since which a hand is up. Raising it again does not change that.
func raised(_ *http.Request, c directory.Carrel, now time.Time) (time.Time, error) {
	if q := c.Userland.Status.Requests; q != nil && q.HelpSince != nil {
		return q.HelpSince.Time, nil
	}
	return now, nil
}

// act serves the forms of a carrel's page.
func (b *Board) act(rw http.ResponseWriter, r *http.Request) {
	id, ok := visitor(rw, r)
	if !ok {
		return
	}
	r.Body = http.MaxBytesReader(rw, r.Body, maxForm)
	if !fromOurPage(r) {
		refuse(rw, r, http.StatusForbidden, "csrf")
		return
	}
	c, has, ok := b.subject(rw, r, id)
	if !ok {
		return
	}
	name := r.PathValue("action")
	a, found := actions[name]
	switch {
	case !found:
		refuse(rw, r, http.StatusNotFound, "notfound")
		return
	case !a.may(has):
		refuse(rw, r, http.StatusForbidden, "forbidden")
		return
	case !b.allowsAsking(id.User):
		rw.Header().Set("Retry-After", "5")
		refuse(rw, r, http.StatusTooManyRequests, "toofast")
		return
	}
	if err := b.ask(r.Context(), r, id, c, a, name); err != nil {
		b.explain(rw, r, err)
		return
	}
	if scripted(r) {
		rw.WriteHeader(http.StatusNoContent)
		return
	}
	http.Redirect(rw, r, "/courses/"+c.Course+"/carrels/"+c.Name, http.StatusSeeOther)
}

// allowsAsking reports whether a person may ask for something now.
func (b *Board) allowsAsking(user string) bool {
	b.asksOnce.Do(func() { b.asks = limit.New(rate.Every(askEvery), askAtOnce, maxAskers) })
	return b.asks.Allow(user, b.clock().Now())
}

// ask writes a request to the Userland, and records an event.
func (b *Board) ask(ctx context.Context, r *http.Request, id auth.Identity, c directory.Carrel, a action, name string) error {
	now := b.clock().Now()
	at, err := a.when(r, c, now)
	if err != nil {
		return err
	}
	if err := b.Requests.Ask(ctx, c.Userland, a.request, at); err != nil {
		return err
	}
	if a.note == "" {
		return nil
	}
	// The request is written by now, so a failure to record it is only logged.
	if err := b.Audit.Asked(ctx, c.Userland, id.User, name, a.note, now); err != nil {
		log.FromContext(ctx).Error(err, "record who asked", "user", id.User, "action", name)
	}
	return nil
}

// explain answers a form that failed.
func (b *Board) explain(rw http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, errUnconfirmed):
		refuse(rw, r, http.StatusUnprocessableEntity, "unconfirmed")
	case errors.Is(err, errBadRequest):
		refuse(rw, r, http.StatusBadRequest, "badrequest")
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
		refuse(rw, r, http.StatusConflict, "badrequest")
	default:
		unavailable(rw, r, err)
	}
}

// refuse answers a form with a problem: as JSON to the script, and as a page to a browser
// without script.
func refuse(rw http.ResponseWriter, r *http.Request, status int, problem string) {
	if scripted(r) {
		page.Refuse(rw, status, problem, page.LanguageOf(r).Text("problem."+problem+".text"))
		return
	}
	page.ShowProblem(rw, r, status, problem)
}

// scripted reports whether the page's script sent a form.
func scripted(r *http.Request) bool { return r.Header.Get("Accept") == "application/json" }
