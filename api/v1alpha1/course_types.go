package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CourseSpec describes a class.
type CourseSpec struct {
	// title is the name of the course for people, for instance "Programming 1".
	// +optional
	// +kubebuilder:validation:MaxLength=200
	Title string `json:"title,omitempty"`

	// templateName is the Template for Userlands that name none.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	TemplateName string `json:"templateName,omitempty"`

	// rosters are the lists of students. Each row becomes a Userland, owned by the
	// Course. They are taken together, and with an error in any of them nothing
	// changes. A Userland that is there for the same user and Template, from a
	// file of its own, comes before a row.
	// +optional
	// +listType=map
	// +listMapKey=configMap
	// +kubebuilder:validation:MaxItems=32
	Rosters []RosterSource `json:"rosters,omitempty"`

	// guard keeps a slip in a roster from removing the class.
	// +optional
	// +kubebuilder:default={}
	Guard Guard `json:"guard,omitempty"`

	// timetable says when the class meets.
	// +optional
	Timetable *Timetable `json:"timetable,omitempty"`

	// maxStarting is how many carrels of the class may be starting at once. The
	// others wait in state Queued: those whose session is in progress come first,
	// then who came first. Absent: as many as want to.
	// +optional
	// +kubebuilder:validation:Minimum=1
	MaxStarting *int32 `json:"maxStarting,omitempty"`

	// notice is what students are told while they wait for their carrels, for
	// instance "Room 204 is closed on Friday". Plain text.
	// +optional
	// +kubebuilder:validation:MaxLength=1000
	Notice string `json:"notice,omitempty"`

	// enrolment is Closed (the default: git says who is in the course) or Open: a
	// visitor whom enrolmentRules let in is given a carrel of the course's Template
	// on their first visit. The namespace must allow it too: see
	// kustomize/components/open-enrolment.
	// +optional
	// +kubebuilder:default=Closed
	Enrolment Enrolment `json:"enrolment,omitempty"`

	// enrolmentRules let a visitor in if any of them does. Open enrolment without a
	// rule lets nobody in.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	EnrolmentRules []EnrolmentRule `json:"enrolmentRules,omitempty"`

	// suspend freezes the class as it is: no carrel is made, started, stopped or
	// removed, and no volume deleted, until it is false again.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// Enrolment says who decides who is in a course.
// +kubebuilder:validation:Enum=Closed;Open
type Enrolment string

const (
	// EnrolmentClosed leaves it to git.
	EnrolmentClosed Enrolment = "Closed"
	// EnrolmentOpen also lets in who comes and meets a rule.
	EnrolmentOpen Enrolment = "Open"
)

// EnrolmentRule lets in visitors of whom their login provider says something.
type EnrolmentRule struct {
	// claim is the name of a claim of the login provider, such as groups or
	// email_domain.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	Claim string `json:"claim"`

	// values are those of which the claim must have one.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MaxLength=200
	Values []string `json:"values"`
}

// CourseStatus is how a class is doing.
type CourseStatus struct {
	// observedGeneration is the generation of the spec that the rest of the
	// status speaks of; -1 before the controller has seen it.
	// +optional
	// +kubebuilder:default=-1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// userlands counts the carrels of the course.
	// +optional
	Userlands *UserlandCounts `json:"userlands,omitempty"`

	// roster is what became of the rosters.
	// +optional
	Roster *RosterStatus `json:"roster,omitempty"`

	// session is the one in progress, or the next.
	// +optional
	Session *SessionStatus `json:"session,omitempty"`

	// report is what was last reported to the forge. Its writer is the reporter.
	// +optional
	Report *ReportStatus `json:"report,omitempty"`

	// lastHandledReconcileAt is the value of the annotation
	// reconcile.fluxcd.io/requestedAt that the controller saw last, as Flux's own
	// kinds have it. While the course is suspended it stays what it was.
	// +optional
	LastHandledReconcileAt string `json:"lastHandledReconcileAt,omitempty"`

	// conditions are Ready, Reconciling and Stalled, as kstatus defines them;
	// RosterValid, if the course has rosters; Held, while a removal waits for a
	// confirmation; and Reported, which the reporter writes.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// UserlandCounts counts the carrels of a course.
type UserlandCounts struct {
	// total is the number of Userlands.
	// +required
	Total int32 `json:"total"`
	// ready is how many are Ready; those meant to be stopped count as ready.
	// +required
	Ready int32 `json:"ready"`
	// states counts Userlands by state.
	// +optional
	States map[string]int32 `json:"states,omitempty"`
	// attention counts, by reason, the Userlands that need a person.
	// +optional
	Attention map[string]int32 `json:"attention,omitempty"`
}

// ReportStatus is what was last reported about a course to the forge.
type ReportStatus struct {
	// revision is the commit the status was posted on, as a full hash.
	// +required
	Revision string `json:"revision"`
	// state is pending, success or failure.
	// +required
	State string `json:"state"`
	// description is the text posted, at most 140 characters.
	// +required
	Description string `json:"description"`
	// digests are, by Kustomization (namespace/name), those of the rendered
	// content reported about; with "failed:" before one that Flux could not
	// apply. A commit that leaves them unchanged did not touch the course and is
	// not reported on.
	// +optional
	Digests map[string]string `json:"digests,omitempty"`
	// files are the names of the Userlands that Flux had applied when it came to
	// this content, each from a file of its own; none are kept if there are more
	// than 2,000.
	// +optional
	// +listType=atomic
	Files []string `json:"files,omitempty"`
	// gone is how many of those before are no longer there since this commit.
	// +optional
	Gone int32 `json:"gone,omitempty"`
	// time is when the status was posted, or the content changed under the same one.
	// +required
	Time metav1.Time `json:"time"`
}

// Course is a class. Each namespace has at most one, of the namespace's name.
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

	// spec describes the class.
	// +optional
	// +kubebuilder:default={}
	Spec CourseSpec `json:"spec,omitempty"`

	// status is how it is doing.
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
