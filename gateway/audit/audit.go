// Package audit keeps who opened the carrel of another, and who asked what of a
// carrel: as events of the Userland, so that kubectl shows them too, and for as
// long as the cluster keeps events (an hour, unless it is told otherwise).
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
	// openAction is the action of OpenedReason.
	openAction = "Open"
	// openedNote ends the note of a visit, which begins with who it was.
	openedNote = " opened this carrel"
	// oneVisit is how long visits of one person are one: each page of a carrel is
	// many requests.
	oneVisit = 10 * time.Minute
	// reporter is the name under which events are written.
	reporter = "carrel-gateway"
)

// Log writes and reads. It writes events itself and not by a recorder, which takes
// the same done by two people within minutes for one, and keeps the first's name.
type Log struct {
	// Client needs create and list on events. It should read from the API server
	// itself: nobody watches events for this.
	Client client.Client
}

// Visit is when somebody opened the carrel of another.
type Visit struct {
	// Who is the identity they log in with.
	Who string
	At  time.Time
}

// Opened records that somebody opened the carrel of another. Within ten minutes
// it is recorded once.
func (l Log) Opened(ctx context.Context, u *v1alpha1.Userland, who string, now time.Time) error {
	return l.write(ctx, u, OpenedReason, openAction, who+openedNote, now, now.Truncate(oneVisit))
}

// Asked records that somebody asked something of a carrel, such as action
// "restart", told as "asked for a restart".
func (l Log) Asked(ctx context.Context, u *v1alpha1.Userland, who, action, told string, now time.Time) error {
	return l.write(ctx, u, AskedReason, action, who+" "+told+" on the class board", now, now)
}

// write writes an event; the same of one moment is written once.
func (l Log) write(ctx context.Context, u *v1alpha1.Userland, reason, action, note string, now, moment time.Time) error {
	hash := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%d", reason, action, note, moment.UnixNano()))
	host, _ := os.Hostname()
	event := &eventsv1.Event{
		ObjectMeta:          metav1.ObjectMeta{Namespace: u.Namespace, Name: u.Name + "." + hex.EncodeToString(hash[:8])},
		EventTime:           metav1.NewMicroTime(now),
		ReportingController: reporter,
		ReportingInstance:   cmp.Or(host, reporter),
		Type:                corev1.EventTypeNormal,
		Reason:              reason,
		Action:              action,
		Note:                note,
		Regarding: corev1.ObjectReference{
			APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: "Userland", Namespace: u.Namespace, Name: u.Name, UID: u.UID,
		},
	}
	if err := l.Client.Create(ctx, event); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("record an event of %s/%s: %w", u.Namespace, u.Name, err)
	}
	return nil
}

// LastOpened is the last visit that the cluster still knows of.
func (l Log) LastOpened(ctx context.Context, u *v1alpha1.Userland) (Visit, bool, error) {
	list := &eventsv1.EventList{}
	err := l.Client.List(ctx, list, client.InNamespace(u.Namespace), client.MatchingFields{"regarding.uid": string(u.UID), "reason": OpenedReason})
	if err != nil {
		return Visit{}, false, fmt.Errorf("list the visits of %s/%s: %w", u.Namespace, u.Name, err)
	}
	last, found := Visit{}, false
	for i := range list.Items {
		who, ok := strings.CutSuffix(list.Items[i].Note, openedNote)
		if at := list.Items[i].EventTime.Time; ok && (!found || at.After(last.At)) {
			last, found = Visit{Who: who, At: at}, true
		}
	}
	return last, found, nil
}
