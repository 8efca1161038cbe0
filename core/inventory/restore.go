package inventory

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
)

// Cluster lists the objects of the cluster to which volumes are restored.
type Cluster struct {
	Namespaces map[string]bool
	Claims     []corev1.PersistentVolumeClaim
	Volumes    []corev1.PersistentVolume
	Storage    Storage
}

// Step describes what to do for one volume of the inventory.
type Step struct {
	Volume Volume
	// Present is set if the cluster has the volume already. Nothing is to be done then.
	Present bool
	// Problem says why the volume can't be restored, and what a person can do. It is empty
	// if there is no problem.
	Problem string
	// Claim has the data, or is to have it. It must be created if it has no UID.
	Claim *corev1.PersistentVolumeClaim
	// PersistentVolume must be bound to the claim's UID. It must be created if it has no
	// UID; otherwise only its claimRef must be changed.
	PersistentVolume *corev1.PersistentVolume
}

// Plan returns a step for each volume of the inventory, in its order. No step
// deletes anything, changes a claim that exists, or takes a PersistentVolume from a
// claim that exists.
//
// Plan recognises the data of a volume by its source. A claim must be created before its
// PersistentVolume, which records the claim's UID. Without that UID, a PersistentVolume
// would be bound to any claim of that name.
func Plan(inventory Inventory, cluster Cluster, now time.Time) []Step {
	p := newPlanner(inventory, cluster, now)
	steps := make([]Step, 0, len(inventory.Volumes))
	for _, volume := range inventory.Volumes {
		steps = append(steps, p.step(volume))
	}
	return steps
}

type planner struct {
	cluster Cluster
	now     time.Time
	// claims and byVolume hold the claims by their own name and by the name of their
	// PersistentVolume. Both keys include the namespace.
	claims, byVolume map[string]*corev1.PersistentVolumeClaim
	// bySource and volumeNames hold the PersistentVolumes by their data and their name.
	bySource    map[string]*corev1.PersistentVolume
	volumeNames map[string]bool
	// acts holds, for each owner, which volumes counted when the inventory was taken.
	acts map[owner]act
	// used holds the owners who have worked since the loss in a claim that is not in the
	// inventory.
	used map[owner]bool
}

func newPlanner(inventory Inventory, cluster Cluster, now time.Time) *planner {
	p := &planner{
		cluster: cluster, now: now,
		claims: map[string]*corev1.PersistentVolumeClaim{}, byVolume: map[string]*corev1.PersistentVolumeClaim{},
		bySource: map[string]*corev1.PersistentVolume{}, volumeNames: map[string]bool{},
		acts: actsOf(inventory), used: map[owner]bool{},
	}
	for i := range cluster.Volumes {
		pv := &cluster.Volumes[i]
		p.bySource[sourceOf(pv.Spec)], p.volumeNames[pv.Name] = pv, true
	}
	known := map[string]bool{}
	for _, volume := range inventory.Volumes {
		if volume.PersistentVolume != nil {
			known[volume.PersistentVolume.Name] = true
		}
		if pv := p.withSource(volume); pv != nil {
			known[pv.Name] = true
		}
	}
	for i := range cluster.Claims {
		claim := &cluster.Claims[i]
		p.claims[key(claim.Namespace, claim.Name)] = claim
		if claim.Spec.VolumeName != "" {
			p.byVolume[key(claim.Namespace, claim.Spec.VolumeName)] = claim
		}
		if isUsed(claim) && !known[claim.Spec.VolumeName] {
			p.used[ownerOfClaim(claim)] = true
		}
	}
	return p
}

// sourceOf identifies the data of a PersistentVolume. The same path on two nodes is two
// sources.
func sourceOf(spec corev1.PersistentVolumeSpec) string {
	data, err := json.Marshal([]any{spec.PersistentVolumeSource, spec.NodeAffinity})
	if err != nil {
		panic(err) // both are plain data
	}
	return string(data)
}

func key(namespace, name string) string { return namespace + "/" + name }

func (p *planner) step(volume Volume) Step {
	step := Step{Volume: volume}
	problem := func(format string, args ...any) Step {
		step.Problem = fmt.Sprintf(format, args...)
		return step
	}
	if volume.PersistentVolume == nil {
		return problem("its claim was not bound when the inventory was taken, so it is not known where its data is")
	}
	if directory := p.cluster.Storage.lacks(volume); directory != "" {
		return problem("its directory %s is not in the storage: bring it back from a backup", directory)
	}
	pv := p.withSource(volume)
	if pv == nil {
		if p.volumeNames[volume.PersistentVolume.Name] {
			return problem("PersistentVolume %s exists with another source: compare both by hand", volume.PersistentVolume.Name)
		}
		pv = volume.persistentVolume()
	}
	if pv.DeletionTimestamp != nil {
		return problem("PersistentVolume %s with its data is being deleted: save the data now", pv.Name)
	}
	if holder := p.holder(pv); holder != nil {
		step.Claim = holder
		step.Present, step.Problem = judge(volume, holder)
		return step
	}
	if !p.cluster.Namespaces[volume.Course] {
		return problem("there is no namespace %s: run this again when Flux has made it, or now with --create-namespaces", volume.Course)
	}
	claim := p.byVolume[key(volume.Course, pv.Name)]
	if claim != nil {
		if _, foreign := judge(volume, claim); foreign != "" {
			return problem("%s", foreign)
		}
		claim = claim.DeepCopy()
	} else {
		claim = p.newClaim(volume, pv.Name)
	}
	step.Claim, step.PersistentVolume = claim, pv.DeepCopy()
	return step
}

// withSource returns the PersistentVolume that has the data of a volume, or nil if there
// is none.
func (p *planner) withSource(volume Volume) *corev1.PersistentVolume {
	if volume.PersistentVolume == nil {
		return nil
	}
	return p.bySource[sourceOf(volume.PersistentVolume.Spec)]
}

// holder returns the claim that is bound to a PersistentVolume, or nil if there is none.
func (p *planner) holder(pv *corev1.PersistentVolume) *corev1.PersistentVolumeClaim {
	ref := pv.Spec.ClaimRef
	if ref == nil {
		return nil
	}
	claim := p.claims[key(ref.Namespace, ref.Name)]
	if claim == nil || ref.UID != "" && ref.UID != claim.UID {
		return nil
	}
	return claim
}

// judge reports whether a claim that has the data of a volume belongs to the owner of the
// volume. If not, it returns a description of the problem.
func judge(volume Volume, claim *corev1.PersistentVolumeClaim) (present bool, problem string) {
	user := claim.Annotations[v1alpha1.UserAnnotation]
	switch {
	case claim.Namespace != volume.Course || roster.Person(user) != roster.Person(volume.User):
		return false, fmt.Sprintf("its data is in use by claim %s/%s of user %q: decide by hand whose it is", claim.Namespace, claim.Name, user)
	case claim.DeletionTimestamp != nil:
		return false, fmt.Sprintf("claim %s with its data is being deleted: set the reclaim policy of its PersistentVolume to Retain now, and run this again when the claim is gone", claim.Name)
	default:
		return true, ""
	}
}

// persistentVolume returns the PersistentVolume to create for a volume. Its reclaim policy
// is Retain, so that no mistake in the days after a loss deletes data.
func (v Volume) persistentVolume() *corev1.PersistentVolume {
	recorded := v.PersistentVolume
	pv := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: recorded.Name, Labels: recorded.Labels, Annotations: recorded.Annotations},
		Spec:       *recorded.Spec.DeepCopy(),
	}
	pv.Spec.PersistentVolumeReclaimPolicy = corev1.PersistentVolumeReclaimRetain
	return pv
}

// newClaim returns the claim to create for a volume, and reserves its name.
func (p *planner) newClaim(volume Volume, pv string) *corev1.PersistentVolumeClaim {
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: volume.Course, Name: p.freeName(volume),
			Labels: maps.Clone(volume.Claim.Labels), Annotations: maps.Clone(volume.Claim.Annotations),
		},
		Spec: *volume.Claim.Spec.DeepCopy(),
	}
	claim.Spec.VolumeName = pv
	// The controller sees no claim without this label.
	metav1.SetMetaDataLabel(&claim.ObjectMeta, v1alpha1.ManagedByLabel, v1alpha1.ManagedByValue)
	// Nobody may have seen an announcement from before the loss, so a deletion that is due
	// is announced again.
	delete(claim.Annotations, v1alpha1.AnnouncedAnnotation)
	delete(claim.Annotations, v1alpha1.CondemnedAnnotation)
	if p.isReplaced(volume) {
		metav1.SetMetaDataAnnotation(&claim.ObjectMeta, v1alpha1.RestoredAnnotation, p.now.UTC().Format(v1alpha1.KeepUntilLayout))
	}
	p.claims[key(claim.Namespace, claim.Name)] = claim
	return claim
}

// freeName returns the name of the claim, with a suffix if a claim of that name exists.
func (p *planner) freeName(volume Volume) string {
	name := volume.Claim.Name
	for n := 1; p.claims[key(volume.Course, name)] != nil; n++ {
		name = fmt.Sprintf("%s--restored-%d", volume.Claim.Name, n)
	}
	return name
}
