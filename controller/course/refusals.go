package course

import (
	"crypto/sha256"
	"encoding/json"
	"sync"
	"time"

	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/enrolment"
	"github.com/carrel-dev/carrel/core/roster"
)

// askAgain is for how long the API server is taken at its word. A policy or a
// quota that refused a roster is mended by people, who need not wait: any change
// of the rows and the request to reconcile ask at once.
const askAgain = 5 * time.Minute

// refusals spare the API server the same rows, tried again at each event of a class
// in which one is refused. Losing them costs one more question.
type refusals struct {
	clock clock.PassiveClock

	mutex sync.Mutex
	of    map[types.UID]refused
}

type refused struct {
	of       [sha256.Size]byte
	problems []roster.Problem
	begun    bool
	until    time.Time
}

func newRefusals(c clock.PassiveClock) *refusals {
	return &refusals{clock: c, of: map[types.UID]refused{}}
}

// remembered is why the same was refused lately; empty if it was not.
func (r *refusals) remembered(c *v1alpha1.Course, plan enrolment.Plan) (problems []roster.Problem, begun bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	last, found := r.of[c.UID]
	if !found || !r.clock.Now().Before(last.until) || last.of != contentOf(c, plan) {
		delete(r.of, c.UID)
		return nil, false
	}
	return last.problems, last.begun
}

// remember notes what was refused, if anything was; for how long counts from the
// first time.
func (r *refusals) remember(c *v1alpha1.Course, plan enrolment.Plan, problems []roster.Problem, begun bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if len(problems) == 0 {
		delete(r.of, c.UID)
		return
	}
	content := contentOf(c, plan)
	if last, found := r.of[c.UID]; found && last.of == content {
		return
	}
	r.of[c.UID] = refused{of: content, problems: problems, begun: begun, until: r.clock.Now().Add(askAgain)}
}

// contentOf is a digest of what the API server would be asked.
func contentOf(c *v1alpha1.Course, plan enrolment.Plan) [sha256.Size]byte {
	type ask struct {
		Name string
		Row  roster.Row
		UID  types.UID
	}
	asks := make([]ask, len(plan.Wants))
	for i, want := range plan.Wants {
		asks[i] = ask{Name: want.Name, Row: want.Row}
		if want.Found != nil {
			asks[i].UID = want.Found.UID
		}
	}
	// Strings, numbers and maps of strings can always be encoded.
	text, _ := json.Marshal([]any{c.Generation, c.Annotations[fluxmeta.ReconcileRequestAnnotation], enrolment.ShardLabels(c), asks})
	return sha256.Sum256(text)
}
