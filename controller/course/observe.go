package course

import (
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/core/enrolment"
	"github.com/carrel-dev/carrel/core/roster"
)

// observe reads everything that the decision about a Course rests on. Userlands and
// Templates are the cache's own and must not be changed. The Course is nil if it is
// gone. The error is kube.ErrCacheBehind while the cache does not
// show our own last write.
func (r *Reconciler) observe(ctx context.Context, key client.ObjectKey) (enrolment.CourseWorld, error) {
	course := &v1alpha1.Course{}
	err := r.Get(ctx, key, course)
	switch {
	case apierrors.IsNotFound(err), err == nil && course.DeletionTimestamp != nil:
		r.attempts.set(key, nil)
		r.gathered.Delete(key)
		return enrolment.CourseWorld{}, nil
	case err != nil:
		return enrolment.CourseWorld{}, fmt.Errorf("read the course: %w", err)
	case r.Recent.Behind(courseKind, key, course.ResourceVersion):
		return enrolment.CourseWorld{}, kube.ErrCacheBehind
	}
	world := enrolment.CourseWorld{Course: course, Tried: r.attempts.get(key), Now: r.Clock.Now()}
	world.Timetable, world.TimetableError = r.Tables.Of(course)
	world.Unread = r.readClass(ctx, &world)
	return world, nil
}

// readClass reads the Userlands, Templates and rosters of a Course.
func (r *Reconciler) readClass(ctx context.Context, world *enrolment.CourseWorld) error {
	namespace := client.InNamespace(world.Course.Namespace)
	userlands, templates := &v1alpha1.UserlandList{}, &v1alpha1.TemplateList{}
	if err := r.List(ctx, userlands, namespace, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list the userlands of the course: %w", err)
	}
	if err := r.List(ctx, templates, namespace, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list the templates of the course: %w", err)
	}
	strays, err := r.strays(ctx, world.Course, userlands.Items)
	if err != nil {
		return err
	}
	world.Userlands, world.Templates = slices.Concat(userlands.Items, strays), templates.Items
	return r.readRosters(ctx, world)
}

// behind reports whether the cache does not show our own last write of a Userland
// that is to be written again.
func (r *Reconciler) behind(c *v1alpha1.Course, plan enrolment.Plan) bool {
	return slices.ContainsFunc(plan.Wants, func(want enrolment.Want) bool {
		version := ""
		if want.Found != nil {
			version = want.Found.ResourceVersion
		}
		return r.Recent.Behind(userlandKind, client.ObjectKey{Namespace: c.Namespace, Name: want.Name}, version)
	})
}

// readRosters reads the ConfigMaps in spec.rosters.
func (r *Reconciler) readRosters(ctx context.Context, world *enrolment.CourseWorld) error {
	seen := map[string]bool{}
	for _, source := range world.Course.Spec.Rosters {
		configMap := &corev1.ConfigMap{}
		err := r.Get(ctx, client.ObjectKey{Namespace: world.Course.Namespace, Name: source.ConfigMap}, configMap)
		if apierrors.IsNotFound(err) {
			world.Missing = append(world.Missing, source.ConfigMap)
			continue
		}
		if err != nil {
			return fmt.Errorf("read the roster %q: %w", source.ConfigMap, err)
		}
		for _, file := range filesIn(configMap) {
			if seen[file.Name] {
				file.Name = source.ConfigMap + "/" + file.Name
			}
			seen[file.Name] = true
			world.Files = append(world.Files, file)
		}
	}
	return nil
}

// filesIn returns the keys of a ConfigMap as files. What is not UTF-8 is in its
// binaryData.
func filesIn(c *corev1.ConfigMap) []roster.File {
	all := maps.Clone(c.BinaryData)
	if all == nil {
		all = make(map[string][]byte, len(c.Data))
	}
	for name, text := range c.Data {
		all[name] = []byte(text)
	}
	files := make([]roster.File, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		files = append(files, roster.File{Name: name, Data: all[name]})
	}
	return files
}
