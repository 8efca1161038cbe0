// Package reporter writes how a course is doing onto the commits that made it.
//
// Flux brings a commit of the course's repository to the cluster through one or
// more Kustomizations. The package reads from them which commit last changed the
// course (AimAt), counts the carrels (Class.Take), compares that with what was
// last reported (Decide), and posts the difference as a commit status:
//
//	           content changed              all ready
//	(nothing) ----------------> pending ----------------> success, the end
//	                             |   ^                       ^
//	       some need attention,  |   | new content           | all ready
//	       or Flux can't apply   v   | at the same commit    |
//	                            failure ---------------------+
//
// A commit that stays pending without any progress becomes a failure after a while,
// and a success still when its carrels get ready.
//
// A commit that changes the course while another is pending supersedes it: the
// older one stays pending, and its description says which commit came instead.
// Commits that came and went while the reporter was down get nothing.
//
// What was last reported is kept in Course.status.report, so the reporter may be
// killed at any moment. It reads a commit's statuses from the forge before it
// posts the first time, and whenever it can't be sure that its last post and the
// status of the Course agree; what is there already is not posted again.
//
// Only Kustomizations from the GitRepository of the Course's own take part.
package reporter
