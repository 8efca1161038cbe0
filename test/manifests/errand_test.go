package manifests

import (
	"context"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/workload"
	"github.com/carrel-dev/carrel/test/apiserver"
)

// TestErrands checks that the account of the errands can create the Job that tries a
// Template, and no other.
func TestErrands(t *testing.T) {
	objects := local(t)
	admin := apiserver.Client(t)
	startQuotas(t, admin, objects)
	c := as(t, errand.Namespace, errand.Name)
	for _, template := range typed[v1alpha1.Template](t, objects, "Template") {
		live := &v1alpha1.Template{}
		if err := admin.Get(t.Context(), client.ObjectKeyFromObject(template), live); err != nil {
			t.Fatal(err)
		}
		job := trialJob(t, live)
		t.Run(live.Namespace+"/"+live.Name, func(t *testing.T) {
			create(t, c, nil, job)
			pod := &corev1.Pod{ObjectMeta: job.Spec.Template.ObjectMeta, Spec: job.Spec.Template.Spec}
			pod.Namespace, pod.Name = job.Namespace, "try"
			admitted(t, c, pod)
		})
	}

	live := &v1alpha1.Template{}
	if err := admin.Get(t.Context(), client.ObjectKey{Namespace: "prog1", Name: "code-server"}, live); err != nil {
		t.Fatal(err)
	}
	shape, pinned := "errand.carrel.dev", "errand-template.carrel.dev"
	tests := []struct {
		name    string
		change  func(*batchv1.Job, *corev1.PodSpec)
		refused []string
	}{
		{"another image", func(_ *batchv1.Job, p *corev1.PodSpec) { p.Containers[0].Image = "miner:1" }, []string{pinned, "images"}},
		{"another command", func(_ *batchv1.Job, p *corev1.PodSpec) { p.Containers[0].Command = []string{"mine"} }, []string{pinned, "commands"}},
		{"other arguments", func(_ *batchv1.Job, p *corev1.PodSpec) { p.Containers[0].Args = []string{"mine"} }, []string{pinned, "arguments"}},
		{"one more container", func(_ *batchv1.Job, p *corev1.PodSpec) {
			more := *p.Containers[0].DeepCopy()
			more.Name = "more"
			p.Containers = append(p.Containers, more)
		}, []string{pinned, "containers"}},
		{"a variable of its own", func(_ *batchv1.Job, p *corev1.PodSpec) {
			p.Containers[0].Env = append(p.Containers[0].Env, corev1.EnvVar{Name: "LD_PRELOAD", Value: "x"})
		}, []string{pinned, "variables"}},
		{"a Secret as a variable", func(_ *batchv1.Job, p *corev1.PodSpec) {
			p.Containers[0].Env = append(p.Containers[0].Env, corev1.EnvVar{Name: "CARREL_X", ValueFrom: &corev1.EnvVarSource{
				SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "s"}, Key: "k"}}})
		}, []string{pinned, "variables"}},
		{"all of a Secret as variables", func(_ *batchv1.Job, p *corev1.PodSpec) {
			p.Containers[0].EnvFrom = append(p.Containers[0].EnvFrom, corev1.EnvFromSource{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "s"}}})
		}, []string{pinned, "variables"}},
		{"a Secret as a volume", func(_ *batchv1.Job, p *corev1.PodSpec) {
			p.Volumes = append(p.Volumes, corev1.Volume{Name: "s", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "s"}}})
		}, []string{pinned, "volumes"}},
		{"a student's volume", func(_ *batchv1.Job, p *corev1.PodSpec) {
			for i := range p.Volumes {
				if p.Volumes[i].Ephemeral != nil {
					p.Volumes[i].VolumeSource = corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "hana-mori--home"}}
				}
			}
		}, []string{pinned, "volumes"}},
		{"another account", func(_ *batchv1.Job, p *corev1.PodSpec) {
			p.ServiceAccountName, p.DeprecatedServiceAccount = "templates", "templates"
		}, []string{shape, "account 'default'"}},
		{"a token", func(_ *batchv1.Job, p *corev1.PodSpec) { p.AutomountServiceAccountToken = new(true) }, []string{shape, "without its token"}},
		{"the priority of students", func(_ *batchv1.Job, p *corev1.PodSpec) { p.PriorityClassName = "" }, []string{shape, "priority class"}},
		{"the label of a student's pod", func(j *batchv1.Job, _ *corev1.PodSpec) {
			j.Spec.Template.Labels[v1alpha1.UserlandLabel] = "hana-mori"
		}, []string{shape, "no label of a student's pod"}},
		{"the controller's mark", func(j *batchv1.Job, _ *corev1.PodSpec) {
			j.Spec.Template.Labels[v1alpha1.ManagedByLabel] = v1alpha1.ManagedByValue
		}, []string{shape, "no label of a student's pod"}},
		{"no mark of an errand", func(j *batchv1.Job, _ *corev1.PodSpec) {
			delete(j.Spec.Template.Labels, v1alpha1.ErrandLabel)
		}, []string{shape, "label carrel.dev/errand"}},
		{"no owner", func(j *batchv1.Job, _ *corev1.PodSpec) { j.OwnerReferences = nil }, []string{shape, "is owned by the Template"}},
		{"another Template's name", func(j *batchv1.Job, _ *corev1.PodSpec) { j.Labels[v1alpha1.TemplateLabel] = "other" }, []string{shape, "is owned by the Template"}},
		{"a former Template of the name", func(j *batchv1.Job, _ *corev1.PodSpec) { j.OwnerReferences[0].UID = "1-2-3" }, []string{pinned, "that exists now"}},
		{"two pods", func(j *batchv1.Job, _ *corev1.PodSpec) { j.Spec.Parallelism = new(int32(2)) }, []string{shape, "one pod"}},
		{"no end", func(j *batchv1.Job, _ *corev1.PodSpec) { j.Spec.ActiveDeadlineSeconds = nil }, []string{shape, "30 minutes"}},
		{"no clean-up", func(j *batchv1.Job, _ *corev1.PodSpec) { j.Spec.TTLSecondsAfterFinished = nil }, []string{shape, "deleted afterwards"}},
		{"a namespace without Templates", func(j *batchv1.Job, _ *corev1.PodSpec) { j.Namespace = "carrel-system" }, []string{pinned}},
	}
	for _, tt := range tests {
		t.Run("not with "+tt.name, func(t *testing.T) {
			job := trialJob(t, live)
			tt.change(job, &job.Spec.Template.Spec)
			create(t, c, tt.refused, job)
		})
	}
}

func create(t *testing.T, c client.Client, refused []string, job *batchv1.Job) {
	t.Helper()
	check(t, refused, func(ctx context.Context) error { return c.Create(ctx, job.DeepCopy(), client.DryRunAll) })
}

func trialJob(t *testing.T, template *v1alpha1.Template) *batchv1.Job {
	t.Helper()
	job, err := workload.TrialJob(template, workload.TrialName(template, "r", "", 0))
	if err != nil {
		t.Fatal(err)
	}
	return job
}

// TestTemplatesCannotMarkErrands checks that a Template can't give its pods the label of
// an errand, by which they would be no student's.
func TestTemplatesCannotMarkErrands(t *testing.T) {
	apiserver.SkipIfShort(t)
	template := &v1alpha1.Template{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "marked"},
		Spec: v1alpha1.TemplateSpec{
			Service: v1alpha1.ServiceSpec{Ports: []v1alpha1.ServicePort{{Name: "http", Port: 8080}}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{v1alpha1.ErrandLabel: "trial--x"}},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Image: "i"}}},
			},
		},
	}
	check(t, []string{"labels carrel.dev/* and app.kubernetes.io/managed-by belong to Carrel"}, func(ctx context.Context) error {
		return apiserver.Client(t).Create(ctx, template.DeepCopy(), client.DryRunAll)
	})
}

// TestCanaries checks that the account of the errands can create the Job of a canary in
// each course, with the image of its own Deployment, and no other.
func TestCanaries(t *testing.T) {
	objects := local(t)
	admin := apiserver.Client(t)
	startQuotas(t, admin, objects)
	c := as(t, errand.Namespace, errand.Name)
	image := ""
	for _, d := range typed[appsv1.Deployment](t, objects, "Deployment") {
		if d.Name == errand.Name {
			image = d.Spec.Template.Spec.Containers[0].Image
		}
	}
	canary := func(course *v1alpha1.Course) *batchv1.Job {
		return workload.CanaryJob(course, workload.CanaryName(course, "p", 0), image, []string{"carrel=10.0.0.1:8080", "api-server=kubernetes.default.svc:443"})
	}
	for _, course := range typed[v1alpha1.Course](t, objects, "Course") {
		live := &v1alpha1.Course{}
		if err := admin.Get(t.Context(), client.ObjectKeyFromObject(course), live); err != nil {
			t.Fatal(err)
		}
		job := canary(live)
		t.Run(course.Name, func(t *testing.T) {
			create(t, c, nil, job)
			pod := &corev1.Pod{ObjectMeta: job.Spec.Template.ObjectMeta, Spec: job.Spec.Template.Spec}
			pod.Namespace, pod.Name = job.Namespace, "try"
			admitted(t, c, pod)
		})
	}
	prog1 := &v1alpha1.Course{}
	if err := admin.Get(t.Context(), client.ObjectKey{Namespace: "prog1", Name: "prog1"}, prog1); err != nil {
		t.Fatal(err)
	}
	shape, pinned := "errand.carrel.dev", "errand-canary.carrel.dev"
	for _, tt := range []struct {
		name    string
		change  func(*batchv1.Job, *corev1.PodSpec)
		refused []string
	}{
		{"another image", func(_ *batchv1.Job, p *corev1.PodSpec) { p.Containers[0].Image = "miner:1" }, []string{pinned, "image of Deployment carrel-errand"}},
		{"one more container", func(_ *batchv1.Job, p *corev1.PodSpec) {
			p.Containers = append(p.Containers, *p.Containers[0].DeepCopy())
			p.Containers[1].Name = "more"
		}, []string{pinned, "one container"}},
		{"one that runs before", func(_ *batchv1.Job, p *corev1.PodSpec) {
			p.InitContainers = []corev1.Container{{Name: "first", Image: image}}
		}, []string{pinned, "one container"}},
		{"another command", func(_ *batchv1.Job, p *corev1.PodSpec) { p.Containers[0].Command = []string{"sh"} }, []string{pinned, "arguments 'canary'"}},
		{"the controllers", func(_ *batchv1.Job, p *corev1.PodSpec) { p.Containers[0].Args = []string{"--controllers=errand"} }, []string{pinned, "arguments 'canary'"}},
		{"another flag", func(_ *batchv1.Job, p *corev1.PodSpec) {
			p.Containers[0].Args = append(p.Containers[0].Args, "--kubeconfig=x")
		}, []string{pinned, "arguments 'canary'"}},
		{"no arguments", func(_ *batchv1.Job, p *corev1.PodSpec) { p.Containers[0].Args = nil }, []string{pinned, "arguments 'canary'"}},
		{"a variable", func(_ *batchv1.Job, p *corev1.PodSpec) {
			p.Containers[0].Env = []corev1.EnvVar{{Name: "HTTPS_PROXY", Value: "x"}}
		}, []string{pinned, "no variables"}},
		{"a student's volume", func(_ *batchv1.Job, p *corev1.PodSpec) {
			p.Volumes = []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "hana-mori--home"}}}}
		}, []string{pinned, "no volumes"}},
		{"a Secret to pull with", func(_ *batchv1.Job, p *corev1.PodSpec) {
			p.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "s"}}
		}, []string{pinned, "no Secrets"}},
		{"the network of its node", func(_ *batchv1.Job, p *corev1.PodSpec) { p.HostNetwork = true }, []string{pinned, "the network of its node"}},
		{"a token", func(_ *batchv1.Job, p *corev1.PodSpec) { p.AutomountServiceAccountToken = new(true) }, []string{shape, "without its token"}},
		{"the priority of students", func(_ *batchv1.Job, p *corev1.PodSpec) { p.PriorityClassName = "" }, []string{shape, "priority class"}},
		{"the label of a student's pod", func(j *batchv1.Job, _ *corev1.PodSpec) { j.Spec.Template.Labels[v1alpha1.UserlandLabel] = "hana-mori" }, []string{shape, "no label of a student's pod"}},
		{"no owner", func(j *batchv1.Job, _ *corev1.PodSpec) { j.OwnerReferences = nil }, []string{shape, "owned by the Course"}},
		{"the Course of another namespace", func(j *batchv1.Job, _ *corev1.PodSpec) { j.OwnerReferences[0].Name = "database" }, []string{shape, "owned by the Course"}},
		{"the label of a trial", func(j *batchv1.Job, p *corev1.PodSpec) {
			j.Labels[v1alpha1.TemplateLabel] = "nobodys"
			p.Containers[0].Image = "miner:1"
		}, []string{shape, "no label carrel.dev/template"}},
		{"the name of a trial", func(j *batchv1.Job, _ *corev1.PodSpec) {
			j.Name = "trial--x"
			j.Labels[v1alpha1.ErrandLabel], j.Spec.Template.Labels[v1alpha1.ErrandLabel] = j.Name, j.Name
		}, []string{shape, "owned by the Template"}},
		{"another name", func(j *batchv1.Job, _ *corev1.PodSpec) {
			j.Name = "other"
			j.Labels[v1alpha1.ErrandLabel], j.Spec.Template.Labels[v1alpha1.ErrandLabel] = j.Name, j.Name
		}, []string{shape, "begins with 'trial--' or 'canary--'"}},
		{"no end", func(j *batchv1.Job, _ *corev1.PodSpec) { j.Spec.ActiveDeadlineSeconds = nil }, []string{shape, "30 minutes"}},
	} {
		t.Run("not with "+tt.name, func(t *testing.T) {
			job := canary(prog1)
			tt.change(job, &job.Spec.Template.Spec)
			create(t, c, tt.refused, job)
		})
	}
	// Somebody else's Job is nobody's errand, whatever it is called.
	t.Run("somebody else's Job", func(t *testing.T) {
		job := canary(prog1)
		job.Spec.Template.Spec.Containers[0].Image = "backup:1"
		create(t, admin, nil, job)
	})
	// The API server looks for the Deployment before it asks whose Job it is.
	t.Run("without the Deployment", func(t *testing.T) {
		own := &appsv1.Deployment{}
		if err := admin.Get(t.Context(), errand, own); err != nil {
			t.Fatal(err)
		}
		if err := admin.Delete(t.Context(), own); err != nil {
			t.Fatal(err)
		}
		defer func() {
			own.ResourceVersion = ""
			if err := admin.Create(context.WithoutCancel(t.Context()), own); err != nil {
				t.Error(err)
			}
		}()
		create(t, c, []string{pinned}, canary(prog1))
		other := canary(prog1)
		other.Labels, other.Spec.Template.Labels, other.OwnerReferences = nil, nil, nil
		create(t, admin, nil, other)
	})
}
