package main

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/forge/gitea/giteatest"
	"github.com/carrel-dev/carrel/test/apiserver"
)

// The API server here has none of Flux's kinds. The reporter starts all the same,
// and reports a course that somebody applied by hand.
func TestReporterWithoutFlux(t *testing.T) {
	c, forge := apiserver.Client(t), giteatest.New(t)
	course, commit := apiserver.Namespace(t, c), forge.Commit("first")
	var namespace corev1.Namespace
	namespace.Name = course
	patch := fmt.Sprintf(`{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": %q, "annotations": {%q: "prog"}}}`, course, v1alpha1.ReportToAnnotation)
	for _, do := range []func() error{
		func() error {
			return c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "carrel-system"}})
		},
		func() error {
			return c.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "carrel-system", Name: "prog"}, StringData: map[string]string{
				"type": "gitea", "address": forge.Address(), "token": giteatest.Token,
			}})
		},
		func() error {
			return c.Patch(t.Context(), &namespace, client.RawPatch(types.MergePatchType, []byte(patch)))
		},
		func() error {
			return c.Create(t.Context(), &v1alpha1.Course{ObjectMeta: metav1.ObjectMeta{Namespace: course, Name: course, Annotations: map[string]string{
				v1alpha1.RevisionAnnotation: "main@sha1:" + commit,
			}}})
		},
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	startReplica(t, options{
		controllers: []string{reportController}, clusterName: "test", gatewayAddress: "https://desk.example.org",
		metricsAddress: "0", healthAddress: "0", pprofAddress: "0", several: true,
	})
	until(t, func() error {
		posted := forge.Posted(commit)
		if len(posted) == 0 {
			return fmt.Errorf("the commit has no status")
		}
		if want := "https://desk.example.org/courses/" + course; posted[0].Target != want {
			return fmt.Errorf("the status leads to %q, want %q", posted[0].Target, want)
		}
		return nil
	})
}
