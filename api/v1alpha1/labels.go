package v1alpha1

// Labels are indexes for people and for list calls. The owner of an object is
// decided by its controller reference, and that of a volume by UserAnnotation.
const (
	// UserlandLabel names the Userland of a Deployment, pod, Service or
	// PersistentVolumeClaim.
	UserlandLabel = "carrel.dev/userland"

	// TemplateLabel names the Template of a Deployment and its pods.
	TemplateLabel = "carrel.dev/template"

	// RevisionLabel names the ControllerRevision from which a Deployment was made.
	RevisionLabel = "carrel.dev/revision"

	// CourseLabel marks the namespace of a course. Its value is the course's name,
	// which is the namespace's own.
	CourseLabel = "carrel.dev/course"

	// ManagedByLabel is a recommended Kubernetes label. The controller sets it to
	// ManagedByValue.
	ManagedByLabel = "app.kubernetes.io/managed-by"

	// ManagedByValue is the value that the controller writes into ManagedByLabel.
	ManagedByValue = "carrel-controller"

	// ErrandLabel marks the Job, the pod and the volume claims of an errand, which is a
	// pod that belongs to no student. Its value is the name of the Job. Templates can't
	// set it.
	ErrandLabel = "carrel.dev/errand"

	// ErrandManagedByValue is the value of ManagedByLabel on the objects of an errand.
	ErrandManagedByValue = "carrel-errand"

	// KeepUntilLabel marks a PersistentVolumeClaim that is not in use: its Userland
	// is gone, its Template no longer has the volume, or a reset replaced it. Its
	// value is the time until which the volume is kept, in UTC and in the form
	// KeepUntilLayout, or KeepForever. The controller removes the label when the
	// same user needs the volume again.
	KeepUntilLabel = "carrel.dev/keep-until"
)

const (
	// KeepUntilLayout is the time.Format layout of KeepUntilLabel. It is the basic
	// form of ISO 8601, because a label value must not contain a colon.
	KeepUntilLayout = "20060102T150405Z"

	// KeepForever is the value of retain and of KeepUntilLabel for a volume that is
	// never deleted.
	KeepForever = "Forever"
)

// Annotations on PersistentVolumeClaims. A claim has no owner, so that nothing
// deletes a student's work along with another object. The annotations record the
// owner instead.
const (
	// UserAnnotation is the login of the user who owns the volume. A volume is
	// never attached for another user.
	UserAnnotation = "carrel.dev/user"

	// VolumeAnnotation is the name of the volume in the Template.
	VolumeAnnotation = "carrel.dev/volume"

	// RetainAnnotation is the retain of the volume in the Template. It is recorded
	// because the Template may be gone when it is needed.
	RetainAnnotation = "carrel.dev/retain"

	// ClaimTemplateAnnotation is the name of the Template for which the volume was last
	// used. It decides which carrel gets the volume if the user has several.
	ClaimTemplateAnnotation = "carrel.dev/template"

	// AttachedAnnotation is the time at which a pod of a carrel first ran with the
	// volume, in the form KeepUntilLayout, or NeverAttached. A claim without it may
	// hold work.
	AttachedAnnotation = "carrel.dev/attached-at"

	// NeverAttached is the value of AttachedAnnotation of a claim that was made empty
	// and that no pod has run with.
	NeverAttached = "Never"

	// RestoredAnnotation is the time at which a person decided that this claim holds
	// the work, in the form KeepUntilLayout: they restored it from a backup, or went
	// back to it after a reset. The latest such time, or reset, counts.
	RestoredAnnotation = "carrel.dev/restored-at"

	// HandledRequestAnnotation is the time of the request in Course.status.requests
	// that was handled last for this claim, in RFC 3339 form.
	HandledRequestAnnotation = "carrel.dev/handled-request"
)

// More annotations on PersistentVolumeClaims.
const (
	// ResetAnnotation is the time at which the user asked for this fresh volume, in
	// the form KeepUntilLayout. The first volume has none. If a volume has several
	// claims, the one with the latest reset or restore is used.
	ResetAnnotation = "carrel.dev/reset-at"

	// ClaimSpecAnnotation is a digest of the pvcSpec from which the claim was made. A
	// claim that never had a volume is made again when the Template has another.
	ClaimSpecAnnotation = "carrel.dev/claim-spec"

	// AnnouncedAnnotation records that the deletion of an unused volume was
	// announced: for which value of KeepUntilLabel, and when.
	AnnouncedAnnotation = "carrel.dev/announced"

	// AnnouncedInAnnotation identifies the watch in which a deletion was announced in a
	// namespace without a Course. In another watch, the deletion is announced again.
	AnnouncedInAnnotation = "carrel.dev/announced-in"

	// CondemnedAnnotation is written right before an expired volume is deleted. The
	// API server stamps that write with its own clock, which the controller
	// compares.
	CondemnedAnnotation = "carrel.dev/condemned"
)

// ErrandPriorityClass is the PriorityClass of the pods of errands. Students' pods may
// push them out, and they push out nobody.
const ErrandPriorityClass = "carrel-errand"

// WatchAnnotation is on the Lease of the controllers. It identifies the time for which
// they have run without an outage: a controller that takes the Lease after an outage
// writes another one.
const WatchAnnotation = "carrel.dev/watch"

// RevisionAnnotation is the commit from which a Course was applied, for a Course
// that Flux does not apply. It has Flux's form: main@sha1:<hash>. It does not say
// which repository has the commit: see ReportToAnnotation.
const RevisionAnnotation = "carrel.dev/revision"

// ReportToAnnotation is set on the namespace of a course that Flux does not apply.
// It names a Secret in the reporter's own namespace with the address of the
// course's repository and a token for it.
const ReportToAnnotation = "carrel.dev/report-to"

// AllowDeletionAnnotation allows deleting the namespace of a course, with all work
// in it, or a Course that has students. Its value must be the name of the object.
const AllowDeletionAnnotation = "carrel.dev/allow-deletion"

// ExpireWithoutCourseAnnotation on a namespace lets the volumes in it expire although
// it has no Course. Its value must be the name of the namespace.
const ExpireWithoutCourseAnnotation = "carrel.dev/expire-without-course"

// Annotations on the namespace of a course by which the cluster's maintainer allows its
// Templates more. Each value is a list of names, separated by commas. Empty or absent
// allows nothing.
const (
	// AllowClaimsAnnotation lists PersistentVolumeClaims of the course with material for
	// everybody, which Templates may mount or copy.
	AllowClaimsAnnotation = "carrel.dev/allow-claims"

	// AllowRuntimeClassesAnnotation lists the runtime classes that Templates may name.
	AllowRuntimeClassesAnnotation = "carrel.dev/allow-runtime-classes"

	// AllowTolerationsAnnotation lists the keys of taints that Templates may tolerate.
	AllowTolerationsAnnotation = "carrel.dev/allow-tolerations"
)

// ForCarrelsLabel marks a Secret that Templates may use if its value is "true". The
// policies template-secrets and secret-of-a-template hold that.
const ForCarrelsLabel = "carrel.dev/for-carrels"

// RosterLabel marks a ConfigMap as a roster if its value is "true". The
// controller sees no other ConfigMaps.
const RosterLabel = "carrel.dev/roster"

// NameAnnotation is the student's display name from the roster, on a Userland made
// from a row.
const NameAnnotation = "carrel.dev/name"

// ReplacesAnnotation is the UID of the former Userland of the same user, on a Userland
// that was made from a row together with others in the place of that one. The write that
// makes the first of them records it, so a controller that is killed before the last one
// does not move the former Userland to a row that is left.
const ReplacesAnnotation = "carrel.dev/replaces"

// SourceAnnotation is set on a ControllerRevision. It holds a digest of the
// Template's own part of the revision. Revisions with equal digests differ only by
// the version of the controller that made them, which restarts nobody.
const SourceAnnotation = "carrel.dev/source"

// IntentAnnotation is a digest of the whole object as the controller last intended
// it. It lets the controller detect a changed intent without keeping state in
// memory, even if the change only removes fields.
const IntentAnnotation = "carrel.dev/intent"

// LeftAnnotation is a digest of what differs from the intent after an apply, because
// an admission webhook changes it each time. It lets the controller leave such an
// object alone, also after a restart.
const LeftAnnotation = "carrel.dev/left"

// RestartedAtAnnotation is set on pods. It is the time at which a person last asked
// for a restart, in RFC 3339 form.
const RestartedAtAnnotation = "carrel.dev/restarted-at"

// ReservedPrefix is the prefix of every label and annotation that belongs to
// Carrel.
const ReservedPrefix = "carrel.dev/"

// Environment variables set in every container of a carrel.
const (
	// UserEnv holds the login of the user.
	UserEnv = "CARREL_USER"
	// UserlandEnv holds the name of the Userland.
	UserlandEnv = "CARREL_USERLAND"
	// CourseEnv holds the name of the course.
	CourseEnv = "CARREL_COURSE"
	// ReservedEnvPrefix is the prefix of variables that a Template must not set
	// itself.
	ReservedEnvPrefix = "CARREL_"
)
