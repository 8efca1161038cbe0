package gatewaytest

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/volume"
)

// CourseName is the name of Class's course.
const CourseName = "prog1"

var (
	families = []string{"森", "佐藤", "鈴木", "高橋", "田中", "伊藤", "渡辺", "山本", "中村", "小林", "加藤", "吉田", "山田", "佐々木", "Nguyen", "Kim", "Okafor", "Meyer"}
	given    = []string{"花", "葵", "蓮", "陽菜", "湊", "結衣", "大翔", "凛", "悠真", "さくら", "樹", "美咲", "海斗", "七海", "翼", "真央", "健"}
	romans   = []string{"Linh", "Minjun", "Ada", "Jonas", "Lea", "Seo-yeon", "Chidi"}
)

// Class returns a made-up class in the middle of a lab: most carrels run, some wait, and a
// few have the troubles that classes have. The same arguments make the same class.
func Class(students int, now time.Time) *Cluster {
	d := NewCluster()
	d.Put(Course(now))
	for i := range students {
		u := Student(i, now)
		target := ""
		if u.Status.State == v1alpha1.StateRunning {
			target = "127.0.0.1:1"
		}
		d.Set(u, target)
	}
	return d
}

// Course returns Class's course, with a session in progress.
func Course(now time.Time) *v1alpha1.Course {
	zone := time.FixedZone("", 9*60*60)
	local := now.In(zone)
	return &v1alpha1.Course{
		ObjectMeta: metav1.ObjectMeta{Name: CourseName, Namespace: CourseName},
		Spec: v1alpha1.CourseSpec{
			Title: "Programming 1", TemplateName: "code-server",
			Timetable: &v1alpha1.Timetable{
				TimeZone: "Asia/Tokyo",
				Term:     v1alpha1.Term{FirstDay: v1alpha1.Date(local.AddDate(0, 0, -40).Format(time.DateOnly)), LastDay: v1alpha1.Date(local.AddDate(0, 0, 60).Format(time.DateOnly))},
				Sessions: []v1alpha1.Session{{
					Name: "Lab", Weekdays: []v1alpha1.Weekday{v1alpha1.Weekday(local.Weekday().String())},
					Start: v1alpha1.TimeOfDay(local.Add(-35 * time.Minute).Format("15:04")), Duration: metav1.Duration{Duration: 90 * time.Minute},
				}},
			},
		},
		Status: v1alpha1.CourseStatus{
			Userlands: &v1alpha1.UserlandCounts{Total: 300, Ready: 288, States: map[string]int32{"Running": 232, "Asleep": 40}},
			Report: &v1alpha1.ReportStatus{Revision: "da3eb18b8be273913a6d925b0050d7d7f474fed4", State: "failure",
				Description: "4 of 300 need attention: CrashLoopBackOff 3, Unschedulable 1", Time: metav1.NewTime(now.Add(-7 * time.Minute))},
		},
	}
}

// Kept returns a volume of somebody who left Class's course. A zero time keeps it for
// ever.
func Kept(user, size string, until time.Time) *corev1.PersistentVolumeClaim {
	label := v1alpha1.KeepForever
	if !until.IsZero() {
		label = volume.Stamp(until)
	}
	name, _, _ := strings.Cut(strings.ToLower(user), "@")
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Name: name + "--home", Namespace: CourseName, Labels: map[string]string{v1alpha1.KeepUntilLabel: label},
			Annotations: map[string]string{
				v1alpha1.UserAnnotation: user, v1alpha1.VolumeAnnotation: "home", v1alpha1.ClaimTemplateAnnotation: "code-server", v1alpha1.RetainAnnotation: "30d",
			},
		},
		Spec: corev1.PersistentVolumeClaimSpec{Resources: corev1.VolumeResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)},
		}},
	}
}

// Student returns the i-th carrel of Class.
func Student(i int, now time.Time) *v1alpha1.Userland {
	id := fmt.Sprintf("24t%04d", 101+i)
	u := &v1alpha1.Userland{
		ObjectMeta: metav1.ObjectMeta{Name: id, Namespace: CourseName, UID: types.UID("uid-" + id), Annotations: map[string]string{v1alpha1.NameAnnotation: name(i)}},
		Spec:       v1alpha1.UserlandSpec{User: strings.ToUpper(id) + "@example.ac.jp", Section: string(rune('A' + i*4/300))},
	}
	u.Status = v1alpha1.UserlandStatus{
		User: u.Spec.User, Template: &v1alpha1.ObservedTemplate{Name: "code-server", Generation: 3, Revision: "code-server-7d9c5b4f6"},
		LastActivityTime: ago(now, time.Duration(i*37%50)*time.Minute+time.Duration(i%50)*time.Second), LastStartTime: ago(now, time.Duration(30+i%20)*time.Minute),
	}
	state, reason, message := stateOf(i)
	u.Status.State = state
	u.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ReadyCondition, Status: "True", Reason: reason, Message: message,
		LastTransitionTime: metav1.NewTime(u.Status.LastStartTime.Add(time.Duration(4+i%5) * time.Second))}}
	Adjust(u, i, now)
	return u
}

// Adjust sets the fields of a carrel that belong to its state.
func Adjust(u *v1alpha1.Userland, i int, now time.Time) {
	switch u.Status.State {
	case v1alpha1.StateFailing:
		if i != 190 {
			u.Status.LastEnd = &v1alpha1.LastEnd{
				Time: *ago(now, 40*time.Second), Container: "ide", Reason: "Error", ExitCode: 1,
				Log: "Starting the editor\nError: ENOSPC: no space left on device, write '/home/coder/.config/code-server/config.yaml'",
			}
		}
	case v1alpha1.StateQueued:
		u.Status.QueuedSince = ago(now, time.Duration(200-i%100)*time.Second)
		u.Status.Template.Revision = ""
	case v1alpha1.StateStarting:
		u.Status.LastStartTime = ago(now, time.Duration(3+i%9)*time.Second)
		u.Status.Template.Revision = ""
	case v1alpha1.StateAsleep, v1alpha1.StateDisabled:
		u.Status.LastActivityTime = ago(now, time.Duration(3+i%90)*time.Hour)
		u.Status.Template.Revision = ""
	case v1alpha1.StateRunning:
		if i%13 == 0 {
			u.Status.Template.Revision = "code-server-5f6d8c77b"
			u.Status.Conditions = append(u.Status.Conditions, metav1.Condition{Type: v1alpha1.UpdatePendingCondition, Status: "True", Reason: v1alpha1.OlderRevisionReason})
		}
		if i == 18 || i == 142 {
			u.Status.Requests = &v1alpha1.Requests{HelpSince: ago(now, time.Duration(i)*5*time.Second)}
		}
	}
}

func stateOf(i int) (state, reason, message string) {
	switch {
	case i == 31 || i == 77 || i == 214:
		return v1alpha1.StateFailing, v1alpha1.CrashLoopBackOffReason, `container "ide" keeps ending, last with exit code 1: its log (kubectl logs, with --previous) says why`
	case i == 190:
		return v1alpha1.StateFailing, v1alpha1.UnschedulableReason, "no node has room: 0/6 nodes are available: 6 Insufficient memory. Add a node, or lower resources.requests in the Template"
	case i%41 == 7:
		return v1alpha1.StateStarting, v1alpha1.StartingReason, "the carrel is starting"
	case i%37 == 5:
		return v1alpha1.StateQueued, v1alpha1.QueuedReason, "10 carrels of the course are starting; this one starts when it is its turn"
	case i%7 == 3:
		return v1alpha1.StateAsleep, v1alpha1.AsleepReason, "stopped until its user comes; its volumes are kept"
	case i%97 == 50:
		return v1alpha1.StateDisabled, v1alpha1.DisabledReason, "stopped by spec.enabled; its volumes are kept"
	}
	return v1alpha1.StateRunning, v1alpha1.RunningReason, "the carrel answers"
}

func name(i int) string {
	family := families[i*7%len(families)]
	if family[0] < 0x80 {
		return romans[i%len(romans)] + " " + family
	}
	return family + " " + given[i*5%len(given)]
}

func ago(now time.Time, d time.Duration) *metav1.Time {
	at := metav1.NewTime(now.Add(-d).Truncate(time.Second))
	return &at
}
