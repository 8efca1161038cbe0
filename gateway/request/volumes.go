// Package request writes people's requests for the volumes of a course. The class board
// and the command line share it.
package request

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/volume"
)

// Volumes writes status.requests.volumes of Courses.
type Volumes struct {
	// Client needs get and the verb request on courses, and patch on courses/status. It
	// must read from the API server, not from a cache.
	Client client.Client
	// Owner is the field owner of the writes.
	Owner string
}

// Ask requests that a claim has the value keepUntil of its label from now on. The kept
// volumes of the course decide which earlier requests need nothing more.
func (v Volumes) Ask(ctx context.Context, course, claim, keepUntil string, now time.Time, kept []volume.Kept) error {
	asked := v1alpha1.VolumeRequest{Claim: claim, At: metav1.NewTime(now), KeepUntil: keepUntil}
	// The list is read and written as a whole, so that handled requests can be left out.
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		c := &v1alpha1.Course{}
		if err := v.Client.Get(ctx, client.ObjectKey{Namespace: course, Name: course}, c); err != nil {
			return err
		}
		before := c.DeepCopy()
		c.Status.Requests = volume.Ask(c.Status.Requests, asked, kept)
		patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
		return v.Client.Status().Patch(ctx, c, patch, client.FieldOwner(v.Owner))
	})
	if err != nil {
		return fmt.Errorf("write status.requests of course %s: %w", course, err)
	}
	return nil
}
