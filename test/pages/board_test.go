//go:build e2e

package pages

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/input"
	authorizationv1 "k8s.io/api/authorization/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/access"
	"github.com/carrel-dev/carrel/gateway/audit"
	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/board"
	"github.com/carrel-dev/carrel/gateway/gatewaytest"
	"github.com/carrel-dev/carrel/gateway/page"
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
		Directory: s.Index, Access: access.New(s.Client, access.Options{}), Requests: board.Requests{Client: s.Client}, Audit: audit.Log{Client: s.Client},
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
		p.MustElement("#live:not([hidden])")
		chromium.Keep(t, p, "board-"+l.name)
		p.MustElement("#seat-24t0119 a").MustEval("() => this.click()")
		p.MustElement("dialog[open] #carrel")
		time.Sleep(200 * time.Millisecond)
		chromium.Keep(t, p, "carrel-"+l.name)
		p.MustClose()
	}
}

// seat is how a seat of the board is written.
func seat(p *rod.Page, name string) *rod.Element { return p.MustElement("#seat-" + name) }

// press presses what a person would.
func press(p *rod.Page, selector string) { p.MustElement(selector).MustEval("() => this.click()") }

// becomes waits until something on a page is so.
func becomes(t *testing.T, p *rod.Page, what, expression string) {
	t.Helper()
	if err := p.Wait(rod.Eval("() => Boolean(" + expression + ")")); err != nil {
		// The page's own time is over.
		t.Fatalf("%s: %v\n%s", what, err, p.CancelTimeout().MustElement("body").MustText())
	}
}

// A student raises a hand, and the teacher's board, open all the while, shows it;
// the teacher looks, restarts, lowers the hand.
func TestBoardIsLive(t *testing.T) {
	s, b := newSchool(t, 60)
	who := gatewaytest.Student(0, lab().Now()).Spec.User
	browser := chromium.Start(t)
	teacher := open(t, browser, looks[0], serve(t, desk(b, "teacher", ""))+"/courses/"+course)
	teacher.MustElement("#live:not([hidden]):not(.stale)")
	student := open(t, browser.MustIncognito(), looks[2], serve(t, desk(b, who, ""))+"/courses/"+course+"/carrels/24t0101")
	student.MustElement("form[action$='/raise'] button").MustClick()
	student.MustElement("form[action$='/lower']")
	chromium.Keep(t, student, "raised-phone")
	becomes(t, teacher, "the hand is seen", "document.querySelector('#seat-24t0101.hand') && document.querySelector('.hands').textContent.includes('森 花')")

	press(teacher, ".hands a[href$='24t0101']")
	press(teacher, "dialog[open] form[action$='/restart'] button")
	becomes(t, teacher, "the restart was asked for", "document.querySelector('dialog form[action$=\"/restart\"] .asked')")
	press(teacher, "dialog[open] form[action$='/lower'] button")
	becomes(t, teacher, "the hand is down", "!document.querySelector('#seat-24t0101.hand') && !document.querySelector('.hands').textContent.includes('森 花')")
	press(teacher, "dialog .close")
	c, _ := s.Carrel(course, "24t0101")
	if q := c.Userland.Status.Requests; q.RestartAt == nil || q.HelpSince != nil {
		t.Errorf("in the end %+v is asked for", q)
	}

	// One fails, one leaves: no reload by the teacher.
	failing := gatewaytest.Student(1, lab().Now())
	failing.Status.State, failing.Status.Conditions[0].Reason = v1alpha1.StateFailing, v1alpha1.NotAnsweringReason
	s.Set(failing, "")
	becomes(t, teacher, "the failure is seen", "document.querySelector('#seat-24t0102.failing') && document.querySelector('.urgent').textContent.includes('NotAnswering')")
	s.Remove(course, "24t0103")
	becomes(t, teacher, "the seat is gone", "!document.querySelector('#seat-24t0103') && document.querySelectorAll('.seat').length == 59")
}

func TestBoardResetWantsTheName(t *testing.T) {
	s, b := newSchool(t, 60)
	p := open(t, chromium.Start(t), looks[0], serve(t, desk(b, "teacher", ""))+"/courses/"+course)
	asked := func() bool {
		c, _ := s.Carrel(course, "24t0105")
		return c.Userland.Status.Requests != nil && c.Userland.Status.Requests.ResetAt != nil
	}
	press(p, "#seat-24t0105 a")
	becomes(t, p, "the panel is open", "document.querySelector('dialog[open]')")
	field := p.MustElement("dialog[open] input[name=confirm]")
	field.MustInput("24t0104")
	press(p, "dialog form[action$='/reset'] button")
	if valid := field.MustEval("() => this.validity.valid").Bool(); valid || asked() {
		t.Errorf("another name counts: %v, asked for: %v", valid, asked())
	}
	field.MustSelectAllText().MustInput("24t0105")
	press(p, "dialog form[action$='/reset'] button")
	becomes(t, p, "the reset was asked for", "document.querySelector('dialog form[action$=\"/reset\"] .asked')")
	if !asked() {
		t.Error("it was not asked for")
	}
}

func TestBoardFindsSeats(t *testing.T) {
	_, b := newSchool(t, 300)
	address := serve(t, desk(b, "teacher", "")) + "/courses/" + course
	p := open(t, chromium.Start(t), looks[0], address)
	shown := func() int { return p.MustEval("() => document.querySelectorAll('.seat:not([hidden])').length").Int() }
	all := shown()
	press(p, ".count[data-show=Failing]")
	if n := shown(); n != 4 {
		t.Errorf("%d fail, want 4", n)
	}
	if url := p.MustInfo().URL; url != address+"?show=Failing" {
		t.Errorf("the address is %s: it can't be passed on", url)
	}
	// The same without script, by the address.
	p.MustReload().MustWaitLoad()
	if n := shown(); n != 4 {
		t.Errorf("loaded anew %d fail, want 4", n)
	}
	p.MustNavigate(address).MustWaitLoad()
	p.MustElement("input[type=search]").MustInput("24t0119")
	if n := shown(); n != 1 || !seat(p, "24t0119").MustVisible() {
		t.Errorf("%d found by the user, want 1", n)
	}
	p.MustElement("input[type=search]").MustSelectAllText().MustInput("nobody at all")
	if !p.MustElement("#none").MustVisible() || shown() != 0 {
		t.Error("it is not said that nobody is found")
	}
	p.MustElement("input[type=search]").MustSelectAllText().MustInput(" ")
	if n := shown(); n != all {
		t.Errorf("%d of %d seats are back", n, all)
	}
}

// A gateway that goes and comes again takes the pages along.
func TestBoardOutlivesItsGateway(t *testing.T) {
	s, b := newSchool(t, 20)
	server := httptest.NewServer(desk(b, "teacher", ""))
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	p := open(t, chromium.Start(t), looks[0], server.URL+"/courses/"+course)
	p.MustElement("#live:not([hidden]):not(.stale)")
	fails := func(i int) {
		u := gatewaytest.Student(i, lab().Now())
		u.Status.State = v1alpha1.StateFailing
		s.Set(u, "")
	}
	server.CloseClientConnections()
	fails(0)
	becomes(t, p, "what happened meanwhile is seen", "document.querySelector('#seat-24t0101.failing')")

	// Another copy has counted changes of its own.
	server.Config.Handler = desk(newBoard(s), "teacher", "")
	server.CloseClientConnections()
	fails(1)
	becomes(t, p, "the page goes on with another copy", "document.querySelector('#seat-24t0102.failing')")
	fails(2)
	becomes(t, p, "and stays current", "document.querySelector('#seat-24t0103.failing') && document.querySelector('#live:not(.stale)')")
}

// The keyboard reaches seats, and the panel gives the place back.
func TestBoardByKeyboard(t *testing.T) {
	_, b := newSchool(t, 20)
	p := open(t, chromium.Start(t), looks[0], serve(t, desk(b, "teacher", ""))+"/courses/"+course)
	seat(p, "24t0103").MustElement("a").MustFocus()
	p.Keyboard.MustType(input.Enter)
	p.MustElement("dialog[open] a.button")
	becomes(t, p, "the panel has the focus", "document.activeElement.closest('dialog')")
	p.Keyboard.MustType(input.Escape)
	becomes(t, p, "the seat has the focus again", "document.activeElement.closest('#seat-24t0103')")
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
