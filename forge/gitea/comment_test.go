package gitea_test

import (
	"fmt"
	"testing"

	sdk "code.gitea.io/sdk/gitea"

	"github.com/carrel-dev/carrel/forge"
	"github.com/carrel-dev/carrel/forge/conformance"
	"github.com/carrel-dev/carrel/forge/gitea"
)

// Gitea's API for comments is the same for issues and pull requests. Issues need no branch.
func TestComments(t *testing.T) {
	skipIfShort(t)
	admin, err := sdk.NewClient(server.url, sdk.SetToken(server.token))
	if err != nil {
		t.Fatalf("reach Gitea: %v", err)
	}
	repo, _, err := admin.CreateRepo(sdk.CreateRepoOption{Name: "comments", AutoInit: true, Private: true, DefaultBranch: "main"})
	if err != nil {
		t.Fatalf("make a repository: %v", err)
	}
	repository, err := forge.ParseRepository(repo.HTMLURL)
	if err != nil {
		t.Fatal(err)
	}
	teacher := member(t, admin, repository, "teacher")
	conformance.RunComments(t, conformance.CommentTarget{
		Open: gitea.OpenComments, Config: forge.Config{Repository: repository, Token: server.token},
		Request: func(t *testing.T) int64 {
			issue, _, err := admin.CreateIssue(repository.Owner, repository.Name, sdk.CreateIssueOption{Title: t.Name()})
			if err != nil {
				t.Fatalf("open a request: %v", err)
			}
			return issue.Index
		},
		Say: func(t *testing.T, request int64, body string) {
			if _, _, err := teacher.CreateIssueComment(repository.Owner, repository.Name, request, sdk.CreateIssueCommentOption{Body: body}); err != nil {
				t.Fatalf("comment: %v", err)
			}
		},
		Bodies: func(t *testing.T, request int64) (bodies []string) {
			comments, _, err := admin.ListIssueComments(repository.Owner, repository.Name, request, sdk.ListIssueCommentOptions{})
			if err != nil {
				t.Fatalf("read the comments: %v", err)
			}
			for _, comment := range comments {
				bodies = append(bodies, comment.Body)
			}
			return bodies
		},
	})
}

// member is another user who may write to the repository.
func member(t *testing.T, admin *sdk.Client, repository forge.Repository, name string) *sdk.Client {
	t.Helper()
	password, stay, write := fmt.Sprintf("%s-of-the-test", name), false, sdk.AccessModeWrite
	if _, _, err := admin.AdminCreateUser(sdk.CreateUserOption{
		Username: name, Email: name + "@carrel.test", Password: password, MustChangePassword: &stay,
	}); err != nil {
		t.Fatalf("make the user %s: %v", name, err)
	}
	if _, err := admin.AddCollaborator(repository.Owner, repository.Name, name, sdk.AddCollaboratorOption{Permission: &write}); err != nil {
		t.Fatalf("let %s in: %v", name, err)
	}
	client, err := sdk.NewClient(server.url, sdk.SetBasicAuth(name, password))
	if err != nil {
		t.Fatalf("log in as %s: %v", name, err)
	}
	return client
}
