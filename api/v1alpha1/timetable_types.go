package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Date is a day of the calendar, as "2027-04-12". YAML takes it for a time unless it is
// in quotes.
// +kubebuilder:validation:Pattern=`^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$`
type Date string

// TimeOfDay is a time on a 24-hour clock, as 09:00.
// +kubebuilder:validation:Pattern=`^([01][0-9]|2[0-3]):[0-5][0-9]$`
type TimeOfDay string

// Weekday is the English name of a day of the week.
// +kubebuilder:validation:Enum=Monday;Tuesday;Wednesday;Thursday;Friday;Saturday;Sunday
type Weekday string

// Timetable says when the class meets.
type Timetable struct {
	// timeZone is that of all dates and times here, by its name in the IANA
	// database, such as Asia/Tokyo.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	TimeZone string `json:"timeZone"`

	// term is when the course takes place.
	// +required
	Term Term `json:"term"`

	// sessions are the hours of the class. During one, the carrels of its
	// sections run and nobody's is stopped for idleness.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	Sessions []Session `json:"sessions,omitempty"`
}

// Term is the time from the first day of a course to its last, both included.
// +kubebuilder:validation:XValidation:rule="self.firstDay <= self.lastDay",message="lastDay must not lie before firstDay"
type Term struct {
	// firstDay is the first day of the course.
	// +required
	FirstDay Date `json:"firstDay"`
	// lastDay is the last. When it is over carrels are stopped; volumes are kept
	// as long as their Userlands exist.
	// +required
	LastDay Date `json:"lastDay"`
}

// Session is an hour of the class that comes every week, or on single days.
// +kubebuilder:validation:XValidation:rule="(has(self.weekdays) && size(self.weekdays) > 0) || (has(self.extra) && size(self.extra) > 0)",message="must take place some time: give weekdays, or dates in extra"
type Session struct {
	// name is the session's name for people, for instance "Lab". May be empty.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name,omitempty"`

	// weekdays are the days of each week of the term on which it takes place.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=7
	Weekdays []Weekday `json:"weekdays,omitempty"`

	// start is when it begins.
	// +required
	Start TimeOfDay `json:"start"`

	// duration is how long it takes, such as 1h30m, at most 24h. A session may
	// end on the next day.
	// +required
	// +kubebuilder:validation:XValidation:rule="duration(self) > duration('0s') && duration(self) <= duration('24h')",message="must be more than 0s and at most 24h"
	Duration metav1.Duration `json:"duration"`

	// sections are the parts of the class it is for; empty means everybody.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MaxLength=63
	Sections []string `json:"sections,omitempty"`

	// prewarm is how long before the start carrels are started.
	// +optional
	// +kubebuilder:default="10m"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s') && duration(self) <= duration('12h')",message="must be at least 0s and at most 12h"
	Prewarm *metav1.Duration `json:"prewarm,omitempty"`

	// except are days on which it does not take place.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=200
	Except []Date `json:"except,omitempty"`

	// extra are further days on which it does, in the term or not.
	// +optional
	// +listType=map
	// +listMapKey=date
	// +kubebuilder:validation:MaxItems=200
	Extra []ExtraSession `json:"extra,omitempty"`
}

// ExtraSession is one more day on which a session takes place.
type ExtraSession struct {
	// date is the day.
	// +required
	Date Date `json:"date"`
	// start is when it begins on that day, if not as usual.
	// +optional
	Start TimeOfDay `json:"start,omitempty"`
	// duration is how long it takes on that day, if not as usual.
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) > duration('0s') && duration(self) <= duration('24h')",message="must be more than 0s and at most 24h"
	Duration *metav1.Duration `json:"duration,omitempty"`
}

// SessionStatus is the session in progress, or the next.
type SessionStatus struct {
	// text says it in words, in the time of the class, such as
	// "Mon 12 Apr 2027 09:00–10:30 Lab (a)".
	// +required
	Text string `json:"text"`
}
