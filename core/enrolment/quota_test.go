package enrolment_test

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/enrolment"
	"github.com/carrel-dev/carrel/core/roster"
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
			problems := d.OverQuota([]corev1.ResourceQuota{test.quota}, nil)
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

// A move needs room for the volumes that only the new Template has: those of the same
// name go along, and those that only the former one has are kept.
func TestQuotaOfMove(t *testing.T) {
	volumes := func(template string, names ...string) v1alpha1.Template {
		made := v1alpha1.Template{ObjectMeta: metav1.ObjectMeta{Name: template}}
		for _, name := range names {
			made.Spec.Volumes = append(made.Spec.Volumes, v1alpha1.Volume{Name: name})
		}
		return made
	}
	for _, test := range []struct {
		rows       []string
		used, hard string
		want       string
	}{
		{[]string{"kai,db", "rin"}, "4", "5", ""},
		{[]string{"kai,db", "rin"}, "4", "4", "5 of persistentvolumeclaims are needed"},
		{[]string{"kai,db", "rin"}, "0", "4", "5 of persistentvolumeclaims are needed"},
		{[]string{"kai,less", "rin"}, "4", "4", ""},
		{[]string{"kai,ide", "rin"}, "4", "4", ""},
	} {
		w := worldOf(owned("kai", "rin"))
		w.Templates = []v1alpha1.Template{volumes("ide", "home", "data"), volumes("db", "home", "tables"), volumes("less", "home")}
		w.Files = []roster.File{{Name: "roster.csv", Data: []byte("user,template\n" + strings.Join(test.rows, "\n") + "\n")}}
		claims := func(n string) corev1.ResourceList {
			return corev1.ResourceList{corev1.ResourcePersistentVolumeClaims: resource.MustParse(n)}
		}
		d := enrolment.DecideCourse(w)
		problems := d.OverQuota([]corev1.ResourceQuota{{Spec: corev1.ResourceQuotaSpec{Hard: claims(test.hard)}, Status: corev1.ResourceQuotaStatus{Used: claims(test.used)}}}, nil)
		if got := fmt.Sprint(problems); !d.Plan.NeedsMore() || (test.want == "") != (len(problems) == 0) || !strings.Contains(got, test.want) {
			t.Errorf("rows %v with %s of %s used: %s, want %q", test.rows, test.used, test.hard, got, test.want)
		}
	}
}

// Claims that are kept for a student who comes back are in use already, and are not
// needed once more. That holds for a login corrected in case, too.
func TestQuotaOfReturn(t *testing.T) {
	claim := func(user, volume string) corev1.PersistentVolumeClaim {
		return corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{
			v1alpha1.UserAnnotation: user, v1alpha1.VolumeAnnotation: volume,
		}}}
	}
	used := corev1.ResourceList{corev1.ResourcePersistentVolumeClaims: resource.MustParse("4")}
	quota := corev1.ResourceQuota{Spec: corev1.ResourceQuotaSpec{Hard: used}, Status: corev1.ResourceQuotaStatus{Used: used}}
	for _, test := range []struct {
		name, user string
		more       int
	}{
		{"the same student", "kai", 0}, {"in other upper and lower case", "Kai", 0}, {"another student", "sora", 2}, {"a student who is there", "rin,db", 2},
	} {
		w := worldOf(owned("rin"))
		w.Files = []roster.File{{Name: "roster.csv", Data: []byte("user,template\nrin,\n" + test.user + "\n")}}
		volumes := v1alpha1.TemplateSpec{Volumes: []v1alpha1.Volume{{Name: "home"}, {Name: "data"}}}
		w.Templates = []v1alpha1.Template{
			{ObjectMeta: metav1.ObjectMeta{Name: "ide"}, Spec: volumes}, {ObjectMeta: metav1.ObjectMeta{Name: "db"}, Spec: volumes},
		}
		problems := enrolment.DecideCourse(w).OverQuota([]corev1.ResourceQuota{quota},
			[]corev1.PersistentVolumeClaim{claim("kai", "home"), claim("kai", "data"), claim("rin", "home"), claim("rin", "data")})
		if got, want := fmt.Sprint(problems), fmt.Sprintf("%d of persistentvolumeclaims are needed", 4+test.more); test.more > 0 && !strings.Contains(got, want) || test.more == 0 && len(problems) > 0 {
			t.Errorf("%s: %s, want %d more", test.name, got, test.more)
		}
	}
}
