package canary

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/isolation"
	"github.com/carrel-dev/carrel/core/workload"
	"github.com/carrel-dev/carrel/errand/room"
)

var noon = time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)

// newWorld returns a World in which a canary is due, changed by the given functions.
func newWorld(changes ...func(*World)) World {
	w := World{
		Course:    &v1alpha1.Course{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "prog1", UID: "1-2-3"}},
		Userlands: []v1alpha1.Userland{inState(v1alpha1.StateRunning), inState(v1alpha1.StateAsleep)},
		Policies:  "p1",
		Now:       noon,
	}
	for _, change := range changes {
		change(&w)
	}
	if w.MustPlan() && w.Plan == nil {
		w.Plan = &Plan{Job: &batchv1.Job{}}
	}
	return w
}

func inState(state string) v1alpha1.Userland {
	return v1alpha1.Userland{Status: v1alpha1.UserlandStatus{State: state}}
}

func student(state string) func(*World) {
	return func(w *World) { w.Userlands = append(w.Userlands, inState(state)) }
}

// withoutRoom adds a student whom the quota keeps out.
func withoutRoom(w *World) {
	u := inState(v1alpha1.StateFailing)
	u.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ReadyCondition, Status: "False", Reason: v1alpha1.PodRefusedReason, Message: "exceeded quota: course"}}
	w.Userlands = append(w.Userlands, u)
}

// proven is a course that was tried some time ago.
func proven(status metav1.ConditionStatus, ago time.Duration) func(*World) {
	return func(w *World) {
		at := metav1.NewTime(noon.Add(-ago))
		wait := isolatedFor
		if status == metav1.ConditionFalse {
			wait = openFor
		}
		w.Course.Status.Isolation = &v1alpha1.IsolationStatus{Attempts: 3, Time: at, ProvenTime: &at, Policies: "p1", RetryTime: metav1.NewTime(at.Add(wait))}
		w.Course.Status.Conditions = []metav1.Condition{{Type: v1alpha1.IsolatedCondition, Status: status}}
	}
}

// failedBefore is a course about which the last attempts found nothing out.
func failedBefore(times int32, retryIn time.Duration) func(*World) {
	return func(w *World) {
		if w.Course.Status.Isolation == nil {
			w.Course.Status.Isolation = &v1alpha1.IsolationStatus{}
		}
		s := w.Course.Status.Isolation
		s.Attempts, s.Failures, s.Time, s.RetryTime = s.Attempts+times, times, metav1.NewTime(noon.Add(-time.Minute)), metav1.NewTime(noon.Add(retryIn))
	}
}

// running adds the Job of the present attempt, with a pod.
func running(age time.Duration, changes ...func(*World)) func(*World) {
	return func(w *World) {
		w.Job = &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: w.jobName(), CreationTimestamp: metav1.NewTime(noon.Add(-age))}}
		w.Pods = []corev1.Pod{{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}}}}
		for _, change := range changes {
			change(w)
		}
	}
}

func ended(message string) func(*World) {
	return func(w *World) {
		w.Pods[0].Status.ContainerStatuses[0].State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Message: message}}
	}
}

func report(t *testing.T, open ...isolation.Target) string {
	t.Helper()
	data, err := json.Marshal(isolation.Report{Network: true, Tried: 9, Open: open})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestDecide checks, world by world, whether a canary starts or goes, what is said, and
// when it is looked again.
func TestDecide(t *testing.T) {
	const nothing, start, remove = "", "start", "remove"
	isolated, open := metav1.ConditionTrue, metav1.ConditionFalse
	neighbour := isolation.Target{Part: isolation.Carrel, Address: "10.0.0.1:80"}
	ago := func(change func(*World), hours time.Duration) func(*World) {
		return func(w *World) {
			change(w)
			w.Course.Annotations = map[string]string{"reconcile.fluxcd.io/requestedAt": noon.Add(-hours * time.Hour).Format(time.RFC3339)}
		}
	}
	for _, tt := range []struct {
		name   string
		world  World
		action string
		// said is the status and a part of the message; empty: nothing is recorded.
		status metav1.ConditionStatus
		said   string
		next   time.Duration
	}{
		{"a carrel runs for the first time", newWorld(), start, "", "", 0},
		{"nobody runs", newWorld(func(w *World) { w.Userlands = w.Userlands[1:] }), nothing, "", "", 0},
		{"nobody runs any more", newWorld(running(time.Second), func(w *World) { w.Userlands = w.Userlands[1:] }), remove, "", "", 0},
		{"isolated, a day has not passed", newWorld(proven(isolated, 23*time.Hour)), nothing, "", "", time.Hour},
		{"isolated, a day has passed", newWorld(proven(isolated, 24*time.Hour)), start, "", "", 0},
		{"isolated, a day has passed, nobody runs", newWorld(proven(isolated, 24*time.Hour), func(w *World) { w.Userlands = nil }), nothing, "", "", 0},
		{"open, an hour has not passed", newWorld(proven(open, 20*time.Minute)), nothing, "", "", 40 * time.Minute},
		{"open, an hour has passed", newWorld(proven(open, time.Hour)), start, "", "", 0},
		{"the policies have changed", newWorld(proven(isolated, time.Hour), func(w *World) { w.Policies = "p2" }), start, "", "", 0},
		{"they have, and the last attempt failed", newWorld(proven(isolated, time.Hour), failedBefore(1, time.Minute), func(w *World) { w.Policies = "p2" }), nothing, "", "", time.Minute},
		{"a person asks", newWorld(ago(proven(isolated, 2*time.Hour), 1)), start, "", "", 0},
		{"a person asked before", newWorld(ago(proven(isolated, 2*time.Hour), 3)), nothing, "", "", 22 * time.Hour},
		{"a person asks in the future", newWorld(ago(proven(isolated, 2*time.Hour), -1)), nothing, "", "", 22 * time.Hour},

		{"students start", newWorld(student(v1alpha1.StateStarting)), nothing, "", "", 0},
		{"students wait in the queue", newWorld(student(v1alpha1.StateQueued)), nothing, "", "", 0},
		{"students have no room", newWorld(withoutRoom), nothing, metav1.ConditionUnknown, "not tried: students' carrels have no room", failedRetry},
		{"students have no room while it runs", newWorld(running(time.Second), withoutRoom), nothing, metav1.ConditionUnknown, "students' carrels have no room", failedRetry},
		{"another Job is there yet", newWorld(func(w *World) { w.Leftovers = []batchv1.Job{{}} }), remove, "", "", lookAgain},
		{"other errands run", newWorld(func(w *World) { w.Plan = &Plan{Answer: room.Answer{Busy: "3 run"}} }), nothing, "", "", lookAgain},
		{"a full quota", newWorld(func(w *World) { w.Plan = &Plan{Job: &batchv1.Job{}, Answer: room.Answer{Full: "exceeded quota: pods"}} }), nothing,
			metav1.ConditionUnknown, "not tried: the quota of the course has no room: exceeded quota: pods", failedRetry},
		{"a policy that refuses it", newWorld(func(w *World) {
			w.Plan = &Plan{Job: &batchv1.Job{}, Answer: room.Answer{Refused: "violates PodSecurity"}}
		}), nothing,
			metav1.ConditionUnknown, "violates PodSecurity", failedRetry},
		{"no image", newWorld(func(w *World) { w.Plan = &Plan{Problem: "no Deployment"} }), nothing, metav1.ConditionUnknown, "not tried: no Deployment", failedRetry},
		{"for the third time", newWorld(failedBefore(2, 0), func(w *World) { w.Plan = &Plan{Problem: "no Deployment"} }), nothing, metav1.ConditionUnknown, "no Deployment", 4 * failedRetry},
		{"for the hundredth time", newWorld(failedBefore(100, 0), func(w *World) { w.Plan = &Plan{Problem: "no Deployment"} }), nothing, metav1.ConditionUnknown, "no Deployment", failedRetryMost},
		{"a suspended course", newWorld(func(w *World) { w.Course.Spec.Suspend = true }), nothing, metav1.ConditionUnknown, "spec.suspend", 0},
		{"a suspended course that is open", newWorld(proven(open, time.Hour), func(w *World) { w.Course.Spec.Suspend = true }), nothing, "", "", 0},
		{"suspended while it runs", newWorld(running(time.Second), func(w *World) { w.Course.Spec.Suspend = true }), remove, metav1.ConditionUnknown, "spec.suspend", 0},

		{"it runs", newWorld(running(10 * time.Second)), nothing, "", "", workload.CanaryDeadline + jobGrace - 10*time.Second},
		{"students start while it runs", newWorld(running(time.Minute), student(v1alpha1.StateStarting)), nothing, "", "", workload.CanaryDeadline},
		{"it reached nothing", newWorld(running(time.Minute, ended(report(t)))), nothing, isolated, "reached none of 9", isolatedFor},
		{"it reached a neighbour", newWorld(running(time.Minute, ended(report(t, neighbour)))), nothing, open, "reached the pod of another carrel", openFor},
		{"it has no network", newWorld(running(time.Minute, ended(`{"network":false,"problem":"timeout"}`))), nothing, metav1.ConditionUnknown, "name server: timeout", failedRetry},
		{"it ended without a word", newWorld(running(time.Minute, ended(""))), nothing, metav1.ConditionUnknown, "without a report", failedRetry},
		{"it never ran", newWorld(running(workload.CanaryDeadline + jobGrace)), nothing, metav1.ConditionUnknown, "did not run", failedRetry},
		{"Kubernetes ended it", newWorld(running(time.Minute, func(w *World) {
			w.Job.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionTrue}}
		})), nothing, metav1.ConditionUnknown, "did not run", failedRetry},
		{"somebody deletes it", newWorld(running(time.Minute, ended(report(t))), func(w *World) { w.Job.DeletionTimestamp = ptr.To(metav1.NewTime(noon)) }), nothing, "", "", lookAgain},

		{"an open course stays open", newWorld(proven(open, 9*time.Hour), running(time.Minute, ended(""))), nothing, open, "", failedRetry},
		{"an isolated one stays so for a while", newWorld(proven(isolated, 25*time.Hour), running(time.Minute, ended(""))), nothing, isolated, "", failedRetry},
		{"but not for ever", newWorld(proven(isolated, 49*time.Hour), running(time.Minute, ended(""))), nothing, metav1.ConditionUnknown, "without a report", failedRetry},
		{"and not with other policies", newWorld(proven(isolated, time.Hour), func(w *World) { w.Policies = "p2" }, running(time.Minute, ended(""))), nothing, metav1.ConditionUnknown, "without a report", failedRetry},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := Decide(tt.world)
			action := map[bool]string{true: start}[d.Start]
			if len(d.Remove) > 0 {
				action = remove
			}
			if action != tt.action {
				t.Errorf("it does %q, want %q", action, tt.action)
			}
			said := d.newCondition()
			if tt.status == "" && (d.Condition != nil || d.Isolation != nil) {
				t.Errorf("it records %+v, %+v, want nothing", d.Condition, d.Isolation)
			}
			if tt.status != "" && (said == nil || said.Status != tt.status || !strings.Contains(said.Message, tt.said)) {
				t.Errorf("it says %+v, want %s with %q", said, tt.status, tt.said)
			}
			if got := d.Next; tt.next == 0 && !got.IsZero() || tt.next != 0 && !got.Equal(noon.Add(tt.next)) {
				t.Errorf("it looks again at %s, want after %s", got, tt.next)
			}
			checkRecord(t, tt.world, d)
		})
	}
}

// checkRecord checks that an attempt that is over is counted, with the time of the next
// one, and that it counts as failed or has the time of its answer.
func checkRecord(t *testing.T, w World, d Decision) {
	t.Helper()
	if d.Isolation == nil {
		return
	}
	if before := w.recorded(); d.Isolation.Attempts != before.Attempts+1 || d.Isolation.RetryTime.Time != d.Next || !d.Isolation.Time.Time.Equal(noon) {
		t.Errorf("it records %+v after %+v, want one more attempt and the time of the next", d.Isolation, before)
	}
	if answered := d.Isolation.ProvenTime != nil && d.Isolation.ProvenTime.Time.Equal(noon); answered != (d.Isolation.Failures == 0) {
		t.Errorf("it records %+v, want failures or the time of the answer", d.Isolation)
	}
}

// TestOverIsLeftBehind checks that the Job of an attempt that is over has another name
// than that of the next one, and so has one of other policies.
func TestOverIsLeftBehind(t *testing.T) {
	w := newWorld()
	first := w.jobName()
	w.Course.Status.Isolation = &v1alpha1.IsolationStatus{Attempts: 1}
	second := w.jobName()
	w.Policies = "p2"
	if third := w.jobName(); first == second || second == third || !strings.HasPrefix(third, "canary--") {
		t.Errorf("the Jobs are %s, %s, %s", first, second, third)
	}
}
