package board

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// FieldOwner is under which name requests are written.
const FieldOwner = "carrel-gateway"

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

// Requests writes what people ask of carrels.
type Requests struct {
	// Client needs patch on userlands/status and the verb request on userlands.
	Client client.Client
}

// Ask writes one request; a zero time takes it back. Each is a patch of its one
// field: an apply would take back, with what another replica or another hand
// asked for a moment ago, all that it does not name.
func (r Requests) Ask(ctx context.Context, u *v1alpha1.Userland, what Request, at time.Time) error {
	var value any
	if !at.IsZero() {
		value = at.UTC().Format(time.RFC3339)
	}
	patch, err := json.Marshal(map[string]any{
		// Not of a namesake that came in its place in the meantime.
		"metadata": map[string]any{"uid": u.UID},
		"status":   map[string]any{"requests": map[string]any{string(what): value}},
	})
	if err != nil {
		return fmt.Errorf("encode a request: %w", err)
	}
	target := &v1alpha1.Userland{}
	target.Namespace, target.Name = u.Namespace, u.Name
	if err := r.Client.Status().Patch(ctx, target, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(FieldOwner)); err != nil {
		return fmt.Errorf("write status.requests.%s of %s/%s: %w", what, u.Namespace, u.Name, err)
	}
	return nil
}
