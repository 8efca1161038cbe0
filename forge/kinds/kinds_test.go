package kinds_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carrel-dev/carrel/forge"
	"github.com/carrel-dev/carrel/forge/kinds"
)

var base, head = strings.Repeat("a", 40), strings.Repeat("b", 40)

func TestFromEnvironment(t *testing.T) {
	event := func(text string) string {
		path := filepath.Join(t.TempDir(), "event.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pull := fmt.Sprintf(`{"pull_request": {"number": 12, "base": {"sha": %q}, "head": {"sha": %q}}}`, base, head)
	queue := fmt.Sprintf(`{"merge_group": {"head_ref": "refs/heads/gh-readonly-queue/main/pr-12-%[1]s", "base_sha": %[1]q, "head_sha": %[2]q}}`, base, head)
	actions := func(forge string, path string) map[string]string {
		return map[string]string{
			"GITHUB_ACTIONS": "true", forge: "true", "GITHUB_EVENT_PATH": path,
			"GITHUB_SERVER_URL": "https://forge.example.org/", "GITHUB_REPOSITORY": "lab/carrel",
		}
	}
	repository := forge.Repository{Server: "https://forge.example.org", Owner: "lab", Name: "carrel"}
	gitlab := map[string]string{
		"GITLAB_CI": "true", "CI_MERGE_REQUEST_IID": "12", "CI_PROJECT_URL": "https://forge.example.org/lab/carrel",
		"CI_MERGE_REQUEST_DIFF_BASE_SHA": base, "CI_COMMIT_SHA": head,
	}
	merged := map[string]string{"CI_COMMIT_SHA": strings.Repeat("c", 40), "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": head}
	for name, value := range gitlab {
		if merged[name] == "" {
			merged[name] = value
		}
	}
	branch := map[string]string{"GITLAB_CI": "true", "CI_PROJECT_URL": "https://forge.example.org/lab/carrel"}
	want := forge.MergeRequest{Repository: repository, Number: 12, Base: base, Head: head}
	for name, test := range map[string]struct {
		environment map[string]string
		kind        string
		err         string
	}{
		"GitHub":                  {actions("GITHUB_ACTIONS", event(pull)), "github", ""},
		"Gitea":                   {actions("GITEA_ACTIONS", event(pull)), "gitea", ""},
		"Forgejo":                 {actions("FORGEJO_ACTIONS", event(pull)), "gitea", ""},
		"GitHub's merge queue":    {actions("GITHUB_ACTIONS", event(queue)), "github", ""},
		"a queue of nothing":      {actions("GITHUB_ACTIONS", event(`{"merge_group": {"head_ref": "refs/heads/x"}}`)), "", "does not describe its merge request completely"},
		"a push":                  {actions("GITHUB_ACTIONS", event(`{"ref": "refs/heads/main"}`)), "", "on: pull_request"},
		"half an event":           {actions("GITHUB_ACTIONS", event(`{"pull_request": {"number": 12}}`)), "", "does not describe its merge request completely"},
		"no event":                {actions("GITHUB_ACTIONS", "/nonexistent"), "", "GITHUB_EVENT_PATH"},
		"GitLab":                  {gitlab, "gitlab", ""},
		"GitLab's merged results": {merged, "gitlab", ""},
		"a branch's pipeline":     {branch, "", "CI_MERGE_REQUEST_IID"},
		"somebody's own machine":  {nil, "", "carrel plan"},
	} {
		t.Run(name, func(t *testing.T) {
			kind, got, err := kinds.FromEnvironment(func(key string) string { return test.environment[key] })
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("error %v, want one that says %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if kind.Name != test.kind {
				t.Errorf("the forge is %q, want %q", kind.Name, test.kind)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}
