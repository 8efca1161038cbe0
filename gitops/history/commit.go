package history

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// Commit is the author and the time of a change.
type Commit struct {
	// Hash is the full hash of the commit.
	Hash string `json:"hash"`
	// Time is the committer's time, at which the commit came to the branch.
	Time time.Time `json:"time"`
	// Author is the author of the change: "Name <address>".
	Author string `json:"author"`
	// MergedBy is the person who merged the change. It is empty if the commit is
	// not a merge.
	MergedBy string `json:"mergedBy,omitempty"`
	// Subject is the first line of the commit message. For a merge, it is the title
	// of the merge request if the message contains it.
	Subject string `json:"subject"`
	// Request is the merge request as the forge writes it: "#12" or
	// "group/project!12". It is empty if the message names none.
	Request string `json:"request,omitempty"`
	// Edge is true if the clone ends at this commit, so that earlier changes are
	// unknown.
	Edge bool `json:"edge,omitempty"`
}

// requests are the patterns by which forges write the merge request into a commit
// message. Each pattern in turn is searched in the whole message.
var requests = []*regexp.Regexp{
	regexp.MustCompile(`(?m)^Merge pull request (#\d+) from `),                            // GitHub
	regexp.MustCompile(`(?m)^See merge request (\S*!\d+)\s*$`),                            // GitLab
	regexp.MustCompile(`(?m)^Merge pull request '.*' \((#\d+)\) from `),                   // Gitea, Forgejo
	regexp.MustCompile(`(?mi)^(?:Reviewed-on|Pull-Request|Merge-Request|PR-URL): *(\S+)`), // trailers
	regexp.MustCompile(`\A[^\n]*\(([#!]\d+)\)[ \t]*(?:\n|\z)`),                            // squashed
}

// number matches the number at the end of a merge request's address.
var number = regexp.MustCompile(`/(pulls?|merge_requests)/(\d+)(?:[/?#].*)?$`)

// requestOf returns the merge request that a message names, or "".
func requestOf(message string) string {
	message = strings.ReplaceAll(message, "\r\n", "\n")
	for _, r := range requests {
		found := r.FindStringSubmatch(message)
		if found == nil {
			continue
		}
		if parts := number.FindStringSubmatch(found[1]); parts != nil {
			if parts[1] == "merge_requests" {
				return "!" + parts[2]
			}
			return "#" + parts[2]
		}
		return found[1]
	}
	return ""
}

// giteaTitle matches the title of a request in the message of a merge.
var giteaTitle = regexp.MustCompile(`\AMerge pull request '(.*)' \(#\d+\) from `)

// subjectOf returns the subject of a message. For a merge, it returns the title of
// the request, which forges write into the next paragraph.
func subjectOf(message string) string {
	message = strings.ReplaceAll(message, "\r\n", "\n")
	subject, rest, _ := strings.Cut(strings.TrimLeft(message, "\n"), "\n")
	if title := giteaTitle.FindStringSubmatch(subject); title != nil {
		return title[1]
	}
	if strings.HasPrefix(subject, "Merge pull request #") || strings.HasPrefix(subject, "Merge branch ") {
		title, _, _ := strings.Cut(strings.TrimLeft(rest, "\n"), "\n")
		if title != "" && !strings.HasPrefix(title, "See merge request ") {
			return title
		}
	}
	return subject
}

// commit returns the author, time and subject of a commit.
func (r *Repository) commit(hash plumbing.Hash) (Commit, error) {
	object, err := r.git.CommitObject(hash)
	if err != nil {
		return Commit{}, fmt.Errorf("read the commit %s: %w", hash, err)
	}
	c := Commit{
		Hash: hash.String(), Time: writable(object.Committer.When.UTC()), Author: person(object.Author.Name, object.Author.Email),
		Subject: subjectOf(object.Message), Request: requestOf(object.Message), Edge: r.shallow[hash],
	}
	if len(object.ParentHashes) > 1 && !c.Edge {
		// The author of the branch's last commit is most likely the one who asked
		// for the merge.
		if branch, err := r.git.CommitObject(object.ParentHashes[1]); err == nil {
			c.MergedBy, c.Author = c.Author, person(branch.Author.Name, branch.Author.Email)
		}
	}
	return c, nil
}

// writable returns a time that JSON can hold. git takes any year.
func writable(when time.Time) time.Time {
	if when.Year() > 9999 {
		return time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	}
	if when.Year() < 0 {
		return time.Time{}
	}
	return when
}

func person(name, address string) string {
	if address == "" {
		return name
	}
	return fmt.Sprintf("%s <%s>", name, address)
}
