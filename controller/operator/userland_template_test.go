package operator_test

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
)

func TestTemplateIsWaitedFor(t *testing.T) {
	w := newWorld(t)
	w.playCluster()
	w.make(student("hanako"))
	u := w.reaches("hanako", v1alpha1.StateWaiting, v1alpha1.TemplateNotFoundReason)
	if meta.IsStatusConditionTrue(u.Status.Conditions, v1alpha1.StalledCondition) || !strings.Contains(message(u), `"ide"`) {
		t.Errorf("want it waiting, by a message that names the Template: %+v", u.Status.Conditions)
	}
	w.make(ide())
	u = w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	if want := "http://hanako." + w.namespace + ".svc:8080"; u.Status.Address != want {
		t.Errorf("address %q, want %q", u.Status.Address, want)
	}
}

func TestTemplateOfTheCourse(t *testing.T) {
	w := newWorld(t)
	w.playCluster()
	unnamed := student("hanako")
	unnamed.Spec.TemplateName = ""
	w.make(ide(), unnamed)
	u := w.reaches("hanako", v1alpha1.StateWaiting, v1alpha1.NoTemplateReason)
	if !meta.IsStatusConditionTrue(u.Status.Conditions, v1alpha1.StalledCondition) {
		t.Errorf("a person must act, and it is not Stalled: %+v", u.Status.Conditions)
	}
	course := w.course()
	course.Spec.TemplateName = "ide"
	w.make(course)
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.until(func() error {
		if count := get[v1alpha1.Template](w, "ide").Status.Userlands; count == nil || count.Total != 1 {
			return fmt.Errorf("the Template counts %+v, want the one Userland that has it from the Course", count)
		}
		return nil
	})
}

// image is that of the first container of a Deployment.
func image(d *appsv1.Deployment) string { return d.Spec.Template.Spec.Containers[0].Image }

func TestTemplateEditReachesItsUserlands(t *testing.T) {
	w := newWorld(t)
	w.playCluster()
	w.make(append(class(3), ide())...)
	for _, s := range class(3) {
		w.reaches(s.GetName(), v1alpha1.StateRunning, v1alpha1.RunningReason)
	}
	change(w, "ide", func(template *v1alpha1.Template) {
		c := &template.Spec.Template.Spec.Containers[0]
		c.Image, c.Args, c.Env = "ide:2", nil, c.Env[1:]
	})
	generation := get[v1alpha1.Template](w, "ide").Generation
	for _, s := range class(3) {
		w.restart(s.GetName())
		w.until(func() error {
			if seen := get[v1alpha1.Userland](w, s.GetName()).Status.Template; seen.Generation != generation {
				return fmt.Errorf("%s speaks of generation %d of the Template, want %d", s.GetName(), seen.Generation, generation)
			}
			return nil
		})
		w.reaches(s.GetName(), v1alpha1.StateRunning, v1alpha1.RunningReason)
		d := get[appsv1.Deployment](w, s.GetName())
		c := d.Spec.Template.Spec.Containers[0]
		if image(d) != "ide:2" || len(c.Args) > 0 || len(c.Env) != 4 {
			t.Errorf("want the new image, no args and one variable less, have %s, %v and %v", image(d), c.Args, c.Env)
		}
		if strategy := d.Spec.Strategy.Type; strategy != appsv1.RecreateDeploymentStrategyType {
			t.Errorf("strategy %s, want Recreate: two pods must not write to one volume", strategy)
		}
	}
	w.settled()
}

// A field that is only taken away leaves nothing in the Deployment that differs.
func TestTemplateEditThatOnlyTakesAway(t *testing.T) {
	w := newWorld(t)
	w.playCluster()
	w.make(ide(), student("hanako"))
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	change(w, "ide", func(template *v1alpha1.Template) { template.Spec.Template.Spec.Containers[0].Args = nil })
	w.restart("hanako")
	w.until(func() error {
		if args := get[appsv1.Deployment](w, "hanako").Spec.Template.Spec.Containers[0].Args; len(args) > 0 {
			return fmt.Errorf("the Deployment still has the args %v", args)
		}
		return nil
	})
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
}

// While the Deployment has not made the new pod, the old one must not make a
// carrel look ready for the new Template: commits are reported by it.
func TestReadyIsAboutTheNewTemplate(t *testing.T) {
	w := newWorld(t)
	w.playCluster()
	w.make(ide(), student("hanako"))
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.paused.Store(true)
	change(w, "ide", func(template *v1alpha1.Template) { template.Spec.Template.Spec.Containers[0].Image = "ide:2" })
	w.updatePending("hanako")
	w.ask("hanako", v1alpha1.Requests{RestartAt: ptr.To(metav1.NewTime(w.clock.Now()))})
	w.until(func() error {
		u := get[v1alpha1.Userland](w, "hanako")
		if u.Status.Handled == nil {
			return errors.New("the restart is not honoured")
		}
		if meta.IsStatusConditionTrue(u.Status.Conditions, v1alpha1.ReadyCondition) {
			t.Fatal("ready for the new Template, while only a pod of the old one runs")
		}
		return nil
	})
	w.reaches("hanako", v1alpha1.StateStarting, v1alpha1.StartingReason)
	w.paused.Store(false)
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
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
			w := newWorld(t)
			w.playCluster()
			w.make(ide(), student("hanako"))
			w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
			before := get[appsv1.Deployment](w, "hanako")

			change(w, "ide", func(template *v1alpha1.Template) { test.edit(&template.Spec) })
			u := w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.TemplateInvalidReason)
			for _, words := range test.words {
				if !strings.Contains(message(u), words) {
					t.Errorf("the message does not say %q: %s", words, message(u))
				}
			}
			if !meta.IsStatusConditionTrue(u.Status.Conditions, v1alpha1.StalledCondition) {
				t.Errorf("a person must act, and it is not Stalled")
			}
			checkConditions(t, get[v1alpha1.Template](w, "ide"))
			if after := get[appsv1.Deployment](w, "hanako"); after.Generation != before.Generation {
				t.Error("the carrel that runs was changed by an invalid Template")
			}

			change(w, "ide", func(template *v1alpha1.Template) { template.Spec = ide().Spec })
			w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
		})
	}
}

func TestDisabledIsStoppedEvenWithoutTemplate(t *testing.T) {
	for name, lost := range map[string]bool{"with its Template": false, "without its Template": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.playCluster()
			w.make(ide(), student("hanako"))
			w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
			if lost {
				if err := w.Delete(t.Context(), &v1alpha1.Template{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "ide"}}); err != nil {
					t.Fatal(err)
				}
				w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.TemplateNotFoundReason)
			}
			change(w, "hanako", func(u *v1alpha1.Userland) { u.Spec.Enabled = ptr.To(false) })
			u := w.reaches("hanako", v1alpha1.StateDisabled, v1alpha1.DisabledReason)
			if !meta.IsStatusConditionTrue(u.Status.Conditions, v1alpha1.ReadyCondition) {
				t.Error("stopped as asked, and not Ready: who waits for Ready waits for ever")
			}
			pods := &corev1.PodList{}
			if err := w.List(t.Context(), pods, client.InNamespace(w.namespace)); err != nil || len(pods.Items) > 0 {
				t.Errorf("%d pods are left (error %v)", len(pods.Items), err)
			}
			if lost {
				w.make(ide())
			}
			change(w, "hanako", func(u *v1alpha1.Userland) { u.Spec.Enabled = ptr.To(true) })
			w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
			w.settled()
		})
	}
}
