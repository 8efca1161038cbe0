// Package reporter writes how a course is doing onto the commits that made it.
//
// Flux brings a commit of the course's repository to the cluster through one or
// more Kustomizations. The package reads from them which commit last changed the
// course (AimAt), counts the carrels (Class.Take), compares that with what was
// last reported (Decide), and posts the difference as a commit status:
//
//	           content changed              all ready
//	(nothing) ----------------> pending ----------------> success
//	                             |   ^                     |  ^
//	       some need attention,  |   | new content           | all ready
//	       or Flux can't apply   v   | at the same commit    |
//	                            failure ---------------------+
//
// A success is not final: for 14 days, or until the next commit of the course, it turns
// into a failure when something that the commit brought fails, and back when it is mended.
// A commit that stays pending without any progress becomes a failure after a while. A
// commit has at most six posts about a course (mayPost).
//
// Flux brings only the newest of several commits. Which of them changed the course is asked
// of the forge (attribute); older ones end as superseded. Commits of other courses do nothing.
//
// What was last reported is kept in Course.status.report, so the reporter may be
// killed at any moment. It reads a commit's statuses from the forge before it
// posts the first time, and whenever it can't be sure that its last post and the
// status of the Course agree; what is there already is not posted again.
//
// Only Kustomizations from the GitRepository of the Course's own take part.
//
// docs/marks.md lists the rules, each with a test that holds it.
package reporter
