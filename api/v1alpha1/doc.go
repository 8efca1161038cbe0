// Package v1alpha1 holds Carrel's kinds: Template, Userland and Course.
//
// It imports no client and no controller, so that other programs can use the
// kinds without pulling those in.
//
// +kubebuilder:object:generate=true
// +groupName=carrel.dev
package v1alpha1
