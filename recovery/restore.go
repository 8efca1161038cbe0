package recovery

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/inventory"
)

// fieldOwner is the field owner of the writes of Restore.
const fieldOwner = client.FieldOwner("carrel-restore")

// Options are the options of Restore.
type Options struct {
	// DryRun makes Restore write nothing.
	DryRun bool
	// CreateNamespaces makes Restore create the missing namespaces of courses, with the
	// label that protects them. Without it, Restore skips the volumes of these courses, and
	// a later run restores them.
	CreateNamespaces bool
	// Storage holds the directories of the storage. If it is nil, Restore does not compare
	// them with the inventory.
	Storage inventory.Storage
	Now     time.Time
}

// Result describes the outcome for one volume.
type Result struct {
	Volume inventory.Volume
	// Claim is the name of the claim that has the data. It is empty if there is none.
	Claim string
	// Present is set if the cluster had the volume already.
	Present bool
	// Err is the reason why the volume was not restored, or nil.
	Err error
}

// Restore creates the volumes of an inventory that the cluster lacks. It calls report for
// each volume, and continues after an error with one volume. It is idempotent: it may be
// stopped at any time and run again.
func Restore(ctx context.Context, c client.Client, from inventory.Inventory, o Options, report func(Result)) error {
	claims, volumes, err := read(ctx, c)
	if err != nil {
		return err
	}
	namespaces, err := o.namespaces(ctx, c, from)
	if err != nil {
		return err
	}
	cluster := inventory.Cluster{Namespaces: namespaces, Claims: claims, Volumes: volumes, Storage: o.Storage}
	for _, step := range inventory.Plan(from, cluster, o.Now) {
		result := o.take(ctx, c, step)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		report(result)
	}
	return nil
}

// namespaces returns the names of the existing namespaces. With CreateNamespaces, it
// creates the missing ones first.
func (o Options) namespaces(ctx context.Context, c client.Client, from inventory.Inventory) (map[string]bool, error) {
	var list corev1.NamespaceList
	if err := c.List(ctx, &list); err != nil {
		return nil, fmt.Errorf("list the namespaces: %w", err)
	}
	exist := map[string]bool{}
	for i := range list.Items {
		exist[list.Items[i].Name] = list.Items[i].DeletionTimestamp == nil
	}
	for _, volume := range from.Volumes {
		if _, known := exist[volume.Course]; known || !o.CreateNamespaces {
			continue
		}
		exist[volume.Course] = true
		if o.DryRun {
			continue
		}
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: volume.Course, Labels: map[string]string{v1alpha1.CourseLabel: volume.Course}}}
		if err := c.Create(ctx, namespace, fieldOwner); err != nil && !apierrors.IsAlreadyExists(err) {
			return nil, fmt.Errorf("create namespace %s: %w", volume.Course, err)
		}
	}
	return exist, nil
}

// take carries out one step.
func (o Options) take(ctx context.Context, c client.Client, step inventory.Step) Result {
	result := Result{Volume: step.Volume, Present: step.Present}
	if step.Problem != "" {
		result.Err = errors.New(step.Problem)
		return result
	}
	result.Claim = step.Claim.Name
	if !step.Present && !o.DryRun {
		result.Err = write(ctx, c, step.Claim, step.PersistentVolume)
	}
	return result
}

// write creates the claim and then its PersistentVolume, unless they exist.
func write(ctx context.Context, c client.Client, claim *corev1.PersistentVolumeClaim, pv *corev1.PersistentVolume) error {
	if claim.UID == "" {
		if err := c.Create(ctx, claim, fieldOwner); err != nil {
			return fmt.Errorf("create claim %s: %w", claim.Name, err)
		}
	}
	before := pv.DeepCopy()
	pv.Spec.ClaimRef = &corev1.ObjectReference{
		APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
	}
	if pv.UID == "" {
		if err := c.Create(ctx, pv, fieldOwner); err != nil {
			return fmt.Errorf("create PersistentVolume %s: %w", pv.Name, err)
		}
		return nil
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := c.Patch(ctx, pv, patch, fieldOwner); err != nil {
		return fmt.Errorf("bind PersistentVolume %s to claim %s: %w", pv.Name, claim.Name, err)
	}
	return nil
}
