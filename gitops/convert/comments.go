package convert

import (
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// lostCommentError is returned if a comment would not survive the conversion.
type lostCommentError struct {
	document, line int
	comment        string
}

func (e *lostCommentError) Error() string {
	return fmt.Sprintf("the comment %q would be lost", e.comment)
}

// checkComments returns an error if text lacks a comment that was read. The YAML
// library misplaces some comments.
func (d *document) checkComments(text string) error {
	var node yaml.Node
	if err := yaml.Unmarshal([]byte(text), &node); err != nil {
		return fmt.Errorf("read document %d again: %w", d.number, err)
	}
	left := commentsOf(&node, nil)
	for _, comment := range d.comments {
		at := slices.Index(left, comment)
		if at < 0 {
			return &lostCommentError{document: d.number, line: d.lineOf(comment), comment: comment}
		}
		left = slices.Delete(left, at, at+1)
	}
	return nil
}

func (d *document) lineOf(comment string) int {
	before, _, _ := strings.Cut(d.body, comment)
	return d.line + strings.Count(before, "\n")
}

// commentsOf appends the comments below node to all, line by line.
func commentsOf(node *yaml.Node, all []string) []string {
	for _, comment := range []string{node.HeadComment, node.LineComment, node.FootComment} {
		all = append(all, commentLines(comment)...)
	}
	for _, child := range node.Content {
		all = commentsOf(child, all)
	}
	return all
}

func commentLines(comment string) (lines []string) {
	for line := range strings.SplitSeq(comment, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}
