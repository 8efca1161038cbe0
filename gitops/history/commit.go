package history

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// Commit is who changed something, and when.
type Commit struct {
	// Hash is the commit's name in full.
	Hash string `json:"hash"`
	// Time is when it came to the branch: the committer's time.
	Time time.Time `json:"time"`
	// Author is whose change it is: "Name <address>".
	Author string `json:"author"`
	// MergedBy is who merged it, where a merge brought it; else empty.
	MergedBy string `json:"mergedBy,omitempty"`
	// Subject is the first line of its message: of a merge, that of the request
	// if the message tells it.
	Subject string `json:"subject"`
	// Request is the merge request it came with, as the forge writes it: "#12",
	// "group/project!12"; empty if the message names none.
	Request string `json:"request,omitempty"`
	// Edge: the clone ends here, so what came before is not known.
	Edge bool `json:"edge,omitempty"`
}

// requests are how forges write the merge request into a commit's message. The
// whole message is looked through in this order.
var requests = []*regexp.Regexp{
	regexp.MustCompile(`(?m)^Merge pull request (#\d+) from `),                            // GitHub
	regexp.MustCompile(`(?m)^See merge request (\S*!\d+)\s*$`),                            // GitLab
	regexp.MustCompile(`(?m)^Merge pull request '.*' \((#\d+)\) from `),                   // Gitea, Forgejo
	regexp.MustCompile(`(?mi)^(?:Reviewed-on|Pull-Request|Merge-Request|PR-URL): *(\S+)`), // trailers
	regexp.MustCompile(`\A[^\n]*\(([#!]\d+)\)[ \t]*(?:\n|\z)`),                            // squashed
}

// number is what of a request's address tells it from others.
var number = regexp.MustCompile(`/(pulls?|merge_requests)/(\d+)(?:[/?#].*)?$`)

// requestOf finds the merge request that a message names.
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

// giteaTitle is the title of a request in the message of a merge.
var giteaTitle = regexp.MustCompile(`\AMerge pull request '(.*)' \(#\d+\) from `)

// subjectOf is what a message says was done: of a merge the title of the request,
// which forges write into the next paragraph.
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

// commit reads one in full.
func (r *Repository) commit(hash plumbing.Hash) (Commit, error) {
	object, err := r.git.CommitObject(hash)
	if err != nil {
		return Commit{}, fmt.Errorf("read the commit %s: %w", hash, err)
	}
	c := Commit{
		Hash: hash.String(), Time: object.Committer.When.UTC(), Author: person(object.Author.Name, object.Author.Email),
		Subject: subjectOf(object.Message), Request: requestOf(object.Message), Edge: r.shallow[hash],
	}
	if len(object.ParentHashes) > 1 && !c.Edge {
		// The last commit of the branch is nearest to who asked for the merge.
		if branch, err := r.git.CommitObject(object.ParentHashes[1]); err == nil {
			c.MergedBy, c.Author = c.Author, person(branch.Author.Name, branch.Author.Email)
		}
	}
	return c, nil
}

func person(name, address string) string {
	if address == "" {
		return name
	}
	return fmt.Sprintf("%s <%s>", name, address)
}
