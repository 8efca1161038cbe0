package health

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Cause says which party has to act before a write that failed can succeed.
type Cause string

const (
	// Refused writes break a rule of the API server, of RBAC, or of an admission
	// policy or webhook. A person corrects the object or the rule.
	Refused Cause = "Refused"
	// Quota means that a ResourceQuota has no room. A person raises it, or others
	// leave.
	Quota Cause = "Quota"
	// Foreign objects have the name that is needed and belong to someone else.
	Foreign Cause = "Foreign"
	// Undecided objects may be the carrel's, and only a person can tell.
	Undecided Cause = "Undecided"
	// Unavailable means that the API server, or something it asks, does not answer,
	// fails, or is overloaded. It passes by itself.
	Unavailable Cause = "Unavailable"
	// Conflict means that another writer was faster. The next attempt succeeds.
	Conflict Cause = "Conflict"
	// Gone means that the object, or its namespace, is being removed or was.
	Gone Cause = "Gone"
)

const (
	// RetrySlow is the interval at which a write is tried again that waits for a
	// person: no watch reports that a policy, a quota or a foreign object changed.
	RetrySlow = 2 * time.Minute
	// RetryGone is the interval at which a write is tried again that waits for the
	// removal of an object. A watch usually reports it sooner.
	RetryGone = 15 * time.Second
	// RetryConflict lets the cache catch up with the writer that was faster.
	RetryConflict = 200 * time.Millisecond
	// RetryFirst is the shortest wait before a write that is Unavailable is tried again.
	RetryFirst = 50 * time.Millisecond
	// RetryLast is the longest one.
	RetryLast = RetrySlow
)

// serverErrors is the lowest of the codes by which a server says that it failed.
const serverErrors = 500

// Problem describes a write that failed, for people and for the queue.
type Problem struct {
	Cause Cause
	// Reason and Message go into the Ready condition. The message names the object,
	// the cause and the cure. It is the same at each attempt that fails alike.
	Reason, Message string
	// Stalled is set if only a person can end the problem.
	Stalled bool
	// Retry is the longest time until the write is tried again; never 0.
	Retry time.Duration
}

// Classify returns the problem that an error of a write is. The error must name
// the object that was written. It must not be nil.
func Classify(err error) Problem {
	var known interface{ Problem() Problem }
	if errors.As(err, &known) {
		return known.Problem()
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return unavailable(withoutAddresses(err))
	}
	switch {
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause), apierrors.IsNotFound(err), apierrors.IsGone(err):
		return problem(Gone, v1alpha1.ApplyRefusedReason, false, RetryGone, err, "It is tried again once the removal is over")
	case isQuota(err):
		return problem(Quota, v1alpha1.ApplyRefusedReason, false, RetrySlow, err, "Raise the quota of the course, or stop or remove others of it")
	case isDenied(status.Status()) && !apierrors.IsForbidden(err):
		return problem(Refused, v1alpha1.ApplyRefusedReason, true, RetrySlow, err, "Correct the Template, or the policy that refuses it")
	case apierrors.IsForbidden(err):
		return problem(Refused, v1alpha1.ApplyRefusedReason, false, RetrySlow, err, "The cluster's policies and the controller's rights have to allow it, or the Template has to change")
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		return problem(Conflict, v1alpha1.ConflictReason, false, RetryConflict, err, "Another program changed it at the same time. It is tried again at once")
	case apierrors.IsTooManyRequests(err), apierrors.IsUnauthorized(err), status.Status().Code >= serverErrors:
		return unavailable(err.Error())
	default:
		return problem(Refused, v1alpha1.ApplyRefusedReason, true, RetrySlow, err, "Correct the Template, or the policy that refuses it")
	}
}

func problem(cause Cause, reason string, stalled bool, retry time.Duration, err error, cure string) Problem {
	return Problem{Cause: cause, Reason: reason, Message: shorten(err.Error()) + ". " + cure, Stalled: stalled, Retry: retry}
}

func unavailable(message string) Problem {
	return Problem{
		Cause: Unavailable, Reason: v1alpha1.APIServerUnavailableReason, Retry: RetryLast,
		Message: fmt.Sprintf("%s. Nothing has to be done: it is tried again, at least every %d minutes", shorten(message), int(RetryLast.Minutes())),
	}
}

// Finding returns what there is to say about a carrel one of whose writes failed,
// given what its pods say.
func (p Problem) Finding(judged Finding) Finding {
	switch {
	case p.Cause == Refused, p.Cause == Quota, p.Cause == Foreign, p.Cause == Undecided:
		return Finding{State: v1alpha1.StateFailing, Reason: p.Reason, Message: p.Message, Stalled: p.Stalled, Recheck: p.Retry}
	case p.Cause == Conflict, judged.State == v1alpha1.StateFailing:
		// Both pass by themselves, and what the pods say stays true.
		judged.Message += "; " + p.Message
	default:
		judged.Ready, judged.Stalled = false, false
		judged.Reason, judged.Message = p.Reason, p.Message
	}
	if judged.Recheck == 0 || p.Retry < judged.Recheck {
		judged.Recheck = p.Retry
	}
	return judged
}

// isQuota recognizes the answer by its words: the API server gives a quota that
// is exceeded no code and no cause of its own.
func isQuota(err error) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "exceeded quota")
}

// isDenied recognizes the refusal of an admission webhook, which chooses the code
// of its answer itself.
func isDenied(answer metav1.Status) bool {
	return strings.HasPrefix(answer.Message, "admission webhook ") && strings.Contains(answer.Message, " denied the request")
}

// withoutAddresses returns the text of an error without the addresses and ports
// of a connection, which differ from attempt to attempt.
func withoutAddresses(err error) string {
	var request *url.Error
	var network net.Error
	switch {
	case errors.As(err, &request):
		return strings.TrimSuffix(err.Error(), request.Error()) + "the API server does not answer"
	case errors.Is(err, context.DeadlineExceeded):
		return strings.TrimSuffix(err.Error(), context.DeadlineExceeded.Error()) + "the API server does not answer in time"
	case errors.As(err, &network):
		return strings.TrimSuffix(err.Error(), network.Error()) + "the API server does not answer"
	default:
		return err.Error()
	}
}
