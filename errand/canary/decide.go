package canary

import (
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/isolation"
	"github.com/carrel-dev/carrel/core/workload"
	"github.com/carrel-dev/carrel/errand/room"
)

const (
	// isolatedFor is the time until an isolated course is tried again, and openFor that of
	// an open one.
	isolatedFor, openFor = 24 * time.Hour, time.Hour
	// failedRetry and failedRetryMost bound the wait after an attempt without an answer;
	// it doubles with each.
	failedRetry, failedRetryMost = time.Minute, time.Hour
	// believedFor is how long an isolated course stays so while attempts have no answer.
	believedFor = 48 * time.Hour
	// lookAgain is the interval at which something that no watch reports is looked at.
	lookAgain = 10 * time.Second
	// jobGrace is how long Kubernetes may take to end a Job whose deadline has passed.
	jobGrace = time.Minute
)

// Decision holds what to do for the canary of a Course.
type Decision struct {
	// Isolation and Condition are what to record; nil: nothing.
	Isolation *v1alpha1.IsolationStatus
	Condition *metav1.Condition
	// Start is true if the Job of the plan is to be created.
	Start bool
	// Remove are the Jobs to delete.
	Remove []batchv1.Job
	// Next is when to look again though nothing happens; zero: never.
	Next time.Time

	world World
}

// A rule makes part of the decision, and reports whether that was all.
type rule func(*Decision) bool

// beforeJob are the rules that do not depend on the Job. If one applies, no Job may go on.
var beforeJob = []rule{
	(*Decision).suspended,
	(*Decision).nobodyRuns,
}

// withoutJob are the rules before a Job is planned.
var withoutJob = []rule{
	(*Decision).notDue,
	(*Decision).leftover,
	(*Decision).studentsFirst,
	(*Decision).noRoom,
}

// withPlan are the rules that need the Plan.
var withPlan = []rule{
	(*Decision).busy,
	(*Decision).impossible,
}

// withJob are the rules for the Job of the present attempt.
var withJob = []rule{
	(*Decision).ending,
	(*Decision).reported,
	(*Decision).noRoom,
	(*Decision).overdue,
}

// Decide decides what to do for the canary of a Course. It changes none of its arguments.
func Decide(w World) Decision {
	d := newDecision(w)
	if d.any(beforeJob) {
		if w.Job != nil {
			d.Remove = append(d.Remove, room.NotEnding([]batchv1.Job{*w.Job})...)
		}
		return d
	}
	if w.Job != nil {
		d.any(withJob)
		return d
	}
	if d.any(withoutJob) || d.any(withPlan) {
		return d
	}
	d.Start = true
	return d
}

func newDecision(w World) Decision { return Decision{world: w, Remove: room.NotEnding(w.Leftovers)} }

func (d *Decision) any(rules []rule) bool {
	return slices.ContainsFunc(rules, func(apply rule) bool { return apply(d) })
}

// suspended applies to a course that nothing may touch. Only the condition changes, since
// the course is tried as soon as it goes on.
func (d *Decision) suspended() bool {
	if !d.world.Course.Spec.Suspend {
		return false
	}
	if d.world.anyIn(v1alpha1.StateRunning) && d.world.condition() == nil {
		d.Condition = d.notTried("spec.suspend of the course is true. Take it out of course.yaml")
	}
	return true
}

// nobodyRuns applies while the course has no carrel to protect. Without one, nothing would
// show that carrels are apart.
func (d *Decision) nobodyRuns() bool { return !d.world.anyIn(v1alpha1.StateRunning) }

// notDue applies until it is time for the next attempt.
func (d *Decision) notDue() bool {
	if d.world.due() {
		return false
	}
	d.Next = d.world.recorded().RetryTime.Time
	return true
}

// leftover applies while the Job of another attempt exists.
func (d *Decision) leftover() bool {
	if len(d.world.Leftovers) == 0 {
		return false
	}
	d.Next = d.world.Now.Add(lookAgain)
	return true
}

// studentsFirst applies while carrels of the course start, or wait for their turn. The
// watch reports when they have.
func (d *Decision) studentsFirst() bool {
	return d.world.anyIn(v1alpha1.StateQueued, v1alpha1.StateStarting)
}

// noRoom applies if a student of the class has no room to start.
func (d *Decision) noRoom() bool {
	if !room.LackedByStudents(d.world.Userlands) {
		return false
	}
	d.failed("students' carrels have no room to start, and come first")
	return true
}

// busy applies while other errands have to end first.
func (d *Decision) busy() bool {
	if d.world.Plan.Answer.Busy == "" {
		return false
	}
	d.Next = d.world.Now.Add(lookAgain)
	return true
}

// impossible applies if there can be no pod.
func (d *Decision) impossible() bool {
	switch plan := d.world.Plan; {
	case plan.Problem != "":
		d.failed(plan.Problem)
	case plan.Answer.Full != "":
		d.failed("the quota of the course has no room: " + plan.Answer.Full)
	case plan.Answer.Refused != "":
		d.failed(plan.Answer.Refused)
	default:
		return false
	}
	return true
}

// ending applies while somebody has deleted the Job, so that its pod says nothing.
func (d *Decision) ending() bool {
	if d.world.Job.DeletionTimestamp == nil {
		return false
	}
	d.Next = d.world.Now.Add(lookAgain)
	return true
}

// reported applies when the pod has ended.
func (d *Decision) reported() bool {
	for _, pod := range d.world.Pods {
		for _, container := range pod.Status.ContainerStatuses {
			ended := container.State.Terminated
			if ended == nil {
				continue
			}
			report, err := isolation.ParseReport(ended.Message)
			if err != nil {
				d.failed(err.Error())
				return true
			}
			d.proven(report)
			return true
		}
	}
	return false
}

// overdue applies to a pod that has not ended. It records why once its time is over.
func (d *Decision) overdue() bool {
	over := slices.ContainsFunc(d.world.Job.Status.Conditions, func(c batchv1.JobCondition) bool {
		return c.Type == batchv1.JobFailed && c.Status == corev1.ConditionTrue
	})
	end := d.world.Job.CreationTimestamp.Add(workload.CanaryDeadline + jobGrace)
	if !over && d.world.Now.Before(end) {
		d.Next = end
		return true
	}
	finding := health.JudgePods(d.world.Pods, nil, nil, d.world.Job.CreationTimestamp.Time, d.world.Now)
	d.failed("the pod of the canary did not run: " + finding.Message)
	return true
}

// proven records the report of a canary.
func (d *Decision) proven(report isolation.Report) {
	status, reason, message := report.Verdict()
	wait := isolatedFor
	if status == metav1.ConditionFalse {
		wait = openFor
	}
	d.Condition = &metav1.Condition{Type: v1alpha1.IsolatedCondition, Status: status, Reason: reason, Message: message}
	d.over(wait, func(s *v1alpha1.IsolationStatus) {
		s.Failures, s.Policies, s.ProvenTime = 0, d.world.Policies, ptr.To(s.Time)
	})
}

// failed records an attempt that found nothing out. A course that is open stays so, and an
// isolated one for a while, unless its NetworkPolicies have changed.
func (d *Decision) failed(because string) {
	recorded, before := d.world.recorded(), d.world.condition()
	known := before != nil && (before.Status == metav1.ConditionFalse ||
		before.Status == metav1.ConditionTrue && recorded.Policies == d.world.Policies && recorded.ProvenTime != nil && d.world.Now.Sub(recorded.ProvenTime.Time) < believedFor)
	if !known {
		d.Condition = d.notTried(because)
	}
	wait := failedRetry
	for i := int32(0); i < recorded.Failures && wait < failedRetryMost; i++ {
		wait *= 2
	}
	d.over(min(wait, failedRetryMost), func(s *v1alpha1.IsolationStatus) { s.Failures++ })
}

// over records that an attempt is over. From then on its Job is a leftover.
func (d *Decision) over(wait time.Duration, change func(*v1alpha1.IsolationStatus)) {
	status := d.world.recorded()
	status.Attempts++
	status.Time = metav1.NewTime(d.world.Now.Truncate(time.Second))
	status.RetryTime = metav1.NewTime(status.Time.Add(wait))
	change(&status)
	d.Isolation, d.Next = &status, status.RetryTime.Time
}

func (d *Decision) notTried(because string) *metav1.Condition {
	return &metav1.Condition{
		Type: v1alpha1.IsolatedCondition, Status: metav1.ConditionUnknown, Reason: v1alpha1.NotTriedReason,
		Message: health.CutMessage("not tried: " + because),
	}
}
