package userland

import (
	"context"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/controller/volume"
	"github.com/carrel-dev/carrel/core/lifecycle"
	"github.com/carrel-dev/carrel/core/timetable"
	corevolume "github.com/carrel-dev/carrel/core/volume"
	"github.com/carrel-dev/carrel/core/workload"
)

// Observer reads the World of a Userland, and writes nothing.
type Observer struct {
	// Reader is the cache, or a reader with the selectors of kube.ByLabel.
	client.Reader
	// Claims reads the volume claims.
	Claims volume.Observer
	// Recent knows whether the cache is behind the controller's own writes; nil: it
	// never is.
	Recent *kube.Recent
	// Shard is the part of the Userlands that the Reader sees.
	Shard kube.Shard
	// Timetables caches the timetables of the Courses.
	Timetables *kube.Timetables
	// Lines are the queues of those that wait to start.
	Lines *Lines
	// Grants say which running carrels may restart for a roll-out; nil: none.
	Grants *kube.Grants
	// Prober has the answers of the carrels' own software; nil: none.
	Prober *Prober
	// Clock tells the time.
	Clock clock.PassiveClock
}

// NewObserver returns an Observer for a program that is not the controller: of what
// the controller remembers, it sees what the statuses record.
func NewObserver(reader client.Reader, clock clock.PassiveClock) *Observer {
	reader = kube.ByLabel(reader)
	return &Observer{Reader: reader, Claims: volume.Observer{Reader: reader, Live: reader}, Timetables: &kube.Timetables{}, Lines: NewLines(), Clock: clock}
}

// Observe returns the World of a Userland. It returns kube.ErrCacheBehind while the
// cache does not show what the controller wrote last.
func (o *Observer) Observe(ctx context.Context, u *v1alpha1.Userland) (lifecycle.World, error) {
	w := lifecycle.World{Now: o.Clock.Now(), Userland: u, Course: &v1alpha1.Course{}}
	for _, read := range []func(context.Context, *lifecycle.World) error{
		o.course, o.template, o.workload, o.revisions, o.volumes, o.turn,
	} {
		if err := read(ctx, &w); err != nil {
			return w, err
		}
	}
	key := client.ObjectKeyFromObject(u)
	w.Granted = o.Grants.May(key, lifecycle.LatestRevision(w.Template))
	w.Probe = o.Prober.Answer(key)
	return w, nil
}

func (o *Observer) course(ctx context.Context, w *lifecycle.World) error {
	namespace := w.Userland.Namespace
	if err := o.Get(ctx, client.ObjectKey{Namespace: namespace, Name: namespace}, w.Course); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("read course %q: %w", namespace, err)
	}
	// What is wrong with a timetable is in the status of the Course.
	if table, _ := o.Timetables.Of(w.Course); table != nil {
		at := func(t time.Time) timetable.Moment { return table.At(w.Userland.Spec.Section, t) }
		w.Session, w.SessionEnd = at(w.Now), lifecycle.SessionEnd(at, w.Now)
	}
	return nil
}

func (o *Observer) template(ctx context.Context, w *lifecycle.World) error {
	name := w.TemplateName()
	if name == "" {
		return nil
	}
	template := &v1alpha1.Template{}
	err := o.Get(ctx, client.ObjectKey{Namespace: w.Userland.Namespace, Name: name}, template)
	if err == nil {
		w.Template = template
	}
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("read template %q: %w", name, err)
	}
	return nil
}

// workload reads the Deployment, the Services and the pods.
func (o *Observer) workload(ctx context.Context, w *lifecycle.World) (err error) {
	if err := o.deployment(ctx, w); err != nil {
		return err
	}
	userland := client.ObjectKeyFromObject(w.Userland)
	if w.Services, err = kube.Services(ctx, o, userland); err != nil {
		return err
	}
	w.Pods, err = kube.Pods(ctx, o, userland)
	return err
}

func (o *Observer) deployment(ctx context.Context, w *lifecycle.World) error {
	deployment := &appsv1.Deployment{}
	key := client.ObjectKey{Namespace: w.Userland.Namespace, Name: workload.DeploymentName(w.Userland)}
	if err := o.Get(ctx, key, deployment); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("read deployment %q: %w", key.Name, err)
	}
	if o.Recent.Behind(deploymentKind, key, deployment.ResourceVersion) {
		return kube.ErrCacheBehind
	}
	if metav1.IsControlledBy(deployment, w.Userland) && deployment.DeletionTimestamp == nil {
		w.Deployment = deployment
	}
	return nil
}

func (o *Observer) revisions(ctx context.Context, w *lifecycle.World) error {
	w.Revisions = map[string]lifecycle.Revision{}
	for _, name := range []string{
		lifecycle.LatestRevision(w.Template), lifecycle.CurrentRevision(w.Deployment), lifecycle.ProvenRevision(w.Userland),
	} {
		if _, known := w.Revisions[name]; known || name == "" {
			continue
		}
		kept := &appsv1.ControllerRevision{}
		err := o.Get(ctx, client.ObjectKey{Namespace: w.Userland.Namespace, Name: name}, kept)
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("read revision %q: %w", name, err)
		}
		if err != nil {
			continue
		}
		blueprint, err := workload.ReadBlueprint(kept)
		if err != nil {
			return err
		}
		w.Revisions[name] = lifecycle.Revision{ControllerRevision: kept, Blueprint: blueprint}
	}
	return nil
}

// volumes reads the claims. Of the volumes that the Deployment mounts, those of its
// revision are the carrel's own; a Template may mount others, which are not.
func (o *Observer) volumes(ctx context.Context, w *lifecycle.World) (err error) {
	var mounted []string
	own := w.Revisions[lifecycle.CurrentRevision(w.Deployment)].Blueprint.Volumes
	for volume, claim := range lifecycle.Mounted(w.Deployment) {
		if slices.Contains(own, volume) {
			mounted = append(mounted, claim)
		}
	}
	var wanted []string
	for _, revision := range w.Revisions {
		wanted = append(wanted, revision.Blueprint.Volumes...)
	}
	if w.Volumes, err = o.Claims.Observe(ctx, w.Userland, mounted, wanted); err != nil {
		return err
	}
	if w.Volumes.Carrels, err = o.otherCarrels(ctx, w); err != nil || w.Template == nil {
		return err
	}
	return o.Claims.ObserveGrowth(ctx, w.Volumes, w.Template.Spec.Volumes)
}

// otherCarrels reads the other Userlands of the user, as far as their volumes are
// concerned.
func (o *Observer) otherCarrels(ctx context.Context, w *lifecycle.World) (others []corevolume.Carrel, err error) {
	userlands, err := kube.UserlandsOfPerson(ctx, o, w.Userland.Namespace, w.Userland.User())
	if err != nil {
		return nil, err
	}
	for i := range userlands {
		if userlands[i].Name == w.Userland.Name {
			continue
		}
		other := lifecycle.World{Userland: &userlands[i], Course: w.Course}
		if err := o.template(ctx, &other); err != nil {
			return nil, err
		}
		if err := o.deployment(ctx, &other); err != nil {
			return nil, err
		}
		others = append(others, lifecycle.CarrelOf(other.Userland, other.Course, other.Template, other.Deployment))
	}
	return others, nil
}
