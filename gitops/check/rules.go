package check

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Rule is one thing that is looked for.
type Rule struct {
	ID       string
	Severity Severity
	// Title is what it demands, in a line.
	Title string
	// Why says what happens otherwise, and what to do.
	Why string

	find func(*subject) []Finding
}

// Rules are all there are, in the order they are listed.
func Rules() []Rule { return append([]Rule{}, rules...) }

// RuleByID finds one.
func RuleByID(id string) (Rule, bool) {
	for _, rule := range rules {
		if rule.ID == id {
			return rule, true
		}
	}
	return Rule{}, false
}

// Explain writes what a rule is about.
func (r Rule) Explain(out io.Writer) error {
	_, err := fmt.Fprintf(out, "%s (%s): %s\n\n%s\n", r.ID, r.Severity, r.Title, r.Why)
	return err
}

// List writes all rules, a line each.
func List(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, rule := range rules {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", rule.ID, rule.Severity, rule.Title)
	}
	// A writer that fails fails again here.
	return w.Flush()
}

var rules = []Rule{
	{"build", Error, "What Flux is pointed at can be built.",
		"Flux builds each Kustomization with kustomize. One that can't be built changes nothing: the class stays as it was, and the commit is marked failed.", findBuild},
	{"depends-on", Error, "What a Kustomization depends on is there, and not itself.",
		"Flux applies a Kustomization once those of its spec.dependsOn are ready. One that is not there, or a circle, keeps it waiting for ever.", findDependsOn},
	{"variables", Warning, "The variables of a course are in git.",
		"spec.postBuild.substituteFrom names ConfigMaps and Secrets. Those that only the cluster has, or that are encrypted, can't be read here: what stands for their variables was looked at as it is written.", findVariables},
	{"schema", Error, "The API server accepts each object as it is written.",
		"Fields, types and rules of each kind are those of the API server. An object it refuses keeps Flux from applying the whole Kustomization.", findSchema},
	{"namespace", Error, "Each object of a namespace says of which.",
		"Flux refuses an object without one, and with it the whole Kustomization, unless spec.targetNamespace gives it one.", findNamespace},
	{"course-name", Error, "A Course bears the name of its namespace.",
		"A namespace is one course. The policy course-name.carrel.dev refuses a Course of any other name.", findCourseName},
	{"roster", Error, "A roster can be read to its last line.",
		"A roster with a mistake changes nothing: students already there go on, nobody comes and nobody goes until the line is mended. docs/rosters.md tells how to write one.", findRoster},
	{"roster-missing", Error, "The rosters a Course names are there.",
		"spec.rosters names ConfigMaps labelled carrel.dev/roster: \"true\". While one is missing the class stays as it was.", findRosterMissing},
	{"template-missing", Error, "The Template that a student or a Course names is there.",
		"A carrel without a Template can't be made. The Templates of a course are those of its own namespace.", findTemplateMissing},
	{"twice", Error, "A student has one carrel for each Template.",
		"Two files for one user and Template make two carrels with two volumes, and the student finds the work in one of them only.", findTwice},
	{"host-name", Error, "A carrel's host name fits into 63 characters.",
		"The address of a carrel begins with <userland>--<course>. The policy userland-host-name.carrel.dev refuses what is longer: shorten the name, and put the whole identity into spec.user.", findHostName},
	{"image", Warning, "Each image is named with a tag or a digest.",
		"An image without a tag is whatever is newest when a pod starts, so that two students of one class get different software.", findImage},
	{"quota", Error, "The fullest session fits into the course's quota.",
		"The last students to come would be told that there is no room. Raise the quota in clusters/<cluster>/courses/<course>, or ask for less in the Template.", findQuota},
	{"account", Error, "The account that applies a course's files may do so.",
		"Flux applies the files of a course as an account of little power: rosters hold Courses, Userlands and ConfigMaps, and only templates hold Templates. Whatever else is refused, and with it the whole Kustomization.", findAccount},
	{"pod-security", Error, "The namespace of a course enforces a Pod Security level.",
		"Students run programs of their own. Without the label pod-security.kubernetes.io/enforce a Template could run them as root on the node.", findPodSecurity},
	{"timetable", Error, "Each session of a timetable takes place.",
		"A session that can't be read keeps the whole timetable from being followed; one that never takes place is a slip of the pen.", findTimetable},
	{"guard", Error, "A removal over the guard is confirmed.",
		"Dropping many students at once is most often a mistake. Commit the line that the finding names to the Course, and it goes through. Looked for with --base.", findGuard},
}
