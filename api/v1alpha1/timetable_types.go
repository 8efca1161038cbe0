package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Date is a day of the calendar, such as "2027-04-12". In YAML it must be quoted,
// because YAML would read it as a timestamp.
// +kubebuilder:validation:MaxLength=32
// +kubebuilder:validation:Pattern=`^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$`
type Date string

// TimeOfDay is a time on a 24-hour clock, such as 09:00. On a day on which the clocks
// skip it, it counts from the moment of the change: where 02:00 is followed by 03:00,
// 02:30 means 03:30. If the clocks show it twice, the first time counts.
// +kubebuilder:validation:MaxLength=32
// +kubebuilder:validation:Pattern=`^([01][0-9]|2[0-3]):[0-5][0-9]$`
type TimeOfDay string

// Weekday is the English name of a day of the week.
// +kubebuilder:validation:Enum=Monday;Tuesday;Wednesday;Thursday;Friday;Saturday;Sunday
type Weekday string

// Timetable defines when the class meets.
type Timetable struct {
	// timeZone is the time zone of all dates and times in the timetable, by its
	// name in the IANA database, such as Asia/Tokyo.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	TimeZone string `json:"timeZone"`

	// term is the period in which the course takes place.
	// +required
	Term Term `json:"term"`

	// sessions are the times at which the class meets. During a session, the
	// carrels of its sections run and are not stopped for idleness.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	Sessions []Session `json:"sessions,omitempty"`
}

// Term is the period from the first to the last day of a course, both included. It
// is at most two years long, or has no end.
// +kubebuilder:validation:XValidation:rule="!has(self.lastDay) || self.firstDay <= self.lastDay",message="lastDay must not lie before firstDay"
// +kubebuilder:validation:XValidation:rule="!has(self.lastDay) || int(self.lastDay.replace('-', '0')) - int(self.firstDay.replace('-', '0')) <= 2000000",fieldPath=".lastDay",message="a term is at most two years long: write the last day of this term, or leave lastDay out if the course has no end (9999-12-31 does not mean that)"
type Term struct {
	// firstDay is the first day of the course.
	// +required
	FirstDay Date `json:"firstDay"`
	// lastDay is the last day of the course, at most two years after firstDay. After
	// it carrels are stopped. Volumes are kept as long as their Userlands exist.
	// Absent means that the course has no end.
	// +optional
	LastDay Date `json:"lastDay,omitempty"`
}

// Session is a meeting of the class that takes place every week, or on single days.
// +kubebuilder:validation:XValidation:rule="(has(self.weekdays) && size(self.weekdays) > 0) || (has(self.extra) && size(self.extra) > 0)",message="must take place some time: give weekdays, or dates in extra"
type Session struct {
	// name is the display name of the session, for instance "Lab". It may be empty.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name,omitempty"`

	// weekdays are the days of each week of the term on which the session takes
	// place.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=7
	Weekdays []Weekday `json:"weekdays,omitempty"`

	// start is the time at which the session begins.
	// +required
	Start TimeOfDay `json:"start"`

	// duration is the length of the session, such as 1h30m. The maximum is 24h. A
	// session may end on the next day.
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) > duration('0s') && duration(self) <= duration('24h')",message="must be more than 0s and at most 24h"
	Duration metav1.Duration `json:"duration"`

	// sections are the parts of the class that take part. Empty means everybody.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MaxLength=63
	Sections []string `json:"sections,omitempty"`

	// prewarm is the time before the session at which carrels are started. Defaults
	// to 10m.
	// +optional
	// +kubebuilder:default="10m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s') && duration(self) <= duration('12h')",message="must be at least 0s and at most 12h"
	Prewarm *metav1.Duration `json:"prewarm,omitempty"`

	// except are days on which the session does not take place.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=200
	Except []Date `json:"except,omitempty"`

	// extra are additional days on which the session takes place, inside or outside
	// the term.
	// +optional
	// +listType=map
	// +listMapKey=date
	// +kubebuilder:validation:MaxItems=200
	Extra []ExtraSession `json:"extra,omitempty"`
}

// ExtraSession is one additional day of a session.
type ExtraSession struct {
	// date is the day.
	// +required
	Date Date `json:"date"`
	// start is the time at which the session begins on that day. Defaults to the
	// session's start.
	// +optional
	Start TimeOfDay `json:"start,omitempty"`
	// duration is the length of the session on that day. Defaults to the session's
	// duration.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) > duration('0s') && duration(self) <= duration('24h')",message="must be more than 0s and at most 24h"
	Duration *metav1.Duration `json:"duration,omitempty"`
}

// SessionStatus describes the session in progress, or the next one.
type SessionStatus struct {
	// text describes the session in the time zone of the class, for instance "Mon
	// 12 Apr 2027 09:00–10:30 Lab (a)". It names at most five sessions.
	// +required
	// +kubebuilder:validation:MaxLength=4096
	Text string `json:"text"`
}
