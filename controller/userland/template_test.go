package userland_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/classroom"
)

func TestTemplateIsWaitedFor(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	w.Make(classroom.Student("hanako"))
	u := w.Reaches("hanako", v1alpha1.StateWaiting, v1alpha1.TemplateNotFoundReason)
	if meta.IsStatusConditionTrue(u.Status.Conditions, v1alpha1.StalledCondition) || !strings.Contains(classroom.Message(u), `"ide"`) {
		t.Errorf("want it waiting, by a message that names the Template: %+v", u.Status.Conditions)
	}
	w.Make(classroom.IDE())
	u = w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	if want := "http://hanako." + w.Namespace + ".svc:8080"; u.Status.Address != want {
		t.Errorf("address %q, want %q", u.Status.Address, want)
	}
}

func TestTemplateOfTheCourse(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	unnamed := classroom.Student("hanako")
	unnamed.Spec.TemplateName = ""
	w.Make(classroom.IDE(), unnamed)
	u := w.Reaches("hanako", v1alpha1.StateWaiting, v1alpha1.NoTemplateReason)
	if !meta.IsStatusConditionTrue(u.Status.Conditions, v1alpha1.StalledCondition) {
		t.Errorf("a person must act, and it is not Stalled: %+v", u.Status.Conditions)
	}
	course := w.Course()
	course.Spec.TemplateName = "ide"
	w.Make(course)
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.Until(func() error {
		if count := classroom.Get[v1alpha1.Template](w, "ide").Status.Userlands; count == nil || count.Total != 1 {
			return fmt.Errorf("the Template counts %+v, want the one Userland that has it from the Course", count)
		}
		return nil
	})
}

func TestTemplateEditReachesItsUserlands(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	w.Make(append(classroom.Class(3), classroom.IDE())...)
	for _, s := range classroom.Class(3) {
		w.Reaches(s.GetName(), v1alpha1.StateRunning, v1alpha1.RunningReason)
	}
	classroom.Change(w, "ide", func(template *v1alpha1.Template) {
		c := &template.Spec.Template.Spec.Containers[0]
		c.Image, c.Args, c.Env = "ide:2", nil, c.Env[1:]
	})
	generation := classroom.Get[v1alpha1.Template](w, "ide").Generation
	for _, s := range classroom.Class(3) {
		w.Restart(s.GetName())
		w.Until(func() error {
			if seen := classroom.Get[v1alpha1.Userland](w, s.GetName()).Status.Template; seen.Generation != generation {
				return fmt.Errorf("%s speaks of generation %d of the Template, want %d", s.GetName(), seen.Generation, generation)
			}
			return nil
		})
		w.Reaches(s.GetName(), v1alpha1.StateRunning, v1alpha1.RunningReason)
		d := classroom.Get[appsv1.Deployment](w, s.GetName())
		c := d.Spec.Template.Spec.Containers[0]
		if classroom.Image(d) != "ide:2" || len(c.Args) > 0 || len(c.Env) != 4 {
			t.Errorf("want the new image, no args and one variable less, have %s, %v and %v", classroom.Image(d), c.Args, c.Env)
		}
		if strategy := d.Spec.Strategy.Type; strategy != appsv1.RecreateDeploymentStrategyType {
			t.Errorf("strategy %s, want Recreate: two pods must not write to one volume", strategy)
		}
	}
	w.Settled()
}

// A field that is only taken away leaves nothing in the Deployment that differs.
func TestTemplateEditThatOnlyTakesAway(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	w.Make(classroom.IDE(), classroom.Student("hanako"))
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	classroom.Change(w, "ide", func(template *v1alpha1.Template) { template.Spec.Template.Spec.Containers[0].Args = nil })
	w.Restart("hanako")
	w.Until(func() error {
		if args := classroom.Get[appsv1.Deployment](w, "hanako").Spec.Template.Spec.Containers[0].Args; len(args) > 0 {
			return fmt.Errorf("the Deployment still has the args %v", args)
		}
		return nil
	})
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
}

// While the Deployment has not made the new pod, the old one must not make a
// carrel look ready for the new Template: commits are reported by it.
func TestReadyIsAboutTheNewTemplate(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	w.Make(classroom.IDE(), classroom.Student("hanako"))
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.Paused.Store(true)
	classroom.Change(w, "ide", func(template *v1alpha1.Template) { template.Spec.Template.Spec.Containers[0].Image = "ide:2" })
	w.UpdatePending("hanako")
	w.Ask("hanako", v1alpha1.Requests{RestartAt: ptr.To(metav1.NewTime(w.Clock.Now()))})
	w.Until(func() error {
		u := classroom.Get[v1alpha1.Userland](w, "hanako")
		if u.Status.Handled == nil {
			return errors.New("the restart is not honoured")
		}
		if meta.IsStatusConditionTrue(u.Status.Conditions, v1alpha1.ReadyCondition) {
			t.Fatal("ready for the new Template, while only a pod of the old one runs")
		}
		return nil
	})
	w.Reaches("hanako", v1alpha1.StateStarting, v1alpha1.StartingReason)
	w.Paused.Store(false)
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
}

func TestInvalidTemplateStopsNobody(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(*v1alpha1.TemplateSpec)
		// words the message must contain
		words []string
	}{
		{"a reserved variable", func(s *v1alpha1.TemplateSpec) {
			s.Template.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "CARREL_USER", Value: "root"}}
		}, []string{"spec.template.spec.containers[0].env[0].name", "CARREL_", "remove"}},
		{"a pod the API server refuses", func(s *v1alpha1.TemplateSpec) {
			s.Template.Spec.RestartPolicy = corev1.RestartPolicyNever
		}, []string{"spec.template.spec.restartPolicy", "Always"}},
		{"a variable the API server refuses", func(s *v1alpha1.TemplateSpec) {
			s.Template.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "A", Value: "b"}, {Name: "NOT=GOOD", Value: "x"}}
		}, []string{"spec.template.spec.containers[0].env[1].name"}},
		{"a claim the API server refuses", func(s *v1alpha1.TemplateSpec) {
			s.Volumes[0].PVCSpec.AccessModes = []corev1.PersistentVolumeAccessMode{"Sometimes"}
		}, []string{"spec.volumes[0].pvcSpec.accessModes"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := classroom.New(t)
			w.PlayCluster()
			w.Make(classroom.IDE(), classroom.Student("hanako"))
			w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
			before := classroom.Get[appsv1.Deployment](w, "hanako")

			classroom.Change(w, "ide", func(template *v1alpha1.Template) { test.edit(&template.Spec) })
			u := w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.TemplateInvalidReason)
			for _, words := range test.words {
				if !strings.Contains(classroom.Message(u), words) {
					t.Errorf("the message does not say %q: %s", words, classroom.Message(u))
				}
			}
			if !meta.IsStatusConditionTrue(u.Status.Conditions, v1alpha1.StalledCondition) {
				t.Errorf("a person must act, and it is not Stalled")
			}
			classroom.CheckConditions(t, classroom.Get[v1alpha1.Template](w, "ide"))
			if after := classroom.Get[appsv1.Deployment](w, "hanako"); after.Generation != before.Generation {
				t.Error("the carrel that runs was changed by an invalid Template")
			}

			classroom.Change(w, "ide", func(template *v1alpha1.Template) { template.Spec = classroom.IDE().Spec })
			w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
		})
	}
}

func TestDisabledIsStoppedEvenWithoutTemplate(t *testing.T) {
	for name, lost := range map[string]bool{"with its Template": false, "without its Template": true} {
		t.Run(name, func(t *testing.T) {
			w := classroom.New(t)
			w.PlayCluster()
			w.Make(classroom.IDE(), classroom.Student("hanako"))
			w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
			if lost {
				if err := w.Delete(t.Context(), &v1alpha1.Template{ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "ide"}}); err != nil {
					t.Fatal(err)
				}
				w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.TemplateNotFoundReason)
			}
			classroom.Change(w, "hanako", func(u *v1alpha1.Userland) { u.Spec.Enabled = ptr.To(false) })
			u := w.Reaches("hanako", v1alpha1.StateDisabled, v1alpha1.DisabledReason)
			if !meta.IsStatusConditionTrue(u.Status.Conditions, v1alpha1.ReadyCondition) {
				t.Error("stopped as asked, and not Ready: who waits for Ready waits for ever")
			}
			pods := &corev1.PodList{}
			if err := w.List(t.Context(), pods, client.InNamespace(w.Namespace)); err != nil || len(pods.Items) > 0 {
				t.Errorf("%d pods are left (error %v)", len(pods.Items), err)
			}
			if lost {
				w.Make(classroom.IDE())
			}
			classroom.Change(w, "hanako", func(u *v1alpha1.Userland) { u.Spec.Enabled = ptr.To(true) })
			w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
			w.Settled()
		})
	}
}
