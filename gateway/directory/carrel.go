// Package directory is the read model of the gateway.
package directory

import (
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Carrel is one carrel as it was last seen.
type Carrel struct {
	Course, Name, User, Section, Template, State, Reason, Message string

	Enabled, Ready            bool
	LastActivity, QueuedSince *time.Time
	// Target is where it answers, as "ip:port"; empty: nowhere.
	Target string
	// Userland is for reading only.
	Userland *v1alpha1.Userland
}
