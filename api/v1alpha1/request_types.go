package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Requests is what people ask of one carrel, outside of git: each is a moment,
// honoured once. An admission policy says who may write what here.
type Requests struct {
	// restartAt asks for a restart, also onto the present revision of the
	// Template. It starts a carrel that is asleep.
	// +optional
	RestartAt *metav1.Time `json:"restartAt,omitempty"`

	// stopAt asks for a stop, until there is activity after that moment. It goes
	// before keepUntil.
	// +optional
	StopAt *metav1.Time `json:"stopAt,omitempty"`

	// keepUntil asks to run, and not to be stopped for idleness, until then.
	// +optional
	KeepUntil *metav1.Time `json:"keepUntil,omitempty"`

	// resetAt asks for a start on fresh volumes. The old ones are kept as if
	// their Userland were gone.
	// +optional
	ResetAt *metav1.Time `json:"resetAt,omitempty"`

	// helpSince is since when the user asks for help: a hand raised on their seat
	// of the class board, until they or staff lower it. It changes nothing about
	// the carrel.
	// +optional
	HelpSince *metav1.Time `json:"helpSince,omitempty"`
}

// HandledRequests are the requests honoured last.
type HandledRequests struct {
	// restartAt is the restartAt honoured last.
	// +optional
	RestartAt *metav1.Time `json:"restartAt,omitempty"`
	// stopAt is the stopAt honoured last.
	// +optional
	StopAt *metav1.Time `json:"stopAt,omitempty"`
	// resetAt is the resetAt honoured last.
	// +optional
	ResetAt *metav1.Time `json:"resetAt,omitempty"`
}
