package check

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Rule is one check that Run makes.
type Rule struct {
	ID       string
	Severity Severity
	// Title states in one line what the rule demands.
	Title string
	// Why explains what happens if the rule is broken, and how to fix it.
	Why string

	// find is nil for a rule about all clusters together.
	find func(*subject) []Finding
}

// Rules returns all rules, in the order in which List writes them.
func Rules() []Rule { return append([]Rule{}, rules...) }

// RuleByID returns the rule with the given ID.
func RuleByID(id string) (Rule, bool) {
	for _, rule := range rules {
		if rule.ID == id {
			return rule, true
		}
	}
	return Rule{}, false
}

// Explain writes the rule's title and its explanation.
func (r Rule) Explain(out io.Writer) error {
	_, err := fmt.Fprintf(out, "%s (%s): %s\n\n%s\n", r.ID, r.Severity, r.Title, r.Why)
	return err
}

// List writes one line for each rule.
func List(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, rule := range rules {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", rule.ID, rule.Severity, rule.Title)
	}
	// If a write failed, Flush returns that error.
	return w.Flush()
}

var rules = []Rule{
	{"build", Error, "Each directory that Flux builds can be built.",
		"Flux builds each Kustomization with kustomize. If it can't be built, nothing changes: the class stays as it was, and the commit is marked failed.", findBuild},
	{"source", Error, "The GitRepository of each Kustomization is in git.",
		"spec.sourceRef names the repository from which Flux builds. If there is none of that name, Flux applies nothing, and the check can't look at what it would apply.", findSource},
	{"reached", Warning, "Some cluster applies each course.",
		"A course in courses/ that no cluster lists is not applied and not checked.", nil},
	{"depends-on", Error, "The dependencies of a Kustomization exist and form no circle.",
		"Flux applies a Kustomization once those in its spec.dependsOn are ready. If one does not exist, or they form a circle, it waits forever.", findDependsOn},
	{"variables", Warning, "The variables of a course are in git.",
		"spec.postBuild.substituteFrom names ConfigMaps and Secrets. If they exist only in the cluster, or are encrypted, they can't be read here. The check then leaves their variables unexpanded.", findVariables},
	{"schema", Error, "The API server accepts each object.",
		"The check uses the API server's fields, types and rules for each kind. If the API server refuses one object, Flux does not apply the whole Kustomization.", findSchema},
	{"namespace", Error, "Each namespaced object names its namespace.",
		"Flux refuses an object without a namespace, and with it the whole Kustomization, unless spec.targetNamespace sets one.", findNamespace},
	{"course-name", Error, "A Course has the name of its namespace.",
		"A namespace is one course. The policy course-name.carrel.dev refuses a Course of any other name.", findCourseName},
	{"roster", Error, "Each roster is valid.",
		"A roster with a mistake changes nothing: present students keep their carrels, and nobody is added or removed until the line is fixed. docs/rosters.md describes the format.", findRoster},
	{"roster-missing", Error, "The rosters of a Course exist.",
		"spec.rosters names ConfigMaps labelled carrel.dev/roster: \"true\". While one is missing, the class stays as it was.", findRosterMissing},
	{"template-missing", Error, "The Template of each student and Course exists.",
		"A carrel without a Template can't be created. A course uses the Templates in its own namespace.", findTemplateMissing},
	{"template", Error, "Carrels can be made of each Template.",
		"A Template that breaks one of Carrel's own rules is refused with the reason TemplateInvalid. Running carrels go on with the last revision that was accepted.", findTemplate},
	{"template-reach", Error, "A Template reaches nothing beside its own carrel.",
		"The policy template-reach.carrel.dev refuses other volumes than those of an allow-list, another person's volume, accounts and tokens, and nodes, runtime classes and tolerations that the cluster does not allow. The cluster allows more by annotations of the course's Namespace: docs/security.md. Which Secrets are labelled for carrels only the API server knows.", findTemplateReach},
	{"twice", Error, "A student has one carrel for each Template.",
		"Two files for one user and Template create two carrels with two volumes. The student's work is then in only one of them.", findTwice},
	{"host-name", Error, "A carrel's host name fits into 63 characters.",
		"The address of a carrel begins with <userland>--<course>. The policy userland-host-name.carrel.dev refuses longer names. Shorten the name, and put the whole identity into spec.user.", findHostName},
	{"image", Warning, "Each image has a tag or a digest.",
		"An image without a tag is the newest one when a pod starts, so two students of one class may get different software.", findImage},
	{"quota", Error, "The fullest session fits into the course's quota.",
		"Otherwise the last students to start get no carrel. Raise the quota in clusters/<cluster>/courses/<course>, or ask for less in the Template.", findQuota},
	{"account", Error, "The account that applies a course's files is allowed to.",
		"Flux applies the files of a course as an account with few rights. The roster account may apply Courses, Userlands and ConfigMaps; only the templates account may apply Templates. Anything else is refused, and with it the whole Kustomization.", findAccount},
	{"pod-security", Error, "The namespace of a course enforces a Pod Security level.",
		"Students run programs of their own. Without the label pod-security.kubernetes.io/enforce a Template could run them as root on the node.", findPodSecurity},
	{"closed-addresses", Error, "A course closes its network to what carrels must not reach.",
		"Students run programs of their own. Each cluster lists the addresses that these must not reach in clusters/<cluster>/courses/closed.yaml: other carrels, nodes, the API server, metadata services of the cloud, the campus. Without the list the API server refuses the policies of all courses. docs/security.md says what belongs on it.", findClosedAddresses},
	{"timetable", Error, "Each session of a timetable takes place at some time.",
		"An invalid session disables the whole timetable. A session that never takes place is most likely a typing error.", findTimetable},
	{"never-idle", Warning, "Some Template of a course with a timetable idles.",
		"A timetable starts carrels before a session and protects them in it. A carrel whose Template has no spec.idle is never stopped, so the timetable changes nothing: the whole class runs day and night until the term ends. Set spec.idle.after in the Template, for example 30m.", findNeverIdle},
	{"guard", Error, "A removal over the guard is confirmed.",
		"Dropping many students at once is most often a mistake. To confirm it, commit the line that the finding names to the Course. This rule needs --base.", findGuard},
}
