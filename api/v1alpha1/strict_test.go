package v1alpha1_test

import "sigs.k8s.io/controller-runtime/pkg/client"

// strict makes the API server refuse unknown fields, as kubectl and Flux do.
var strict = client.FieldValidation("Strict")
