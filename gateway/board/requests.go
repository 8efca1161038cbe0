package board

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	applyv1alpha1 "github.com/carrel-dev/carrel/api/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// fieldOwner is the prefix of the field owners under which requests are written. Each
// request has an owner of its own: an apply removes what its owner wrote before and the
// apply does not repeat, and two requests may be written at the same time.
const fieldOwner = "carrel-gateway-"

// Request names a field of status.requests.
type Request string

// The requests that the board writes.
const (
	RestartAt Request = "restartAt"
	StopAt    Request = "stopAt"
	KeepUntil Request = "keepUntil"
	ResetAt   Request = "resetAt"
	HelpSince Request = "helpSince"
)

// field returns the field of a request.
func (q Request) field(all *applyv1alpha1.RequestsApplyConfiguration) **metav1.Time {
	switch q {
	case RestartAt:
		return &all.RestartAt
	case StopAt:
		return &all.StopAt
	case KeepUntil:
		return &all.KeepUntil
	case ResetAt:
		return &all.ResetAt
	default:
		return &all.HelpSince
	}
}

// Requests writes status.requests of Userlands.
type Requests struct {
	// Client needs patch on userlands/status and the verb request on userlands.
	Client client.Client
}

// Ask writes one request; a zero time withdraws it.
func (r Requests) Ask(ctx context.Context, u *v1alpha1.Userland, what Request, at time.Time) error {
	var err error
	if at.IsZero() {
		err = r.withdraw(ctx, u, what)
	} else {
		err = r.apply(ctx, u, what, metav1.NewTime(at))
	}
	if err != nil {
		return fmt.Errorf("write status.requests.%s of %s/%s: %w", what, u.Namespace, u.Name, err)
	}
	return nil
}

func (r Requests) apply(ctx context.Context, u *v1alpha1.Userland, what Request, at metav1.Time) error {
	requests := applyv1alpha1.Requests()
	*what.field(requests) = &at
	config := applyv1alpha1.Userland(u.Name, u.Namespace).WithStatus(applyv1alpha1.UserlandStatus().WithRequests(requests))
	return r.Client.Status().Apply(ctx, config, client.FieldOwner(fieldOwner+string(what)), client.ForceOwnership)
}

// withdraw removes a request by a merge patch. An apply would leave what another owner
// wrote, such as kubectl.
func (r Requests) withdraw(ctx context.Context, u *v1alpha1.Userland, what Request) error {
	patch := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"status":{"requests":{%q:null}}}`, what))
	target := &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: u.Namespace, Name: u.Name}}
	return r.Client.Status().Patch(ctx, target, patch, client.FieldOwner(fieldOwner+string(what)))
}
