package lifecycle

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// TestExplainWholeText checks the text about a carrel that runs.
func TestExplainWholeText(t *testing.T) {
	s := newScene(t)
	s.Template.Spec.Idle = &v1alpha1.Idle{After: metav1.Duration{Duration: 2 * time.Hour}}
	s.Userland.Status.LastActivityTime = ptr.To(metav1.NewTime(s.Now))
	s.carryOut()
	s.Now = s.Now.Add(time.Minute)
	s.Userland.Status.LastActivityTime = ptr.To(metav1.NewTime(s.Now))
	s.Pods[0].Name, s.Pods[0].Status.Phase = "hanako-1", corev1.PodRunning
	s.Pods[0].Spec.Containers = []corev1.Container{{Name: "ide"}}
	s.Pods[0].Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "ide", Ready: true, RestartCount: 3}}
	s.Deployment.Status.ReadyReplicas = 1

	golden, err := os.ReadFile("testdata/explain.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(string(golden), "REVISION", LatestRevision(s.Template))
	if diff := cmp.Diff(want, Explain(s.World, Decide(s.World))); diff != "" {
		t.Errorf("the text differs (-want +got):\n%s", diff)
	}
}

// TestExplain checks what the text says in each case that a maintainer asks about.
func TestExplain(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*scene)
		want   []string
		not    []string
	}{
		"new": {
			func(*scene) {},
			[]string{"state         none: the controller has not looked", "the carrel is started with revision", `to be created for "home"`, "has not recorded this"},
			[]string{"Not known"},
		},
		"suspended": {
			func(s *scene) { s.carryOut(); s.Course.Spec.Suspend = true },
			[]string{"suspended     yes", "nothing is touched, because the Course is suspended", "suspend=true", "no time is set"}, nil,
		},
		"disabled": {
			func(s *scene) { s.carryOut(); s.Userland.Spec.Enabled = ptr.To(false) },
			[]string{"enabled       no", "the carrel is stopped: spec.enabled is false", "enabled=false"}, nil,
		},
		"never opened": {
			func(s *scene) { s.Template.Spec.Idle = hour },
			[]string{"deployment    none", "the carrel stays stopped: nobody used it", "nothing is made for it before its first start"}, []string{"to be created"},
		},
		"without a Template": {
			func(s *scene) { s.Template = nil },
			[]string{"ide, which does not exist", "no Deployment is made", "Ready False, TemplateNotFound"}, nil,
		},
		"queued": {
			func(s *scene) { s.Course.Spec.MaxStarting = ptr.To[int32](2); s.Turn = Turn{Bounded: true} },
			[]string{"at most 2 carrels", "waits in the queue", "Whether it is the carrel's turn in the queue"}, nil,
		},
		"waits for the roll-out": {
			func(s *scene) {
				s.carryOut()
				s.edit("ide:2")
				s.Template.Spec.Rollout.When = v1alpha1.RolloutImmediate
				s.accept(s.Now)
			},
			[]string{"the carrel runs on\n", "Whether the roll-out lets the carrel restart now"}, nil,
		},
		"to be asked": {
			func(s *scene) {
				s.Template.Spec.Idle = &v1alpha1.Idle{After: metav1.Duration{Duration: time.Hour}, Probe: &v1alpha1.IdleProbe{Path: "/use"}}
				s.Userland.Status.LastActivityTime = ptr.To(metav1.NewTime(s.Now))
				s.carryOut()
				s.Now = s.Now.Add(2 * time.Hour)
			},
			[]string{"runs on until its software has said", "What the carrel's software answers at http://10.0.0.1:8080/use"}, nil,
		},
		"refused": {
			func(s *scene) {
				s.carryOut()
				s.Userland.Status.Conditions[0].Reason = v1alpha1.ApplyRefusedReason
			},
			[]string{"Whether the request for which the status says ApplyRefused fails again"}, nil,
		},
		"being deleted": {
			func(s *scene) { s.carryOut(); s.Userland.DeletionTimestamp = ptr.To(metav1.NewTime(s.Now)) },
			[]string{"the Userland is being deleted"}, []string{"log line"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			test.change(s)
			text := Explain(s.World, Decide(s.World))
			for _, part := range test.want {
				if !strings.Contains(text, part) {
					t.Errorf("the text lacks %q:\n%s", part, text)
				}
			}
			for _, part := range test.not {
				if strings.Contains(text, part) {
					t.Errorf("the text says %q:\n%s", part, text)
				}
			}
		})
	}
}
