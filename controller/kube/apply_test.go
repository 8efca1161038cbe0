package kube

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/applyconfigurations"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// intent is a Deployment in spellings an API server would not keep.
func intent() *appsv1ac.DeploymentApplyConfiguration {
	container := corev1ac.Container().WithName("ide").WithImage("ide:1").
		WithEnv(corev1ac.EnvVar().WithName("A").WithValue(""), corev1ac.EnvVar().WithName("B").WithValue("b")).
		WithPorts(corev1ac.ContainerPort().WithContainerPort(8080)).
		WithResources(corev1ac.ResourceRequirements().WithRequests(corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("0.5"), corev1.ResourceMemory: resource.MustParse("1024Mi")})).
		WithReadinessProbe(corev1ac.Probe().WithHTTPGet(corev1ac.HTTPGetAction().WithPort(intstr.FromString("http"))))
	return appsv1ac.Deployment("hanako", "prog1").
		WithLabels(map[string]string{"a": "b"}).
		WithSpec(appsv1ac.DeploymentSpec().WithReplicas(1).WithTemplate(corev1ac.PodTemplateSpec().
			WithSpec(corev1ac.PodSpec().WithHostNetwork(false).WithContainers(container))))
}

// stored is the object as an API server would keep it: with its defaults, and
// what others added.
func stored(t *testing.T) *appsv1.Deployment {
	t.Helper()
	want, err := wanted(intent())
	if err != nil {
		t.Fatal(err)
	}
	d := &appsv1.Deployment{}
	if err := Decode(want, d); err != nil {
		t.Fatal(err)
	}
	d.Generation, d.UID, d.ResourceVersion = 1, "uid", "12"
	d.Labels["theirs"] = "too"
	d.Annotations["deployment.kubernetes.io/revision"] = "1"
	d.Spec.ProgressDeadlineSeconds = new(int32(600))
	pod := &d.Spec.Template.Spec
	pod.RestartPolicy = corev1.RestartPolicyAlways
	pod.Containers[0].Ports[0].Protocol = corev1.ProtocolTCP
	pod.Containers[0].ImagePullPolicy = corev1.PullIfNotPresent
	pod.Containers[0].ReadinessProbe.PeriodSeconds = 10
	pod.Containers = append(pod.Containers, corev1.Container{Name: "injected", Image: "mesh:1"})
	d.Status.Replicas = 1
	return throughJSON(t, d)
}

func throughJSON(t *testing.T, d *appsv1.Deployment) *appsv1.Deployment {
	t.Helper()
	data, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	read := &appsv1.Deployment{}
	if err := json.Unmarshal(data, read); err != nil {
		t.Fatal(err)
	}
	return read
}

func TestDifference(t *testing.T) {
	a := &Applier{types: applyconfigurations.NewTypeConverter(clientgoscheme.Scheme)}
	for _, test := range []struct {
		name   string
		stored func(*appsv1.Deployment)
		intent func(*appsv1ac.DeploymentApplyConfiguration)
		same   bool
	}{
		{name: "defaults, additions and other spellings", same: true},
		{name: "managedFields left out", same: true, stored: func(d *appsv1.Deployment) { d.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "x"}} }},
		{name: "a field of ours changed", stored: func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Image = "miner:1" }},
		{name: "a field of ours removed", stored: func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].ReadinessProbe = nil }},
		{name: "a variable of ours removed", stored: func(d *appsv1.Deployment) {
			d.Spec.Template.Spec.Containers[0].Env = d.Spec.Template.Spec.Containers[0].Env[:1]
		}},
		{name: "a quantity of ours changed", stored: func(d *appsv1.Deployment) {
			d.Spec.Template.Spec.Containers[0].Resources.Requests[corev1.ResourceCPU] = resource.MustParse("501m")
		}},
		{name: "a label of ours removed", stored: func(d *appsv1.Deployment) { delete(d.Labels, "a") }},
		{name: "the annotation removed", stored: func(d *appsv1.Deployment) { d.Annotations = nil }},
		{name: "something more is wanted", intent: func(d *appsv1ac.DeploymentApplyConfiguration) { d.Spec.WithPaused(true) }},
		// Nothing of it would differ but the digest.
		{name: "something less is wanted", intent: func(d *appsv1ac.DeploymentApplyConfiguration) { d.Labels = nil }},
	} {
		t.Run(test.name, func(t *testing.T) {
			have, config := stored(t), intent()
			if test.stored != nil {
				test.stored(have)
			}
			if test.intent != nil {
				test.intent(config)
			}
			want, err := wanted(config)
			if err != nil {
				t.Fatal(err)
			}
			difference, err := a.difference(have, want)
			if err != nil {
				t.Fatal(err)
			}
			if same := difference == ""; same != test.same {
				t.Errorf("same is %v, want %v; the difference:\n%s", same, test.same, difference)
			}
		})
	}
}

func BenchmarkDifference(b *testing.B) {
	a := &Applier{types: applyconfigurations.NewTypeConverter(clientgoscheme.Scheme)}
	want, err := wanted(intent())
	if err != nil {
		b.Fatal(err)
	}
	have := &appsv1.Deployment{}
	if err := Decode(want, have); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := a.difference(have, want); err != nil {
			b.Fatal(err)
		}
	}
}

func TestRecent(t *testing.T) {
	now := time.Date(2026, 10, 5, 9, 0, 0, 0, time.UTC)
	r := NewRecent()
	r.now = func() time.Time { return now }
	kind := appsv1.SchemeGroupVersion.WithKind("Deployment")
	object := &metav1.ObjectMeta{Namespace: "prog1", Name: "hanako", ResourceVersion: "100"}
	key := client.ObjectKey{Namespace: "prog1", Name: "hanako"}

	if r.Behind(kind, key, "") {
		t.Error("behind, though nothing was written")
	}
	r.Wrote(kind, object)
	for cached, behind := range map[string]bool{"": true, "99": true} {
		if r.Behind(kind, key, cached) != behind {
			t.Errorf("version %q in the cache is not taken as older than 100", cached)
		}
	}
	if r.Behind(kind, client.ObjectKey{Namespace: "prog1", Name: "taro"}, "") {
		t.Error("another object's write counts")
	}
	if r.Behind(kind, key, "1000") || len(r.writes) > 0 {
		t.Error("the cache has caught up, and the write is still remembered")
	}
	r.Wrote(kind, object)
	now = now.Add(cachePatience)
	if r.Behind(kind, key, "") {
		t.Error("an object removed before the cache saw it is waited for longer than promised")
	}
}

// The event of a create often comes before its answer.
// A write of an object at which nobody looks again is forgotten.
func TestRecentForgets(t *testing.T) {
	now := time.Date(2026, 10, 5, 9, 0, 0, 0, time.UTC)
	r := NewRecent()
	r.now = func() time.Time { return now }
	kind, most := appsv1.SchemeGroupVersion.WithKind("Deployment"), 0
	for i := range 100_000 {
		r.Wrote(kind, &metav1.ObjectMeta{Namespace: "prog1", Name: strconv.Itoa(i), ResourceVersion: strconv.Itoa(i + 1)})
		now = now.Add(10 * time.Millisecond)
		most = max(most, len(r.writes))
	}
	if most > 2*fewWrites {
		t.Errorf("%d writes are remembered at once, of which 500 are less than 5 s old", most)
	}
	last := client.ObjectKey{Namespace: "prog1", Name: "99999"}
	if !r.Behind(kind, last, "5") {
		t.Error("the last write is forgotten")
	}
}

func TestEchoOfACreate(t *testing.T) {
	kind := appsv1.SchemeGroupVersion.WithKind("Deployment")
	at := func(version string) *metav1.ObjectMeta {
		return &metav1.ObjectMeta{Namespace: "prog1", Name: "hanako", ResourceVersion: version}
	}
	key := client.ObjectKey{Namespace: "prog1", Name: "hanako"}
	for _, test := range []struct {
		name string
		do   func(*Recent)
		// echo is for an event of version 100, which the create results in.
		echo bool
	}{
		{name: "nothing was written", do: func(*Recent) {}},
		{name: "the answer came", do: func(r *Recent) { r.Creating(kind, key); r.Wrote(kind, at("100")) }, echo: true},
		{name: "the answer is on its way", do: func(r *Recent) { r.Creating(kind, key) }, echo: true},
		{name: "the create failed", do: func(r *Recent) { r.Creating(kind, key); r.Failed(kind, key) }},
		{name: "the answer came after an event of it", do: func(r *Recent) { r.Creating(kind, key); r.Echo(kind, at("100")); r.Wrote(kind, at("100")) }},
		{name: "somebody else wrote as well before the answer", do: func(r *Recent) { r.Creating(kind, key); r.Echo(kind, at("99")) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := NewRecent()
			test.do(r)
			if echo := r.Echo(kind, at("100")); echo != test.echo {
				t.Errorf("an event of version 100 is taken for an echo: %v, want %v", echo, test.echo)
			}
			if r.Behind(kind, key, "100") {
				t.Error("the cache that has version 100 is taken for behind")
			}
		})
	}
}
