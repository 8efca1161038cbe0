package v1alpha1

// Labels are indexes for people and for list calls. Whose an object is, is
// decided by its controller reference, and for volumes by UserAnnotation.
const (
	// UserlandLabel names the Userland an object was made for. It is on
	// Deployments, pods, Services and PersistentVolumeClaims.
	UserlandLabel = "carrel.dev/userland"

	// TemplateLabel names the Template a Deployment and its pods follow.
	TemplateLabel = "carrel.dev/template"

	// RevisionLabel names the ControllerRevision a Deployment was made of.
	RevisionLabel = "carrel.dev/revision"

	// CourseLabel is on the namespace of a course and holds its name, which is
	// the namespace's own.
	CourseLabel = "carrel.dev/course"

	// ManagedByLabel is the recommended Kubernetes label; its value on what the
	// controller makes is ManagedByValue.
	ManagedByLabel = "app.kubernetes.io/managed-by"

	// ManagedByValue is what the controller writes into ManagedByLabel.
	ManagedByValue = "carrel-controller"

	// KeepUntilLabel is on a PersistentVolumeClaim that nobody uses: its Userland
	// is gone, its Template has no such volume any more, or a reset brought a
	// fresh one. Its value is the moment until which the volume is kept, in UTC,
	// in the form KeepUntilLayout, or KeepForever. It goes when the same user
	// needs the volume again.
	KeepUntilLabel = "carrel.dev/keep-until"
)

const (
	// KeepUntilLayout is the time.Format layout of KeepUntilLabel: ISO 8601
	// basic form, the only exact one a label value admits (it has no colon).
	KeepUntilLayout = "20060102T150405Z"

	// KeepForever is the value of retain and of KeepUntilLabel for a volume
	// that is never deleted.
	KeepForever = "Forever"
)

// Annotations on PersistentVolumeClaims. A claim has no owner, so that nothing
// deletes a student's work along with another object; these record whose it is.
const (
	// UserAnnotation is the login identity of the user whose volume this is. A
	// volume is never attached for anybody else.
	UserAnnotation = "carrel.dev/user"

	// VolumeAnnotation is the name of the Template's volume it was made for.
	VolumeAnnotation = "carrel.dev/volume"

	// RetainAnnotation is the Template's retain for this volume, remembered
	// because the Template may be gone by the time it is needed.
	RetainAnnotation = "carrel.dev/retain"
)

// More annotations on PersistentVolumeClaims.
const (
	// ResetAnnotation is when its user asked for the fresh volume this is, in the
	// form KeepUntilLayout; absent on the first one. Of several claims for one
	// volume that of the latest reset is used.
	ResetAnnotation = "carrel.dev/reset-at"

	// AnnouncedAnnotation says that the deletion of a volume nobody uses was
	// announced, for which value of KeepUntilLabel, and when.
	AnnouncedAnnotation = "carrel.dev/announced"

	// CondemnedAnnotation is written right before a volume is deleted whose time
	// is over. What the API server stamps that write with is its own clock.
	CondemnedAnnotation = "carrel.dev/condemned"
)

// RevisionAnnotation is, on a Course that Flux does not apply, the commit it was
// applied from, as Flux would write it: main@sha1:<hash>. It says nothing about
// whose commit that is: see ReportToAnnotation.
const RevisionAnnotation = "carrel.dev/revision"

// ReportToAnnotation names, on the namespace of a course that Flux does not apply,
// the Secret in the reporter's own namespace that holds the address of the course's
// repository, and a token for it.
const ReportToAnnotation = "carrel.dev/report-to"

// AllowDeletionAnnotation lets, on the namespace of a course, the namespace be
// deleted, with all work in it. Its value is the name of the namespace.
const AllowDeletionAnnotation = "carrel.dev/allow-deletion"

// RosterLabel is, with "true", on a ConfigMap that is a roster. The controller sees no
// other ConfigMaps.
const RosterLabel = "carrel.dev/roster"

// NameAnnotation is, on a Userland made of a row of a roster, the student's name
// for people, as the roster has it.
const NameAnnotation = "carrel.dev/name"

// SourceAnnotation is on a ControllerRevision and holds a digest of what the
// Template itself says of its carrels. Revisions with the same one differ only
// in what versions of the controller make of it, which restarts nobody.
const SourceAnnotation = "carrel.dev/source"

// IntentAnnotation is a digest of all that the controller last meant an object
// to be. It lets the controller see, without any memory of its own, that it
// wants something else now, fields it no longer sets included.
const IntentAnnotation = "carrel.dev/intent"

// RestartedAtAnnotation is on pods and says when a person last asked for a
// restart, as RFC 3339 writes it.
const RestartedAtAnnotation = "carrel.dev/restarted-at"

// ReservedPrefix begins every label and annotation that belongs to Carrel.
const ReservedPrefix = "carrel.dev/"

// Environment variables given to every container of a carrel.
const (
	// UserEnv holds the login identity of the user.
	UserEnv = "CARREL_USER"
	// UserlandEnv holds the name of the Userland.
	UserlandEnv = "CARREL_USERLAND"
	// CourseEnv holds the name of the course.
	CourseEnv = "CARREL_COURSE"
	// ReservedEnvPrefix begins every variable a Template must not set itself.
	ReservedEnvPrefix = "CARREL_"
)
