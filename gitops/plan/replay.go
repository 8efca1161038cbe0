package plan

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/enrolment"
)

// replay is a class as the controller carries out one commit after another.
type replay struct {
	status *v1alpha1.RosterStatus
	// owned are the Userlands of the Course. They keep their names when they are moved.
	owned []v1alpha1.Userland
}

// replayed returns a class as it is before a change. It assumes that the controller has
// carried out the former commits, each at its time.
func replayed(was seats, past []Version, now time.Time) *replay {
	r := &replay{}
	for _, version := range past {
		r.apply(seatsOf(was.course.Name, version.Class), version.At)
	}
	if len(past) == 0 {
		r.apply(was, now)
	}
	return r
}

// plan returns what the controller would do for a commit.
func (r *replay) plan(s seats, now time.Time) enrolment.Plan {
	course := s.course.DeepCopy()
	course.Status.Roster = r.status
	// A file that a row took over is the Userland of the row.
	owned := r.index()
	files := slices.DeleteFunc(slices.Clone(s.files), func(file v1alpha1.Userland) bool {
		_, taken := owned[file.Name]
		return taken
	})
	return enrolment.Make(course, slices.Concat(r.owned, files), s.rows, now)
}

// after returns the class as it is after one more commit.
func (r *replay) after(s seats, now time.Time) *replay {
	next := &replay{status: r.status, owned: slices.Clone(r.owned)}
	next.apply(s, now)
	return next
}

// apply carries out a commit. Without a Course, what it remembered is gone; with a
// mistake in a roster nothing happens.
func (r *replay) apply(s seats, now time.Time) {
	if s.gone {
		*r = replay{}
		return
	}
	p := r.plan(s, now)
	if len(p.Errors) > 0 {
		return
	}
	r.write(s.course, p)
	if len(p.Waiting) > 0 && p.Held == nil {
		// The former carrels are gone now.
		r.write(s.course, r.plan(s, now))
	}
}

// write makes the changes of a Plan.
func (r *replay) write(course *v1alpha1.Course, p enrolment.Plan) {
	there := r.index()
	for _, want := range p.Wants {
		u := userlandOf(course, want)
		if i, found := there[want.Name]; found {
			r.owned[i] = u
		} else {
			r.owned = append(r.owned, u)
		}
	}
	if p.Held != nil {
		r.status = p.Recorded(r.status)
		r.status.Held = p.Held
		return
	}
	gone := map[string]bool{}
	for _, u := range p.Removals {
		gone[u.Name] = true
	}
	r.owned = slices.DeleteFunc(slices.Clone(r.owned), func(u v1alpha1.Userland) bool { return gone[u.Name] })
	completed := p.Completed()
	r.status = &completed
}

// index returns the places of the Userlands by their names.
func (r *replay) index() map[string]int {
	places := make(map[string]int, len(r.owned))
	for i := range r.owned {
		places[r.owned[i].Name] = i
	}
	return places
}

// userlandOf returns a Userland as the controller writes it.
func userlandOf(course *v1alpha1.Course, want enrolment.Want) v1alpha1.Userland {
	intent := enrolment.Userland(course, want)
	u := v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{
		Name: want.Name, Namespace: course.Name, Annotations: intent.Annotations,
		OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(course, v1alpha1.SchemeGroupVersion.WithKind("Course"))},
	}}
	spec, err := runtime.DefaultUnstructuredConverter.ToUnstructured(intent.Spec)
	if err == nil {
		err = runtime.DefaultUnstructuredConverter.FromUnstructured(spec, &u.Spec)
	}
	if err != nil {
		panic(fmt.Sprintf("a spec is no spec: %v", err)) // both are the types of one API
	}
	return u
}
