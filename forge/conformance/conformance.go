// Package conformance provides the tests that the client of every forge passes, against the
// forge itself and against the server that replaces it in other tests.
package conformance

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carrel-dev/carrel/forge"
)

// Target is a forge whose commit statuses are tested.
type Target struct {
	Open forge.Open
	// Config names a repository, with a token that may write its statuses.
	Config forge.Config
	// Commit makes a commit in that repository and returns its hash.
	Commit func(t *testing.T) string
	// Write makes a commit that adds files on top of the newest one.
	Write func(t *testing.T, files map[string]string) string
	// Merge makes a commit that adds files on a branch, and returns the commit that merges
	// the branch.
	Merge func(t *testing.T, files map[string]string) string
}

const course = "carrel/test/prog1"

// Run runs the tests of commit statuses.
func Run(t *testing.T, target Target) {
	t.Run("a commit without statuses has no latest one", target.testNone)
	t.Run("what was posted last is the latest", target.testLatest)
	t.Run("contexts are apart from each other", target.testContexts)
	t.Run("the latest is found behind many others", target.testPages)
	t.Run("a description may have 140 characters of any script", target.testLongDescription)
	t.Run("a status leads to a page", target.testTarget)
	t.Run("the branch of the commits may be named", target.testBranch)
	t.Run("a wrong token is ErrUnauthorized", target.testWrongToken)
	t.Run("an unknown commit is ErrNotFound", target.testUnknownCommit)
	t.Run("an unknown repository is ErrNotFound", target.testUnknownRepository)
	t.Run("a forge that is down is unavailable", target.testDown)
	target.runHistory(t)
}

func (target Target) testNone(t *testing.T) {
	latest, err := target.client(t).Latest(t.Context(), target.Commit(t), course)
	if err != nil || latest != nil {
		t.Errorf("Latest = %v, %v; want none and no error", latest, err)
	}
}

func (target Target) testLatest(t *testing.T) {
	client, commit := target.client(t), target.Commit(t)
	// All within a second, which is as fine as some forges' clocks are.
	for _, status := range []forge.Status{
		{Context: course, State: forge.Pending, Description: "0 of 2 ready, 2 starting"},
		{Context: course, State: forge.Failure, Description: "1 of 2 need attention: ImagePullBackOff 1"},
		{Context: course, State: forge.Success, Description: "2 of 2 ready"},
		{Context: course, State: forge.Pending, Description: "1 of 2 ready, 1 starting"},
	} {
		post(t, client, commit, status)
		expectLatest(t, client, commit, status)
	}
}

func (target Target) testContexts(t *testing.T) {
	client, commit := target.client(t), target.Commit(t)
	first := forge.Status{Context: course, State: forge.Success, Description: "2 of 2 ready"}
	second := forge.Status{Context: course + "x", State: forge.Failure, Description: "1 of 1 need attention: Unschedulable 1"}
	post(t, client, commit, first)
	post(t, client, commit, second)
	expectLatest(t, client, commit, first)
	expectLatest(t, client, commit, second)
}

func (target Target) testPages(t *testing.T) {
	client, commit := target.client(t), target.Commit(t)
	mine := forge.Status{Context: course, State: forge.Success, Description: "2 of 2 ready"}
	post(t, client, commit, forge.Status{Context: course, State: forge.Pending, Description: "1 of 2 ready, 1 starting"})
	post(t, client, commit, mine)
	for i := range 120 {
		post(t, client, commit, forge.Status{Context: fmt.Sprintf("carrel/test/other%d", i), State: forge.Success, Description: "1 of 1 ready"})
	}
	expectLatest(t, client, commit, mine)
}

func (target Target) testLongDescription(t *testing.T) {
	client, commit := target.client(t), target.Commit(t)
	status := forge.Status{Context: course, State: forge.Failure, Description: strings.Repeat("机", forge.MaxDescription)}
	post(t, client, commit, status)
	expectLatest(t, client, commit, status)
}

func (target Target) testTarget(t *testing.T) {
	client, commit := target.client(t), target.Commit(t)
	for _, status := range []forge.Status{
		{Context: course, State: forge.Pending, Description: "0 of 2 ready, 2 starting", Target: "https://desk.example.org/courses/prog1"},
		{Context: course, State: forge.Success, Description: "2 of 2 ready", Target: "http://desk.example.org:8080/courses/prog1"},
	} {
		post(t, client, commit, status)
		expectLatest(t, client, commit, status)
	}
}

func (target Target) testBranch(t *testing.T) {
	target.Config.Branch = "main"
	client, commit := target.client(t), target.Commit(t)
	for _, state := range []forge.State{forge.Pending, forge.Success} {
		status := forge.Status{Context: course, State: state, Description: "2 of 2 ready"}
		post(t, client, commit, status)
		expectLatest(t, client, commit, status)
	}
}

func (target Target) testWrongToken(t *testing.T) {
	commit := target.Commit(t)
	target.Config.Token = "0123456789012345678901234567890123456789"
	target.expectError(t, commit, forge.ErrUnauthorized)
}

func (target Target) testUnknownCommit(t *testing.T) {
	target.expectError(t, strings.Repeat("5", 40), forge.ErrNotFound)
}

func (target Target) testUnknownRepository(t *testing.T) {
	commit := target.Commit(t)
	target.Config.Repository.Name += "-unknown"
	target.expectError(t, commit, forge.ErrNotFound)
}

func (target Target) testDown(t *testing.T) {
	// A port that was free a moment ago.
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	target.Config.Repository.Server = "http://" + listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	client := target.client(t)

	var unavailable *forge.UnavailableError
	if _, err := client.Latest(t.Context(), strings.Repeat("5", 40), course); !errors.As(err, &unavailable) {
		t.Errorf("Latest of a forge that is down gave %v, want an UnavailableError", err)
	}
	err = client.Post(t.Context(), strings.Repeat("5", 40), forge.Status{Context: course, State: forge.Success, Description: "2 of 2 ready"})
	if !errors.As(err, &unavailable) {
		t.Errorf("Post to a forge that is down gave %v, want an UnavailableError", err)
	}
}

func (target Target) client(t *testing.T) forge.Client {
	t.Helper()
	client, err := target.Open(target.Config)
	if err != nil {
		t.Fatalf("open %+v: %v", target.Config.Repository, err)
	}
	return client
}

func (target Target) expectError(t *testing.T, commit string, want error) {
	t.Helper()
	client := target.client(t)
	if _, err := client.Latest(t.Context(), commit, course); !errors.Is(err, want) {
		t.Errorf("Latest gave %v, want %v", err, want)
	}
	err := client.Post(t.Context(), commit, forge.Status{Context: course, State: forge.Success, Description: "2 of 2 ready"})
	if !errors.Is(err, want) {
		t.Errorf("Post gave %v, want %v", err, want)
	}
}

func post(t *testing.T, client forge.Client, commit string, status forge.Status) {
	t.Helper()
	if err := client.Post(t.Context(), commit, status); err != nil {
		t.Fatalf("post %+v: %v", status, err)
	}
}

func expectLatest(t *testing.T, client forge.Client, commit string, want forge.Status) {
	t.Helper()
	got, err := client.Latest(t.Context(), commit, want.Context)
	if err != nil {
		t.Fatalf("read the latest status of %s: %v", want.Context, err)
	}
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("the latest status is not the one posted last (-want +got):\n%s", diff)
	}
}
