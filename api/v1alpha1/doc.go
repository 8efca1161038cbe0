// Package v1alpha1 contains Carrel's kinds: Template, Userland and Course.
//
// The package imports no client and no controller, so that other programs can use
// the kinds without these dependencies.
//
// +kubebuilder:object:generate=true
// +groupName=carrel.dev
package v1alpha1
