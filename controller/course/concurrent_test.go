package course_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/apiserver"
	"github.com/carrel-dev/carrel/test/classroom"
)

// rooms are courses that one controller sees. Its requests are those of the first.
func rooms(t *testing.T, n int) []*classroom.Classroom {
	t.Helper()
	c := apiserver.Client(t)
	classroom.Grant(t, c)
	t.Parallel()
	all, namespaces := make([]*classroom.Classroom, n), map[string]cache.Config{}
	requests := &classroom.Requests{}
	for i := range all {
		all[i] = &classroom.Classroom{T: t, Client: c, Namespace: apiserver.Namespace(t, c), Requests: requests}
		namespaces[all[i].Namespace] = cache.Config{}
	}
	all[0].StartShard(classroom.ShardOptions{Namespaces: namespaces, Clock: &all[0].Clock, Watch: classroom.Watch})
	return all
}

// creation reports whether a request makes a Userland of a course.
func creation(r *http.Request, w *classroom.Classroom) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/"+w.Namespace+"/userlands")
}

// A course of thousands of rows does not delay another one: while not one of its
// rows is written, the other class is made.
func TestLargeRosterDelaysNoOtherCourse(t *testing.T) {
	all := rooms(t, 2)
	large, small := all[0], all[1]
	gate, begun := make(chan struct{}), make(chan struct{})
	open, begin := sync.OnceFunc(func() { close(gate) }), sync.OnceFunc(func() { close(begun) })
	t.Cleanup(open) // before the controllers are stopped
	large.Requests.Refusing(func(r *http.Request) *metav1.Status {
		if creation(r, large) {
			begin()
			<-gate
			return &metav1.Status{Code: http.StatusServiceUnavailable, Reason: metav1.StatusReasonServiceUnavailable, Message: "closed"}
		}
		return nil
	})
	large.Make(classroom.Sleeper(), rosterFile("class", users(2000)), enrolling(large, "class"))
	<-begun
	small.Make(classroom.Sleeper(), rosterFile("class", users(20)), enrolling(small, "class"))
	enrolled(small, 20)
	tells(small, v1alpha1.RosterValidCondition, metav1.ConditionTrue, v1alpha1.RosterReadReason, "20 rows")
	enrolled(large, 0)
}

// The rows of one roster are written several at a time, and no more than the bound.
func TestRowsAreWrittenTogether(t *testing.T) {
	w := rooms(t, 1)[0]
	const bound = 8
	var mutex sync.Mutex
	now, most, together := 0, 0, make(chan struct{})
	meet := sync.OnceFunc(func() { close(together) })
	t.Cleanup(meet)
	w.Requests.Refusing(func(r *http.Request) *metav1.Status {
		if !creation(r, w) {
			return nil
		}
		mutex.Lock()
		now++
		most = max(most, now)
		if now == bound {
			meet()
		}
		mutex.Unlock()
		// The first ones wait for each other.
		<-together
		mutex.Lock()
		now--
		mutex.Unlock()
		return nil
	})
	w.Make(classroom.Sleeper(), rosterFile("class", users(40)), enrolling(w, "class"))
	enrolled(w, 40)
	mutex.Lock()
	defer mutex.Unlock()
	if most != bound {
		t.Errorf("at most %d rows were written at once, want %d", most, bound)
	}
}

// A row that fails keeps none of the others from being tried, and the errors are in
// the order of the rows.
func TestRefusedRowsAreToldInOrder(t *testing.T) {
	w := rooms(t, 1)[0]
	w.Requests.Refusing(func(r *http.Request) *metav1.Status {
		if creation(r, w) {
			return &metav1.Status{Code: http.StatusBadRequest, Message: `admission webhook "names.example.org" denied the request: nobody`}
		}
		return nil
	})
	w.Make(classroom.Sleeper(), rosterFile("class", users(30)), enrolling(w, "class"))
	w.Until(func() error {
		status := classroom.Get[v1alpha1.Course](w, w.Namespace).Status.Roster
		if status == nil || status.ErrorCount != 30 {
			return errors.New("not all rows are refused")
		}
		for i, problem := range status.Errors {
			if problem.Line != int32(i+2) {
				t.Fatalf("error %d is of line %d", i, problem.Line)
			}
		}
		return nil
	})
}
