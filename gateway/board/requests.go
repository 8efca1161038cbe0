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

// fieldOwner begins the names under which requests are written. Each request has
// one of its own: an apply takes back what its owner wrote before and it does not
// name, and one may be asked for while another replica, or the same, asks for the next.
const fieldOwner = "carrel-gateway-"

// Request is a field of status.requests.
type Request string

// The requests there are.
const (
	RestartAt Request = "restartAt"
	StopAt    Request = "stopAt"
	KeepUntil Request = "keepUntil"
	ResetAt   Request = "resetAt"
	HelpSince Request = "helpSince"
)

// field is where a request stands among all.
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

// Requests writes what people ask of carrels.
type Requests struct {
	// Client needs patch on userlands/status and the verb request on userlands.
	Client client.Client
}

// Ask writes one request by server-side apply; a zero time takes it back.
func (r Requests) Ask(ctx context.Context, u *v1alpha1.Userland, what Request, at time.Time) error {
	var err error
	if at.IsZero() {
		err = r.takeBack(ctx, u, what)
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

// takeBack is a patch: an apply would leave what somebody else wrote, by kubectl
// for instance.
func (r Requests) takeBack(ctx context.Context, u *v1alpha1.Userland, what Request) error {
	patch := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"status":{"requests":{%q:null}}}`, what))
	target := &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: u.Namespace, Name: u.Name}}
	return r.Client.Status().Patch(ctx, target, patch, client.FieldOwner(fieldOwner+string(what)))
}
