package manifests

import (
	"context"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/workload"
	"github.com/carrel-dev/carrel/test/apiserver"
)

// reachTemplate returns a Template as YAML with fields of the pod, and its own volumes.
func reachTemplate(namespace, name, pod, volumes string) string {
	return "{apiVersion: carrel.dev/v1alpha1, kind: Template, metadata: {name: " + name + ", namespace: " + namespace + "}, " +
		"spec: {service: {ports: [{name: http, port: 80}]}, volumes: [" + volumes + "], template: {spec: {containers: [{name: a, image: i}], " + pod + "}}}}"
}

// TestTemplatesReachOnlyTheirOwn checks what the API server refuses in a Template, and
// that carrel check refuses the same in the same words.
func TestTemplatesReachOnlyTheirOwn(t *testing.T) {
	local(t)
	admin := apiserver.Client(t)
	makeNamespace(t, admin, "strict")
	allowed := map[string]string{
		v1alpha1.AllowClaimsAnnotation:         "material, books",
		v1alpha1.AllowRuntimeClassesAnnotation: "gvisor",
		v1alpha1.AllowTolerationsAnnotation:    "lab,gpu",
	}
	if err := admin.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "generous", Annotations: allowed}}); err != nil {
		t.Fatal(err)
	}

	volume := func(source string) string { return "volumes: [{name: v, " + source + "}]" }
	own := func(spec string) string {
		return "{name: w, pvcSpec: {resources: {requests: {storage: 1Gi}}, accessModes: [ReadWriteOnce], " + spec + "}}"
	}
	const (
		work    = "which may be a student's work: use spec.volumes without a data source"
		types   = "but carrels have only volumes of the types configMap, downwardAPI, emptyDir, image, persistentVolumeClaim, projected, secret: use one of them"
		sources = "but carrels have only configMap, downwardAPI, secret: remove the others"
		cluster = "which the cluster does not allow in this course: remove"
	)
	tests := []struct {
		name    string
		pod     string
		volumes string
		// refused is a part of the message; empty means that the Template is admitted.
		refused string
		// allowed is true if the namespace "generous" admits it nevertheless.
		allowed bool
	}{
		{name: "nothing"},
		{name: "an empty directory", pod: volume("emptyDir: {sizeLimit: 1Gi}")},
		{name: "a ConfigMap", pod: volume("configMap: {name: c}")},
		{name: "its own labels", pod: volume("downwardAPI: {items: [{path: l, fieldRef: {fieldPath: metadata.labels}}]}")},
		{name: "the files of an image", pod: volume("image: {reference: i}")},
		{name: "several of them as one", pod: volume("projected: {sources: [{configMap: {name: c}}, {downwardAPI: {items: [{path: l, fieldRef: {fieldPath: metadata.labels}}]}}]}")},
		{name: "its own volume", volumes: own("")},
		{name: "no token", pod: "automountServiceAccountToken: false"},

		{name: "a student's claim", pod: volume("persistentVolumeClaim: {claimName: hana-mori--home}"), refused: work},
		{name: "material", pod: volume("persistentVolumeClaim: {claimName: material}"), refused: work, allowed: true},
		{name: "a copy of a student's claim", volumes: own("dataSource: {kind: PersistentVolumeClaim, name: hana-mori--home}"), refused: work},
		{name: "the same by the newer field", volumes: own("dataSourceRef: {kind: PersistentVolumeClaim, name: hana-mori--home}"), refused: work},
		{name: "a copy of material", volumes: own("dataSource: {kind: PersistentVolumeClaim, name: books}"), refused: work, allowed: true},
		{name: "a copy of a namesake of material elsewhere", volumes: own("dataSourceRef: {kind: PersistentVolumeClaim, name: books, namespace: prog1}"), refused: work},
		{name: "a snapshot", volumes: own("dataSource: {apiGroup: snapshot.storage.k8s.io, kind: VolumeSnapshot, name: books}"), refused: work},
		{name: "one disk for everybody", volumes: own("volumeName: pv-of-21t0046"), refused: "to one PersistentVolume for everybody: remove pvcSpec.volumeName"},

		{name: "the node's files", pod: volume("hostPath: {path: /}"), refused: types},
		{name: "a server in the network", pod: volume("nfs: {server: files.campus, path: /}"), refused: types},
		{name: "a driver's volume", pod: volume("csi: {driver: secrets-store.csi.k8s.io}"), refused: types},
		{name: "a claim made with the pod", pod: volume("ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}}"), refused: types},
		{name: "a token", pod: volume("projected: {sources: [{configMap: {name: c}}, {serviceAccountToken: {path: t, audience: a}}]}"), refused: sources},
		{name: "the token of its account", pod: "automountServiceAccountToken: true", refused: "but carrels get no token of the API server: remove the field"},
		{name: "another account", pod: "serviceAccountName: roster", refused: "but carrels run as 'default', which may do nothing: remove the field"},
		{name: "the same by the field's old name", pod: "serviceAccount: roster", refused: "must not be set: remove the field"},
		{name: "the cluster's priority", pod: "priorityClassName: system-node-critical", refused: "which belongs to the cluster itself: remove the field, or name a class of your own"},
		{name: "a node", pod: "nodeName: control-plane-1", refused: "passes over the scheduler, its limits and the taints of the node: remove the field"},
		{name: "a runtime class", pod: "runtimeClassName: gvisor", refused: cluster, allowed: true},
		{name: "a runtime class that no course has", pod: "runtimeClassName: kata", refused: cluster},
		{name: "a taint", pod: "tolerations: [{key: gpu, operator: Exists}]", refused: cluster, allowed: true},
		{name: "a taint that no course has", pod: "tolerations: [{key: gpu, operator: Exists}, {key: node-role.kubernetes.io/control-plane, operator: Exists}]", refused: cluster},
		{name: "all taints", pod: "tolerations: [{operator: Exists}]", refused: cluster},
	}
	for _, tt := range tests {
		for namespace, annotations := range map[string]map[string]string{"strict": nil, "generous": allowed} {
			t.Run(tt.name+" in "+namespace, func(t *testing.T) {
				var refused []string
				if tt.refused != "" && (!tt.allowed || namespace == "strict") {
					refused = []string{tt.refused}
				}
				o := object(t, reachTemplate(namespace, "t", tt.pod, tt.volumes))
				check(t, refused, func(ctx context.Context) error { return applyOne(ctx, admin, o, client.DryRunAll) })

				template := &v1alpha1.Template{}
				if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, template); err != nil {
					t.Fatal(err)
				}
				words := ""
				if err := workload.NewReach(annotations).Validate(template).ToAggregate(); err != nil {
					words = err.Error()
				}
				if (words == "") != (refused == nil) || !strings.Contains(words, strings.Join(refused, "")) {
					t.Errorf("carrel check says %q, want %q", words, refused)
				}
			})
		}
	}
}

// TestTemplatesUseSecretsForCarrels checks that no order of writes gives a Template a
// Secret that is not labelled for carrels.
func TestTemplatesUseSecretsForCarrels(t *testing.T) {
	local(t)
	admin := apiserver.Client(t)
	const namespace = "secretive"
	course := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace, Labels: map[string]string{v1alpha1.CourseLabel: namespace}}}
	if err := admin.Create(t.Context(), course); err != nil {
		t.Fatal(err)
	}
	secret := func(name string, forCarrels bool) *corev1.Secret {
		s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
		if forCarrels {
			s.Labels = map[string]string{v1alpha1.ForCarrelsLabel: "true"}
		}
		return s
	}
	for _, s := range []*corev1.Secret{secret("registry", false), secret("licence", true)} {
		if err := admin.Create(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	template := func(name, of, way string) *unstructured.Unstructured {
		return object(t, reachTemplate(namespace, name, strings.ReplaceAll(way, "SECRET", of), ""))
	}
	ways := map[string]string{
		"a volume":           "volumes: [{name: v, secret: {secretName: SECRET}}]",
		"a part of a volume": "volumes: [{name: v, projected: {sources: [{secret: {name: SECRET}}]}}]",
		"a variable":         "initContainers: [{name: b, image: i, env: [{name: X, valueFrom: {secretKeyRef: {name: SECRET, key: k}}}]}]",
		"all variables":      "initContainers: [{name: b, image: i, envFrom: [{secretRef: {name: SECRET}}]}]",
	}
	for what, way := range ways {
		t.Run(what, func(t *testing.T) {
			apply := func(of string) func(context.Context) error {
				return func(ctx context.Context) error { return applyOne(ctx, admin, template("t", of, way), client.DryRunAll) }
			}
			check(t, []string{"uses Secret 'registry', which is not meant for carrels"}, apply("registry"))
			check(t, nil, apply("licence"))
			check(t, nil, apply("not-there-yet"))

			// The Template first, and the Secret later.
			later := "later-" + strings.ReplaceAll(what, " ", "-")
			if err := applyOne(t.Context(), admin, template(later, later, way)); err != nil {
				t.Fatal(err)
			}
			make := func(forCarrels bool) func(context.Context) error {
				return func(ctx context.Context) error { return admin.Create(ctx, secret(later, forCarrels), client.DryRunAll) }
			}
			check(t, []string{"Template '" + later + "' uses a Secret of the name '" + later + "'", "label it carrel.dev/for-carrels=true"}, make(false))
			check(t, nil, make(true))

			// And a label that is taken away again.
			labelled := secret(later, true)
			if err := admin.Create(t.Context(), labelled); err != nil {
				t.Fatal(err)
			}
			check(t, []string{"uses a Secret of the name '" + later + "'"}, func(ctx context.Context) error {
				bare := labelled.DeepCopy()
				bare.Labels = nil
				return admin.Update(ctx, bare, client.DryRunAll)
			})
		})
	}
	t.Run("pulling images", func(t *testing.T) {
		check(t, nil, func(ctx context.Context) error {
			return applyOne(ctx, admin, template("t", "registry", "imagePullSecrets: [{name: SECRET}]"), client.DryRunAll)
		})
	})
	t.Run("other names", func(t *testing.T) {
		check(t, nil, func(ctx context.Context) error { return admin.Create(ctx, secret("another", false), client.DryRunAll) })
	})
}
