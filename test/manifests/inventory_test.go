package manifests

import (
	"context"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/recovery"
	"github.com/carrel-dev/carrel/test/apiserver"
)

// TestInventoryJobIsConfined checks that the job's pod passes the Pod Security level of
// its namespace, and that its account reads claims and PersistentVolumes and nothing
// else.
func TestInventoryJobIsConfined(t *testing.T) {
	local(t) // has the namespace and its level
	objects, err := repository(t).Build("kustomize/inventory")
	if err != nil {
		t.Fatal(err)
	}
	admin := apiserver.Client(t)
	apply(t, admin, objects)
	job := typed[batchv1.CronJob](t, objects, "CronJob")[0]
	pod := job.Spec.JobTemplate.Spec.Template
	admitted(t, admin, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "try-inventory", Namespace: job.Namespace, Labels: pod.Labels}, Spec: pod.Spec})

	c := as(t, job.Namespace, pod.Spec.ServiceAccountName)
	check(t, nil, func(ctx context.Context) error {
		_, err := recovery.Take(ctx, c, time.Now())
		return err
	})
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: job.Namespace, Name: "any"}}
	for _, do := range []func(context.Context) error{
		func(ctx context.Context) error { return c.List(ctx, &corev1.SecretList{}) },
		func(ctx context.Context) error { return c.List(ctx, &corev1.PodList{}) },
		func(ctx context.Context) error { return c.Delete(ctx, claim) },
		func(ctx context.Context) error {
			return c.Patch(ctx, claim, client.RawPatch("application/merge-patch+json", []byte(`{}`)))
		},
	} {
		check(t, []string{"forbidden"}, do)
	}
}
