package errand

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/errand/room"
)

const (
	// maxTrials is how many outcomes a Template keeps.
	maxTrials = 4
	// podWithin is how long Kubernetes may take to make the pod of a Job before the API
	// server is asked whether something forbids it.
	podWithin = 10 * time.Second
	// lookAgain is the interval at which something that no watch reports is looked at.
	lookAgain = 10 * time.Second

	// imageGrace is how long an image may fail to be pulled: the kubelet's second
	// attempt is ten seconds after the first.
	imageGrace = 20 * time.Second
	// crashGrace is how long a container may end again and again, for instance until
	// the one beside it answers.
	crashGrace = 30 * time.Second
	// claimGrace bounds the time in which the cluster makes the claim of a volume. On a busy
	// machine that took more than a minute.
	claimGrace = 2 * time.Minute

	// roomRetry and roomRetryMost bound the wait after NotTried; it doubles with each
	// attempt.
	roomRetry, roomRetryMost = time.Minute, 30 * time.Minute
	// failedRetry and failedRetryMost bound the wait after Failed: a registry, a Secret
	// or a policy may have been mended without an edit of the Template.
	failedRetry, failedRetryMost = 5 * time.Minute, 6 * time.Hour
)

// Decision holds what to do for the trial of a Template.
type Decision struct {
	// Trial is what to record about the present revision.
	Trial v1alpha1.TemplateTrial
	// Start is true if the Job of the present attempt is to be created.
	Start bool
	// Remove are the Jobs to delete.
	Remove []batchv1.Job
	// Next is when to look again though nothing happens; zero: never.
	Next time.Time

	world World
	// silent is set if nothing is to be recorded.
	silent bool
}

// A rule makes part of the decision, and reports whether that was all.
type rule func(*Decision) bool

// beforeJob are the rules that do not depend on the Job. The first that applies ends
// the decision, and no Job may go on.
var beforeJob = []rule{
	(*Decision).notAccepted,
	(*Decision).alreadyStarted,
	(*Decision).startedByStudent,
	(*Decision).turnedOff,
	(*Decision).noOccasion,
}

// withoutJob are the rules before a Job is created.
var withoutJob = []rule{
	(*Decision).notDue,
	(*Decision).leftover,
	(*Decision).studentsFirst,
}

// withAnswer are the rules that need the Answer of the API server.
var withAnswer = []rule{
	(*Decision).busy,
	(*Decision).full,
	(*Decision).refused,
}

// withJob are the rules for the Job of the present attempt.
var withJob = []rule{
	(*Decision).ending,
	(*Decision).ready,
	(*Decision).givesWay,
	(*Decision).endedByItself,
	(*Decision).noPod,
	(*Decision).failing,
	(*Decision).overdue,
}

// Decide decides what to do for the trial of a Template. It changes none of its
// arguments.
func Decide(w World) Decision {
	d := Decision{world: w, Trial: w.entry(), Remove: room.NotEnding(w.Leftovers)}
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
	if d.any(withoutJob) || d.any(withAnswer) {
		return d
	}
	d.Start = true
	d.wait(v1alpha1.StartingReason, "the trial begins")
	return d
}

// beforeStart returns the first rule that keeps a Job from being created, as far as
// that is known without the Answer; nil if there is none.
func (d *Decision) beforeStart() rule {
	for _, apply := range slices.Concat(beforeJob, withoutJob) {
		if apply(d) {
			return apply
		}
	}
	return nil
}

func (d *Decision) any(rules []rule) bool {
	return slices.ContainsFunc(rules, func(apply rule) bool { return apply(d) })
}

// notAccepted applies until the controller makes carrels of the Template as it stands.
func (d *Decision) notAccepted() bool {
	d.silent = !d.world.accepted()
	return d.silent
}

func (d *Decision) alreadyStarted() bool { return d.Trial.Outcome == v1alpha1.TrialStarted }

// startedByStudent applies if a student's carrel shows more than a trial would.
func (d *Decision) startedByStudent() bool {
	if !d.world.carrelStarted() || d.world.triedWithOtherVolumes() {
		return false
	}
	d.record(v1alpha1.TrialStarted, v1alpha1.CarrelStartedReason, "a student's carrel has started with it")
	return true
}

func (d *Decision) turnedOff() bool {
	if d.world.Template.Spec.Trial != v1alpha1.TrialNever {
		return false
	}
	d.record(v1alpha1.TrialNotTried, v1alpha1.TurnedOffReason, "not tried: spec.trial of the Template is Never")
	return true
}

// noOccasion applies while no student could start a carrel of the Template either. A
// failure that is known stays recorded.
func (d *Decision) noOccasion() bool {
	var reason, message string
	switch w := d.world; {
	case w.Course != nil && w.Course.Spec.Suspend:
		reason, message = v1alpha1.SuspendedReason, "not tried: spec.suspend of the course is true"
	case w.Over:
		reason, message = v1alpha1.TermOverReason, "not tried: the term is over"
	case !w.used():
		reason, message = v1alpha1.UnusedReason, "not tried: nobody uses this Template"
	default:
		return false
	}
	if d.Trial.Outcome != v1alpha1.TrialFailed {
		d.record(v1alpha1.TrialNotTried, reason, message)
	}
	return true
}

// notDue applies while the last attempt has to rest.
func (d *Decision) notDue() bool {
	if d.world.due() {
		return false
	}
	d.Next = d.Trial.RetryTime.Time
	return true
}

// leftover applies while the Job of another attempt or revision exists.
func (d *Decision) leftover() bool {
	if len(d.world.Leftovers) == 0 {
		return false
	}
	d.queue("the trial waits until the one before it is gone")
	return true
}

// studentsFirst applies while students' carrels of the Template start, or have no room.
func (d *Decision) studentsFirst() bool {
	if room.LackedByStudents(d.world.Userlands) {
		d.conclude(v1alpha1.TrialNotTried, v1alpha1.NoRoomReason, "not tried: students' carrels have no room to start")
		return true
	}
	if !d.world.carrelsStart() {
		return false
	}
	d.wait(v1alpha1.StudentsFirstReason, "students' carrels are starting, and show whether it starts")
	d.Next = d.world.Now.Add(lookAgain)
	return true
}

func (d *Decision) busy() bool {
	if d.world.Answer.Busy == "" {
		return false
	}
	d.queue("the trial waits for its turn: " + d.world.Answer.Busy)
	return true
}

func (d *Decision) full() bool {
	if d.world.Answer.Full == "" {
		return false
	}
	d.conclude(v1alpha1.TrialNotTried, v1alpha1.QuotaFullReason, "not tried: the quota of the course has no room: "+d.world.Answer.Full)
	return true
}

func (d *Decision) refused() bool {
	if d.world.Answer.Refused == "" {
		return false
	}
	d.conclude(v1alpha1.TrialFailed, v1alpha1.PodRefusedReason, d.world.Answer.Refused)
	return true
}

// ending applies while somebody has deleted the Job, so that its pod says nothing.
func (d *Decision) ending() bool {
	if d.world.Job.DeletionTimestamp == nil {
		return false
	}
	d.queue("the trial waits until the one before it is gone")
	return true
}

// ready applies when all containers of the pod are ready.
func (d *Decision) ready() bool {
	finding := d.world.judge()
	if !finding.Ready {
		return false
	}
	took := readySince(d.world.Pods).Sub(d.world.Job.CreationTimestamp.Time)
	d.conclude(v1alpha1.TrialStarted, v1alpha1.TrialStartedReason, fmt.Sprintf("trial started in %d s", max(1, int(took.Round(time.Second).Seconds()))))
	return true
}

// readySince returns since when the pod is ready.
func readySince(pods []corev1.Pod) time.Time {
	pod := health.Newest(pods)
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.LastTransitionTime.Time
		}
	}
	return pod.CreationTimestamp.Time
}

// givesWay applies if a student of the class has no room while the trial runs.
func (d *Decision) givesWay() bool {
	if !room.LackedByStudents(d.world.Userlands) {
		return false
	}
	d.conclude(v1alpha1.TrialNotTried, v1alpha1.NoRoomReason, "not tried: the trial gave way to students' carrels, which have no room to start")
	return true
}

// endedByItself applies if a program ended with exit code 0. A student's carrel would
// start it again and again.
func (d *Decision) endedByItself() bool {
	for _, pod := range d.world.Pods {
		for _, status := range pod.Status.ContainerStatuses {
			if ended := status.State.Terminated; ended != nil && ended.ExitCode == 0 && pod.DeletionTimestamp == nil {
				d.conclude(v1alpha1.TrialFailed, v1alpha1.CrashLoopBackOffReason, fmt.Sprintf(
					"container %q ends by itself with exit code 0, and should keep running: correct its command in the Template", status.Name))
				return true
			}
		}
	}
	return false
}

// noPod applies if Kubernetes makes no pod for the Job, and the API server says why.
func (d *Decision) noPod() bool {
	if len(d.world.Pods) > 0 || d.world.Answer == nil {
		return false
	}
	d.Next = d.world.Now.Add(lookAgain)
	return d.full() || d.refused()
}

// clusterFaults are the reasons that say nothing about the Template.
var clusterFaults = []string{v1alpha1.PodNotMadeReason, v1alpha1.PodNotEndingReason, v1alpha1.NodeLostReason}

// failing applies while the pod has a trouble. It fails the trial when the trouble has
// lasted for longer than it usually does.
func (d *Decision) failing() bool {
	finding := d.world.judge()
	if finding.State != v1alpha1.StateFailing {
		return false
	}
	switch {
	case slices.Contains(clusterFaults, finding.Reason):
		d.conclude(v1alpha1.TrialNotTried, finding.Reason, "not tried: "+finding.Message)
	case finding.Reason == v1alpha1.UnschedulableReason && room.LackedOnNodes(finding.Message):
		d.conclude(v1alpha1.TrialNotTried, v1alpha1.NoRoomReason, "not tried: "+finding.Message)
	case finding.Reason == v1alpha1.UnschedulableReason && strings.Contains(finding.Message, "ephemeral volume controller"):
		if d.lasts(claimGrace, v1alpha1.VolumePendingReason, "the cluster has yet to make the volume claim of the trial") {
			d.conclude(v1alpha1.TrialNotTried, v1alpha1.VolumePendingReason, "not tried: the cluster makes no volume claim for the trial; the events of its pod say why")
		}
	default:
		if d.lasts(graces[finding.Reason], finding.Reason, finding.Message) {
			d.conclude(v1alpha1.TrialFailed, finding.Reason, finding.Message)
		}
	}
	return true
}

// graces holds the time for which a trouble that often goes away by itself must have
// lasted, by reason.
var graces = map[string]time.Duration{v1alpha1.ImagePullBackOffReason: imageGrace, v1alpha1.CrashLoopBackOffReason: crashGrace}

// lasts reports whether a trouble has lasted for its grace. Until then it records the
// trouble, because that is how its beginning is known after a restart.
func (d *Decision) lasts(grace time.Duration, reason, message string) bool {
	since := d.world.Now
	if d.Trial.Outcome == v1alpha1.TrialRunning && d.Trial.Reason == reason {
		since = d.Trial.Time.Time
	}
	// A retry of what failed before needs no grace.
	rest := grace - d.world.Now.Sub(since)
	if rest <= 0 || d.Trial.Outcome == v1alpha1.TrialFailed {
		return true
	}
	d.wait(reason, message)
	d.Next = d.world.Now.Add(rest)
	return false
}

// overdue applies to a pod that is still starting.
func (d *Decision) overdue() bool {
	for _, condition := range d.world.Job.Status.Conditions {
		if condition.Type == batchv1.JobFailed && condition.Status == corev1.ConditionTrue {
			d.conclude(v1alpha1.TrialFailed, v1alpha1.StartingTooLongReason, fmt.Sprintf("the trial did not start: %s (%s)", condition.Message, condition.Reason))
			return true
		}
	}
	finding := d.world.judge()
	d.wait(finding.Reason, finding.Message)
	if recheck := d.world.Now.Add(finding.Recheck); finding.Recheck > 0 && (d.Next.IsZero() || recheck.Before(d.Next)) {
		d.Next = recheck
	}
	return true
}

// record sets an outcome that no attempt found. The clock alone leads to no retry.
func (d *Decision) record(outcome, reason, message string) {
	if d.Trial.Outcome != outcome || d.Trial.Reason != reason {
		d.Trial.Time = now(d.world.Now)
	}
	d.Trial.Outcome, d.Trial.Reason, d.Trial.Message, d.Trial.RetryTime = outcome, reason, cut(message), nil
}

// conclude sets the outcome of an attempt.
func (d *Decision) conclude(outcome, reason, message string) {
	d.Trial.Attempts++
	d.Trial.Outcome, d.Trial.Reason, d.Trial.Message = outcome, reason, cut(message)
	d.Trial.Time, d.Trial.RetryTime = now(d.world.Now), nil
	switch outcome {
	case v1alpha1.TrialNotTried:
		d.retry(roomRetry, roomRetryMost)
	case v1alpha1.TrialFailed:
		d.retry(failedRetry, failedRetryMost)
	}
}

func (d *Decision) retry(first, most time.Duration) {
	wait := first
	for i := int32(1); i < d.Trial.Attempts && wait < most; i++ {
		wait *= 2
	}
	d.Next = d.Trial.Time.Add(min(wait, most))
	d.Trial.RetryTime = &metav1.Time{Time: d.Next}
}

// queue records that the trial waits, and looks again soon.
func (d *Decision) queue(message string) {
	d.wait(v1alpha1.QueuedReason, message)
	d.Next = d.world.Now.Add(lookAgain)
}

// wait records how far the trial has got. A revision that failed stays so until another
// attempt has ended.
func (d *Decision) wait(reason, message string) {
	if d.Trial.Outcome != v1alpha1.TrialFailed {
		d.record(v1alpha1.TrialRunning, reason, message)
	}
}

// now returns a time as a status holds it.
func now(t time.Time) metav1.Time { return metav1.NewTime(t.Truncate(time.Second)) }

// maxMessage is the largest number of characters of a message in status.trials.
const maxMessage = 1024

func cut(message string) string {
	if runes := []rune(message); len(runes) > maxMessage {
		return string(runes[:maxMessage-1]) + "…"
	}
	return message
}

// Trials returns the status.trials that the decision leads to, the newest first.
func (d Decision) Trials() []v1alpha1.TemplateTrial {
	before := d.world.Template.Status.Trials
	if d.silent || slices.ContainsFunc(before, func(entry v1alpha1.TemplateTrial) bool { return same(entry, d.Trial) }) {
		return before
	}
	trials := []v1alpha1.TemplateTrial{d.Trial}
	for _, entry := range before {
		if entry.Revision != d.Trial.Revision && len(trials) < maxTrials {
			trials = append(trials, entry)
		}
	}
	return trials
}

func same(a, b v1alpha1.TemplateTrial) bool {
	return a.Revision == b.Revision && a.Volumes == b.Volumes && a.Outcome == b.Outcome && a.Reason == b.Reason && a.Message == b.Message &&
		a.Attempts == b.Attempts && a.Time.Equal(&b.Time) && a.RetryTime.Equal(b.RetryTime)
}

// notMade records why the Job of a trial could not be created. The error is what passes
// by itself and is tried again.
func (d *Decision) notMade(problem health.Problem) error {
	switch problem.Cause {
	case health.Quota:
		d.conclude(v1alpha1.TrialNotTried, v1alpha1.QuotaFullReason, "not tried: "+problem.Message)
	case health.Refused:
		// The pod itself was allowed, so this says nothing about the Template.
		d.conclude(v1alpha1.TrialNotTried, problem.Reason, "not tried: "+problem.Message)
	case health.Gone:
		d.silent = true
	default:
		return errors.New(problem.Message)
	}
	return nil
}

func equalTrials(a, b []v1alpha1.TemplateTrial) bool { return slices.EqualFunc(a, b, same) }

// Ended returns the outcome that an attempt or a student's carrel has led to now; empty
// if there is none.
func (d Decision) Ended() string {
	before := d.world.entry()
	if d.silent || d.Trial.Outcome == v1alpha1.TrialRunning || d.Trial.Attempts == before.Attempts && d.Trial.Outcome == before.Outcome {
		return ""
	}
	return d.Trial.Outcome
}
