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

const sandboxTemplates = "courses/sandbox/templates/kustomization.yaml"

// A carrel that can't run turns the commit red with the cause, in counts, and
// a Template that is not there yet is waited for.
func TestCommitNamesTheCause(t *testing.T) {
	const course = "sandbox"
	file := story.Change{Path: "courses/sandbox/roster/students/unlucky.yaml", Content: []byte(
		"apiVersion: carrel.dev/v1alpha1\nkind: Userland\nmetadata:\n  name: unlucky\nspec:\n  templateName: broken\n")}

	merge(t, "Add a student before their Template", file)
	reach(t, inState(course, "unlucky", v1alpha1.StateWaiting, v1alpha1.TemplateNotFoundReason))

	commit := merge(t, "Add the Template, with an image that is nowhere",
		story.Change{Path: "courses/sandbox/templates/broken.yaml", Content: []byte(brokenTemplate)},
		story.Change{Path: sandboxTemplates, Content: []byte("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - ../../base/webterm\n  - broken.yaml\n")})
	reach(t,
		inState(course, "unlucky", v1alpha1.StateFailing, v1alpha1.ImagePullBackOffReason),
		story.Reported(forge, course, commit, "failure"))
	statuses, err := forge.CourseStatuses(course, commit)
	if err != nil {
		t.Fatal(err)
	}
	said := statuses[len(statuses)-1].Description
	if !strings.Contains(said, "need") || !strings.Contains(said, "ImagePullBackOff 1") {
		t.Errorf("the commit says %q, want the number that need attention and ImagePullBackOff 1", said)
	}
	if strings.Contains(said, "unlucky") {
		t.Errorf("the commit says %q, which names a person", said)
	}

	mended := merge(t, "Take it back",
		story.Change{Path: file.Path},
		story.Change{Path: "courses/sandbox/templates/broken.yaml"},
		story.Change{Path: sandboxTemplates, Content: []byte("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - ../../base/webterm\n")})
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
