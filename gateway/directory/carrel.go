// Package directory is the read model of the gateway: which carrels there are, whose
// they are, and where each answers, followed by watch. Looking one up asks nobody.
package directory

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Carrel is one carrel as it was last seen.
type Carrel struct {
	Course, Name, User, Section, Template, State, Reason, Message string

	Enabled, Ready            bool
	LastActivity, QueuedSince *time.Time
	// IdleAfter is how long it runs without activity, as its Template says; 0: for
	// ever.
	IdleAfter time.Duration
	// Target is where it answers, as "ip:port"; empty: nowhere.
	Target string
	// Userland is for reading only.
	Userland *v1alpha1.Userland
}

// NewCarrel is what is known of a Userland, of its Template (nil: nothing), and of
// where it answers.
func NewCarrel(u *v1alpha1.Userland, t *v1alpha1.Template, target string) Carrel {
	c := Carrel{
		Course: u.Namespace, Name: u.Name, User: u.User(), Section: u.Spec.Section, State: u.Status.State,
		Enabled: u.Enabled(), Ready: target != "", Target: target, Userland: u, Template: templateOf(u),
	}
	if ready := meta.FindStatusCondition(u.Status.Conditions, v1alpha1.ReadyCondition); ready != nil {
		c.Reason, c.Message = ready.Reason, ready.Message
	}
	if at := u.Status.LastActivityTime; at != nil {
		c.LastActivity = &at.Time
	}
	if at := u.Status.QueuedSince; at != nil {
		c.QueuedSince = &at.Time
	}
	if t != nil && t.Spec.Idle != nil {
		c.IdleAfter = t.Spec.Idle.After.Duration
	}
	return c
}

// templateOf is the Template a carrel was last made of; empty: none yet.
func templateOf(u *v1alpha1.Userland) string {
	if u.Status.Template == nil {
		return ""
	}
	return u.Status.Template.Name
}
