//go:build e2e

package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/story"
)

// brokenTemplate is a Template whose image no node has and no registry serves.
const brokenTemplate = `apiVersion: carrel.dev/v1alpha1
kind: Template
metadata:
  name: broken
spec:
  service: {ports: [{name: http, port: 8080}]}
  template:
    spec:
      securityContext: {runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}
      containers:
        - name: ide
          image: carrel.invalid/no-such-image:1
          imagePullPolicy: IfNotPresent
          securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
`

// A carrel that can't run turns the commit red with the cause, in counts, and
// a Template that is not there yet is waited for.
func TestCommitNamesTheCause(t *testing.T) {
	t.Parallel()
	l := claim(t)
	course := l.name
	file := l.student("unlucky", "  templateName: broken\n")

	l.merge("Add a student before their Template", file)
	reach(t, inState(course, "unlucky", v1alpha1.StateWaiting, v1alpha1.TemplateNotFoundReason))

	commit := l.merge("Add the Template, with an image that is nowhere",
		l.file("templates/broken.yaml", brokenTemplate),
		l.file(templates, "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - ../../base/webterm\n  - broken.yaml\n"))
	reach(t,
		inState(course, "unlucky", v1alpha1.StateFailing, v1alpha1.ImagePullBackOffReason),
		story.Reported(forge, course, commit, "failure"),
		says(course, commit, "need", "ImagePullBackOff 1"))
	statuses, err := forge.CourseStatuses(course, commit)
	if err != nil {
		t.Fatal(err)
	}
	said := statuses[len(statuses)-1].Description
	if strings.Contains(said, "unlucky") {
		t.Errorf("the commit says %q, which names a person", said)
	}

	mended := l.merge("Take it back",
		story.Change{Path: file.Path},
		l.without("templates/broken.yaml"),
		original(t, l.path(templates)))
	reach(t, story.Reported(forge, course, mended, "success"))
}

// inState is reached when the Userland has the state, and is not Ready for the
// reason.
func inState(course, name, state, reason string) story.Milestone {
	m := condition(course, name, v1alpha1.ReadyCondition, reason)
	withReason := m.Reached
	m.Name = name + " " + state + ": " + reason
	m.Reached = func(ctx context.Context) (string, bool, error) {
		detail, reached, err := withReason(ctx)
		return detail, reached && strings.HasPrefix(detail, state+","), err
	}
	return m
}
