//go:build e2e

package pages

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-rod/rod/lib/input"
	authorizationv1 "k8s.io/api/authorization/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/access"
	"github.com/carrel-dev/carrel/gateway/audit"
	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/board"
	"github.com/carrel-dev/carrel/gateway/gatewaytest"
	"github.com/carrel-dev/carrel/gateway/page"
	"github.com/carrel-dev/carrel/gateway/request"
	"github.com/carrel-dev/carrel/test/chromium"
)

// desk is the host, with a given person logged in.
func desk(b *board.Board, user, name string) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(page.Prefix, page.Assets())
	mux.Handle("/", b.Handler())
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(rw, r.WithContext(auth.NewContext(r.Context(), auth.Identity{User: user, Name: name})))
	})
}

// newSchool makes a class with one teacher, and its board. Somebody of the staff opened
// one carrel a while ago.
func newSchool(t *testing.T, students int) (*gatewaytest.Cluster, *board.Board) {
	t.Helper()
	now := lab()
	s := gatewaytest.Class(students, now.Now())
	s.Review = func(asked authorizationv1.SubjectAccessReviewSpec) (bool, error) { return asked.User == "teacher", nil }
	visits := audit.Log{Client: s.Client}
	if err := visits.Opened(t.Context(), gatewaytest.Student(18, now.Now()), "k.tanaka@example.ac.jp", now.Now().Add(-20*time.Minute)); err != nil {
		t.Fatal(err)
	}
	return s, newBoard(s)
}

func newBoard(s *gatewaytest.Cluster) *board.Board {
	return &board.Board{
		Directory: s.Index, Access: access.New(s.Client, access.Options{}), Requests: board.Requests{Client: s.Client}, Volumes: request.Volumes{Client: s.Client, Owner: board.VolumesOwner}, Audit: audit.Log{Client: s.Client},
		CarrelURL: func(course, name string) string { return "https://" + name + "--" + course + ".carrels.example.ac.jp/" },
		Clock:     lab(), Tick: 100 * time.Millisecond,
	}
}

func TestBoardLooks(t *testing.T) {
	_, b := newSchool(t, 300)
	gatewaytest.Morning(lab().Now(), func(at time.Time, running int) { b.Timelines.Add(gatewaytest.CourseName, at, running) })
	address := serve(t, desk(b, "teacher", "田中 健")) + "/courses/" + gatewaytest.CourseName
	browser := chromium.Start(t)
	for _, l := range append(looks, look{"docs", 1280, 800, false, "en", lab()}, look{"docs-ja", 1280, 800, false, "ja", lab()}) {
		p := open(t, browser, l, address)
		chromium.Find(t, p, live)
		chromium.Keep(t, p, "board-"+l.name)
		chromium.Click(t, p, seat("24t0119")+" a")
		chromium.Find(t, p, "dialog[open] #carrel")
		// A picture of what is drawn, two frames later at most.
		p.MustEval("() => new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
		chromium.Keep(t, p, "carrel-"+l.name)
		p.MustClose()
	}
}

// left adds the volumes of people who left to the class, and one that is undecided.
func left(s *gatewaytest.Cluster) {
	now := lab().Now()
	for i, until := range []time.Time{now.Add(5*24*time.Hour + time.Hour), now.Add(6 * 24 * time.Hour), now.AddDate(0, 0, 27), now.AddDate(0, 0, 27), now.AddDate(0, 5, 0), {}} {
		s.Put(gatewaytest.Kept(fmt.Sprintf("23T%04d@example.ac.jp", 301+i), "2Gi", until))
	}
	s.Put(gatewaytest.Kept("24T0119@example.ac.jp", "10Gi", now.AddDate(0, 0, 12)))
	undecided := gatewaytest.Student(40, now)
	undecided.Status.State, undecided.Status.Conditions[0].Reason = v1alpha1.StateFailing, v1alpha1.VolumeUndecidedReason
	undecided.Status.Conditions[0].Message = "the claims 24t0141--home and 24t0141-ide-3f9a--home both hold work for volume home"
	s.Set(undecided, "")
}

// Staff see the work of people who left, and keep it without a reload, or let it go on a
// page that says the day.
func TestBoardShowsWorkOfPeopleWhoLeft(t *testing.T) {
	browser := chromium.Start(t)
	for _, l := range looks {
		s, b := newSchool(t, 60)
		left(s)
		p := open(t, browser, l, serve(t, desk(b, "teacher", ""))+"/courses/"+course)
		chromium.Find(t, p, live)
		chromium.Click(t, p, ".work summary")
		chromium.Find(t, p, ".work[open] .kept .soon")
		chromium.Keep(t, p, "work-"+l.name)
		chromium.Click(t, p, ".work a[href*='23t0301']")
		chromium.Find(t, p, "dialog[open] #volume")
		p.MustEval("() => new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
		chromium.Keep(t, p, "volume-"+l.name)
		chromium.Click(t, p, "dialog[open] form[action$='/keep'] input[value=forever] ~ button")
		chromium.Becomes(t, p, "the request is on the board, which stays unfolded", "document.querySelector('.work[open] .kept em')")
		chromium.Click(t, p, "dialog[open] a[href$='/let-go']")
		chromium.Find(t, p, "form[action$='/let-go'] button")
		chromium.Keep(t, p, "farewell-"+l.name)
		chromium.Click(t, p, "form[action$='/let-go'] button")
		chromium.Find(t, p, "#volume")
		c, _ := s.Course(course)
		if q := c.Status.Requests; q == nil || len(q.Volumes) != 1 || q.Volumes[0].KeepUntil == v1alpha1.KeepForever {
			t.Errorf("in the end %+v is asked for", q)
		}
		p.MustClose()
	}
}

// seat selects a seat of the board.
func seat(name string) string { return "#seat-" + name }

// live selects what a board shows once its script has run and it is kept current.
const live = "#live:not([hidden]):not(.stale)"

// A student raises a hand, and the teacher's board, open all the while, shows it;
// the teacher looks, restarts, lowers the hand.
func TestBoardIsLive(t *testing.T) {
	s, b := newSchool(t, 60)
	who := gatewaytest.Student(0, lab().Now()).Spec.User
	browser := chromium.Start(t)
	teacher := open(t, browser, looks[0], serve(t, desk(b, "teacher", ""))+"/courses/"+course)
	chromium.Find(t, teacher, live)
	student := open(t, browser.MustIncognito(), looks[2], serve(t, desk(b, who, ""))+"/courses/"+course+"/carrels/24t0101")
	chromium.Click(t, student, "form[action$='/raise'] button")
	chromium.Find(t, student, "form[action$='/lower']")
	chromium.Keep(t, student, "raised-phone")
	chromium.Becomes(t, teacher, "the hand is seen", "document.querySelector('#seat-24t0101.hand') && document.querySelector('.hands').textContent.includes('森 花')")

	chromium.Click(t, teacher, ".hands a[href$='24t0101']")
	chromium.Click(t, teacher, "dialog[open] form[action$='/restart'] button")
	chromium.Becomes(t, teacher, "the restart was asked for", "document.querySelector('dialog form[action$=\"/restart\"] .asked')")
	chromium.Click(t, teacher, "dialog[open] form[action$='/lower'] button")
	chromium.Becomes(t, teacher, "the hand is down", "!document.querySelector('#seat-24t0101.hand') && !document.querySelector('.hands').textContent.includes('森 花')")
	chromium.Click(t, teacher, "dialog .close")
	c, _ := s.Carrel(course, "24t0101")
	if q := c.Userland.Status.Requests; q.RestartAt == nil || q.HelpSince != nil {
		t.Errorf("in the end %+v is asked for", q)
	}

	// One fails, one leaves: no reload by the teacher.
	failing := gatewaytest.Student(1, lab().Now())
	failing.Status.State, failing.Status.Conditions[0].Reason = v1alpha1.StateFailing, v1alpha1.NotAnsweringReason
	s.Set(failing, "")
	chromium.Becomes(t, teacher, "the failure is seen", "document.querySelector('#seat-24t0102.failing') && document.querySelector('.urgent').textContent.includes('NotAnswering')")
	s.Remove(course, "24t0103")
	chromium.Becomes(t, teacher, "the seat is gone", "!document.querySelector('#seat-24t0103') && document.querySelectorAll('.seat').length == 59")
}

func TestBoardResetWantsTheName(t *testing.T) {
	s, b := newSchool(t, 60)
	p := open(t, chromium.Start(t), looks[0], serve(t, desk(b, "teacher", ""))+"/courses/"+course)
	asked := func() bool {
		c, _ := s.Carrel(course, "24t0105")
		return c.Userland.Status.Requests != nil && c.Userland.Status.Requests.ResetAt != nil
	}
	chromium.Click(t, p, "#seat-24t0105 a")
	chromium.Becomes(t, p, "the panel is open", "document.querySelector('dialog[open]')")
	const field = "dialog[open] input[name=confirm]"
	chromium.Fill(t, p, field, "24t0104")
	chromium.Click(t, p, "dialog form[action$='/reset'] button")
	if valid := chromium.Find(t, p, field).MustEval("() => this.validity.valid").Bool(); valid || asked() {
		t.Errorf("another name counts: %v, asked for: %v", valid, asked())
	}
	chromium.Fill(t, p, field, "24t0105")
	chromium.Click(t, p, "dialog form[action$='/reset'] button")
	chromium.Becomes(t, p, "the reset was asked for", "document.querySelector('dialog form[action$=\"/reset\"] .asked')")
	if !asked() {
		t.Error("it was not asked for")
	}
}

func TestBoardFindsSeats(t *testing.T) {
	_, b := newSchool(t, 300)
	address := serve(t, desk(b, "teacher", "")) + "/courses/" + course
	p := open(t, chromium.Start(t), looks[0], address)
	const find, seats = "input[type=search]", "document.querySelectorAll('.seat:not([hidden])')"
	shows := func(what string, n int) {
		t.Helper()
		chromium.Becomes(t, p, what, fmt.Sprintf("%s.length === %d", seats, n))
	}
	chromium.Find(t, p, live)
	all := p.MustEval("() => " + seats + ".length").Int()
	chromium.Click(t, p, ".count[data-show=Failing]")
	shows("only those that fail", 4)
	if url := p.MustInfo().URL; url != address+"?show=Failing" {
		t.Errorf("the address is %s: it can't be passed on", url)
	}
	// The same without script, by the address.
	p.MustReload().MustWaitLoad()
	shows("loaded again, only those that fail", 4)
	p.MustNavigate(address).MustWaitLoad()
	shows("all seats", all)
	chromium.Fill(t, p, find, "24t0119")
	shows("the one found by the user", 1)
	chromium.Becomes(t, p, "the one found is shown", fmt.Sprintf("%s[0].id === 'seat-24t0119'", seats))
	chromium.Fill(t, p, find, "nobody at all")
	shows("nobody found", 0)
	if !p.MustElement("#none").MustVisible() {
		t.Error("it is not said that nobody is found")
	}
	chromium.Fill(t, p, find, " ")
	shows("all seats again", all)
}

// A gateway that goes and comes again takes the pages along.
func TestBoardOutlivesItsGateway(t *testing.T) {
	s, b := newSchool(t, 20)
	server := httptest.NewServer(desk(b, "teacher", ""))
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	p := open(t, chromium.Start(t), looks[0], server.URL+"/courses/"+course)
	chromium.Find(t, p, live)
	fails := func(i int) {
		u := gatewaytest.Student(i, lab().Now())
		u.Status.State = v1alpha1.StateFailing
		s.Set(u, "")
	}
	server.CloseClientConnections()
	fails(0)
	chromium.Becomes(t, p, "what happened meanwhile is seen", "document.querySelector('#seat-24t0101.failing')")

	// Another copy has counted changes of its own.
	server.Config.Handler = desk(newBoard(s), "teacher", "")
	server.CloseClientConnections()
	fails(1)
	chromium.Becomes(t, p, "the page goes on with another copy", "document.querySelector('#seat-24t0102.failing')")
	fails(2)
	chromium.Becomes(t, p, "and stays current", "document.querySelector('#seat-24t0103.failing') && document.querySelector('#live:not(.stale)')")
}

// The keyboard reaches seats, and the panel gives the place back.
func TestBoardByKeyboard(t *testing.T) {
	_, b := newSchool(t, 20)
	p := open(t, chromium.Start(t), looks[0], serve(t, desk(b, "teacher", ""))+"/courses/"+course)
	chromium.Find(t, p, live)
	chromium.Find(t, p, seat("24t0103")+" a").MustFocus()
	chromium.Becomes(t, p, "the seat has the focus", "document.activeElement.closest('#seat-24t0103')")
	p.Keyboard.MustType(input.Enter)
	chromium.Find(t, p, "dialog[open] a.button")
	chromium.Becomes(t, p, "the panel has the focus", "document.activeElement.closest('dialog')")
	p.Keyboard.MustType(input.Escape)
	chromium.Becomes(t, p, "the seat has the focus again", "document.activeElement.closest('#seat-24t0103')")
}

// The pages of one who has several carrels.
func TestChooserLooks(t *testing.T) {
	s, b := newSchool(t, 40)
	who := gatewaytest.Student(0, lab().Now()).Spec.User
	second := gatewaytest.Student(39, lab().Now())
	second.Spec.User, second.Status.Template.Name = who, "mariadb-phpmyadmin"
	s.Set(second, "")
	algebra := gatewaytest.Course(lab().Now())
	algebra.Name, algebra.Namespace, algebra.Spec.Title = "database", "database", "Databases (データベース演習)"
	s.Put(algebra)
	failing := gatewaytest.Student(31, lab().Now())
	failing.Namespace, failing.Spec.User = "database", who
	s.Set(failing, "")
	address := serve(t, desk(b, who, "森 花"))
	browser := chromium.Start(t)
	for _, l := range looks {
		p := open(t, browser, l, address)
		if n := len(p.MustElements(".own .card")); n != 3 {
			t.Errorf("%d carrels to choose from, want 3", n)
		}
		chromium.Keep(t, p, "mine-"+l.name)
		p.MustNavigate(address + "/courses/prog1/carrels/24t0101").MustWaitLoad()
		chromium.Keep(t, p, "own-"+l.name)
		p.MustNavigate(address + "/nothing").MustWaitLoad()
		chromium.Keep(t, p, "nothing-"+l.name)
	}
}
