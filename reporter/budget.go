package reporter

import (
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/forge"
)

const (
	// maxPosts bounds the posts on one commit about one course.
	maxPosts = 6
	// maxPending, maxWords bound what part of them goes to a commit that is on its way, and
	// to new words for a state that the commit has already.
	maxPending = 2
	maxWords   = 3
	// pendingEvery is the shortest time between two posts on a commit that is on its way.
	pendingEvery = time.Minute
)

// mayPost reports whether the commit may have another post, and if it may later, when.
//
// A failure may always be posted, and no success may be the last post: so a mark is never
// green while something that the commit brought fails. The last post is a failure whose
// words stay true however often the failure comes and goes (describeUnsteady). If the post
// before it is a failure already, the last one is a success when the commit is no longer
// followed, since nothing is promised after that.
func mayPost(last, next *v1alpha1.ReportStatus, now time.Time) (allowed bool, wait time.Duration) {
	posts, sameState := last.Posts, next.State == last.State
	switch state := forge.State(next.State); {
	case posts >= maxPosts:
		return false, 0
	case state == forge.Pending && sameState:
		return roomAfter(posts < maxPending, last.Time.Add(pendingEvery).Sub(now))
	case state == forge.Pending:
		return posts < maxWords, 0
	case sameState:
		return roomAfter(posts < maxWords, last.Time.Add(updateEvery).Sub(now))
	case state == forge.Failure:
		return true, 0
	case posts < maxPosts-1:
		return true, 0
	}
	end := last.Time.Add(watchFor).Sub(now)
	return roomAfter(true, end)
}

// roomAfter combines a bound of posts with a time to wait for.
func roomAfter(room bool, rest time.Duration) (allowed bool, wait time.Duration) {
	if !room {
		return false, 0
	}
	return rest <= 0, max(rest, 0)
}
