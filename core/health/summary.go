package health

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Summary says the counts in one line: "24 of 24 ready", or "2 of 24 need
// attention: ImagePullBackOff 2".
func Summary(counts v1alpha1.UserlandCounts) string {
	if len(counts.Attention) == 0 {
		return fmt.Sprintf("%d of %d ready", counts.Ready, counts.Total)
	}
	reasons := make([]string, 0, len(counts.Attention))
	for reason := range counts.Attention {
		reasons = append(reasons, reason)
	}
	slices.SortFunc(reasons, func(a, b string) int {
		return cmp.Or(cmp.Compare(counts.Attention[b], counts.Attention[a]), cmp.Compare(a, b))
	})
	var needing int32
	for i, reason := range reasons {
		needing += counts.Attention[reason]
		reasons[i] = fmt.Sprintf("%s %d", reason, counts.Attention[reason])
	}
	verb := "need"
	if needing == 1 {
		verb = "needs"
	}
	return fmt.Sprintf("%d of %d %s attention: %s", needing, counts.Total, verb, strings.Join(reasons, ", "))
}
