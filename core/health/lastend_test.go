package health

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

func TestLastEnd(t *testing.T) {
	at := func(minute int) metav1.Time { return metav1.Date(2026, 11, 30, 10, minute, 0, 0, time.UTC) }
	pod := func(minute int, reason string, code int32, message string) corev1.Pod {
		return corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
			Name:                 "ide",
			LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{FinishedAt: at(minute), Reason: reason, ExitCode: code, Message: message}},
		}}}}
	}
	stopped := pod(30, "Error", 143, "stopped")
	stopped.DeletionTimestamp = &metav1.Time{Time: at(30).Time}
	evicted := corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{CreationTimestamp: at(20)},
		Status:     corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted", Message: "The node was low on resource: memory."},
	}
	before := &v1alpha1.LastEnd{Time: at(15), Container: "ide", Reason: "Error", ExitCode: 1}
	for name, tt := range map[string]struct {
		pods   []corev1.Pod
		before *v1alpha1.LastEnd
		want   *v1alpha1.LastEnd
	}{
		"nothing ended":                       {pods: []corev1.Pod{{}}},
		"a container ended":                   {pods: []corev1.Pod{pod(10, "OOMKilled", 137, "")}, want: &v1alpha1.LastEnd{Time: at(10), Container: "ide", Reason: "OOMKilled", ExitCode: 137}},
		"what it wrote":                       {pods: []corev1.Pod{pod(10, "Error", 1, "a\n\x1b[31mno space left\x1b[0m\x00\r\n")}, want: &v1alpha1.LastEnd{Time: at(10), Container: "ide", Reason: "Error", ExitCode: 1, Log: "a\nno space left"}},
		"the pod is gone":                     {before: before, want: before},
		"an earlier end":                      {pods: []corev1.Pod{pod(10, "Error", 2, "")}, before: before, want: before},
		"a later end":                         {pods: []corev1.Pod{pod(16, "Error", 2, "")}, before: before, want: &v1alpha1.LastEnd{Time: at(16), Container: "ide", Reason: "Error", ExitCode: 2}},
		"the cluster ended the pod":           {pods: []corev1.Pod{evicted, pod(10, "Error", 1, "")}, want: &v1alpha1.LastEnd{Time: at(20), Reason: "Evicted", Log: "The node was low on resource: memory."}},
		"an init container has done its work": {pods: []corev1.Pod{{Status: corev1.PodStatus{InitContainerStatuses: pod(10, "Completed", 0, "").Status.ContainerStatuses}}}},
		"an init container fails":             {pods: []corev1.Pod{{Status: corev1.PodStatus{InitContainerStatuses: pod(10, "Error", 1, "").Status.ContainerStatuses}}}, want: &v1alpha1.LastEnd{Time: at(10), Container: "ide", Reason: "Error", ExitCode: 1}},
		"somebody stops the carrel":           {pods: []corev1.Pod{stopped}, before: before, want: before},
	} {
		if diff := cmp.Diff(tt.want, LastEnd(tt.pods, tt.before)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	long := LastEnd([]corev1.Pod{pod(1, strings.Repeat("r", 500), 1, strings.Repeat("x", 100)+"\n"+strings.Repeat("あ", 5000))}, nil)
	if n := len([]rune(long.Log)); n != maxEndLog || len([]rune(long.Reason)) > maxEndReason {
		t.Errorf("the log has %d characters, and the reason %d", n, len(long.Reason))
	}
	many := LastEnd([]corev1.Pod{pod(1, "Error", 1, strings.Repeat("line\n", 50))}, nil)
	if n := strings.Count(many.Log, "line"); n != maxEndLines {
		t.Errorf("the log has %d lines, want %d", n, maxEndLines)
	}
}
