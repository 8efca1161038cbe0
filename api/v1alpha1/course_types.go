package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CourseSpec describes the desired state of a class.
type CourseSpec struct {
	// title is the display name of the course, for instance "Programming 1".
	// +optional
	// +kubebuilder:validation:MaxLength=200
	Title string `json:"title,omitempty"`

	// templateName is the Template of Userlands that name none.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	TemplateName string `json:"templateName,omitempty"`

	// rosters are the lists of students. Each row becomes a Userland that the
	// Course owns. All rosters are read together; an error in any of them keeps
	// every change from taking effect. A Userland from a file of its own, for the
	// same user and Template, takes precedence over a row.
	// +optional
	// +listType=map
	// +listMapKey=configMap
	// +kubebuilder:validation:MaxItems=32
	Rosters []RosterSource `json:"rosters,omitempty"`

	// guard keeps a mistake in a roster from removing the class.
	// +optional
	// +kubebuilder:default={}
	Guard Guard `json:"guard,omitempty"`

	// timetable defines when the class meets. Absent means that the class has no
	// sessions and no term.
	// +optional
	Timetable *Timetable `json:"timetable,omitempty"`

	// maxStarting is the maximum number of carrels of the class that may be
	// starting at once. The others wait in state Queued. Those whose session is in
	// progress start first, then those that have waited longest. Absent means no
	// limit.
	// +optional
	// +kubebuilder:validation:Minimum=1
	MaxStarting *int32 `json:"maxStarting,omitempty"`

	// notice is a message to students who wait for their carrels, for instance
	// "Room 204 is closed on Friday". It is plain text. Empty means no message.
	// +optional
	// +kubebuilder:validation:MaxLength=1000
	Notice string `json:"notice,omitempty"`

	// enrolment is Closed or Open. Closed, the default, means that only git decides
	// who is in the course. Open means that a visitor whom enrolmentRules admit
	// gets a carrel of the course's Template on their first visit. The namespace
	// must allow this too: see kustomize/components/open-enrolment.
	// +optional
	// +kubebuilder:default=Closed
	Enrolment Enrolment `json:"enrolment,omitempty"`

	// enrolmentRules admit a visitor who meets any of them. Open enrolment without
	// rules admits nobody.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	EnrolmentRules []EnrolmentRule `json:"enrolmentRules,omitempty"`

	// suspend freezes the class: while it is true, no carrel is created, started,
	// stopped or removed, and no volume is deleted. Defaults to false.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// Enrolment selects who may join a course.
// +kubebuilder:validation:Enum=Closed;Open
type Enrolment string

const (
	// EnrolmentClosed leaves the decision to git.
	EnrolmentClosed Enrolment = "Closed"
	// EnrolmentOpen also admits visitors who meet a rule.
	EnrolmentOpen Enrolment = "Open"
)

// EnrolmentRule admits visitors by a claim of their login provider.
type EnrolmentRule struct {
	// provider is the name of the login provider whose visitors the rule admits, as in
	// the gateway's login file. It may be left out where there is one provider alone; a
	// rule without it admits nobody where there are several.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Provider string `json:"provider,omitempty"`

	// claim is the name of a claim of the login provider, such as groups or
	// email_domain.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	Claim string `json:"claim"`

	// values are the accepted values. The claim must have at least one of them.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MaxLength=200
	Values []string `json:"values"`
}

// CourseStatus is the observed state of a class.
type CourseStatus struct {
	// observedGeneration is the generation of the spec that the rest of the status
	// describes. It is -1 before the controller has seen the Course.
	// +optional
	// +kubebuilder:default=-1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// userlands counts the carrels of the course.
	// +optional
	Userlands *UserlandCounts `json:"userlands,omitempty"`

	// roster is the result of reading the rosters.
	// +optional
	Roster *RosterStatus `json:"roster,omitempty"`

	// session is the session in progress, or the next one.
	// +optional
	Session *SessionStatus `json:"session,omitempty"`

	// volumes counts the volumes that no carrel of the course uses.
	// +optional
	Volumes *VolumeStatus `json:"volumes,omitempty"`

	// requests are people's requests for volumes of the course. Other programs write
	// them.
	// +optional
	Requests *CourseRequests `json:"requests,omitempty"`

	// isolation records when a canary last tried what carrels of the course must not
	// reach. The errand process writes it.
	// +optional
	Isolation *IsolationStatus `json:"isolation,omitempty"`

	// report is the status last reported to the forge. The reporter writes it.
	// +optional
	Report *ReportStatus `json:"report,omitempty"`

	// lastHandledReconcileAt is the last value of the annotation
	// reconcile.fluxcd.io/requestedAt that the controller has handled, as in Flux's
	// own kinds. It does not change while the course is suspended.
	// +optional
	// +kubebuilder:validation:MaxLength=262144
	LastHandledReconcileAt string `json:"lastHandledReconcileAt,omitempty"`

	// conditions are Ready, Reconciling and Stalled, as kstatus defines them.
	// RosterValid is present if the course has rosters, Held while a removal waits
	// for confirmation, and WorkExpiring while work is to be deleted soon. The reporter
	// writes Reported and OutOfSync, and the errand process writes Isolated.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// UserlandCounts counts the carrels of a course.
type UserlandCounts struct {
	// total is the number of Userlands.
	// +required
	Total int32 `json:"total"`
	// ready is the number of Userlands that are Ready. Carrels that are stopped as
	// intended count as ready.
	// +required
	Ready int32 `json:"ready"`
	// states counts the Userlands by state.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	States map[string]int32 `json:"states,omitempty"`
	// attention counts, by reason, the Userlands that need a person.
	// +optional
	// +kubebuilder:validation:MaxProperties=100
	Attention map[string]int32 `json:"attention,omitempty"`
}

// ReportStatus is the status of a course that was last reported to the forge.
type ReportStatus struct {
	// revision is the full hash of the commit on which the status was posted.
	// +required
	// +kubebuilder:validation:MaxLength=253
	Revision string `json:"revision"`
	// state is pending, success or failure.
	// +required
	// +kubebuilder:validation:MaxLength=32
	State string `json:"state"`
	// description is the posted text, at most 140 characters.
	// +required
	// +kubebuilder:validation:MaxLength=140
	Description string `json:"description"`
	// digests are the digests of the reported content as rendered, by Kustomization
	// (namespace/name). The prefix "failed:" marks content that Flux could not
	// apply. A commit that leaves them unchanged did not touch the course and gets
	// no status.
	// +optional
	// +kubebuilder:validation:MaxProperties=1000
	Digests map[string]string `json:"digests,omitempty"`
	// files are the names of the Userlands with files of their own that Flux had
	// applied when it reached this content. The list is empty if there are more
	// than 2,000.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=2000
	// +kubebuilder:validation:items:MaxLength=253
	Files []string `json:"files,omitempty"`
	// gone is the number of Userlands with files that this commit removed.
	// +optional
	Gone int32 `json:"gone,omitempty"`
	// time is the time at which the status was posted.
	// +required
	Time metav1.Time `json:"time"`
	// posts is the number of statuses posted on this commit. It never exceeds 6.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Posts int32 `json:"posts,omitempty"`
	// unconfirmed is set while this status is being posted. The reporter records what it
	// is about to post, and after a restart asks the forge whether the post was made.
	// +optional
	Unconfirmed bool `json:"unconfirmed,omitempty"`
	// since is the time at which Flux began to apply this commit. Carrels made after
	// it, and revisions of Templates that became current after it, came with the commit.
	// +optional
	Since *metav1.Time `json:"since,omitempty"`
	// behind are the Kustomizations (namespace/name) that have not reached the commit,
	// with the revision at which each of them stood when the commit came.
	// +optional
	// +kubebuilder:validation:MaxProperties=1000
	Behind map[string]string `json:"behind,omitempty"`
	// progress describes how far the course had come at progressTime. Its form is not
	// defined.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Progress string `json:"progress,omitempty"`
	// progressTime is the time since which progress has not changed.
	// +optional
	ProgressTime *metav1.Time `json:"progressTime,omitempty"`
	// source is the GitRepository of the course (namespace/name). It is kept for the
	// time when no Kustomization names it any more.
	// +optional
	// +kubebuilder:validation:MaxLength=317
	Source string `json:"source,omitempty"`
}

// Course is a class. A namespace has at most one, with the namespace's name.
//
// +genclient
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=carrel
// +kubebuilder:printcolumn:name="Title",type=string,JSONPath=`.spec.title`
// +kubebuilder:printcolumn:name="Ready",type=integer,JSONPath=`.status.userlands.ready`
// +kubebuilder:printcolumn:name="Total",type=integer,JSONPath=`.status.userlands.total`
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Session",type=string,JSONPath=`.status.session.text`
// +kubebuilder:printcolumn:name="Reported",type=string,JSONPath=`.status.report.description`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Course struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the desired state of the class.
	// +optional
	// +kubebuilder:default={}
	Spec CourseSpec `json:"spec,omitempty"`

	// status is the observed state of the class.
	// +optional
	// +kubebuilder:default={"observedGeneration":-1}
	Status CourseStatus `json:"status,omitempty"`
}

// CourseList is a list of Courses.
//
// +kubebuilder:object:root=true
type CourseList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Course `json:"items"`
}

// GetConditions returns the conditions of the status.
func (c *Course) GetConditions() []metav1.Condition { return c.Status.Conditions }

// SetConditions replaces the conditions of the status.
func (c *Course) SetConditions(conditions []metav1.Condition) { c.Status.Conditions = conditions }
