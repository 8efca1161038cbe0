package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Requests are people's requests for one carrel, outside of git. Each is a time,
// and is handled once. An admission policy decides who may write which request.
type Requests struct {
	// restartAt asks for a restart, with the present revision of the Template. It
	// also starts a carrel that is asleep.
	// +optional
	RestartAt *metav1.Time `json:"restartAt,omitempty"`

	// stopAt asks for a stop that lasts until there is activity after this time. It
	// takes precedence over keepUntil.
	// +optional
	StopAt *metav1.Time `json:"stopAt,omitempty"`

	// keepUntil asks to run, and not to be stopped for idleness, until this time.
	// +optional
	KeepUntil *metav1.Time `json:"keepUntil,omitempty"`

	// resetAt asks for a start with fresh volumes. The old volumes are kept as if
	// their Userland were gone.
	// +optional
	ResetAt *metav1.Time `json:"resetAt,omitempty"`

	// helpSince is the time at which the user asked for help. It shows a raised
	// hand on their seat of the class board until they or the staff lower it. It
	// does not affect the carrel.
	// +optional
	HelpSince *metav1.Time `json:"helpSince,omitempty"`
}

// HandledRequests are the requests that were handled last.
type HandledRequests struct {
	// restartAt is the value of requests.restartAt that was handled last.
	// +optional
	RestartAt *metav1.Time `json:"restartAt,omitempty"`
	// stopAt is the value of requests.stopAt that was handled last.
	// +optional
	StopAt *metav1.Time `json:"stopAt,omitempty"`
	// aheadActivityTime is lastActivityTime as it was when stopAt was handled, if a
	// clock that is ahead had reported it. That activity does not undo the stop.
	// +optional
	AheadActivityTime *metav1.Time `json:"aheadActivityTime,omitempty"`
	// resetAt is the value of requests.resetAt that was handled last.
	// +optional
	ResetAt *metav1.Time `json:"resetAt,omitempty"`
}
