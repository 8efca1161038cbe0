package main

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/student"
)

// snapshot holds what an upgrade must leave as it is.
type snapshot struct {
	// pods maps the name of each carrel's pod to its UID and its containers' restarts.
	pods map[string]string
	// claims maps the name of each carrel's claim to its UID and until when it is kept.
	claims map[string]string
	// statuses maps the kind and the name of each of Carrel's objects to its status.
	statuses map[string]map[string]any
}

// snapshot reads the pods, claims and statuses of all courses.
func (u *upgrade) snapshot(ctx context.Context) (*snapshot, error) {
	s := &snapshot{pods: map[string]string{}, statuses: map[string]map[string]any{}}
	var pods corev1.PodList
	if err := u.Client.List(ctx, &pods, client.HasLabels{v1alpha1.UserlandLabel}); err != nil {
		return nil, err
	}
	for i := range pods.Items {
		pod := &pods.Items[i]
		restarts := int32(0)
		for _, container := range pod.Status.ContainerStatuses {
			restarts += container.RestartCount
		}
		s.pods[pod.Namespace+"/"+pod.Name] = fmt.Sprintf("%s, %d restarts, ends: %t", pod.UID, restarts, pod.DeletionTimestamp != nil)
	}
	claims, err := student.Claims(ctx, u.Client)
	if err != nil {
		return nil, err
	}
	s.claims = claims
	for _, kind := range []string{"Userland", "Course", "Template"} {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(v1alpha1.SchemeGroupVersion.WithKind(kind + "List"))
		if err := u.Client.List(ctx, list); err != nil {
			return nil, err
		}
		for i := range list.Items {
			object := &list.Items[i]
			status, _, err := unstructured.NestedMap(object.Object, "status")
			if err != nil {
				return nil, err
			}
			s.statuses[kind+" "+object.GetNamespace()+"/"+object.GetName()] = status
		}
	}
	return s, nil
}

// lost returns what a later snapshot lacks of this one, or has otherwise.
func (s *snapshot) lost(now *snapshot) (found []error) {
	found = append(found, student.Differences("pod", s.pods, now.pods)...)
	found = append(found, student.Differences("claim", s.claims, now.claims)...)
	for _, name := range slices.Sorted(maps.Keys(s.statuses)) {
		status, there := now.statuses[name]
		if !there {
			found = append(found, fmt.Errorf("%s is gone", name))
			continue
		}
		for _, problem := range lostOf(kept[strings.Fields(name)[0]], s.statuses[name], status) {
			found = append(found, fmt.Errorf("%s: %s", name, problem))
		}
	}
	return found
}

// kept lists the fields of each kind's status that an upgrade must leave as they are. A
// field of the list that is empty may get a value.
var kept = map[string][][]string{
	"Userland": {
		{"user"}, {"state"}, {"template", "name"}, {"template", "revision"}, {"address"}, {"lastStartTime"}, {"idleFrom"},
		{"requests"}, {"handled"}, {"lastHandledReconcileAt"}, {"lastEnd"},
	},
	"Course":   {{"userlands"}, {"roster"}, {"volumes", "kept"}, {"volumes", "expiring"}, {"volumes", "undecided"}, {"requests"}},
	"Template": {{"userlands", "total"}},
}

// lostOf compares two statuses of an object.
func lostOf(fields [][]string, before, now map[string]any) (found []string) {
	for _, path := range fields {
		was, there, _ := unstructured.NestedFieldNoCopy(before, path...)
		is, _, _ := unstructured.NestedFieldNoCopy(now, path...)
		if there && !reflect.DeepEqual(was, is) {
			found = append(found, fmt.Sprintf("%s was %v, and is %v", strings.Join(path, "."), was, is))
		}
	}
	if was, is := moment(before, "lastActivityTime"), moment(now, "lastActivityTime"); is.Before(was) {
		found = append(found, fmt.Sprintf("lastActivityTime went back from %s to %s", was, is))
	}
	if was, is := ready(before), ready(now); was["status"] != is["status"] || was["lastTransitionTime"] != is["lastTransitionTime"] {
		found = append(found, fmt.Sprintf("Ready was %v since %v, and is %v since %v: %v",
			was["status"], was["lastTransitionTime"], is["status"], is["lastTransitionTime"], is["message"]))
	}
	return found
}

// moment returns a time of a status; without one, the zero time.
func moment(status map[string]any, field string) time.Time {
	text, _, _ := unstructured.NestedString(status, field)
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return at
}

// ready returns the condition Ready of a status.
func ready(status map[string]any) map[string]any {
	conditions, _, _ := unstructured.NestedSlice(status, "conditions")
	for _, condition := range conditions {
		if c, is := condition.(map[string]any); is && c["type"] == v1alpha1.ReadyCondition {
			return c
		}
	}
	return nil
}
