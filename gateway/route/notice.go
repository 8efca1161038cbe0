package route

import (
	"encoding/json"
	"net/http"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/lifecycle"
	"github.com/carrel-dev/carrel/core/timetable"
	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/directory"
	"github.com/carrel-dev/carrel/gateway/page"
)

const (
	// stopSoon is the longest time before an idle stop at which it is announced, and
	// stopShare the largest share of the Template's idle.after.
	stopSoon  = 5 * time.Minute
	stopShare = 4
	// loginSoon is the time before the end of a login at which it is announced.
	loginSoon = 10 * time.Minute
	// askAgain is the time after which a page asks again, and askSoon the least.
	askAgain = time.Minute
	askSoon  = 5 * time.Second
)

// The kinds of notice, which are the keys of their texts.
const (
	noNotice      = ""
	noticeIdle    = "notice.idle"
	noticeLogin   = "notice.login"
	noticeStopped = "notice.stopped"
	noticeOver    = "notice.over"
	noticeDrain   = "notice.drain"
)

// notice tells the visitor of a carrel what is about to end.
type notice struct {
	kind string
	// at is the time of the end. It is zero for what has ended, and if it is not known.
	at time.Time
}

// noticeOf returns the notice for a visitor of a carrel, whose course may be nil, and whose
// node may be about to be drained.
func noticeOf(c directory.Carrel, course *v1alpha1.Course, l auth.Login, draining bool, now time.Time) notice {
	if c.Target == "" && (c.State == v1alpha1.StateAsleep || c.State == v1alpha1.StateDisabled) {
		return notice{kind: noticeStopped}
	}
	if draining {
		return notice{kind: noticeDrain}
	}
	if !l.Ends.IsZero() && l.Ends.Sub(now) <= loginSoon {
		return notice{noticeLogin, l.Ends}
	}
	if at := stopsAt(c, course, now); !at.IsZero() && at.Sub(now) <= leadOf(c) {
		return notice{noticeIdle, at}
	}
	return notice{}
}

// leadOf returns how long before it an idle stop is announced.
func leadOf(c directory.Carrel) time.Duration { return min(stopSoon, c.IdleAfter/stopShare) }

// stopsAt returns when the controller stops a carrel that nobody uses until then; zero if
// it does not. A Template's probe may put it off.
func stopsAt(c directory.Carrel, course *v1alpha1.Course, now time.Time) time.Time {
	if c.IdleAfter == 0 || c.Target == "" {
		return time.Time{}
	}
	at := lifecycle.SleepAt(lifecycle.PresenceFacts{
		Idle: &v1alpha1.Idle{After: metav1.Duration{Duration: c.IdleAfter}}, Running: true, Status: c.Userland.Status, Now: now,
	})
	if at.Sub(now) > leadOf(c) || course == nil || course.Spec.Timetable == nil {
		return at
	}
	table, err := timetable.New(*course.Spec.Timetable)
	if err != nil {
		return at // the Course has the reason TimetableInvalid
	}
	end := lifecycle.SessionEnd(func(t time.Time) timetable.Moment { return table.At(c.Section, t) }, now)
	if end.After(at) {
		return end
	}
	return at
}

// again returns the time after which a page asks again: often enough for a carrel that is
// stopped soon.
func again(c directory.Carrel) time.Duration {
	if c.IdleAfter == 0 {
		return askAgain
	}
	return max(askSoon, min(askAgain, leadOf(c)/2))
}

// noticeAnswer is the answer to the script of a page.
type noticeAnswer struct {
	// Text is what to show; empty if there is nothing. Until then, Over is what to show
	// when a later question is refused.
	Text string `json:"text,omitempty"`
	Over string `json:"over"`
	// Stay is the label of the button by which the visitor goes on; empty for none.
	Stay string `json:"stay,omitempty"`
	// Load is the label of the button that loads the page again; empty for none.
	Load  string `json:"load,omitempty"`
	Close string `json:"close"`
	// Again is the number of seconds after which the page asks again.
	Again int `json:"again"`
}

// serveNotice answers the script of a carrel's page. A POST says that the visitor is
// still there.
func (rt *Router) serveNotice(rw http.ResponseWriter, r *http.Request, c directory.Carrel) {
	if r.Method == http.MethodPost {
		rt.Activity.Touch(c)
		rw.WriteHeader(http.StatusNoContent)
		return
	}
	course, _ := rt.Directory.Course(c.Course)
	now, lang := rt.Clock.Now(), page.LanguageOf(r)
	times := page.Times{Lang: lang, Zone: timetable.ZoneOf(course), Now: now}
	n := noticeOf(c, course, auth.LoginFromContext(r.Context()), rt.Directory.Draining(c), now)
	answer := noticeAnswer{
		Over: lang.Text(noticeOver), Load: lang.Text("notice.load"), Close: lang.Text("layout.close"), Again: int(again(c) / time.Second),
	}
	switch n.kind {
	case noNotice:
	case noticeStopped:
		answer.Text = lang.Text(n.kind)
	case noticeDrain:
		answer.Text = lang.Text(n.kind)
		answer.Load = ""
	default:
		answer.Text = lang.Text(n.kind, "clock", times.Clock(n.at))
		answer.Load = ""
	}
	if n.kind == noticeIdle {
		answer.Stay = lang.Text("notice.stay")
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.Header().Set("Cache-Control", "no-store")
	rw.Header().Set("X-Content-Type-Options", "nosniff")
	_ = json.NewEncoder(rw).Encode(answer) // fails only if the visitor has left
}
