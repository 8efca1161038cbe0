package lab

import (
	"context"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// TemplateName is the name of Template.
const TemplateName = "ide"

// Template returns a Template like those of real courses: one container, one
// volume, and a headless Service.
func Template() *v1alpha1.Template {
	return &v1alpha1.Template{
		ObjectMeta: metav1.ObjectMeta{Namespace: Course, Name: TemplateName},
		Spec: v1alpha1.TemplateSpec{
			Service: v1alpha1.ServiceSpec{Ports: []v1alpha1.ServicePort{{Name: "http", Port: 8080}}},
			Volumes: []v1alpha1.Volume{{Name: "home", PVCSpec: corev1.PersistentVolumeClaimSpec{
				AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
				Resources:   corev1.VolumeResourceRequirements{Requests: quantities(corev1.ResourceStorage, "5Gi")},
			}}},
			Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
				Containers: []corev1.Container{{
					Name:         "ide",
					Image:        "example.org/code-server:4.100.3",
					Args:         []string{"--auth=none", "--bind-addr=0.0.0.0:8080", "/home/user"},
					Env:          []corev1.EnvVar{{Name: "GREETING", Value: "hello $(CARREL_USER)"}},
					Ports:        []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}},
					VolumeMounts: []corev1.VolumeMount{{Name: "home", MountPath: "/home/user"}},
					Resources: corev1.ResourceRequirements{
						Requests: quantities(corev1.ResourceCPU, "100m", corev1.ResourceMemory, "256Mi"),
						Limits:   quantities(corev1.ResourceMemory, "1Gi"),
					},
				}},
			}},
		},
	}
}

func quantities(pairs ...any) corev1.ResourceList {
	list := corev1.ResourceList{}
	for i := 0; i < len(pairs); i += 2 {
		list[pairs[i].(corev1.ResourceName)] = resource.MustParse(pairs[i+1].(string))
	}
	return list
}

// Userland returns the Userland with the given number.
func Userland(number int) *v1alpha1.Userland {
	return &v1alpha1.Userland{
		ObjectMeta: metav1.ObjectMeta{Namespace: Course, Name: fmt.Sprintf("student-%05d", number)},
		Spec:       v1alpha1.UserlandSpec{TemplateName: TemplateName},
	}
}

// Each calls do for each number below count, with one worker per client. It returns
// when all calls are done or one fails.
func Each(ctx context.Context, clients []client.Client, count int, do func(context.Context, client.Client, int) error) error {
	var next atomic.Int64
	workers, ctx := errgroup.WithContext(ctx)
	for _, c := range clients {
		workers.Go(func() error {
			for {
				number := int(next.Add(1)) - 1
				if number >= count || ctx.Err() != nil {
					return ctx.Err()
				}
				if err := do(ctx, c, number); err != nil {
					return err
				}
			}
		})
	}
	return workers.Wait()
}

// MakeClass creates count Userlands.
func MakeClass(ctx context.Context, clients []client.Client, count int) error {
	return Each(ctx, clients, count, func(ctx context.Context, c client.Client, number int) error {
		if err := c.Create(ctx, Userland(number)); err != nil {
			return fmt.Errorf("create Userland %d: %w", number, err)
		}
		return nil
	})
}
