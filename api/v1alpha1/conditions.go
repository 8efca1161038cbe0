package v1alpha1

// Condition types. The first three have the meaning that kstatus defines, so
// `kubectl wait`, Flux and dashboards understand them.
const (
	// ReadyCondition is True when the object is in the state that its spec asks
	// for. For a Userland, the carrel answers, or it is stopped as intended
	// (Disabled).
	ReadyCondition = "Ready"
	// ReconcilingCondition is present and True while the controller works towards
	// the spec, or waits for something that needs no person.
	ReconcilingCondition = "Reconciling"
	// StalledCondition is present and True when a person must act.
	StalledCondition = "Stalled"
	// ReportedCondition is set on a Course. It is True when the forge has the
	// present status of the course. It is False, with the cure, while the status
	// can't be posted. It says nothing about the carrels.
	ReportedCondition = "Reported"
	// RosterValidCondition is set on a Course with rosters. It is False while any
	// of them has an error; then no change of the rosters takes effect. It is Unknown
	// while rows are being written, or the API server does not answer.
	RosterValidCondition = "RosterValid"
	// HeldCondition is set on a Course, and True, while a change of its rosters
	// would remove more than spec.guard allows.
	HeldCondition = "Held"
	// UpdatePendingCondition is set on a Userland, and True, while its carrel runs
	// with an older revision of its Template.
	UpdatePendingCondition = "UpdatePending"
	// RolloutHeldCondition is set on a Template and on its Course, and True, while
	// a rollout waits because carrels that it updated fail, or because it would take
	// volumes away from the class.
	RolloutHeldCondition = "RolloutHeld"
	// StartRefusedCondition is set on a Template that idles, and True, while the API
	// server would refuse what a carrel is made of at its first start, because of a
	// policy, a quota or a missing storage class, for example.
	StartRefusedCondition = "StartRefused"
	// OutOfSyncCondition is set on a Course, and True, while Flux does not bring the
	// course to what git says: a Kustomization of the course is suspended or gone, or
	// objects of the course are in the inventory of none.
	OutOfSyncCondition = "OutOfSync"
	// WorkExpiringCondition is set on a Course, and True, while the work of somebody who
	// is no longer in the course is to be deleted within a week.
	WorkExpiringCondition = "WorkExpiring"
	// IsolatedCondition is set on a Course once a carrel of it has run. It is True if a
	// pod of the course could not reach what must be closed to carrels, such as other
	// carrels and the API server. It is False while something of that is open, and Unknown
	// if it could not be tried.
	IsolatedCondition = "Isolated"
)

// Reasons in the conditions of a Userland, and the causes that a Course counts. The
// set is open: readers must show unknown reasons as they are.
const (
	// RunningReason means that the pod answers.
	RunningReason = "Running"
	// StartingReason means that the pod is starting and nothing is wrong so far.
	StartingReason = "Starting"
	// SchedulingReason means that the pod waits for a node, without a known
	// problem.
	SchedulingReason = "Scheduling"
	// PreparingReason means that the node pulls images or attaches volumes.
	PreparingReason = "Preparing"
	// StartedReason means that the containers have started but do not answer yet.
	StartedReason = "Started"
	// DisabledReason means that spec.enabled is false. Volumes are kept.
	DisabledReason = "Disabled"
	// TermOverReason means that the term of the Course is over. Volumes are kept.
	TermOverReason = "TermOver"
	// StoppingReason means that spec.enabled is false and the pod is still
	// terminating.
	StoppingReason = "Stopping"

	// QueuedReason means that spec.maxStarting carrels of the course are starting
	// already. This carrel starts when its turn comes.
	QueuedReason = "Queued"
	// AsleepReason means that the carrel is stopped because nobody uses it. Volumes
	// are kept.
	AsleepReason = "Asleep"

	// TemplateNotFoundReason means that the Template does not exist, or not yet.
	TemplateNotFoundReason = "TemplateNotFound"
	// TemplateInvalidReason means that the API server or Carrel refuses the
	// Template.
	TemplateInvalidReason = "TemplateInvalid"
	// TemplatePendingReason means that the Template was not tried on the API server
	// yet, so it has no revision to make a carrel of.
	TemplatePendingReason = "TemplatePending"
	// NoTemplateReason means that neither the Userland nor its Course names a
	// Template.
	NoTemplateReason = "NoTemplate"
	// VolumeOfAnotherUserReason means that a volume of the needed name holds
	// another user's work.
	VolumeOfAnotherUserReason = "VolumeOfAnotherUser"
	// VolumeUndecidedReason means that several volumes could be the carrel's, and that a
	// person must decide which one is.
	VolumeUndecidedReason = "VolumeUndecided"
	// ForeignObjectReason means that an object of the needed name belongs to
	// another owner.
	ForeignObjectReason = "ForeignObject"
	// ApplyRefusedReason means that the API server refused an object of the carrel.
	ApplyRefusedReason = "ApplyRefused"
	// APIServerUnavailableReason means that the API server did not answer, failed, or was
	// overloaded when an object of the carrel was written. It is tried again.
	APIServerUnavailableReason = "APIServerUnavailable"
	// ConflictReason means that another program changed an object at the same time. It is
	// tried again at once.
	ConflictReason = "Conflict"

	// VolumePendingReason means that a volume claim is not bound.
	VolumePendingReason = "VolumePending"
	// UnschedulableReason means that no node can run the pod.
	UnschedulableReason = "Unschedulable"
	// PodRefusedReason means that the API server refuses the pod, for example
	// because of a quota or Pod Security.
	PodRefusedReason = "PodRefused"
	// ImagePullBackOffReason means that an image can't be pulled.
	ImagePullBackOffReason = "ImagePullBackOff"
	// CrashLoopBackOffReason means that a container keeps crashing.
	CrashLoopBackOffReason = "CrashLoopBackOff"
	// ContainerConfigReason means that a container can't be created from its spec,
	// for example because a Secret or ConfigMap is missing or its user is not
	// allowed.
	ContainerConfigReason = "ContainerConfigError"
	// NotAnsweringReason means that the container runs but its probe fails.
	NotAnsweringReason = "NotAnswering"
)

// Reasons in the conditions of a Userland that is kept waiting by the cluster.
const (
	// PodNotMadeReason means that no controller of Kubernetes acts on the carrel's
	// Deployment.
	PodNotMadeReason = "PodNotMade"
	// PodNotEndingReason means that a pod does not end, for example because its node
	// is down.
	PodNotEndingReason = "PodNotEnding"
	// PodEndedReason means that the cluster ends one pod after the other, for example
	// because they use too much of a node's disk.
	PodEndedReason = "PodEnded"
	// NodeLostReason means that the node on which the carrel runs does not report.
	NodeLostReason = "NodeLost"
	// VolumeNotAttachedReason means that a node can't attach or mount the volumes, or
	// can't give the pod a network.
	VolumeNotAttachedReason = "VolumeNotAttached"
	// StartingTooLongReason means that a node does not get on with the containers and
	// does not say why.
	StartingTooLongReason = "StartingTooLong"
)

// Reasons in the UpdatePending condition of a Userland.
const (
	// OlderRevisionReason means that the carrel keeps its revision until it next
	// starts.
	OlderRevisionReason = "OlderRevision"
	// RollingOutReason means that the carrel will be restarted for the Template's
	// edit, and waits for its turn.
	RollingOutReason = "RollingOut"
)

// Reasons in the RolloutHeld condition.
const (
	// UpdatedFailingReason means that carrels with the new revision fail.
	UpdatedFailingReason = "UpdatedFailing"
	// VolumesHeldReason means that the edit would take volumes away from more carrels
	// than spec.guard of the Course allows. They go on with the former revision until
	// the edit is confirmed.
	VolumesHeldReason = "VolumesHeld"
)

// Reasons in the conditions of a Template.
const (
	// AcceptedReason means that the API server accepts a carrel made from this
	// Template.
	AcceptedReason = "Accepted"
)

// Reasons in the conditions of a Course.
const (
	// AllReadyReason means that every Userland of the course is Ready.
	AllReadyReason = "AllReady"
	// TimetableInvalidReason means that spec.timetable is invalid. Carrels run as
	// if there were none.
	TimetableInvalidReason = "TimetableInvalid"
	// SuspendedReason means that spec.suspend is true, so nothing is changed.
	SuspendedReason = "Suspended"
	// ProgressingReason means that some Userlands are not Ready yet and none needs
	// attention.
	ProgressingReason = "Progressing"
	// NeedsAttentionReason means that some Userlands need a person.
	NeedsAttentionReason = "NeedsAttention"
)

// Reasons in the WorkExpiring condition of a Course.
const (
	// AnnouncedReason means that the deletion of volumes is announced, and happens on
	// its date unless a person keeps them.
	AnnouncedReason = "Announced"
	// UnconfirmedReason means that volumes are past their date and stay, because
	// something that must agree does not: the rosters have errors, for example.
	UnconfirmedReason = "Unconfirmed"
)

// Reasons in the RosterValid and Held conditions of a Course. Its Ready condition
// has the same reasons while these conditions keep it from being ready.
const (
	// RosterReadReason means that the rosters have no error.
	RosterReadReason = "Read"
	// RosterInvalidReason means that a row or a file has an error.
	RosterInvalidReason = "RosterInvalid"
	// RosterNotFoundReason means that a named ConfigMap does not exist.
	RosterNotFoundReason = "RosterNotFound"
	// RosterRefusedReason means that the API server refused the Userland of a row.
	RosterRefusedReason = "RosterRefused"
	// RemovalHeldReason means that a removal waits for confirmation.
	RemovalHeldReason = "RemovalHeld"
)

// Reasons of the events of a Course.
const (
	// GoneReason means that Flux pruned Userlands whose files a commit deleted.
	GoneReason = "Gone"
)

// Reasons in the Reported condition of a Course.
const (
	// PostedReason means that the commit has the status recorded in status.report.
	PostedReason = "Posted"
	// NotConfiguredReason means that there is no commit or no Provider to report
	// to.
	NotConfiguredReason = "NotConfigured"
	// UnauthorizedReason means that the forge refuses the token, or that there is
	// none.
	UnauthorizedReason = "Unauthorized"
	// CommitNotFoundReason means that the forge does not have the commit or the
	// repository.
	CommitNotFoundReason = "CommitNotFound"
	// ForgeUnavailableReason means that the forge does not answer. The reporter
	// tries again.
	ForgeUnavailableReason = "ForgeUnavailable"
	// PostRefusedReason means that the forge refuses the status for another reason.
	PostRefusedReason = "PostRefused"
)

// Reasons in the OutOfSync condition of a Course.
const (
	// SyncSuspendedReason means that a Kustomization of the course is suspended.
	SyncSuspendedReason = "SyncSuspended"
	// SyncGoneReason means that the Kustomization that applied the Course does not exist,
	// or does not list the Course in its inventory any more.
	SyncGoneReason = "SyncGone"
	// ForgottenReason means that Flux applied Userlands that no Kustomization lists in its
	// inventory any more, so it does not remove them.
	ForgottenReason = "Forgotten"
)

// States of a carrel, in Userland.status.state. The set is open: later versions may
// add states, and readers must show unknown ones as they are.
const (
	// StateRunning means that the pod answers.
	StateRunning = "Running"
	// StateStarting means that the pod is starting.
	StateStarting = "Starting"
	// StateQueued means that the carrel starts when fewer carrels of its course are
	// starting.
	StateQueued = "Queued"
	// StateAsleep means that the carrel is stopped because nobody uses it, or on
	// request. It starts when its user comes.
	StateAsleep = "Asleep"
	// StateDisabled means that the carrel is stopped by spec.enabled, or because
	// the term is over.
	StateDisabled = "Disabled"
	// StateFailing means that the carrel can't run. The Ready condition gives the
	// reason.
	StateFailing = "Failing"
	// StateWaiting means that something the carrel needs, such as its Template,
	// does not exist yet.
	StateWaiting = "Waiting"
)
