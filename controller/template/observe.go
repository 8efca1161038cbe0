package template

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/core/lifecycle"
	"github.com/carrel-dev/carrel/core/timetable"
	"github.com/carrel-dev/carrel/core/workload"
)

// observe reads everything that the decision about a Template rests on, and asks
// the API server about one that has to be tried. It returns nil if the Template is
// another shard's. The error is kube.ErrCacheBehind while the cache does not show
// our own last write.
func (r *Reconciler) observe(ctx context.Context, key client.ObjectKey) (*lifecycle.TemplateWorld, error) {
	world, template := &lifecycle.TemplateWorld{Now: r.Clock.Now()}, &v1alpha1.Template{}
	err := r.Get(ctx, key, template)
	switch {
	case apierrors.IsNotFound(err) || err == nil && template.DeletionTimestamp != nil:
		r.Grants.Set(key, "", nil)
		r.memory.forget(key)
		if gone, err := r.Shard.Gone(ctx, key, &v1alpha1.Template{}); err != nil || !gone {
			return nil, err
		}
		world.Unread = r.readRevisions(ctx, key, "", world)
		return world, nil
	case err != nil:
		return nil, fmt.Errorf("read the template: %w", err)
	case r.Recent.Behind(kind, key, template.ResourceVersion):
		return nil, kube.ErrCacheBehind
	}
	world.Template, world.Granted = template, r.Grants.Given(key)
	world.Trial, world.Failures = r.memory.of(key)
	if world.Unread = r.readUse(ctx, key, world); world.Unread == nil {
		r.ask(ctx, key, world)
	}
	return world, nil
}

// ask asks the API server about a Template that has to be tried, and remembers the
// answer.
func (r *Reconciler) ask(ctx context.Context, key client.ObjectKey, world *lifecycle.TemplateWorld) {
	switch {
	case world.TrialDue():
		world.Trial = r.try(ctx, world)
		r.memory.tried(key, world.Trial)
	case world.Trial == nil:
		r.memory.tried(key, world.Assume())
	}
}

// readUse reads who follows a Template and which revisions of it there are.
func (r *Reconciler) readUse(ctx context.Context, key client.ObjectKey, world *lifecycle.TemplateWorld) (err error) {
	if world.Userlands, err = kube.UserlandsOfTemplate(ctx, r, key); err != nil {
		return err
	}
	if err := r.readCourse(ctx, key.Namespace, world); err != nil {
		return err
	}
	world.SessionEnds = r.sessionEnds(world)
	if world.Wanted, err = workload.NewRevision(world.Template); err != nil {
		return err
	}
	present := lifecycle.LatestRevision(world.Template)
	if present != world.Wanted.Name {
		if err := r.countClass(ctx, key.Namespace, world); err != nil {
			return err
		}
	}
	return r.readRevisions(ctx, key, present, world)
}

// sessionEnds returns, by section, when the users of a Template are in no session any
// more.
func (r *Reconciler) sessionEnds(world *lifecycle.TemplateWorld) map[string]time.Time {
	if world.Course == nil {
		return nil
	}
	// What is wrong with a timetable is in the status of the Course.
	table, _ := r.Tables.Of(world.Course)
	if table == nil {
		return nil
	}
	ends := map[string]time.Time{}
	for i := range world.Userlands {
		section := world.Userlands[i].Spec.Section
		if _, known := ends[section]; !known {
			ends[section] = lifecycle.SessionEnd(func(t time.Time) timetable.Moment { return table.At(section, t) }, world.Now)
		}
	}
	return ends
}

// readCourse reads the Course of a Template.
func (r *Reconciler) readCourse(ctx context.Context, namespace string, world *lifecycle.TemplateWorld) error {
	course := &v1alpha1.Course{}
	if err := r.Get(ctx, client.ObjectKey{Namespace: namespace, Name: namespace}, course); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("read course %q: %w", namespace, err)
	} else if err == nil {
		world.Course = course
	}
	return nil
}

// countClass counts the Userlands of the Course of a Template. Only an edit is
// compared with that.
func (r *Reconciler) countClass(ctx context.Context, namespace string, world *lifecycle.TemplateWorld) error {
	class := &v1alpha1.UserlandList{}
	if err := r.List(ctx, class, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list the userlands of the course: %w", err)
	}
	world.Class = len(class.Items)
	return nil
}

// readRevisions reads the revisions of a Template and how long none of its carrels
// has used them. The present one counts as used.
func (r *Reconciler) readRevisions(ctx context.Context, template client.ObjectKey, present string, world *lifecycle.TemplateWorld) error {
	list := &appsv1.ControllerRevisionList{}
	if err := r.List(ctx, list, client.InNamespace(template.Namespace), client.MatchingLabels{v1alpha1.TemplateLabel: template.Name}); err != nil {
		return fmt.Errorf("list the revisions of template %q: %w", template.Name, err)
	}
	for i := range list.Items {
		kept := lifecycle.KeptRevision{ControllerRevision: &list.Items[i]}
		used, err := kube.RevisionInUse(ctx, r, client.ObjectKeyFromObject(kept))
		if err != nil {
			return err
		}
		if used || kept.Name == present {
			r.memory.used(kept.UID)
		} else {
			kept.UnusedSince = r.memory.unused(kept.UID, world.Now)
		}
		world.Revisions = append(world.Revisions, kept)
	}
	return nil
}

// try asks the API server to check a carrel of the Template without making one.
func (r *Reconciler) try(ctx context.Context, world *lifecycle.TemplateWorld) *lifecycle.Trial {
	trial, t := world.NewTrial(), world.Template
	deployment, err := workload.Sample(t)
	if err == nil {
		err = kube.TryCreate(ctx, r, deployment, &appsv1.Deployment{})
	}
	goOn := trial.Answer(err, lifecycle.PodField(t))
	if goOn && err == nil && t.Spec.Idle != nil {
		goOn = trial.AnswerPod(kube.TryCreate(ctx, r, workload.SamplePod(deployment), &corev1.Pod{}))
	}
	if goOn && trial.Answer(kube.TryCreate(ctx, r, workload.SampleService(t), &corev1.Service{}), lifecycle.ServiceField) {
		r.tryVolumes(ctx, t, trial)
	}
	return trial
}

// tryVolumes asks about the claims. The API server takes one of a storage class that
// does not exist, and nothing ever binds it.
func (r *Reconciler) tryVolumes(ctx context.Context, t *v1alpha1.Template, trial *lifecycle.Trial) {
	for i, volume := range t.Spec.Volumes {
		err := r.Create(ctx, workload.SampleClaim(t, volume), client.DryRunAll)
		if name := ptr.Deref(volume.PVCSpec.StorageClassName, ""); err == nil && name != "" {
			err = r.Live.Get(ctx, client.ObjectKey{Name: name}, &storagev1.StorageClass{})
			if apierrors.IsNotFound(err) {
				trial.AnswerClass(i, name)
				continue
			}
		}
		if !trial.Answer(err, lifecycle.ClaimField(i)) {
			return
		}
	}
}
