// Package directory is the gateway's in-memory index of courses and carrels: whose each
// carrel is, and at which address it serves. Watches keep it current, so looking up a
// carrel sends no request.
package directory

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Carrel describes a carrel as the watches last showed it.
type Carrel struct {
	Course, Name, User, Section, Template, State, Reason, Message string

	Enabled, Ready            bool
	LastActivity, QueuedSince *time.Time
	// IdleAfter is the time without activity after which its Template stops the carrel;
	// 0 means never.
	IdleAfter time.Duration
	// Target is the address at which the carrel serves, as "ip:port"; empty if it does
	// not.
	Target string
	// Node is the name of the node of the pod at the target; empty if it is not known.
	Node string
	// Userland must not be changed.
	Userland *v1alpha1.Userland
}

// NewCarrel returns the carrel of a Userland. The Template may be nil, and an empty target
// means that the carrel does not serve.
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

// templateOf returns the name of the Template that a carrel was last made of; empty if it
// was not made yet.
func templateOf(u *v1alpha1.Userland) string {
	if u.Status.Template == nil {
		return ""
	}
	return u.Status.Template.Name
}
