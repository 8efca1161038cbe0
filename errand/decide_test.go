package errand

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/errand/room"
)

var noon = time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)

const (
	revision = "ide-1"
	volumes  = "v1"
)

// newWorld returns a World in which a trial is due, changed by the given functions.
func newWorld(changes ...func(*World)) World {
	w := World{
		Template: &v1alpha1.Template{
			ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "ide", UID: "1-2-3", Generation: 1},
			Status: v1alpha1.TemplateStatus{
				ObservedGeneration: 1,
				Revision:           &v1alpha1.TemplateRevision{Name: revision, Since: metav1.NewTime(noon)},
				Userlands:          &v1alpha1.TemplateUserlands{Total: 1},
				Conditions:         []metav1.Condition{{Type: v1alpha1.ReadyCondition, Status: metav1.ConditionTrue}},
			},
		},
		Wanted: revision, Volumes: volumes,
		Course: &v1alpha1.Course{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "prog1"}},
		Now:    noon,
	}
	for _, change := range changes {
		change(&w)
	}
	if w.MustAsk() && w.Answer == nil {
		w.Answer = &room.Answer{}
	}
	return w
}

// trial returns an entry of status.trials about the present revision.
func trial(outcome, reason string, ago time.Duration) v1alpha1.TemplateTrial {
	return v1alpha1.TemplateTrial{Revision: revision, Volumes: volumes, Outcome: outcome, Reason: reason, Time: metav1.NewTime(noon.Add(-ago))}
}

func recorded(entries ...v1alpha1.TemplateTrial) func(*World) {
	return func(w *World) { w.Template.Status.Trials = append(w.Template.Status.Trials, entries...) }
}

// after returns an entry of an attempt that is over and may be repeated in a time.
func after(entry v1alpha1.TemplateTrial, retry time.Duration) v1alpha1.TemplateTrial {
	entry.Attempts = 1
	entry.RetryTime = &metav1.Time{Time: noon.Add(retry)}
	return entry
}

// running adds the Job of the present attempt, made 30 seconds ago, with pods.
func running(pods ...corev1.Pod) func(*World) {
	return func(w *World) {
		w.Job = &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: w.jobName(), UID: "job", CreationTimestamp: metav1.NewTime(noon.Add(-30 * time.Second))}}
		w.Pods = pods
	}
}

// newPod returns a pod on a node, made 30 seconds ago, whose container has a state.
func newPod(state corev1.ContainerState, change func(*corev1.Pod)) corev1.Pod {
	made := metav1.NewTime(noon.Add(-30 * time.Second))
	p := corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "p", CreationTimestamp: made},
		Spec:       corev1.PodSpec{NodeName: "n", Containers: []corev1.Container{{Name: "ide"}}},
		Status: corev1.PodStatus{
			Phase: corev1.PodRunning,
			Conditions: []corev1.PodCondition{
				{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: made},
				{Type: corev1.PodReady, Status: corev1.ConditionFalse, LastTransitionTime: made},
			},
			ContainerStatuses: []corev1.ContainerStatus{{Name: "ide", Image: "ide:2", State: state}},
		},
	}
	if change != nil {
		change(&p)
	}
	return p
}

func waitingFor(reason string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}
}

func endedWith(code int32) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code}}
}

func readyAfter(d time.Duration) corev1.Pod {
	state := corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(noon.Add(-25 * time.Second))}}
	return newPod(state, func(p *corev1.Pod) {
		p.Status.ContainerStatuses[0].Ready = true
		p.Status.Conditions[1].Status = corev1.ConditionTrue
		p.Status.Conditions[1].LastTransitionTime = metav1.NewTime(p.CreationTimestamp.Add(d))
	})
}

func unschedulable(message string) corev1.Pod {
	return newPod(corev1.ContainerState{}, func(p *corev1.Pod) {
		p.Spec.NodeName, p.Status.Phase = "", corev1.PodPending
		p.Status.Conditions[0] = corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable,
			Message: message, LastTransitionTime: p.CreationTimestamp}
	})
}

// student adds a Userland of the Template.
func student(state, ofRevision, readyReason, message string) func(*World) {
	return func(w *World) {
		status := metav1.ConditionFalse
		if state == v1alpha1.StateRunning {
			status = metav1.ConditionTrue
		}
		w.Userlands = append(w.Userlands, v1alpha1.Userland{Status: v1alpha1.UserlandStatus{
			State: state, Template: &v1alpha1.ObservedTemplate{Name: "ide", Revision: ofRevision},
			Conditions: []metav1.Condition{{Type: v1alpha1.ReadyCondition, Status: status, Reason: readyReason, Message: message}},
		}})
	}
}

func TestDecide(t *testing.T) {
	const (
		start  = "start"
		remove = "remove"
		// nothing is that the entry stays as it is.
		nothing = ""
	)
	failed := after(trial(v1alpha1.TrialFailed, v1alpha1.ImagePullBackOffReason, time.Minute), 4*time.Minute)
	dueNow := after(trial(v1alpha1.TrialFailed, v1alpha1.ImagePullBackOffReason, 5*time.Minute), 0)
	notTried := after(trial(v1alpha1.TrialNotTried, v1alpha1.QuotaFullReason, time.Minute), 0)
	pulling := newPod(waitingFor("ImagePullBackOff"), nil)
	class := func(change func(*v1alpha1.Course)) func(*World) { return func(w *World) { change(w.Course) } }
	spec := func(change func(*v1alpha1.Template)) func(*World) { return func(w *World) { change(w.Template) } }
	tests := []struct {
		name string
		w    World
		// do is what happens to the Job; empty: nothing.
		do string
		// outcome, reason and message are what is recorded; empty: nothing new.
		outcome, reason, message string
		// next is when to look again; 0: never.
		next time.Duration
	}{
		{"a revision that nobody has started", newWorld(), start, "Running", "Starting", "the trial begins", 0},
		{"a Template that is not accepted yet", newWorld(spec(func(t *v1alpha1.Template) { t.Generation = 2 })), nothing, "", "", "", 0},
		{"a revision that another version would make", newWorld(func(w *World) { w.Wanted = "ide-2" }), nothing, "", "", "", 0},
		{"an edit in the middle", newWorld(running(pulling), spec(func(t *v1alpha1.Template) { t.Generation = 2 })), remove, "", "", "", 0},
		{"a revision that started", newWorld(recorded(trial("Started", "TrialStarted", time.Hour))), nothing, "", "", "", 0},
		{"a revision that started, with its Job", newWorld(recorded(trial("Started", "TrialStarted", time.Hour)), running()), remove, "", "", "", 0},
		{"the same revision with other volumes", newWorld(recorded(trial("Started", "TrialStarted", time.Hour)), func(w *World) { w.Volumes = "v2" }),
			start, "Running", "Starting", "the trial begins", 0},
		{"a carrel runs with it", newWorld(student("Running", revision, "Running", "")), nothing, "Started", "CarrelStarted", "a student's carrel has started", 0},
		{"a carrel runs with it while it is tried", newWorld(running(pulling), student("Running", revision, "Running", "")), remove, "Started", "CarrelStarted", "", 0},
		{"a carrel runs with it after it failed", newWorld(recorded(failed), student("Running", revision, "Running", "")), nothing, "Started", "CarrelStarted", "", 0},
		{"a carrel runs with it and other volumes", newWorld(recorded(trial("Started", "TrialStarted", time.Hour)), student("Running", revision, "Running", ""),
			func(w *World) { w.Volumes = "v2" }), start, "Running", "Starting", "", 0},
		{"a carrel runs with another revision", newWorld(student("Running", "ide-0", "Running", "")), start, "Running", "Starting", "", 0},
		{"a carrel is starting", newWorld(student("Starting", "", "Starting", "")), nothing, "Running", "StudentsFirst", "students' carrels are starting", lookAgain},

		{"trials turned off", newWorld(spec(func(t *v1alpha1.Template) { t.Spec.Trial = v1alpha1.TrialNever })), nothing, "NotTried", "TurnedOff", "spec.trial of the Template is Never", 0},
		{"trials turned off in the middle", newWorld(running(pulling), spec(func(t *v1alpha1.Template) { t.Spec.Trial = v1alpha1.TrialNever })), remove, "NotTried", "TurnedOff", "", 0},
		{"trials turned off after a failure", newWorld(recorded(failed), spec(func(t *v1alpha1.Template) { t.Spec.Trial = v1alpha1.TrialNever })), nothing, "NotTried", "TurnedOff", "", 0},
		{"a suspended course", newWorld(class(func(c *v1alpha1.Course) { c.Spec.Suspend = true })), nothing, "NotTried", "Suspended", "spec.suspend", 0},
		{"a suspended course after a failure", newWorld(recorded(failed), class(func(c *v1alpha1.Course) { c.Spec.Suspend = true })), nothing, "", "", "", 0},
		{"the course goes on", newWorld(recorded(trial("NotTried", "Suspended", time.Hour))), start, "Running", "Starting", "", 0},
		{"the end of the term", newWorld(running(pulling), func(w *World) { w.Over = true }), remove, "NotTried", "TermOver", "the term is over", 0},
		{"a Template that nobody uses", newWorld(spec(func(t *v1alpha1.Template) { t.Status.Userlands = nil })), nothing, "NotTried", "Unused", "nobody uses", 0},
		{"a Template that only the Course names", newWorld(spec(func(t *v1alpha1.Template) { t.Status.Userlands = nil }),
			class(func(c *v1alpha1.Course) { c.Spec.TemplateName = "ide" })), start, "Running", "Starting", "", 0},
		{"a namespace without a Course", newWorld(func(w *World) { w.Course = nil }), start, "Running", "Starting", "", 0},

		{"another errand runs", newWorld(func(w *World) { w.Answer = &room.Answer{Busy: "3 trials run"} }), nothing, "Running", "Queued", "3 trials run", lookAgain},
		{"a full quota", newWorld(func(w *World) { w.Answer = &room.Answer{Full: "exceeded quota"} }), nothing, "NotTried", "QuotaFull", "exceeded quota", roomRetry},
		{"a full quota for the second time", newWorld(recorded(notTried), func(w *World) { w.Answer = &room.Answer{Full: "exceeded quota"} }), nothing, "NotTried", "QuotaFull", "", 2 * roomRetry},
		{"room again", newWorld(recorded(notTried)), start, "Running", "Starting", "", 0},
		{"a pod that a policy refuses", newWorld(func(w *World) { w.Answer = &room.Answer{Refused: "violates PodSecurity"} }), nothing, "Failed", "PodRefused", "violates PodSecurity", failedRetry},
		{"a student without room", newWorld(student("Failing", "", "PodRefused", "exceeded quota: course")), nothing, "NotTried", "NoRoom", "students' carrels have no room", roomRetry},
		{"a student without room in the middle", newWorld(running(pulling), student("Failing", "", "Unschedulable", "Insufficient memory")), nothing, "NotTried", "NoRoom", "gave way", roomRetry},
		{"a student who fails otherwise", newWorld(student("Failing", "", "CrashLoopBackOff", "")), start, "Running", "Starting", "", 0},
		{"the Job of the attempt before", newWorld(func(w *World) { w.Leftovers = []batchv1.Job{{}} }), remove, "Running", "Queued", "the one before it is gone", lookAgain},
		{"the Job that somebody deletes", newWorld(running(pulling), func(w *World) { w.Job.DeletionTimestamp = &metav1.Time{Time: noon} }), nothing, "Running", "Queued", "", lookAgain},

		{"a pod that is ready", newWorld(running(readyAfter(7 * time.Second))), nothing, "Started", "TrialStarted", "trial started in 7 s", 0},
		{"an image that can't be pulled", newWorld(running(pulling)), nothing, "Running", "ImagePullBackOff", `image "ide:2"`, imageGrace},
		{"an image that can't be pulled for a while", newWorld(running(pulling), recorded(trial("Running", "ImagePullBackOff", 5*time.Second))), nothing, "Running", "ImagePullBackOff", "", imageGrace - 5*time.Second},
		{"an image that can't be pulled for long", newWorld(running(pulling), recorded(trial("Running", "ImagePullBackOff", imageGrace))), nothing, "Failed", "ImagePullBackOff", `image "ide:2"`, failedRetry},
		{"a retry in the middle", newWorld(recorded(dueNow), running(newPod(waitingFor("ContainerCreating"), nil))), nothing, "", "", "", 15*time.Minute - 30*time.Second},
		{"a retry that fails again", newWorld(recorded(dueNow), running(pulling)), nothing, "Failed", "ImagePullBackOff", "", 2 * failedRetry},
		{"a retry that starts", newWorld(recorded(dueNow), running(readyAfter(time.Second))), nothing, "Started", "TrialStarted", "in 1 s", 0},
		{"a container that keeps ending", newWorld(recorded(trial("Running", "CrashLoopBackOff", crashGrace)),
			running(newPod(waitingFor("CrashLoopBackOff"), func(p *corev1.Pod) { p.Status.ContainerStatuses[0].LastTerminationState = endedWith(3) }))),
			nothing, "Failed", "CrashLoopBackOff", "exit code 3", failedRetry},
		{"a program that ends by itself", newWorld(running(newPod(endedWith(0), func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }))),
			nothing, "Failed", "CrashLoopBackOff", "ends by itself with exit code 0", failedRetry},
		{"no node with room", newWorld(running(unschedulable("0/1 nodes are available: 1 Insufficient memory."))), nothing, "NotTried", "NoRoom", "Insufficient memory", roomRetry},
		{"no node that fits", newWorld(running(unschedulable("0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."))), nothing, "Failed", "Unschedulable", "node affinity", failedRetry},
		{"no claim for the volume", newWorld(running(unschedulable(`0/1 nodes are available: waiting for ephemeral volume controller to create the persistentvolumeclaim "x".`))),
			nothing, "Running", "VolumePending", "has yet to make the volume claim", claimGrace},
		{"no claim for the volume for long", newWorld(recorded(trial("Running", "VolumePending", claimGrace)), running(unschedulable(`0/1 nodes are available: waiting for ephemeral volume controller to create the persistentvolumeclaim "x".`))),
			nothing, "NotTried", "VolumePending", "makes no volume claim", roomRetry},
		{"a storage class that does not exist", newWorld(running(unschedulable("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.")), func(w *World) {
			w.Claims = []corev1.PersistentVolumeClaim{{ObjectMeta: metav1.ObjectMeta{Name: "c"}, Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: new("fast")}}}
			w.MissingClasses = map[string]bool{"fast": true}
		}), nothing, "Failed", "VolumePending", `storage class "fast" does not exist`, failedRetry},
		{"no pod, for a rule", newWorld(running(), func(w *World) { w.Answer = &room.Answer{Refused: "denied"} }), nothing, "Failed", "PodRefused", "denied", failedRetry},
		{"no pod, for no known reason", newWorld(running()), nothing, "Running", "Starting", "the carrel is starting", lookAgain},
		{"no pod for long", newWorld(running(), func(w *World) { w.Job.CreationTimestamp = metav1.NewTime(noon.Add(-6 * time.Minute)) }), nothing, "NotTried", "PodNotMade", "kube-controller-manager", roomRetry},
		{"a Job that Kubernetes has given up", newWorld(running(), func(w *World) {
			w.Job.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, Reason: "DeadlineExceeded", Message: "too long"}}
		}), nothing, "Failed", "StartingTooLong", "too long (DeadlineExceeded)", failedRetry},

		{"a failure that rests", newWorld(recorded(failed)), nothing, "", "", "", 4 * time.Minute},
		{"a failure that a person wants tried again", newWorld(recorded(failed), spec(func(t *v1alpha1.Template) {
			t.Annotations = map[string]string{"reconcile.fluxcd.io/requestedAt": noon.Format(time.RFC3339Nano)}
		})), start, "", "", "", 0},
		{"a failure that a person wanted tried before", newWorld(recorded(failed), spec(func(t *v1alpha1.Template) {
			t.Annotations = map[string]string{"reconcile.fluxcd.io/requestedAt": noon.Add(-time.Hour).Format(time.RFC3339Nano)}
		})), nothing, "", "", "", 4 * time.Minute},
		{"a failure whose time is over", newWorld(recorded(dueNow)), start, "", "", "", 0},
		{"a failure of the former volumes", newWorld(recorded(failed), func(w *World) { w.Volumes = "v2" }), start, "Running", "Starting", "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := tt.w.entry()
			d := Decide(tt.w)
			if d.Start != (tt.do == start) || (len(d.Remove) > 0) != (tt.do == remove) {
				t.Errorf("it starts a Job: %v, and removes %d; want to %s", d.Start, len(d.Remove), tt.do)
			}
			got := d.Trial
			if tt.outcome == "" {
				if diff := cmp.Diff(before, got); diff != "" && !d.silent {
					t.Errorf("the entry changes, want it to stay: %s", diff)
				}
			} else if got.Outcome != tt.outcome || got.Reason != tt.reason || !strings.Contains(got.Message, tt.message) {
				t.Errorf("it records %s, %s, %q; want %s, %s and a message with %q", got.Outcome, got.Reason, got.Message, tt.outcome, tt.reason, tt.message)
			}
			var next time.Duration
			if !d.Next.IsZero() {
				next = d.Next.Sub(noon)
			}
			if next != tt.next {
				t.Errorf("it looks again in %s, want %s", next, tt.next)
			}
		})
	}
}

// TestTrialsAreBounded checks that only the latest outcomes are kept, one per revision.
func TestTrialsAreBounded(t *testing.T) {
	w := newWorld()
	for _, name := range []string{"ide-0", revision, "ide-2", "ide-3", "ide-4", "ide-5"} {
		w.Wanted, w.Template.Status.Revision.Name = name, name
		w.Answer = &room.Answer{}
		w.Template.Status.Trials = Decide(w).Trials()
	}
	var kept []string
	for _, entry := range w.Template.Status.Trials {
		kept = append(kept, entry.Revision)
	}
	if diff := cmp.Diff([]string{"ide-5", "ide-4", "ide-3", "ide-2"}, kept); diff != "" {
		t.Errorf("the outcomes kept differ: %s", diff)
	}
}

// TestRetriesAreBounded checks that a failure is tried again ever less often.
func TestRetriesAreBounded(t *testing.T) {
	entry := trial(v1alpha1.TrialFailed, v1alpha1.PodRefusedReason, time.Hour)
	var waits []time.Duration
	for range 10 {
		w := newWorld(recorded(entry), func(w *World) { w.Answer = &room.Answer{Refused: "no"} })
		w.Template.Status.Trials[0].RetryTime = nil
		d := Decide(w)
		waits, entry = append(waits, d.Next.Sub(noon)), d.Trial
	}
	if waits[0] != failedRetry || waits[9] != failedRetryMost {
		t.Errorf("the waits are %v, want them from %s to %s", waits, failedRetry, failedRetryMost)
	}
}

// TestJobNamesTellAttemptsApart checks that no attempt finds the Job of another.
func TestJobNamesTellAttemptsApart(t *testing.T) {
	names := map[string]bool{}
	for _, change := range []func(*World){
		func(*World) {},
		func(w *World) { w.Wanted = "ide-2" },
		func(w *World) { w.Volumes = "v2" },
		func(w *World) { w.Template.UID = types.UID("4-5-6") },
		recorded(after(trial("Failed", "PodRefused", 0), 0)),
	} {
		w := newWorld(change)
		names[w.jobName()] = true
	}
	if len(names) != 5 {
		t.Errorf("five attempts have the names %v, want five", names)
	}
}
