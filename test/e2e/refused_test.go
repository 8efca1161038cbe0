//go:build e2e

package e2e

import (
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/story"
)

// What a roster must not hold is refused by the API server, nothing of the
// commit is applied, nobody's carrel is touched, and the commit says so.
func TestRosterCannotSmuggle(t *testing.T) {
	t.Parallel()
	whole := claim(t)
	course := whole.name
	before := runningPods(t, course)
	for _, test := range []struct {
		name, content string
		// words the status must contain
		words string
	}{
		{name: "Template", words: "templates", content: `apiVersion: carrel.dev/v1alpha1
kind: Template
metadata:
  name: smuggled
spec:
  service: {ports: [{name: http, port: 8080}]}
  template: {spec: {containers: [{name: miner, image: "miner:1"}]}}
`},
		{name: "Role", words: "roles", content: `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: smuggled
rules: [{apiGroups: ["*"], resources: ["*"], verbs: ["*"]}]
`},
		{name: "broken YAML", words: "YAML", content: "kind: Userland\n  metadata: [\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := whole.in(t)
			file, honest := l.file("roster/students/smuggled.yaml", test.content), l.student("honest", "")
			commit := l.merge("Smuggle a "+test.name, file, honest)
			reach(t, story.Reported(forge, course, commit, "failure"), says(course, commit, test.words))
			err := c.Get(t.Context(), client.ObjectKey{Namespace: course, Name: "smuggled"}, &v1alpha1.Template{})
			if client.IgnoreNotFound(err) != nil || err == nil {
				t.Errorf("the Template smuggled in is there (error %v)", err)
			}
			mended := l.merge("Take it back", story.Change{Path: file.Path}, story.Change{Path: honest.Path})
			reach(t, story.Applied(forge, c, course, mended))
		})
	}
	if after := runningPods(t, course); before != after {
		t.Errorf("pods before %s and after %s differ: somebody's carrel was touched", before, after)
	}
}

// residents are the students of the sandbox whom no test adds or drops.
const residents = "carrel.dev/userland in (21t0042,alice,bob)"

// runningPods names the pods of a course's residents with their identities.
func runningPods(t *testing.T, course string) string {
	t.Helper()
	return kubectl(t, "get", "pods", "-n", course, "-l", residents, "--sort-by=.metadata.name",
		"-o", `jsonpath={range .items[*]}{.metadata.name}={.metadata.uid} {end}`)
}
