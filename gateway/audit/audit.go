// Package audit records who opened the carrel of another user, and who sent which
// request to a carrel or about a kept volume. The records are Events of the Userland or
// the Course, so kubectl shows them too. They last as long as the cluster keeps Events: an hour, unless configured
// otherwise.
package audit

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=list;create

// Reasons of the events.
const (
	OpenedReason = "OpenedByStaff"
	AskedReason  = "Requested"
)

const (
	// openAction is the action of events with OpenedReason.
	openAction = "Open"
	// openedNote is the end of a visit's note, after the name of the visitor.
	openedNote = " opened this carrel"
	// oneVisit is the time within which requests of one person count as one visit. A
	// page of a carrel takes many requests.
	oneVisit = 10 * time.Minute
	// reporter is the reporting controller of the events.
	reporter = "carrel-gateway"
)

// Log writes and reads the records. It does not use an event recorder, which would
// merge the same action of two people within minutes and keep only the first name.
type Log struct {
	// Client needs create and list on events. It should read from the API server
	// directly, since a cache of Events would serve nothing else.
	Client client.Client
}

// Visit records that a person opened the carrel of another.
type Visit struct {
	// User is the identity that the visitor logs in with.
	User string
	At   time.Time
}

// Opened records that a visitor opened a carrel that is not theirs. It writes at most
// one event for a visitor and carrel in ten minutes.
func (l Log) Opened(ctx context.Context, u *v1alpha1.Userland, visitor string, now time.Time) error {
	return l.write(ctx, carrel(u), OpenedReason, openAction, visitor+openedNote, now, now.Truncate(oneVisit))
}

// Asked records that a person sent a request to a carrel. The note is a phrase such as
// "asked for a restart" for the action "restart".
func (l Log) Asked(ctx context.Context, u *v1alpha1.Userland, user, action, note string, now time.Time) error {
	return l.write(ctx, carrel(u), AskedReason, action, user+askedNote(note), now, now)
}

// AskedOfCourse records that a person sent a request about a kept volume of a course. The
// note is a phrase such as "asked to let go of volume home of 24t0101".
func (l Log) AskedOfCourse(ctx context.Context, c *v1alpha1.Course, user, action, note string, now time.Time) error {
	about := corev1.ObjectReference{Kind: "Course", Namespace: c.Namespace, Name: c.Name, UID: c.UID}
	return l.write(ctx, about, AskedReason, action, user+askedNote(note), now, now)
}

// askedNote returns the end of a request's note, after the name of the person.
func askedNote(note string) string { return " " + note + " on the class board" }

func carrel(u *v1alpha1.Userland) corev1.ObjectReference {
	return corev1.ObjectReference{Kind: "Userland", Namespace: u.Namespace, Name: u.Name, UID: u.UID}
}

// write creates an event about an object of Carrel's API. Events that are equal and of
// the same moment are created once.
func (l Log) write(ctx context.Context, about corev1.ObjectReference, reason, action, note string, now, moment time.Time) error {
	about.APIVersion = v1alpha1.SchemeGroupVersion.String()
	hash := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%d", reason, action, note, moment.UnixNano()))
	host, _ := os.Hostname()
	event := &eventsv1.Event{
		ObjectMeta:          metav1.ObjectMeta{Namespace: about.Namespace, Name: about.Name + "." + hex.EncodeToString(hash[:8])},
		EventTime:           metav1.NewMicroTime(now),
		ReportingController: reporter,
		ReportingInstance:   cmp.Or(host, reporter),
		Type:                corev1.EventTypeNormal,
		Reason:              reason,
		Action:              action,
		Note:                note,
		Regarding:           about,
	}
	if err := l.Client.Create(ctx, event); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("record an event of %s/%s: %w", about.Namespace, about.Name, err)
	}
	return nil
}

// LastOpened returns the latest visit of which the cluster still has the event; false
// if there is none.
func (l Log) LastOpened(ctx context.Context, u *v1alpha1.Userland) (Visit, bool, error) {
	list := &eventsv1.EventList{}
	err := l.Client.List(ctx, list, client.InNamespace(u.Namespace), client.MatchingFields{"regarding.uid": string(u.UID), "reason": OpenedReason})
	if err != nil {
		return Visit{}, false, fmt.Errorf("list the visits of %s/%s: %w", u.Namespace, u.Name, err)
	}
	last, found := Visit{}, false
	for i := range list.Items {
		user, ok := strings.CutSuffix(list.Items[i].Note, openedNote)
		if at := list.Items[i].EventTime.Time; ok && (!found || at.After(last.At)) {
			last, found = Visit{User: user, At: at}, true
		}
	}
	return last, found, nil
}
