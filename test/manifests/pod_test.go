package manifests

import (
	"context"
	"strconv"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/apiserver"
)

// TestPodsAreAdmittedWhereTheyBelong checks that each pod passes the Pod Security
// level, the limit range and the quota of its namespace.
func TestPodsAreAdmittedWhereTheyBelong(t *testing.T) {
	objects := local(t)
	admin := apiserver.Client(t)
	startQuotas(t, admin, objects)
	for _, template := range typed[v1alpha1.Template](t, objects, "Template") {
		t.Run(template.Namespace+"/"+template.Name, func(t *testing.T) {
			admitted(t, admin, carrelPod(template))
		})
	}
	for _, deployment := range typed[appsv1.Deployment](t, objects, "Deployment") {
		t.Run(deployment.Namespace+"/"+deployment.Name, func(t *testing.T) {
			admitted(t, admin, &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Name: "try", Namespace: deployment.Namespace, Labels: deployment.Spec.Template.Labels},
				Spec:       deployment.Spec.Template.Spec,
			})
		})
	}
}

// TestCarrelOnlyTriesPods checks that the controller and the errand process can ask about
// a pod and can't make one.
func TestCarrelOnlyTriesPods(t *testing.T) {
	objects := local(t)
	startQuotas(t, apiserver.Client(t), objects)
	pod := carrelPod(typed[v1alpha1.Template](t, objects, "Template")[0])
	// A pod made before the policy counts must not be in the way of the next one.
	pod.Name, pod.GenerateName = "", "try-"
	for _, account := range []types.NamespacedName{controller, errand} {
		c := as(t, account.Namespace, account.Name)
		admitted(t, c, pod)
		check(t, []string{"pod-trial.carrel.dev", "as dry runs only"}, func(ctx context.Context) error { return c.Create(ctx, pod.DeepCopy()) })
	}
}

func TestPodsAreRefusedInACourse(t *testing.T) {
	objects := local(t)
	admin := apiserver.Client(t)
	startQuotas(t, admin, objects)
	template := typed[v1alpha1.Template](t, objects, "Template")[0]
	tests := []struct {
		name    string
		change  func(*corev1.PodSpec)
		refused string
	}{
		{"as root", func(p *corev1.PodSpec) { p.SecurityContext.RunAsNonRoot = nil }, "runAsNonRoot"},
		{"with the node's files", func(p *corev1.PodSpec) {
			p.Volumes = append(p.Volumes, corev1.Volume{Name: "host", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/"}}})
		}, "hostPath"},
		{"on the node's network", func(p *corev1.PodSpec) { p.HostNetwork = true }, "hostNetwork"},
		{"with privileges", func(p *corev1.PodSpec) {
			p.Containers[0].SecurityContext.AllowPrivilegeEscalation = new(true)
		}, "allowPrivilegeEscalation"},
		{"larger than a course allows", func(p *corev1.PodSpec) {
			p.Containers[0].Resources.Limits[corev1.ResourceMemory] = resource.MustParse("5Gi")
		}, "maximum memory usage per Container is 4Gi"},
		{"with more of the node's disk than a course allows", func(p *corev1.PodSpec) {
			p.Containers[0].Resources.Limits[corev1.ResourceEphemeralStorage] = resource.MustParse("11Gi")
		}, "maximum ephemeral-storage usage per Container is 10Gi"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pod := carrelPod(template.DeepCopy())
			tt.change(&pod.Spec)
			check(t, []string{tt.refused}, func(ctx context.Context) error { return admin.Create(ctx, pod.DeepCopy(), client.DryRunAll) })
		})
	}
}

// TestPodsUseABoundedPartOfTheDisk checks that each container of a course has a limit of
// the node's disk, although no Template names one.
func TestPodsUseABoundedPartOfTheDisk(t *testing.T) {
	objects := local(t)
	admin := apiserver.Client(t)
	startQuotas(t, admin, objects)
	for _, template := range typed[v1alpha1.Template](t, objects, "Template") {
		pod := carrelPod(template)
		check(t, nil, func(ctx context.Context) error {
			pod = carrelPod(template)
			return admin.Create(ctx, pod, client.DryRunAll)
		})
		for _, container := range pod.Spec.Containers {
			request, limit := container.Resources.Requests.StorageEphemeral(), container.Resources.Limits.StorageEphemeral()
			if request.String() != "64Mi" || limit.String() != "2Gi" {
				t.Errorf("container %s of Template %s/%s requests %v of the node's disk and is limited to %v, want 64Mi and 2Gi", container.Name, template.Namespace, template.Name, request, limit)
			}
		}
	}
}

// TestWholeClassFitsTheQuota checks that no quota is smaller than the class. The
// last students would otherwise wait for carrels that never start.
func TestWholeClassFitsTheQuota(t *testing.T) {
	objects := syncCluster(t, "campus")
	courses := map[string]*v1alpha1.Course{}
	for _, c := range typed[v1alpha1.Course](t, objects, "Course") {
		courses[c.Namespace] = c
	}
	templates := map[string]*v1alpha1.Template{}
	for _, template := range typed[v1alpha1.Template](t, objects, "Template") {
		templates[template.Namespace+"/"+template.Name] = template
	}
	for _, quota := range typed[corev1.ResourceQuota](t, objects, "ResourceQuota") {
		used := corev1.ResourceList{}
		for _, u := range userlands(t, objects, quota.Namespace) {
			name := u.Spec.TemplateName
			if name == "" {
				name = courses[quota.Namespace].Spec.TemplateName
			}
			template := templates[quota.Namespace+"/"+name]
			if template == nil {
				t.Fatalf("Userland %s/%s follows Template %q, which the course does not have", u.Namespace, u.Name, name)
			}
			add(used, needs(template))
		}
		for what, need := range used {
			if hard, limited := quota.Spec.Hard[what]; limited && need.Cmp(hard) > 0 {
				t.Errorf("course %s needs %s of %s when all are there, and its quota is %s", quota.Namespace, need.String(), what, hard.String())
			}
		}
	}
}

// needs returns what a quota counts for one carrel.
func needs(template *v1alpha1.Template) corev1.ResourceList {
	total := corev1.ResourceList{
		corev1.ResourcePods:     resource.MustParse("1"),
		corev1.ResourceServices: resource.MustParse("1"),
	}
	for _, container := range template.Spec.Template.Spec.Containers {
		add(total, corev1.ResourceList{
			corev1.ResourceRequestsCPU:    *container.Resources.Requests.Cpu(),
			corev1.ResourceRequestsMemory: *container.Resources.Requests.Memory(),
		})
	}
	for _, volume := range template.Spec.Volumes {
		add(total, corev1.ResourceList{
			corev1.ResourcePersistentVolumeClaims: resource.MustParse("1"),
			corev1.ResourceRequestsStorage:        *volume.PVCSpec.Resources.Requests.Storage(),
		})
	}
	return total
}

func add(total, more corev1.ResourceList) {
	for name, quantity := range more {
		sum := total[name]
		sum.Add(quantity)
		total[name] = sum
	}
}

// carrelPod returns a Template's pod with the volumes that the controller adds.
func carrelPod(template *v1alpha1.Template) *corev1.Pod {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "try", Namespace: template.Namespace},
		Spec:       template.Spec.Template.Spec,
	}
	for _, volume := range template.Spec.Volumes {
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{
			Name: volume.Name,
			VolumeSource: corev1.VolumeSource{
				PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "try--" + volume.Name},
			},
		})
	}
	return pod
}

func admitted(t *testing.T, c client.Client, pod *corev1.Pod) {
	t.Helper()
	check(t, nil, func(ctx context.Context) error { return c.Create(ctx, pod.DeepCopy(), client.DryRunAll) })
}

// startQuotas sets the used amounts of quotas, as the controller-manager would.
// Until they are known, every pod is refused.
func startQuotas(t *testing.T, c client.Client, objects []*unstructured.Unstructured) {
	t.Helper()
	for _, quota := range typed[corev1.ResourceQuota](t, objects, "ResourceQuota") {
		live := &corev1.ResourceQuota{}
		if err := c.Get(t.Context(), client.ObjectKeyFromObject(quota), live); err != nil {
			t.Fatal(err)
		}
		live.Status.Hard, live.Status.Used = live.Spec.Hard, corev1.ResourceList{}
		for name := range live.Spec.Hard {
			live.Status.Used[name] = resource.MustParse("0")
		}
		if err := c.Status().Update(t.Context(), live); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMemoryLimitsAreKnownToGo checks that each process of ours collects garbage
// before it reaches the limit at which the kernel kills it.
func TestMemoryLimitsAreKnownToGo(t *testing.T) {
	objects, found := syncCluster(t, "campus"), 0
	for _, deployment := range typed[appsv1.Deployment](t, objects, "Deployment") {
		for _, container := range deployment.Spec.Template.Spec.Containers {
			if !strings.Contains(container.Image, "carrel") {
				continue
			}
			found++
			limit, soft := container.Resources.Limits.Memory().Value(), int64(0)
			for _, env := range container.Env {
				if mebibytes, named := strings.CutSuffix(env.Value, "MiB"); named && env.Name == "GOMEMLIMIT" {
					n, err := strconv.ParseInt(mebibytes, 10, 64)
					if err != nil {
						t.Fatal(err)
					}
					soft = n << 20
				}
			}
			if soft < limit*8/10 || soft > limit*19/20 {
				t.Errorf("%s: GOMEMLIMIT is %d bytes, and the limit %d: want it at 80 to 95 %%", deployment.Name, soft, limit)
			}
		}
	}
	if found < 3 {
		t.Errorf("%d containers of Carrel, want those of the controller, the reporter and the gateway", found)
	}
}
