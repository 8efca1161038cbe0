package lifecycle_test

import (
	"cmp"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// program is how a student's program behaves.
type program int

const (
	programGood program = iota
	programCrashes
	// programHangs never answers and never ends.
	programHangs
)

const (
	// startTakes is how long a pod needs until its program answers or crashes.
	startTakes = 5 * time.Second
	// endTakes is how long a pod needs to end.
	endTakes = 2 * time.Second
	// evictedAfter is how long a node may not report before its pods are ended.
	evictedAfter = 5 * time.Minute
)

// kubelet moves the pods of a seat to where they are at this time, and reports
// whether anything changed.
func (c *cluster) kubelet(s *seat) (changed bool) {
	if s.deployment == nil {
		return false
	}
	before := len(s.pods)
	s.pods = slices.DeleteFunc(s.pods, func(p *pod) bool { return p.ended(c.now) })
	changed = len(s.pods) != before
	made := madeOf(s.deployment)
	for _, p := range s.pods {
		if p.DeletionTimestamp == nil && (!s.wanted() || p.made != made || p.evicted(c.now)) {
			p.DeletionTimestamp, changed = ptr.To(metav1.NewTime(c.now)), true
		}
	}
	if s.wanted() && len(s.pods) == 0 {
		s.pods, changed = []*pod{c.newPod(s, made)}, true
	}
	if p := s.live(); p != nil {
		changed = c.run(s, p) || changed
	}
	return c.observe(s) || changed
}

// ended reports whether a pod on its way out is gone. The API server waits for the word
// of its node.
func (p *pod) ended(now time.Time) bool {
	return p.DeletionTimestamp != nil && p.lostAt.IsZero() && !now.Before(p.DeletionTimestamp.Add(endTakes))
}

// evicted reports whether the node of a pod has not reported for too long.
func (p *pod) evicted(now time.Time) bool {
	return !p.lostAt.IsZero() && !now.Before(p.lostAt.Add(evictedAfter))
}

func (c *cluster) newPod(s *seat, made string) *pod {
	p := &pod{made: made, revision: s.deployment.Labels[v1alpha1.RevisionLabel]}
	p.CreationTimestamp = metav1.NewTime(c.now)
	p.Spec.NodeName = "node"
	p.Spec.Containers = s.deployment.Spec.Template.Spec.Containers
	p.Status.PodIP = "10.0.0.1"
	return p
}

// run lets the program of a pod do what it does at this time.
func (c *cluster) run(s *seat, p *pod) (changed bool) {
	if c.now.Before(p.CreationTimestamp.Add(startTakes)) {
		return false
	}
	if !p.lostAt.IsZero() {
		return p.lose()
	}
	status := corev1.ConditionFalse
	var waiting *corev1.ContainerStateWaiting
	// A program that worked before it hangs goes on.
	hangs := s.program == programHangs && !p.worked
	switch {
	case hangs:
	case s.program == programCrashes, strings.HasPrefix(p.Spec.Containers[0].Image, "bad:"):
		waiting = &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}
	default:
		status = corev1.ConditionTrue
		p.worked = true
	}
	if len(p.Status.Conditions) == 1 && p.Status.Conditions[0].Status == status && (waiting != nil) == crashes(p) {
		return false
	}
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: status, LastTransitionTime: metav1.NewTime(c.now)}}
	container := corev1.ContainerStatus{Name: "ide", Ready: status == corev1.ConditionTrue}
	if waiting != nil {
		container.State.Waiting = waiting
		container.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 1}
	} else {
		container.State.Running = &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(c.now)}
	}
	if hangs {
		// It is never known to have started: an image is pulled, a volume attached.
		container.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}
	}
	p.Status.ContainerStatuses = []corev1.ContainerStatus{container}
	return true
}

// lose takes the readiness away of a pod whose node does not report.
func (p *pod) lose() (changed bool) {
	if !p.ready() {
		return false
	}
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionFalse, LastTransitionTime: metav1.NewTime(p.lostAt)}}
	return true
}

func crashes(p *pod) bool {
	return len(p.Status.ContainerStatuses) == 1 && p.Status.ContainerStatuses[0].LastTerminationState.Terminated != nil
}

// ready reports whether the program of a pod answers.
func (p *pod) ready() bool {
	return p != nil && p.DeletionTimestamp == nil && len(p.Status.Conditions) == 1 && p.Status.Conditions[0].Status == corev1.ConditionTrue
}

// observe lets the controller of Deployments write its status.
func (c *cluster) observe(s *seat) (changed bool) {
	now := appsv1.DeploymentStatus{ObservedGeneration: s.deployment.Generation}
	for _, p := range s.pods {
		if p.DeletionTimestamp != nil {
			continue
		}
		now.Replicas++
		if p.made == madeOf(s.deployment) {
			now.UpdatedReplicas++
		}
		if p.ready() {
			now.ReadyReplicas++
			now.AvailableReplicas++
		}
	}
	before := s.deployment.Status
	if before.ObservedGeneration == now.ObservedGeneration && before.Replicas == now.Replicas &&
		before.UpdatedReplicas == now.UpdatedReplicas && before.ReadyReplicas == now.ReadyReplicas {
		return false
	}
	s.deployment = s.deployment.DeepCopy()
	s.deployment.Status = now
	return true
}

// madeOf describes the pod template of a Deployment: another one makes another pod.
func madeOf(d *appsv1.Deployment) string {
	made := d.Spec.Template.Spec.Containers[0].Image
	for _, v := range d.Spec.Template.Spec.Volumes {
		made += " " + v.PersistentVolumeClaim.ClaimName
	}
	for _, key := range []string{v1alpha1.RestartedAtAnnotation, versionAnnotation} {
		made += " " + cmp.Or(d.Spec.Template.Annotations[key], "-")
	}
	return made
}

// podMoments returns when the pods of a seat change though nothing happens.
func (s *seat) podMoments() (moments []time.Time) {
	for _, p := range s.pods {
		switch {
		case !p.lostAt.IsZero():
			moments = append(moments, p.lostAt.Add(evictedAfter))
		case p.DeletionTimestamp != nil:
			moments = append(moments, p.DeletionTimestamp.Add(endTakes))
		default:
			moments = append(moments, p.CreationTimestamp.Add(startTakes))
		}
	}
	return moments
}
