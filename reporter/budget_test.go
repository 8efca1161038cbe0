package reporter

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Each bound of the posts on one commit.
func TestMayPost(t *testing.T) {
	for name, test := range map[string]struct {
		posts   int32
		from    string
		ago     time.Duration
		to      string
		allowed bool
		wait    time.Duration
	}{
		"new counts within a minute wait":             {1, "pending", 10 * time.Second, "pending", false, 50 * time.Second},
		"new counts after a minute are posted":        {1, "pending", time.Minute, "pending", true, 0},
		"a third pending post is not made":            {maxPending, "pending", time.Hour, "pending", false, 0},
		"pending after a final state is posted":       {maxWords - 1, "failure", 0, "pending", true, 0},
		"pending after a final state has a bound":     {maxWords, "failure", time.Hour, "pending", false, 0},
		"new words within ten seconds wait":           {1, "failure", 4 * time.Second, "failure", false, 6 * time.Second},
		"new words after ten seconds are posted":      {maxWords - 1, "failure", updateEvery, "failure", true, 0},
		"new words have a bound":                      {maxWords, "failure", time.Hour, "failure", false, 0},
		"new words of a success have it too":          {maxWords, "success", time.Hour, "success", false, 0},
		"a success is posted at once":                 {maxPosts - 2, "failure", 0, "success", true, 0},
		"a failure is posted at once":                 {maxPosts - 2, "success", 0, "failure", true, 0},
		"the last post may be a failure":              {maxPosts - 1, "success", 0, "failure", true, 0},
		"the last post may not be a success":          {maxPosts - 1, "failure", time.Hour, "success", false, watchFor - time.Hour},
		"unless the commit is no longer followed":     {maxPosts - 1, "failure", watchFor, "success", true, 0},
		"a seventh post is not made, be it a failure": {maxPosts, "success", time.Hour, "failure", false, 0},
		"a seventh post is not made, be it a success": {maxPosts, "failure", 2 * watchFor, "success", false, 0},
		"a seventh post is not made, be it pending":   {maxPosts, "failure", time.Hour, "pending", false, 0},
	} {
		before := &v1alpha1.ReportStatus{State: test.from, Posts: test.posts, Time: metav1.NewTime(now.Add(-test.ago))}
		allowed, wait := mayPost(before, &v1alpha1.ReportStatus{State: test.to}, now)
		if allowed != test.allowed || wait != test.wait {
			t.Errorf("%s: allowed %v, wait %v; want %v, %v", name, allowed, wait, test.allowed, test.wait)
		}
	}
}

// The words of the last post stay true when the failure goes and comes again.
func TestLastPostStaysTrue(t *testing.T) {
	syncs := []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t1")}
	for posts, want := range map[int32]bool{maxPosts - 2: false, maxPosts - 1: true} {
		before := last("A", "success", "24 of 24 ready")
		before.Posts = posts
		d := Decide(AimAt(syncs, before, "A", nil), syncs, tally(24, 23, v1alpha1.ImagePullBackOffReason), before, now)
		if !d.Post || strings.Contains(d.Report.Description, "again and again") != want {
			t.Errorf("post %d is %+v, want the words of a last post: %v", posts+1, d.Report, want)
		}
	}
}
