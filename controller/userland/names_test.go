package userland_test

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/test/classroom"
)

// Whatever an identity provider calls a user, there is a carrel for them, and
// their volume says whose it is.
func TestAnyIdentityHasACarrel(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	w.Make(classroom.IDE())
	users := []string{
		"hanako", "Hanako", "HANAKO", "hanako_y", "hanako.y", "Hanako.Yamada+lab@stu.Example.ac.jp", "山田花子", "山田太郎",
		"24T0101@example.ac.jp", "24t0101@example.ac.jp", "-", "a--b", "{uid=7,ou=people}", strings.Repeat("x", 256), strings.Repeat("x", 255) + "y",
	}
	volumes := sets.New[string]()
	// Spellings of one login that come at once are people of their own: none of them has
	// work that could be that of another.
	w.Paused.Store(true)
	for _, user := range users {
		u := classroom.Student(roster.UserlandName(user))
		u.Spec.User = user
		w.Make(u)
	}
	w.Settled()
	w.Paused.Store(false)
	for _, user := range users {
		name := roster.UserlandName(user)
		w.Reaches(name, v1alpha1.StateRunning, v1alpha1.RunningReason)
		pod := classroom.Get[appsv1.Deployment](w, name).Spec.Template.Spec
		if env := pod.Containers[0].Env[0]; env.Name != v1alpha1.UserEnv || env.Value != user {
			t.Errorf("in the carrel of %q %s is %q", user, env.Name, env.Value)
		}
		claim := pod.Volumes[0].PersistentVolumeClaim.ClaimName
		if owner := classroom.Get[corev1.PersistentVolumeClaim](w, claim).Annotations[v1alpha1.UserAnnotation]; owner != user || volumes.Has(claim) {
			t.Errorf("%q has the volume %s of %q", user, claim, owner)
		}
		volumes.Insert(claim)
	}
}
