package classroom

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// IDE returns a Template with one volume.
func IDE() *v1alpha1.Template {
	return &v1alpha1.Template{
		ObjectMeta: metav1.ObjectMeta{Name: "ide"},
		Spec: v1alpha1.TemplateSpec{
			Service: v1alpha1.ServiceSpec{Ports: []v1alpha1.ServicePort{{Name: "http", Port: 8080}}},
			Volumes: []v1alpha1.Volume{{Name: "home", PVCSpec: corev1.PersistentVolumeClaimSpec{
				AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
				Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1024Mi")}},
			}}},
			Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{
				Name:         "ide",
				Image:        "ide:1",
				Args:         []string{"--user=$(CARREL_USER)"},
				Env:          []corev1.EnvVar{{Name: "EMPTY"}, {Name: "GREETING", Value: "hello $(CARREL_USER)"}},
				Ports:        []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}},
				VolumeMounts: []corev1.VolumeMount{{Name: "home", MountPath: "/home/user"}},
				Resources: corev1.ResourceRequirements{
					// Odd spellings of quantities must not look like a difference.
					Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("0.5"), corev1.ResourceMemory: resource.MustParse("1024Mi")},
				},
			}}}},
		},
	}
}

// Course returns the Course of the namespace.
func (w *Classroom) Course() *v1alpha1.Course {
	return &v1alpha1.Course{ObjectMeta: metav1.ObjectMeta{Name: w.Namespace}}
}

// Student returns a Userland that follows the Template of IDE.
func Student(name string) *v1alpha1.Userland {
	return &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.UserlandSpec{TemplateName: "ide"}}
}

// Class returns a number of students.
func Class(size int) []client.Object {
	students := make([]client.Object, size)
	for i := range students {
		students[i] = Student(fmt.Sprintf("student-%02d", i))
	}
	return students
}

// ObjectNamed returns the metadata of an object with a name.
func ObjectNamed(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name} }

// Quantity parses a quantity, and panics if it is none.
func Quantity(q string) resource.Quantity { return resource.MustParse(q) }

// Sleeper returns the Template of carrels that sleep after an hour.
func Sleeper() *v1alpha1.Template {
	t := IDE()
	t.Spec.Idle = &v1alpha1.Idle{After: metav1.Duration{Duration: time.Hour}}
	return t
}
