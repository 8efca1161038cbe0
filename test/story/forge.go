package story

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"code.gitea.io/sdk/gitea"
)

// Names on the forge.
const (
	// owner of the repository is the administrator of the devcluster's Gitea.
	owner      = "carrel"
	repository = "carrel"
	// mainBranch is what Flux follows.
	mainBranch = "main"
	teacher    = "teacher"
	robot      = "carrel-bot"
	checker    = "carrel-check"
)

// answering bounds each request: one that hangs is an error, not a silence.
var answering = gitea.SetHTTPClient(&http.Client{Timeout: time.Minute})

// Forge is the repository on Gitea, as its teacher sees it.
type Forge struct {
	// URL is the repository's address for git and in a browser.
	URL string
	// RobotToken is the token Flux reads and the reporter posts with: that of a
	// user who may write to this repository and nothing else.
	RobotToken string
	// CheckToken is the one of the merge requests' pipeline: it may comment on them
	// and set commit statuses.
	CheckToken string

	client *gitea.Client
	admin  ForgeAccess
	// writing is held while the forge is written to: it keeps its records in SQLite, and
	// what Merge returns is the newest commit.
	writing sync.Mutex
	// compared holds, by two commits, whether the first has the second. Commits never change,
	// a comparison costs the forge a few processes, and waits ask for the same one each second.
	compared sync.Map
}

// NewForge makes an empty private repository, since rosters are personal data, a
// teacher and a robot account.
func NewForge(ctx context.Context, access ForgeAccess) (*Forge, error) {
	admin, err := gitea.NewClient(access.URL, gitea.SetContext(ctx), gitea.SetToken(access.Token), answering)
	if err != nil {
		return nil, fmt.Errorf("reach the forge at %s: %w", access.URL, err)
	}
	repo, _, err := admin.CreateRepo(gitea.CreateRepoOption{Name: repository, Private: true, DefaultBranch: mainBranch})
	if err != nil {
		return nil, fmt.Errorf("make the repository: %w", err)
	}
	tokens := map[string]string{}
	for user, scopes := range map[string][]gitea.AccessTokenScope{
		teacher: {"write:repository", "write:issue"}, robot: {"write:repository"}, checker: {"write:repository", "write:issue", "read:user"},
	} {
		if tokens[user], err = newMember(ctx, admin, access, user, scopes); err != nil {
			return nil, err
		}
	}
	client, err := gitea.NewClient(access.URL, gitea.SetContext(ctx), gitea.SetToken(tokens[teacher]), answering)
	if err != nil {
		return nil, fmt.Errorf("log in at the forge as %s: %w", teacher, err)
	}
	return &Forge{URL: repo.CloneURL, RobotToken: tokens[robot], CheckToken: tokens[checker], client: client, admin: access}, nil
}

// OpenForge returns the forge of a cluster that runs, with the repository that NewForge
// made. It does everything as the administrator.
func OpenForge(ctx context.Context, access ForgeAccess) (*Forge, error) {
	admin, err := gitea.NewClient(access.URL, gitea.SetContext(ctx), gitea.SetToken(access.Token), answering)
	if err != nil {
		return nil, fmt.Errorf("reach the forge at %s: %w", access.URL, err)
	}
	repo, _, err := admin.GetRepo(owner, repository)
	if err != nil {
		return nil, fmt.Errorf("read the repository: %w", err)
	}
	return &Forge{URL: repo.CloneURL, RobotToken: access.Token, CheckToken: access.Token, client: admin, admin: access}, nil
}

// Host is the address of the forge itself.
func (f *Forge) Host() string { return strings.TrimSuffix(f.admin.URL, "/") }

// newMember makes a user who may write to the repository, and a token of so many
// scopes.
func newMember(ctx context.Context, admin *gitea.Client, access ForgeAccess, name string, scopes []gitea.AccessTokenScope) (token string, err error) {
	if err := newUser(admin, name); err != nil {
		return "", err
	}
	write := gitea.AccessModeWrite
	if _, err := admin.AddCollaborator(owner, repository, name, gitea.AddCollaboratorOption{Permission: &write}); err != nil {
		return "", fmt.Errorf("let %s write to the repository: %w", name, err)
	}
	self, err := gitea.NewClient(access.URL, gitea.SetContext(ctx), gitea.SetBasicAuth(name, Password(name)), answering)
	if err != nil {
		return "", fmt.Errorf("log in at the forge as %s: %w", name, err)
	}
	created, _, err := self.CreateAccessToken(gitea.CreateAccessTokenOption{
		Name: "carrel", Scopes: scopes,
	})
	if err != nil {
		return "", fmt.Errorf("make a token for %s: %w", name, err)
	}
	return created.Token, nil
}

// Password is that of a user of the forge; all of it is gone with the cluster.
func Password(user string) string { return "devcluster-" + user }

func newUser(admin *gitea.Client, name string) error {
	stay := false
	if _, _, err := admin.AdminCreateUser(gitea.CreateUserOption{
		Username: name, Email: name + "@example.ac.jp", Password: Password(name), MustChangePassword: &stay,
	}); err != nil {
		return fmt.Errorf("make the user %s: %w", name, err)
	}
	return nil
}

// NewUsers makes accounts of people who may log in and nothing else.
func (f *Forge) NewUsers(ctx context.Context, names ...string) error {
	f.writing.Lock()
	defer f.writing.Unlock()
	admin, err := gitea.NewClient(f.admin.URL, gitea.SetContext(ctx), gitea.SetToken(f.admin.Token), answering)
	if err != nil {
		return fmt.Errorf("reach the forge at %s: %w", f.admin.URL, err)
	}
	for _, name := range names {
		if err := newUser(admin, name); err != nil {
			return err
		}
	}
	return nil
}

// NewGroup makes an organisation with some users in it, which the forge tells as a
// group at login.
func (f *Forge) NewGroup(ctx context.Context, name string, members ...string) error {
	f.writing.Lock()
	defer f.writing.Unlock()
	admin, err := gitea.NewClient(f.admin.URL, gitea.SetContext(ctx), gitea.SetToken(f.admin.Token), answering)
	if err != nil {
		return fmt.Errorf("reach the forge at %s: %w", f.admin.URL, err)
	}
	if _, _, err := admin.CreateOrg(gitea.CreateOrgOption{Name: name}); err != nil {
		return fmt.Errorf("make the organisation %s: %w", name, err)
	}
	teams, _, err := admin.ListOrgTeams(name, gitea.ListTeamsOptions{})
	if err != nil || len(teams) == 0 {
		return fmt.Errorf("read the teams of %s: %w", name, err)
	}
	for _, member := range members {
		if _, err := admin.AddTeamMember(teams[0].ID, member); err != nil {
			return fmt.Errorf("put %s into %s: %w", member, name, err)
		}
	}
	return nil
}

// newApplication registers a program at which people log in with their account of the
// forge.
func (f *Forge) newApplication(ctx context.Context, name, callback string) (id, secret string, err error) {
	admin, err := gitea.NewClient(f.admin.URL, gitea.SetContext(ctx), gitea.SetToken(f.admin.Token), answering)
	if err != nil {
		return "", "", fmt.Errorf("reach the forge at %s: %w", f.admin.URL, err)
	}
	app, _, err := admin.CreateOauth2(gitea.CreateOauth2Option{Name: name, ConfidentialClient: true, RedirectURIs: []string{callback}})
	if err != nil {
		return "", "", fmt.Errorf("register %s at the forge: %w", name, err)
	}
	return app.ClientID, app.ClientSecret, nil
}

// Push pushes what HEAD of the work tree holds to the forge's main branch.
func (f *Forge) Push(ctx context.Context, root string) error {
	remote, err := url.Parse(f.URL)
	if err != nil {
		return fmt.Errorf("the repository's address: %w", err)
	}
	remote.User = url.UserPassword(f.admin.User, f.admin.Token)
	cmd := exec.CommandContext(ctx, "git", "push", "--quiet", remote.String(), "HEAD:refs/heads/"+mainBranch)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("push the repository (a shallow clone needs git fetch --unshallow first): %w\n%s", err, out)
	}
	return nil
}

// Change is one file of a merge request. Nil content deletes the file.
type Change struct {
	Path    string
	Content []byte
}

// MergeRequest is an open merge request.
type MergeRequest struct {
	// Number is its index in the repository.
	Number int64
	// URL is its page.
	URL string
}

// Propose puts changes onto a new branch, in one commit, and opens a merge request.
func (f *Forge) Propose(branch, title string, changes ...Change) (MergeRequest, error) {
	return f.ProposeCommits(branch, title, Commit{Title: title, Changes: changes})
}

// Commit is one commit of a merge request.
type Commit struct {
	Title   string
	Changes []Change
}

// ProposeCommits opens a merge request of several commits. No two may change the same
// file.
func (f *Forge) ProposeCommits(branch, title string, commits ...Commit) (MergeRequest, error) {
	f.writing.Lock()
	defer f.writing.Unlock()
	from := mainBranch
	for _, commit := range commits {
		if err := f.commit(from, branch, commit); err != nil {
			return MergeRequest{}, fmt.Errorf("commit to branch %s: %w", branch, err)
		}
		from = branch
	}
	var request *gitea.PullRequest
	err := eventually(func() (response *gitea.Response, err error) {
		request, response, err = f.client.CreatePullRequest(owner, repository,
			gitea.CreatePullRequestOption{Head: branch, Base: mainBranch, Title: title})
		return response, err
	})
	if err != nil {
		return MergeRequest{}, fmt.Errorf("open a merge request for branch %s: %w", branch, err)
	}
	return MergeRequest{Number: request.Index, URL: request.HTMLURL}, nil
}

// commit adds a commit to a branch, which it makes of another one if that is not the
// same.
func (f *Forge) commit(from, branch string, commit Commit) error {
	options := gitea.ChangeFilesOptions{Message: commit.Title, Branch: from, NewBranch: branch}
	for _, change := range commit.Changes {
		operation, err := f.operation(change)
		if err != nil {
			return fmt.Errorf("%s: %w", change.Path, err)
		}
		options.Files = append(options.Files, operation)
	}
	_, _, err := f.client.ChangeFiles(owner, repository, options)
	return err
}

// operation is what a change does to the main branch.
func (f *Forge) operation(change Change) (*gitea.ChangeFileOperation, error) {
	old, response, err := f.client.GetContents(owner, repository, mainBranch, change.Path)
	exists := err == nil
	if err != nil && (response == nil || response.StatusCode != http.StatusNotFound) {
		return nil, err
	}
	operation := &gitea.ChangeFileOperation{Path: change.Path, Content: base64.StdEncoding.EncodeToString(change.Content)}
	if exists {
		operation.SHA = old.SHA
	}
	switch {
	case change.Content == nil && !exists:
		return nil, errors.New("there is no such file to delete")
	case change.Content == nil:
		operation.Operation = "delete"
	case exists:
		operation.Operation = "update"
	default:
		operation.Operation = "create"
	}
	return operation, nil
}

// Content is what a file of the main branch holds; nil when there is none.
func (f *Forge) Content(path string) ([]byte, error) {
	content, response, err := f.client.GetFile(owner, repository, mainBranch, path)
	if response != nil && response.StatusCode == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return content, nil
}

// Merge merges a merge request and returns the merge commit.
func (f *Forge) Merge(request MergeRequest) (commit string, err error) {
	f.writing.Lock()
	defer f.writing.Unlock()
	err = eventually(func() (*gitea.Response, error) {
		merged, response, err := f.client.MergePullRequest(owner, repository, request.Number,
			gitea.MergePullRequestOption{Style: gitea.MergeStyleMerge})
		if err == nil && !merged {
			err = errors.New("the forge did not merge it")
		}
		return response, err
	})
	if err != nil {
		return "", fmt.Errorf("merge request %d: %w", request.Number, err)
	}
	// Nobody else merges before the lock is released, so it is the newest. The forge would tell by the merge
	// request as well, but a request for that right after the merge has been seen
	// to hang in Gitea 1.26, which checks a merge request whenever it shows one.
	return f.Head()
}

// CommitStatus is a commit status as shown beside the commit.
type CommitStatus struct {
	// Context is carrel/<cluster>/<course>.
	Context string
	// State is pending, success or failure.
	State string
	// Description is the text.
	Description string
}

// Statuses are all statuses ever posted on a commit, oldest first.
func (f *Forge) Statuses(commit string) ([]CommitStatus, error) {
	rows, _, err := f.client.ListStatuses(owner, repository, commit, gitea.ListStatusesOption{
		ListOptions: gitea.ListOptions{PageSize: 50},
	})
	if err != nil {
		return nil, fmt.Errorf("read the statuses of commit %s: %w", commit, err)
	}
	slices.SortFunc(rows, func(a, b *gitea.Status) int { return cmp.Compare(a.ID, b.ID) })
	statuses := make([]CommitStatus, 0, len(rows))
	for _, row := range rows {
		statuses = append(statuses, CommitStatus{Context: row.Context, State: string(row.State), Description: row.Description})
	}
	return statuses, nil
}

// CourseStatuses are the statuses of one course on a commit, oldest first.
func (f *Forge) CourseStatuses(course, commit string) ([]CommitStatus, error) {
	statuses, err := f.Statuses(commit)
	return slices.DeleteFunc(statuses, func(s CommitStatus) bool { return s.Context != StatusContext(course) }), err
}

// Head is the newest commit of the main branch.
func (f *Forge) Head() (commit string, err error) {
	branch, _, err := f.client.GetRepoBranch(owner, repository, mainBranch)
	if err != nil {
		return "", fmt.Errorf("read the branch %s: %w", mainBranch, err)
	}
	return branch.Commit.ID, nil
}

// at tells whether a revision as Flux writes it, "main@sha1:0a1b…", is at the commit
// or past it. A newer commit overtakes an older one on its way: Flux then never stops
// at the older one.
func (f *Forge) at(revision, commit string) (is string, reached bool, err error) {
	_, sha, _ := strings.Cut(revision, ":")
	if sha == "" || sha == commit {
		return revision, sha == commit, nil
	}
	if has, known := f.compared.Load([2]string{sha, commit}); known {
		return revision, has.(bool), nil
	}
	missing, _, err := f.client.CompareCommits(owner, repository, sha, commit)
	if err != nil {
		return revision, false, fmt.Errorf("compare %s to %s: %w", commit, sha, err)
	}
	has := missing.TotalCommits == 0
	f.compared.Store([2]string{sha, commit}, has)
	return revision, has, nil
}

// eventually repeats a call that Gitea refuses for a moment after a push: it
// learns of branches and of whether they merge a little later (404, 405, 409).
func eventually(call func() (*gitea.Response, error)) error {
	const attempts, pause = 300, 200 * time.Millisecond
	for attempt := 1; ; attempt++ {
		response, err := call()
		if err == nil {
			return nil
		}
		early := response != nil && (response.StatusCode == http.StatusNotFound ||
			response.StatusCode == http.StatusMethodNotAllowed || response.StatusCode == http.StatusConflict)
		if !early || attempt == attempts {
			return err
		}
		time.Sleep(pause)
	}
}
