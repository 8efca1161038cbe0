package enrolment_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/enrolment"
)

func TestQuotaIsSeenBeforehand(t *testing.T) {
	const userlandCount, claims = string(enrolment.CountUserlands), "persistentvolumeclaims"
	quota := func(name, hard, used string) corev1.ResourceQuota {
		return corev1.ResourceQuota{
			ObjectMeta: metav1.ObjectMeta{Name: "course"},
			Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourceName(name): resource.MustParse(hard)}},
			Status:     corev1.ResourceQuotaStatus{Used: corev1.ResourceList{corev1.ResourceName(name): resource.MustParse(used)}},
		}
	}
	scoped := quota(userlandCount, "1", "1")
	scoped.Spec.Scopes = []corev1.ResourceQuotaScope{corev1.ResourceQuotaScopeBestEffort}
	for _, test := range []struct {
		name  string
		quota corev1.ResourceQuota
		want  string
	}{
		{"room for all", quota(userlandCount, "4", "2"), ""},
		{"room for one of two", quota(userlandCount, "3", "2"), `4 of count/userlands.carrel.dev are needed, and the ResourceQuota "course" of the course allows 3: raise it to at least 4`},
		{"volumes that were never made", quota(claims, "7", "0"), `8 of persistentvolumeclaims are needed`},
		{"volumes for all", quota(claims, "8", "4"), ""},
		{"volumes of students who left", quota(claims, "8", "5"), `9 of persistentvolumeclaims are needed`},
		{"Deployments", quota("count/deployments.apps", "3", "0"), `4 of count/deployments.apps are needed`},
		{"Services", quota("services", "3", "0"), `4 of services are needed`},
		{"pods, of which not all are there at once", quota("pods", "1", "0"), ""},
		{"a quota of some pods only", scoped, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := worldOf(owned("kai", "rin"), "kai", "rin", "sora", "yui")
			w.Templates = []v1alpha1.Template{{ObjectMeta: metav1.ObjectMeta{Name: "ide"}, Spec: v1alpha1.TemplateSpec{Volumes: []v1alpha1.Volume{{Name: "home"}, {Name: "data"}}}}}
			d := enrolment.DecideCourse(w)
			problems := d.OverQuota([]corev1.ResourceQuota{test.quota})
			if test.want == "" {
				if len(problems) > 0 {
					t.Errorf("it says %v", problems)
				}
				return
			}
			d.Tried = d.NewAttempt()
			d.Tried.FailQuota(problems)
			if message := condition(t, d.Status(), v1alpha1.RosterValidCondition).Message; !strings.Contains(message, test.want) || !strings.Contains(message, "nothing changes") {
				t.Errorf("the Course says %q, want %q", message, test.want)
			}
		})
	}
}
