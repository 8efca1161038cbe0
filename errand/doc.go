// Package errand runs pods that belong to no student. This package tries new revisions of
// Templates, each in a Job whose pod is as a student's would be. Package canary finds out
// whether courses are isolated, and package room is what both share.
//
// The state of a trial is in the cluster alone. Template.status.trials holds the
// outcomes, and how many attempts are over. The name of a Job is made of the Template,
// its revision, its volumes and the number of the attempt, so a process that is killed
// at any moment finds the Job of its attempt again:
//
//	no entry, no Job       -> create the Job of attempt 0
//	Job of attempt n       -> judge its pod, as that of a carrel is judged
//	the pod is judged      -> record the outcome, and that n+1 attempts are over
//	Job of another attempt -> delete it: its outcome is recorded, or nobody needs it
//	outcome Started        -> nothing, until the Template has another revision
//
// [Decide] is pure. The reconciler reads a [World], decides, acts, and writes the
// status, which no other program writes.
package errand
