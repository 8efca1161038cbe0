package userland_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/apiserver"
	"github.com/carrel-dev/carrel/test/classroom"
)

const shardLabel = "sharding.carrel.dev/shard"

// shardClassrooms are a course for each shard, seen by both shards' processes.
func shardClassrooms(t *testing.T, names ...string) map[string]*classroom.Classroom {
	c := apiserver.Client(t)
	classroom.Grant(t, c)
	t.Parallel()
	rooms, namespaces := map[string]*classroom.Classroom{}, map[string]cache.Config{}
	for _, name := range names {
		w := &classroom.Classroom{T: t, Client: c, Namespace: apiserver.Namespace(t, c), Requests: &classroom.Requests{}}
		rooms[name], namespaces[w.Namespace] = w, cache.Config{}
		for _, o := range []client.Object{classroom.IDE(), w.Course(), classroom.Student("hanako")} {
			o.SetLabels(map[string]string{shardLabel: name})
			w.Make(o)
		}
	}
	for name, w := range rooms {
		w.StartShard(classroom.ShardOptions{Selector: shardLabel + "=" + name, Namespaces: namespaces, Clock: &w.Clock, Watch: classroom.Watch})
	}
	return rooms
}

// lookedAt waits until the carrel of the course's student has been looked at.
func lookedAt(w *classroom.Classroom) {
	w.Helper()
	w.Until(func() error {
		if u := classroom.Get[v1alpha1.Userland](w, "hanako"); u.Status.State == "" {
			return fmt.Errorf("the Userland of %s has no status", w.Namespace)
		}
		return nil
	})
}

// worked makes the volume of the course's student one that a pod ran with.
func worked(w *classroom.Classroom) {
	w.Helper()
	w.Settled()
	classroom.ChangeStatus(w, "hanako--home", func(c *corev1.PersistentVolumeClaim) { c.Status.Phase = corev1.ClaimBound })
	classroom.Change(w, "hanako--home", func(c *corev1.PersistentVolumeClaim) { c.Annotations[v1alpha1.AttachedAnnotation] = "20260401T000000Z" })
}

// kept says until when the student's volume is kept; empty if it is in use.
func kept(w *classroom.Classroom) string {
	return classroom.Get[corev1.PersistentVolumeClaim](w, "hanako--home").Labels[v1alpha1.KeepUntilLabel]
}

// writesOutside are the writes of the shard of the course to other courses.
func writesOutside(w *classroom.Classroom) []string {
	return slices.DeleteFunc(w.Requests.Writes(), func(made string) bool { return strings.Contains(made, "/"+w.Namespace+"/") })
}

// Two shards see to a course each, and leave the other's alone: its students, and
// the volumes of those that are gone.
func TestShardsKeepToTheirCourses(t *testing.T) {
	rooms := shardClassrooms(t, "a", "b")
	for _, w := range rooms {
		lookedAt(w)
	}
	worked(rooms["a"])
	rooms["a"].Drop("hanako")
	rooms["a"].Until(func() error {
		if kept(rooms["a"]) == "" {
			return fmt.Errorf("the volume of a student who is gone is not labelled")
		}
		return nil
	})
	for name, w := range rooms {
		w.Settled()
		if outside := writesOutside(w); len(outside) > 0 {
			t.Errorf("shard %s wrote to another's course: %v", name, outside)
		}
	}
	if until := kept(rooms["b"]); until != "" {
		t.Errorf("the volume of a student in another shard is given up: kept until %s", until)
	}
}

// A Userland that is given another shard's label is out of sight, not gone.
func TestShardsDoNotGiveUpWhatMoves(t *testing.T) {
	b := shardClassrooms(t, "a", "b")["b"]
	lookedAt(b)
	worked(b)
	b.Settled()
	asked := "/apis/carrel.dev/v1alpha1/namespaces/" + b.Namespace + "/userlands"
	before := b.Requests.Lists()[asked]
	classroom.Change(b, "hanako", func(u *v1alpha1.Userland) { u.Labels[shardLabel] = "a" })
	b.Until(func() error {
		if b.Requests.Lists()[asked] == before {
			return fmt.Errorf("shard b has not asked whether the Userland is gone: %v", classroom.Tail(b.Requests.All(), 5))
		}
		return nil
	})
	b.Settled()
	if until := kept(b); until != "" {
		t.Errorf("the volume of a student who was moved to another shard is given up: kept until %s", until)
	}
}
