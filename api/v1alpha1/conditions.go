package v1alpha1

// Condition types. The first three have the meaning kstatus gives them, so
// `kubectl wait`, Flux and dashboards understand them.
const (
	// ReadyCondition is True when the object is what its spec asks for: for a
	// Userland that the carrel answers, or is meant not to (Disabled).
	ReadyCondition = "Ready"
	// ReconcilingCondition is present and True while the controller works
	// towards the spec or waits for something that comes by itself.
	ReconcilingCondition = "Reconciling"
	// StalledCondition is present and True when a person must act.
	StalledCondition = "Stalled"
	// ReportedCondition is on a Course. It is True when the forge knows how the
	// course is doing, and False, with the cure, while it can't be told. It says
	// nothing about the carrels.
	ReportedCondition = "Reported"
	// RosterValidCondition is on a Course with rosters. It is False, and nothing
	// of them brought about, while any has an error.
	RosterValidCondition = "RosterValid"
	// HeldCondition is on a Course, and True, while a change of its rosters would
	// remove more than spec.guard lets pass.
	HeldCondition = "Held"
	// UpdatePendingCondition is on a Userland, and True, while its carrel runs
	// with an older revision of its Template.
	UpdatePendingCondition = "UpdatePending"
	// RolloutHeldCondition is on a Template, and on its Course, and True while
	// a roll-out waits because carrels it updated do not come up.
	RolloutHeldCondition = "RolloutHeld"
)

// Reasons of the conditions of a Userland, and of the causes a Course counts.
// The set is open: readers show unknown reasons as they are.
const (
	// RunningReason: the pod answers.
	RunningReason = "Running"
	// StartingReason: the pod is on its way and nothing is wrong so far.
	StartingReason = "Starting"
	// SchedulingReason: the pod waits for a node, so far for no reason of its own.
	SchedulingReason = "Scheduling"
	// PreparingReason: the node pulls images or attaches volumes.
	PreparingReason = "Preparing"
	// StartedReason: the containers have started and do not answer yet.
	StartedReason = "Started"
	// DisabledReason: spec.enabled is false; volumes are kept.
	DisabledReason = "Disabled"
	// TermOverReason: the term of the Course is over; volumes are kept.
	TermOverReason = "TermOver"
	// StoppingReason: spec.enabled is false and the pod is still ending.
	StoppingReason = "Stopping"

	// QueuedReason: as many carrels of the course as spec.maxStarting says are
	// starting; this one starts when it is its turn.
	QueuedReason = "Queued"
	// AsleepReason: stopped because nobody uses it; volumes are kept.
	AsleepReason = "Asleep"

	// TemplateNotFoundReason: the Template named does not exist (yet).
	TemplateNotFoundReason = "TemplateNotFound"
	// TemplateInvalidReason: the API server or Carrel refuses the Template.
	TemplateInvalidReason = "TemplateInvalid"
	// NoTemplateReason: neither the Userland nor its Course names a Template.
	NoTemplateReason = "NoTemplate"
	// VolumeOfAnotherUserReason: a volume of this name holds another user's work.
	VolumeOfAnotherUserReason = "VolumeOfAnotherUser"
	// ForeignObjectReason: an object of the name needed belongs to someone else.
	ForeignObjectReason = "ForeignObject"
	// ApplyRefusedReason: the API server refused an object of the carrel.
	ApplyRefusedReason = "ApplyRefused"

	// VolumePendingReason: a volume claim is not bound.
	VolumePendingReason = "VolumePending"
	// UnschedulableReason: no node can take the pod.
	UnschedulableReason = "Unschedulable"
	// PodRefusedReason: the API server refuses the pod (quota, Pod Security).
	PodRefusedReason = "PodRefused"
	// ImagePullBackOffReason: an image can't be pulled.
	ImagePullBackOffReason = "ImagePullBackOff"
	// CrashLoopBackOffReason: a container keeps ending.
	CrashLoopBackOffReason = "CrashLoopBackOff"
	// ContainerConfigReason: a container can't be made from its description
	// (a missing Secret or ConfigMap, a user it may not run as).
	ContainerConfigReason = "ContainerConfigError"
	// NotAnsweringReason: the container runs and its probe fails.
	NotAnsweringReason = "NotAnswering"
)

// Reasons of the UpdatePending condition of a Userland.
const (
	// OlderRevisionReason: the carrel goes on as it was until it next starts.
	OlderRevisionReason = "OlderRevision"
	// RollingOutReason: the carrel is to be restarted for the Template's edit, and
	// awaits its turn.
	RollingOutReason = "RollingOut"
)

// Reasons of the RolloutHeld condition.
const (
	// UpdatedFailingReason: carrels that took the new revision fail.
	UpdatedFailingReason = "UpdatedFailing"
)

// Reasons of the conditions of a Template.
const (
	// AcceptedReason: the API server would take a carrel made of this Template.
	AcceptedReason = "Accepted"
)

// Reasons of the conditions of a Course.
const (
	// AllReadyReason: every Userland of the course is Ready.
	AllReadyReason = "AllReady"
	// TimetableInvalidReason: spec.timetable can't be worked out; carrels go on as
	// if there were none.
	TimetableInvalidReason = "TimetableInvalid"
	// SuspendedReason: spec.suspend is true, so nothing is changed.
	SuspendedReason = "Suspended"
	// ProgressingReason: some are not Ready yet and none needs attention.
	ProgressingReason = "Progressing"
	// NeedsAttentionReason: some need a person.
	NeedsAttentionReason = "NeedsAttention"
)

// Reasons of the RosterValid and Held conditions of a Course, and of its Ready
// condition while these keep it from being ready.
const (
	// RosterReadReason: the rosters have no error.
	RosterReadReason = "Read"
	// RosterInvalidReason: some row or file has an error.
	RosterInvalidReason = "RosterInvalid"
	// RosterNotFoundReason: a ConfigMap named is not there.
	RosterNotFoundReason = "RosterNotFound"
	// RosterRefusedReason: the API server refused a Userland of a row.
	RosterRefusedReason = "RosterRefused"
	// RemovalHeldReason: a removal waits for a confirmation.
	RemovalHeldReason = "RemovalHeld"
)

// Reasons of events of a Course.
const (
	// GoneReason: Flux pruned Userlands whose files a commit took away.
	GoneReason = "Gone"
)

// Reasons of the Reported condition of a Course.
const (
	// PostedReason: the commit bears what status.report says.
	PostedReason = "Posted"
	// NotConfiguredReason: there is no commit or no Provider to report to.
	NotConfiguredReason = "NotConfigured"
	// UnauthorizedReason: the forge refuses the token, or there is none.
	UnauthorizedReason = "Unauthorized"
	// CommitNotFoundReason: the forge has no such commit or repository.
	CommitNotFoundReason = "CommitNotFound"
	// ForgeUnavailableReason: the forge does not answer; it is tried again.
	ForgeUnavailableReason = "ForgeUnavailable"
	// PostRefusedReason: the forge refuses the status for another reason.
	PostRefusedReason = "PostRefused"
)

// States of a carrel, in Userland.status.state. The set is open: more may
// come, and readers must show one they do not know.
const (
	// StateRunning: the pod answers.
	StateRunning = "Running"
	// StateStarting: the pod is on its way.
	StateStarting = "Starting"
	// StateQueued: it starts when fewer of its course are starting.
	StateQueued = "Queued"
	// StateAsleep: stopped because nobody uses it, or on request; it starts when
	// its user comes.
	StateAsleep = "Asleep"
	// StateDisabled: stopped by spec.enabled, or since the term is over.
	StateDisabled = "Disabled"
	// StateFailing: it can't run; the Ready condition says why.
	StateFailing = "Failing"
	// StateWaiting: something it needs, such as its Template, is not there yet.
	StateWaiting = "Waiting"
)
