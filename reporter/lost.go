package reporter

import (
	"context"
	"fmt"
	"strings"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// forgottenAfter passes before an object that is missing in the inventory counts as
// forgotten. Caches show objects and inventories at different times.
const forgottenAfter = time.Minute

// lost describes what Flux does not bring to what git says; empty if there is nothing.
type lost struct {
	reason, message string
	// Forgotten is the number of Userlands that Flux applied and lists no more.
	Forgotten int32
	// Recheck is when to look again though nothing happens; 0 is never.
	Recheck time.Duration
}

// lostOf looks for Kustomizations that are suspended, and for Userlands that Flux applied
// and has forgotten: it removes only what is in its inventory.
func (r *Reconciler) lostOf(ctx context.Context, course *v1alpha1.Course, by origin) (lost, error) {
	flux, ok := by.(*inFlux)
	if !ok {
		return lost{}, nil
	}
	var userlands v1alpha1.UserlandList
	if err := r.Client.List(ctx, &userlands, client.InNamespace(course.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return lost{}, err
	}
	known := listings{}
	for i := range flux.kustomizations {
		known[client.ObjectKeyFromObject(&flux.kustomizations[i])] = listingOf(&flux.kustomizations[i])
	}
	said := saysForgotten(course)
	var names []string
	var found lost
	missing := r.missing.of(course)
	for i := range userlands.Items {
		u := &userlands.Items[i]
		owner := types.NamespacedName{Namespace: u.Labels[ownerNamespaceLabel], Name: u.Labels[ownerNameLabel]}
		if owner.Name == "" || !u.DeletionTimestamp.IsZero() {
			continue
		}
		list, err := known.get(ctx, r.Client, owner)
		if err != nil {
			return lost{}, err
		}
		if !forgotten(u, list) {
			continue
		}
		// What was said is not taken back while Flux attempts again.
		switch wait := missing.see(u.UID, r.Now()).Add(forgottenAfter).Sub(r.Now()); {
		case list == nil || said || wait <= 0 && list.settled():
			names = append(names, u.Name)
		case wait > 0:
			found.Recheck = soonest(found.Recheck, wait)
		}
	}
	r.missing.keep(course, missing)
	found.Forgotten = int32(len(names))
	found.reason, found.message = lostWords(course.Namespace, names, suspendedOf(flux.kustomizations))
	return found, nil
}

func saysForgotten(course *v1alpha1.Course) bool {
	said := meta.FindStatusCondition(course.Status.Conditions, v1alpha1.OutOfSyncCondition)
	return said != nil && said.Status == metav1.ConditionTrue && said.Reason == v1alpha1.ForgottenReason
}

// listing is a Kustomization with the names of the Userlands in its inventory. The inventory
// is read once for all Userlands of a course.
type listing struct {
	*kustomizev1.Kustomization
	userlands map[types.NamespacedName]bool
}

// listings holds those that were read. A Kustomization that is gone has nil.
type listings map[types.NamespacedName]*listing

func (l listings) get(ctx context.Context, from client.Reader, name types.NamespacedName) (*listing, error) {
	if list, read := l[name]; read {
		return list, nil
	}
	var k kustomizev1.Kustomization
	err := from.Get(ctx, name, &k)
	if client.IgnoreNotFound(err) != nil {
		return nil, err
	}
	l[name] = nil
	if err == nil {
		l[name] = listingOf(&k)
	}
	return l[name], nil
}

func listingOf(k *kustomizev1.Kustomization) *listing {
	l := &listing{k, map[types.NamespacedName]bool{}}
	for _, e := range inventory(k) {
		if e.kind == "Userland" {
			l.userlands[types.NamespacedName{Namespace: e.namespace, Name: e.name}] = true
		}
	}
	return l
}

// forgotten reports whether Flux applied a Userland and lists it no more. A Kustomization that
// is gone keeps no inventory.
func forgotten(u *v1alpha1.Userland, k *listing) bool {
	if k == nil {
		return true
	}
	if !k.DeletionTimestamp.IsZero() || k.Status.Inventory == nil || k.userlands[client.ObjectKeyFromObject(u)] || len(k.Status.History) == 0 {
		return false
	}
	// One that is newer was made by Flux just now.
	return u.CreationTimestamp.Time.Before(k.Status.History[0].LastReconciled.Time)
}

// settled reports whether Flux applied the last revision that it attempted.
func (l *listing) settled() bool {
	ready := meta.FindStatusCondition(l.Status.Conditions, fluxmeta.ReadyCondition)
	return ready != nil && ready.Status == metav1.ConditionTrue && l.Status.LastAppliedRevision == l.Status.LastAttemptedRevision
}

func suspendedOf(kustomizations []kustomizev1.Kustomization) (names []string) {
	for i := range kustomizations {
		if kustomizations[i].Spec.Suspend {
			names = append(names, kustomizations[i].Namespace+"/"+kustomizations[i].Name)
		}
	}
	return names
}

// lostWords returns the reason and the message of condition OutOfSync, with the cure.
func lostWords(namespace string, forgotten, suspended []string) (reason, message string) {
	switch {
	case len(forgotten) > 0:
		more := ""
		if len(forgotten) > maxNamed {
			more = fmt.Sprintf(" and %d more", len(forgotten)-maxNamed)
			forgotten = forgotten[:maxNamed]
		}
		return v1alpha1.ForgottenReason, fmt.Sprintf("Flux applied %s%s and does not list them any more, so it does not remove them. "+
			"If git is right, delete them: kubectl delete userlands -n %s %s. Their volumes are kept. Else put their files back",
			strings.Join(forgotten, ", "), more, namespace, strings.Join(forgotten, " "))
	case len(suspended) > 0:
		namespace, name, _ := strings.Cut(suspended[0], "/")
		return v1alpha1.SyncSuspendedReason, fmt.Sprintf("Flux does not bring commits to the course while %s is suspended: "+
			"flux resume kustomization %s -n %s", strings.Join(suspended, ", "), name, namespace)
	}
	return "", ""
}
