package gitea_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sdk "code.gitea.io/sdk/gitea"

	"github.com/carrel-dev/carrel/forge"
	"github.com/carrel-dev/carrel/forge/conformance"
	"github.com/carrel-dev/carrel/forge/gitea"
	"github.com/carrel-dev/carrel/forge/gitea/giteatest"
)

func TestGitea(t *testing.T) {
	skipIfShort(t)
	api, err := sdk.NewClient(server.url, sdk.SetToken(server.token), sdk.SetGiteaVersion(""))
	if err != nil {
		t.Fatalf("reach Gitea: %v", err)
	}
	repo, _, err := api.CreateRepo(sdk.CreateRepoOption{Name: "carrel", AutoInit: true, Private: true, DefaultBranch: "main"})
	if err != nil {
		t.Fatalf("make a repository: %v", err)
	}
	repository, err := forge.ParseRepository(repo.HTMLURL)
	if err != nil {
		t.Fatal(err)
	}
	var files atomic.Int32
	conformance.Run(t, conformance.Target{
		Open:   gitea.Open,
		Config: forge.Config{Repository: repository, Token: server.token},
		Commit: func(t *testing.T) string {
			made, _, err := api.CreateFile(repository.Owner, repository.Name, fmt.Sprintf("file-%d", files.Add(1)), sdk.CreateFileOptions{
				FileOptions: sdk.FileOptions{Message: t.Name()},
				Content:     "YQ==",
			})
			if err != nil {
				t.Fatalf("make a commit: %v", err)
			}
			return made.Commit.SHA
		},
		Write: func(t *testing.T, files map[string]string) string {
			return write(t, api, repository, "main", files)
		},
		Merge: func(t *testing.T, files map[string]string) string {
			branch := fmt.Sprintf("branch-%d", time.Now().UnixNano())
			write(t, api, repository, branch, files)
			request, _, err := api.CreatePullRequest(repository.Owner, repository.Name, sdk.CreatePullRequestOption{Head: branch, Base: "main", Title: t.Name()})
			if err != nil {
				t.Fatalf("open a merge request: %v", err)
			}
			return merge(t, api, repository, request.Index)
		},
	})
}

// write makes a commit on a branch, which it makes if it is not there.
func write(t *testing.T, api *sdk.Client, repository forge.Repository, branch string, files map[string]string) string {
	t.Helper()
	options := sdk.ChangeFilesOptions{Message: t.Name(), Branch: "main"}
	if branch != "main" {
		options.NewBranch = branch
	}
	for path, content := range files {
		options.Files = append(options.Files, &sdk.ChangeFileOperation{
			Operation: "create", Path: path, Content: base64.StdEncoding.EncodeToString([]byte(content)),
		})
	}
	made, _, err := api.ChangeFiles(repository.Owner, repository.Name, options)
	if err != nil {
		t.Fatalf("make a commit: %v", err)
	}
	return made.Commit.SHA
}

// merge merges a request by a merge commit, and returns that. Gitea refuses until it has
// checked the request for conflicts.
func merge(t *testing.T, api *sdk.Client, repository forge.Repository, request int64) string {
	t.Helper()
	for begin := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		merged, _, err := api.MergePullRequest(repository.Owner, repository.Name, request, sdk.MergePullRequestOption{Style: sdk.MergeStyleMerge})
		if err == nil && merged {
			break
		}
		if time.Since(begin) > time.Minute {
			t.Fatalf("merge request %d is not merged: %v", request, err)
		}
	}
	main, _, err := api.GetRepoBranch(repository.Owner, repository.Name, "main")
	if err != nil {
		t.Fatal(err)
	}
	return main.Commit.ID
}

func TestStandIn(t *testing.T) {
	standIn := giteatest.New(t)
	conformance.Run(t, conformance.Target{
		Open:   gitea.Open,
		Config: config(t, standIn),
		Commit: func(t *testing.T) string { return standIn.Commit(t.Name()) },
		Write: func(t *testing.T, files map[string]string) string {
			return standIn.Write(fmt.Sprint(t.Name(), files), files)
		},
		Merge: func(t *testing.T, files map[string]string) string {
			return standIn.Merge(fmt.Sprint(t.Name(), files), files)
		},
	})
}

func TestFailures(t *testing.T) {
	tests := map[string]struct {
		failure    func(http.ResponseWriter)
		want       error
		retryAfter time.Duration
	}{
		"403: the token may not write": {failure: giteatest.Answer(http.StatusForbidden), want: forge.ErrUnauthorized},
		"500 is worth another try":     {failure: giteatest.Answer(http.StatusInternalServerError)},
		"502 is worth another try":     {failure: giteatest.Answer(http.StatusBadGateway)},
		"429 says when":                {failure: giteatest.Throttle(7 * time.Second), retryAfter: 7 * time.Second},
		"a broken connection":          {failure: giteatest.HangUp},
		"a proxy's page with a 200":    {failure: giteatest.Answer(http.StatusOK)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			standIn := giteatest.New(t)
			commit := standIn.Commit("a")
			client, err := gitea.Open(config(t, standIn))
			if err != nil {
				t.Fatal(err)
			}
			standIn.Fail(test.failure)

			_, latestErr := client.Latest(t.Context(), commit, "carrel/test/prog1")
			postErr := client.Post(t.Context(), commit, forge.Status{Context: "carrel/test/prog1", State: forge.Success, Description: "2 of 2 ready"})
			for call, err := range map[string]error{"Latest": latestErr, "Post": postErr} {
				var unavailable *forge.UnavailableError
				switch {
				case test.want != nil && !errors.Is(err, test.want):
					t.Errorf("%s gave %v, want %v", call, err, test.want)
				case test.want == nil && !errors.As(err, &unavailable):
					t.Errorf("%s gave %v, want an UnavailableError", call, err)
				case test.want == nil && unavailable.RetryAfter != test.retryAfter:
					t.Errorf("%s says to retry after %v, want %v", call, unavailable.RetryAfter, test.retryAfter)
				}
			}
		})
	}
}

func TestUnusableCA(t *testing.T) {
	_, err := gitea.Open(forge.Config{CA: []byte("not PEM")})
	if err == nil || !strings.Contains(err.Error(), "no PEM certificate") {
		t.Errorf("Open with an unusable CA gave %v, want an error that says so", err)
	}
}

func TestTrustsTheCAGiven(t *testing.T) {
	// The server answers 401 to every wrong token, so a 401 shows that TLS worked.
	standIn := giteatest.NewTLS(t)
	config := config(t, standIn)
	config.Token = "wrong"

	for name, test := range map[string]struct {
		ca   []byte
		want bool
	}{
		"with its CA": {standIn.CA(), true},
		"without":     {nil, false},
	} {
		config.CA = test.ca
		client, err := gitea.Open(config)
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Latest(t.Context(), strings.Repeat("5", 40), "carrel/test/prog1")
		if got := errors.Is(err, forge.ErrUnauthorized); got != test.want {
			t.Errorf("%s the forge was reached: %v (%v), want %v", name, got, err, test.want)
		}
	}
}

func config(t *testing.T, s *giteatest.Server) forge.Config {
	t.Helper()
	repository, err := forge.ParseRepository(s.Address())
	if err != nil {
		t.Fatal(err)
	}
	return forge.Config{Repository: repository, Token: giteatest.Token}
}
