package moving

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var oldVersion = schema.GroupVersion{Group: "esc.k06.in", Version: "v1alpha2"}

// oldVolume is the name of the volume of the Template in testdata.
const oldVolume = "user-volume"

// playOldController creates the objects that the original's controller creates for
// each Userland of a namespace. The Userland owns all of them, including volumes.
func playOldController(t *testing.T, c client.Client, namespace string) {
	t.Helper()
	for _, u := range oldUserlands(t, c, namespace) {
		name := "vscode-" + u.GetName()
		labels := map[string]string{"app": name, "controller": u.GetName(), "template": "vscode"}
		meta := func(name string) metav1.ObjectMeta {
			return metav1.ObjectMeta{Namespace: namespace, Name: name, OwnerReferences: []metav1.OwnerReference{
				*metav1.NewControllerRef(&u, oldVersion.WithKind("Userland")),
			}}
		}
		claim := name + "-pvc-" + oldVolume
		for _, o := range []client.Object{
			&corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: namespace + "-" + name}, Spec: diskOf(namespace, claim)},
			&corev1.PersistentVolumeClaim{ObjectMeta: meta(claim), Spec: claimSpec(namespace + "-" + name)},
			&appsv1.Deployment{ObjectMeta: meta(name), Spec: oldDeployment(labels, claim)},
			&corev1.Service{ObjectMeta: meta(name + "-svc"), Spec: corev1.ServiceSpec{
				Type: corev1.ServiceTypeClusterIP, Selector: labels,
				Ports: []corev1.ServicePort{{Name: "80-80", Port: 80, TargetPort: intstr.FromInt32(8080)}},
			}},
		} {
			make1(t, c, o)
		}
	}
}

func oldUserlands(t *testing.T, c client.Client, namespace string) []unstructured.Unstructured {
	t.Helper()
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(oldVersion.WithKind("UserlandList"))
	if err := c.List(t.Context(), list, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func claimSpec(disk string) corev1.PersistentVolumeClaimSpec {
	return corev1.PersistentVolumeClaimSpec{
		AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		Resources:        corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("2Gi")}},
		StorageClassName: ptr.To("longhorn"),
		VolumeName:       disk,
	}
}

func diskOf(namespace, claim string) corev1.PersistentVolumeSpec {
	return corev1.PersistentVolumeSpec{
		Capacity:                      corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("2Gi")},
		AccessModes:                   []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
		StorageClassName:              "longhorn",
		ClaimRef:                      &corev1.ObjectReference{Kind: "PersistentVolumeClaim", Namespace: namespace, Name: claim},
		PersistentVolumeSource:        corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/nowhere"}},
	}
}

func oldDeployment(labels map[string]string, claim string) appsv1.DeploymentSpec {
	return appsv1.DeploymentSpec{
		Replicas: ptr.To[int32](1),
		Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: labels},
			Spec: corev1.PodSpec{
				Containers: []corev1.Container{{Name: "code-server", Image: "codercom/code-server:3.8.0",
					VolumeMounts: []corev1.VolumeMount{{Name: oldVolume, MountPath: "/home/coder/project"}}}},
				Volumes: []corev1.Volume{{Name: oldVolume, VolumeSource: corev1.VolumeSource{
					PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim}}}},
			},
		},
	}
}

// oldOperator returns the Deployment of the original's controller.
func oldOperator() *appsv1.Deployment {
	labels := map[string]string{"control-plane": "controller-manager"}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "esc-system", Name: "esc-controller-manager", Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "manager", Image: "esc:1"}}},
			},
		},
	}
}

func makeNamespace(t *testing.T, c client.Client, name string) {
	t.Helper()
	make1(t, c, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
}

func make1(t *testing.T, c client.Client, o client.Object) {
	t.Helper()
	if err := c.Create(t.Context(), o); err != nil {
		t.Fatalf("make %T %s: %v", o, o.GetName(), err)
	}
}
