package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// VolumeStatus counts the volumes of a course that no carrel uses.
type VolumeStatus struct {
	// kept is the number of volumes that no carrel uses, those that expire included.
	// +optional
	Kept int32 `json:"kept,omitempty"`
	// expiring is the number of volumes that are to be deleted within a week.
	// +optional
	Expiring int32 `json:"expiring,omitempty"`
	// undecided is the number of volumes that are neither attached nor dated until a
	// person decides whose they are.
	// +optional
	Undecided int32 `json:"undecided,omitempty"`
	// next is the time at which the next volume is to be deleted. It is absent if none
	// is.
	// +optional
	Next *metav1.Time `json:"next,omitempty"`
	// watchedSince is the time since which a controller has watched the course without
	// a break, such as an outage or a suspension. An announced deletion waits until a
	// day after it.
	// +optional
	WatchedSince *metav1.Time `json:"watchedSince,omitempty"`
	// watch identifies the time for which controllers have run without an outage, and
	// for which watchedSince counts. An outage gives it another value.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Watch string `json:"watch,omitempty"`
}

// CourseRequests are people's requests for a course, outside of git. An admission
// policy decides who may write them.
type CourseRequests struct {
	// volumes are requests for volumes that no carrel uses. A later request for the
	// same claim replaces the earlier one.
	// +optional
	// +listType=map
	// +listMapKey=claim
	// +kubebuilder:validation:MaxItems=500
	Volumes []VolumeRequest `json:"volumes,omitempty"`
}

// VolumeRequest asks to keep a volume for longer, or to let it go. It is handled
// once.
type VolumeRequest struct {
	// claim is the name of the PersistentVolumeClaim.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Claim string `json:"claim"`
	// at is the time of the request.
	// +required
	At metav1.Time `json:"at"`
	// keepUntil is the value that the label carrel.dev/keep-until of the claim is to
	// have: a time in UTC such as 20270331T000000Z, or Forever. A time that has passed
	// lets the volume go; its deletion is announced a day before all the same.
	// +required
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:Pattern=`^([0-9]{8}T[0-9]{6}Z|Forever)$`
	KeepUntil string `json:"keepUntil"`
}
