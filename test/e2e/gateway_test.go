//go:build e2e

package e2e

import (
	"encoding/csv"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-rod/rod/lib/proto"
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/test/story"
)

// known are users of prog1 with accounts at the forge.
var known = struct {
	sync.Mutex
	users map[string]bool
}{users: map[string]bool{}}

// sleepers are users of prog1 whose carrels sleep, each given once, with accounts at
// the forge. They are among the first of the roster, whom no test drops.
func sleepers(t *testing.T, n int) []string {
	t.Helper()
	known.Lock()
	defer known.Unlock()
	rows, err := csv.NewReader(strings.NewReader(string(rosterOf(t, classCourse).Content))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var users []string
	for _, row := range rows[1:] {
		if len(users) == n {
			break
		}
		var u v1alpha1.Userland
		if err := c.Get(t.Context(), client.ObjectKey{Namespace: classCourse, Name: roster.UserlandName(row[0])}, &u); err != nil {
			t.Fatal(err)
		}
		if u.Status.State == v1alpha1.StateAsleep && !known.users[row[0]] {
			users = append(users, row[0])
		}
	}
	if len(users) < n {
		t.Fatalf("only %d carrels of %s sleep", len(users), classCourse)
	}
	if err := forge.NewUsers(t.Context(), users...); err != nil {
		t.Fatal(err)
	}
	for _, user := range users {
		known.users[user] = true
	}
	return users
}

// The front door, as its users meet it: a student logs in, waits behind a page and
// works; another is refused; a teacher looks in, and the student sees that.
func TestFrontDoor(t *testing.T) {
	t.Parallel()
	visitGateway(t)
	const course = classCourse
	use(t, course)
	users := sleepers(t, 2)
	hana, ken := users[0], users[1]
	carrel := roster.UserlandName(hana)
	address := gateway.CarrelURL(course, carrel)

	student := visit(t, hana, address)
	student.waited()
	student.picture("waits")
	student.opensTerminal()
	student.runs("echo it works > ~/from-the-terminal", prints(course, carrel, "cat ~/from-the-terminal", "it works"))
	student.picture("works")

	other := visit(t, ken, address)
	other.sees("h1", "not yours to open")
	other.picture("is-refused")

	teacher := visit(t, story.Teacher, address)
	teacher.works()
	student.page.MustNavigate(gateway.DeskURL() + "/courses/" + course + "/carrels/" + carrel)
	student.sees("main", story.Teacher)
	student.picture("sees-who-came")

	teacher.page.MustNavigate(gateway.DeskURL() + "/courses/" + course)
	teacher.sees("main", hana)
	teacher.picture("board")
}

// A tab that is open and nobody touches lets its carrel fall asleep, however much it
// talks to its server by itself, and does not wake it; one in which somebody types,
// slowly, does not.
func TestIdleTabSleepsAndTypingDoesNot(t *testing.T) {
	t.Parallel()
	visitGateway(t)
	// The databases are nobody's to change, and here have editors beside them.
	l := use(t, "database")
	carrels := []string{"idle-left", "idle-typing"}
	if err := forge.NewUsers(t.Context(), carrels...); err != nil {
		t.Fatal(err)
	}
	students := []story.Change{l.student(carrels[0], "  templateName: code-server\n"), l.student(carrels[1], "  templateName: code-server\n")}
	given := l.merge("Give two students an editor", append(students, l.withEditors(t, "2h"))...)
	reach(t, story.Applied(forge, c, l.name, given), sleeps(l.name, carrels[0]), sleeps(l.name, carrels[1]))

	left := visit(t, carrels[0], gateway.CarrelURL(l.name, carrels[0]))
	left.opensTerminal()
	const idle = 90 * time.Second
	l.merge("Let carrels sleep after 90 s", l.withEditors(t, idle.String()))
	// Only now, since nobody types while a merge is on its way.
	typing := visit(t, carrels[1], gateway.CarrelURL(l.name, carrels[1]))
	typing.opensTerminal()
	begin := time.Now()
	typing.typesUntil(sleeps(l.name, carrels[0]))
	for time.Since(begin) < idle+30*time.Second { // the tab left open tries to connect again all the while
		typing.types("# still here", lookingForKeys)
	}
	for i, want := range []string{v1alpha1.StateAsleep, v1alpha1.StateRunning} {
		var u v1alpha1.Userland
		if err := c.Get(t.Context(), client.ObjectKey{Namespace: l.name, Name: carrels[i]}, &u); err != nil {
			t.Fatal(err)
		}
		if u.Status.State != want {
			t.Errorf("%s is %s, want %s", carrels[i], u.Status.State, want)
		}
	}
	left.picture("left")
	gone := l.merge("Take it back", original(t, l.path(templates)), story.Change{Path: students[0].Path}, story.Change{Path: students[1].Path})
	reach(t, story.Reported(forge, l.name, gone, "success"))
}

// withEditors is the course's Templates with that of prog1 beside them, and a time
// after which its carrels fall asleep.
func (l *lab) withEditors(t *testing.T, after string) story.Change {
	t.Helper()
	change := edited(t, l.path(templates), "  - ../../base/mariadb-phpmyadmin\n", "  - ../../base/mariadb-phpmyadmin\n  - ../../base/code-server\n")
	change.Content = append(change.Content, "  - target: {kind: Template, name: code-server}\n    patch: |\n      - {op: add, path: /spec/idle, value: {after: "+after+"}}\n"...)
	return change
}

// typesUntil types comments, slowly, until the milestone is reached.
func (v visitor) typesUntil(m story.Milestone) {
	v.t.Helper()
	const within = 2 * story.StartedWithin // beside other tests typing takes its time
	for begin := time.Now(); ; {
		v.types("# still here", lookingForKeys)
		detail, reached, err := m.Reached(v.t.Context())
		e := story.Event{Name: m.Name, Detail: detail, After: time.Since(begin), Waiting: !reached || err != nil}
		v.t.Logf("%s", e)
		if !e.Waiting {
			return
		}
		if e.After > within {
			v.t.Fatalf("%s: not within %s (%v)", m.Name, within, err)
		}
	}
}

// A new version of the gateway ends nobody's terminal.
func TestGatewayRolloutDropsNothing(t *testing.T) {
	t.Parallel()
	changeGateway(t)
	const course = classCourse
	use(t, course)
	users := sleepers(t, 1)
	carrel := roster.UserlandName(users[0])
	v := visit(t, users[0], gateway.CarrelURL(course, carrel))
	v.opensTerminal()
	v.runs("echo before > ~/rollout", prints(course, carrel, "cat ~/rollout", "before"))
	closed := make(chan struct{}, 16)
	go v.page.EachEvent(func(*proto.NetworkWebSocketClosed) { closed <- struct{}{} })()

	// Flux takes back what kubectl changes under its own name, with the next commit of
	// another test: that would be a second roll-out while others visit.
	kubectl(t, "rollout", "restart", "deploy/carrel-gateway", "-n", "carrel-system", "--field-manager=e2e")
	reach(t, rolledOut("carrel-gateway"))
	v.runs("echo after > ~/rollout", prints(course, carrel, "cat ~/rollout", "after"))
	if len(closed) > 0 {
		t.Errorf("%d WebSockets were closed", len(closed))
	}
	// And whoever comes now is served by the new one.
	reach(t, editor(v.page.Browser().MustPage(gateway.CarrelURL(course, carrel)))...)
}

// rolledOut is reached when a Deployment of Carrel has only pods of its newest kind,
// all of them available.
func rolledOut(name string) story.Milestone {
	m := about(name+" rolled out", client.ObjectKey{Namespace: "carrel-system", Name: name}, func(d *appsv1.Deployment) (string, bool) {
		s := d.Status
		want := *d.Spec.Replicas
		return fmt.Sprintf("of %d pods %d are new and %d available, %d in all", want, s.UpdatedReplicas, s.AvailableReplicas, s.Replicas),
			s.ObservedGeneration == d.Generation && s.UpdatedReplicas == want && s.Replicas == want && s.AvailableReplicas == want
	})
	m.Within = story.RolledOutWithin
	return m
}
