package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Idle says when a carrel that nobody uses is stopped. Its volumes are kept, and
// it starts again when its user comes.
type Idle struct {
	// after is how long a carrel runs without activity before it is stopped,
	// such as 1h or 45m; at least 10s.
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('10s')",message="must be at least 10s"
	After metav1.Duration `json:"after"`

	// probe asks the software itself when it was last used, for work that
	// leaves no trace in requests, such as a computation. It is asked when the
	// carrel is about to be stopped. A probe that fails never stops anybody.
	// +optional
	Probe *IdleProbe `json:"probe,omitempty"`
}

// IdleProbe is an HTTP request to the pod. Its answer is JSON with a field
// last_activity that holds a time as RFC 3339 writes it, as the /api/status of
// Jupyter Server has. The /healthz of code-server is no measure: it stays alive
// with an open tab.
type IdleProbe struct {
	// path is the path of the request, such as /api/status.
	// +required
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^/`
	Path string `json:"path"`

	// port is the name of the port of the service to ask; empty means the one a
	// browser is sent to.
	// +optional
	// +kubebuilder:validation:MaxLength=15
	Port string `json:"port,omitempty"`
}
