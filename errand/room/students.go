package room

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// LackedByStudents reports whether a student of the class can't start for lack of room.
// One pod fewer in the course could change that.
func LackedByStudents(class []v1alpha1.Userland) bool {
	for i := range class {
		u := &class[i]
		ready := meta.FindStatusCondition(u.Status.Conditions, v1alpha1.ReadyCondition)
		if u.Status.State != v1alpha1.StateFailing || ready == nil {
			continue
		}
		if strings.Contains(ready.Message, quotaExceeded) || ready.Reason == v1alpha1.UnschedulableReason && LackedOnNodes(ready.Message) {
			return true
		}
	}
	return false
}

// quotaExceeded is what the API server says of a quota without room.
const quotaExceeded = "exceeded quota"

// LackedOnNodes reports whether the scheduler found nodes too full, and not merely wrong.
func LackedOnNodes(message string) bool {
	return strings.Contains(message, "Insufficient ") || strings.Contains(message, "Too many pods")
}
