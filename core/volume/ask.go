package volume

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Ask returns the requests of a course with one more, which replaces an earlier request
// for the same claim. Requests that need nothing more are left out, so that their number
// stays bounded: those that were handled, and those for claims that are not kept. The
// request gets a time after those of the earlier ones for its claim, since clocks differ
// and times are in whole seconds.
func Ask(requests *v1alpha1.CourseRequests, request v1alpha1.VolumeRequest, kept []Kept) *v1alpha1.CourseRequests {
	byClaim := make(map[string]Kept, len(kept))
	for _, k := range kept {
		byClaim[k.Claim] = k
	}
	request.At = metav1.NewTime(request.At.Truncate(time.Second))
	supersede := func(earlier time.Time) {
		if !request.At.After(earlier) {
			request.At = metav1.NewTime(earlier.Add(time.Second))
		}
	}
	supersede(byClaim[request.Claim].Handled)
	var left []v1alpha1.VolumeRequest
	if requests != nil {
		left = slices.DeleteFunc(slices.Clone(requests.Volumes), func(r v1alpha1.VolumeRequest) bool {
			if r.Claim == request.Claim {
				supersede(r.At.Time)
				return true
			}
			k, found := byClaim[r.Claim]
			return !found || k.Settles(r)
		})
	}
	return &v1alpha1.CourseRequests{Volumes: append(left, request)}
}
