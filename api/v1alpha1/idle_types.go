package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Idle defines when a carrel that nobody uses is stopped. Its volumes are kept, and
// it starts again when its user comes.
type Idle struct {
	// after is the time without activity after which a carrel is stopped, such as
	// 1h or 45m. The minimum is 10s.
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('10s')",message="must be at least 10s"
	After metav1.Duration `json:"after"`

	// probe asks the software itself when it was last used. This covers work that
	// causes no requests, such as a computation. The probe runs when the carrel is
	// about to be stopped. If it fails, the carrel is not stopped.
	// +optional
	Probe *IdleProbe `json:"probe,omitempty"`
}

// IdleProbe is an HTTP request to the pod. The response must be JSON with a field
// last_activity that holds a time in RFC 3339 form, as in /api/status of Jupyter
// Server. /healthz of code-server is not suitable: an open tab alone keeps it
// alive.
type IdleProbe struct {
	// path is the path of the request, such as /api/status.
	// +required
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^/`
	Path string `json:"path"`

	// port is the name of the service port to ask. Empty means the port that
	// browsers open.
	// +optional
	// +kubebuilder:validation:MaxLength=15
	Port string `json:"port,omitempty"`
}
