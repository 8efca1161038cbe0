// Package inventory records the owner of each volume of a cluster and the place of its
// data, so that volumes can be given back after the API server's data is lost. It is
// pure: it reads no cluster, and the time is an argument.
package inventory

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
)

// Version is the version of the format. Parse refuses others.
const Version = 1

// Inventory lists the volumes of a cluster's courses at one time.
type Inventory struct {
	Version int         `json:"version"`
	Time    metav1.Time `json:"time"`
	Volumes []Volume    `json:"volumes"`
}

// Volume is a volume with its owner. Course, User and Name repeat what Claim says,
// for people who read or search the file.
type Volume struct {
	// Course is the namespace of the claim.
	Course string `json:"course"`
	// User is the login of the owner.
	User string `json:"user"`
	// Name is the name of the volume in the Template.
	Name string `json:"volume"`
	// Size is the capacity of the PersistentVolume.
	Size string `json:"size,omitempty"`
	// StorageClass is the class of the PersistentVolume.
	StorageClass string `json:"storageClass,omitempty"`
	Claim        Claim  `json:"claim"`
	// PersistentVolume is nil if the claim was not bound to one that exists.
	PersistentVolume *PersistentVolume `json:"persistentVolume,omitempty"`
}

// Claim holds the fields with which a PersistentVolumeClaim is made again.
type Claim struct {
	Name string `json:"name"`
	// Labels and Annotations hold those of Carrel only.
	Labels      map[string]string                `json:"labels,omitempty"`
	Annotations map[string]string                `json:"annotations,omitempty"`
	Spec        corev1.PersistentVolumeClaimSpec `json:"spec"`
}

// PersistentVolume holds the fields with which a PersistentVolume is made again.
type PersistentVolume struct {
	Name        string            `json:"name"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	// Spec is the whole spec without the claimRef.
	Spec corev1.PersistentVolumeSpec `json:"spec"`
}

// Take returns the inventory of the claims that record a user. It leaves out claims
// that never had a volume, since they hold no work.
func Take(claims []corev1.PersistentVolumeClaim, volumes []corev1.PersistentVolume, now time.Time) Inventory {
	byName := map[string]*corev1.PersistentVolume{}
	for i := range volumes {
		byName[volumes[i].Name] = &volumes[i]
	}
	taken := Inventory{Version: Version, Time: metav1.NewTime(now.UTC().Truncate(time.Second))}
	for i := range claims {
		claim := &claims[i]
		if claim.Annotations[v1alpha1.UserAnnotation] == "" || claim.Spec.VolumeName == "" {
			continue
		}
		taken.Volumes = append(taken.Volumes, take(claim, byName[claim.Spec.VolumeName]))
	}
	slices.SortFunc(taken.Volumes, func(a, b Volume) int {
		return cmp.Or(cmp.Compare(a.Course, b.Course), cmp.Compare(a.User, b.User), cmp.Compare(a.Claim.Name, b.Claim.Name))
	})
	return taken
}

func take(claim *corev1.PersistentVolumeClaim, pv *corev1.PersistentVolume) Volume {
	volume := Volume{
		Course: claim.Namespace,
		User:   claim.Annotations[v1alpha1.UserAnnotation],
		Name:   claim.Annotations[v1alpha1.VolumeAnnotation],
		Claim:  Claim{Name: claim.Name, Labels: ours(claim.Labels), Annotations: ours(claim.Annotations), Spec: *claim.Spec.DeepCopy()},
	}
	if pv == nil || !refersTo(pv, claim) {
		return volume
	}
	volume.Size, volume.StorageClass = pv.Spec.Capacity.Storage().String(), pv.Spec.StorageClassName
	volume.PersistentVolume = &PersistentVolume{Name: pv.Name, Labels: pv.Labels, Annotations: maps.Clone(pv.Annotations), Spec: *pv.Spec.DeepCopy()}
	volume.PersistentVolume.Spec.ClaimRef = nil
	for _, name := range []string{boundByController, corev1.LastAppliedConfigAnnotation} {
		delete(volume.PersistentVolume.Annotations, name)
	}
	return volume
}

// boundByController is the annotation that Kubernetes sets on a PersistentVolume whose
// claim it chose itself.
const boundByController = "pv.kubernetes.io/bound-by-controller"

// ours returns the labels or annotations that Carrel defines.
func ours(all map[string]string) map[string]string {
	kept := map[string]string{}
	for key, value := range all {
		if strings.HasPrefix(key, v1alpha1.ReservedPrefix) || key == v1alpha1.ManagedByLabel {
			kept[key] = value
		}
	}
	return kept
}

// refersTo reports whether a PersistentVolume is bound to the claim.
func refersTo(pv *corev1.PersistentVolume, claim *corev1.PersistentVolumeClaim) bool {
	ref := pv.Spec.ClaimRef
	return ref != nil && ref.Namespace == claim.Namespace && ref.Name == claim.Name && ref.UID == claim.UID
}

// Of returns the part of the inventory that belongs to one user. Logins that differ
// only in case are one user.
func (i Inventory) Of(user string) Inventory {
	i.Volumes = slices.DeleteFunc(slices.Clone(i.Volumes), func(v Volume) bool { return roster.Person(v.User) != roster.Person(user) })
	return i
}

// Format encodes the inventory as YAML.
func (i Inventory) Format() ([]byte, error) {
	data, err := yaml.Marshal(i)
	if err != nil {
		return nil, fmt.Errorf("format the inventory: %w", err)
	}
	return data, nil
}

// Parse decodes the YAML that Format returns. It refuses unknown fields, because a
// volume whose source lacks a part may have other data.
func Parse(data []byte) (Inventory, error) {
	var head struct {
		Version int `json:"version"`
	}
	if err := yaml.Unmarshal(data, &head); err != nil {
		return Inventory{}, fmt.Errorf("read the inventory: %w", err)
	}
	if head.Version != Version {
		return Inventory{}, fmt.Errorf("read the inventory: its version is %d, and this program reads version %d: use the release of carrel that wrote it", head.Version, Version)
	}
	var parsed Inventory
	if err := yaml.UnmarshalStrict(data, &parsed); err != nil {
		return Inventory{}, fmt.Errorf("read the inventory: %w", err)
	}
	return parsed, nil
}
