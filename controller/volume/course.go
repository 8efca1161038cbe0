package volume

import (
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/core/lifecycle"
	"github.com/carrel-dev/carrel/core/roster"
	corevolume "github.com/carrel-dev/carrel/core/volume"
	"github.com/carrel-dev/carrel/core/workload"
)

// observe reads everything that the decision about the claims of a course rests on. The
// reader reads who is in the course; the rest is the cache's. The error is
// kube.ErrCacheBehind while the cache does not show our own last writes.
func (r *Reconciler) observe(ctx context.Context, reader client.Reader, namespace string) (corevolume.KeepingWorld, error) {
	w := corevolume.KeepingWorld{Namespace: namespace, Watch: r.Watch(), Now: r.Clock.Now()}
	if rest, known := r.rests.Load(namespace); known {
		w.Rest = rest.(corevolume.Rest)
	}
	claims := &corev1.PersistentVolumeClaimList{}
	if err := r.List(ctx, claims, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return w, fmt.Errorf("list the volume claims of the course: %w", err)
	}
	w.Claims = claims.Items
	if slices.ContainsFunc(w.Claims, func(claim corev1.PersistentVolumeClaim) bool { return r.behind(&claim) }) {
		return w, kube.ErrCacheBehind
	}
	if err := r.readCourse(ctx, reader, &w); err != nil {
		return w, err
	}
	if len(w.Claims) == 0 {
		return w, nil
	}
	if err := r.readCarrels(ctx, reader, &w); err != nil {
		return w, err
	}
	switch {
	case !w.Absent():
		return w, nil
	case w.Course == nil:
		return w, r.readConfirmation(ctx, &w)
	default:
		return w, readRows(ctx, reader, &w)
	}
}

// readCourse reads the Course.
func (r *Reconciler) readCourse(ctx context.Context, reader client.Reader, w *corevolume.KeepingWorld) error {
	key, course := client.ObjectKey{Namespace: w.Namespace, Name: w.Namespace}, &v1alpha1.Course{}
	err := reader.Get(ctx, key, course)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("read course %q: %w", w.Namespace, err)
	case r.Recent.Behind(courseKind, key, course.ResourceVersion):
		return kube.ErrCacheBehind
	}
	w.Course = course
	return nil
}

// readConfirmation reads whether a person let volumes expire in a namespace without a
// Course. It asks the API server only if some expire soon.
func (r *Reconciler) readConfirmation(ctx context.Context, w *corevolume.KeepingWorld) error {
	if claim, _ := corevolume.DecideKeeping(*w).Unconfirmed(); claim == nil {
		return nil
	}
	found := &corev1.Namespace{}
	if err := r.Live.Get(ctx, client.ObjectKey{Name: w.Namespace}, found); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("read namespace %q: %w", w.Namespace, err)
	}
	w.Confirmed = found.Annotations[v1alpha1.ExpireWithoutCourseAnnotation] == w.Namespace
	return nil
}

// readCarrels reads the Userlands, and which volumes their carrels have or would be given.
func (r *Reconciler) readCarrels(ctx context.Context, reader client.Reader, w *corevolume.KeepingWorld) error {
	userlands, deployments := &v1alpha1.UserlandList{}, &appsv1.DeploymentList{}
	if err := reader.List(ctx, userlands, client.InNamespace(w.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list the userlands of the course: %w", err)
	}
	if err := r.List(ctx, deployments, client.InNamespace(w.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list the deployments of the course: %w", err)
	}
	made := map[string]*appsv1.Deployment{}
	for i := range deployments.Items {
		made[deployments.Items[i].Name] = &deployments.Items[i]
	}
	volumes := newVolumeNames(r, w)
	for i := range userlands.Items {
		u := &userlands.Items[i]
		course := w.Course
		if course == nil {
			course = &v1alpha1.Course{}
		}
		deployment := made[workload.DeploymentName(u)]
		if deployment != nil && !metav1.IsControlledBy(deployment, u) {
			deployment = nil
		}
		template, err := volumes.template(ctx, lifecycle.TemplateName(u, course))
		if err != nil {
			return err
		}
		carrel := lifecycle.CarrelOf(u, course, template, deployment)
		if carrel.Volumes, err = volumes.more(ctx, carrel, template, deployment); err != nil {
			return err
		}
		w.Carrels = append(w.Carrels, carrel)
	}
	return nil
}

// volumeNames finds the names of the volumes of carrels, each Template and revision once.
type volumeNames struct {
	*Reconciler
	namespace string
	templates map[string]*v1alpha1.Template
	revisions map[string][]string
	// byLabel has, by Userland, the volumes of the claims that its label names.
	byLabel map[string][]string
}

func newVolumeNames(r *Reconciler, w *corevolume.KeepingWorld) *volumeNames {
	v := &volumeNames{
		Reconciler: r, namespace: w.Namespace,
		templates: map[string]*v1alpha1.Template{}, revisions: map[string][]string{}, byLabel: map[string][]string{},
	}
	for i := range w.Claims {
		name := w.Claims[i].Labels[v1alpha1.UserlandLabel]
		v.byLabel[name] = append(v.byLabel[name], w.Claims[i].Annotations[v1alpha1.VolumeAnnotation])
	}
	return v
}

// more adds to the volumes of a carrel those of the revision that it is made of, and of
// the one that it is to be made of. If its Template is gone, it adds those that it had.
func (v *volumeNames) more(ctx context.Context, c corevolume.Carrel, t *v1alpha1.Template, d *appsv1.Deployment) ([]string, error) {
	names := slices.Clone(c.Volumes)
	if t == nil {
		names = append(names, v.byLabel[c.Userland.Name]...)
	}
	for _, revision := range []string{lifecycle.LatestRevision(t), lifecycle.CurrentRevision(d)} {
		all, err := v.revision(ctx, revision)
		if err != nil {
			return nil, err
		}
		names = append(names, all...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// template returns a Template, or nil if there is none of the name.
func (v *volumeNames) template(ctx context.Context, name string) (*v1alpha1.Template, error) {
	if found, known := v.templates[name]; known || name == "" {
		return found, nil
	}
	found := &v1alpha1.Template{}
	if err := v.Get(ctx, client.ObjectKey{Namespace: v.namespace, Name: name}, found); apierrors.IsNotFound(err) {
		found = nil
	} else if err != nil {
		return nil, fmt.Errorf("read template %q: %w", name, err)
	}
	v.templates[name] = found
	return found, nil
}

// revision returns the names of the volumes of a revision. There are none if it is lost.
func (v *volumeNames) revision(ctx context.Context, name string) ([]string, error) {
	if found, known := v.revisions[name]; known || name == "" {
		return found, nil
	}
	kept := &appsv1.ControllerRevision{}
	if err := v.Get(ctx, client.ObjectKey{Namespace: v.namespace, Name: name}, kept); apierrors.IsNotFound(err) {
		v.revisions[name] = nil
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("read revision %q: %w", name, err)
	}
	blueprint, err := workload.ReadBlueprint(kept)
	v.revisions[name] = blueprint.Volumes
	return blueprint.Volumes, err
}

// readRows reads the users in the rows of the rosters, or why the rosters say nothing.
func readRows(ctx context.Context, reader client.Reader, w *corevolume.KeepingWorld) error {
	var files []roster.File
	for _, source := range w.Course.Spec.Rosters {
		found := &corev1.ConfigMap{}
		err := reader.Get(ctx, client.ObjectKey{Namespace: w.Namespace, Name: source.ConfigMap}, found)
		switch {
		case apierrors.IsNotFound(err), err == nil && found.Labels[v1alpha1.RosterLabel] != "true":
			w.Unread = "a roster does not exist"
			return nil
		case err != nil:
			return fmt.Errorf("read the roster %q: %w", source.ConfigMap, err)
		}
		for name, text := range found.Data {
			files = append(files, roster.File{Name: name, Data: []byte(text)})
		}
		for name, data := range found.BinaryData {
			files = append(files, roster.File{Name: name, Data: data})
		}
	}
	read := roster.Read(files...)
	if len(read.Errors) > 0 {
		w.Unread = "the rosters have errors"
	}
	for _, row := range read.Rows {
		w.Rows = append(w.Rows, row.User)
	}
	return nil
}
