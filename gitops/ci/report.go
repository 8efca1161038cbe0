// Package ci serves the pipelines of merge requests. It puts the results of check and
// plan into one comment and one commit status.
package ci

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/carrel-dev/carrel/forge"
	"github.com/carrel-dev/carrel/gitops/check"
	"github.com/carrel-dev/carrel/gitops/plan"
)

// StatusContext is the context of a merge request's commit status.
const StatusContext = "carrel/check"

// Mark identifies our comment on a merge request, so that later runs update it.
const Mark forge.Mark = "carrel/check"

// maxReport is the maximum size of a report, in bytes. The run that wrote the
// report read files that anybody may propose.
const maxReport = 16 << 20

// Report is the result of checking a merge request.
type Report struct {
	// Base and Head are the full hashes of the compared commits.
	Base string `json:"base"`
	Head string `json:"head"`
	// Failure is the reason why the request could not be checked. It is empty if
	// the check ran.
	Failure  string          `json:"failure,omitempty"`
	Findings []check.Finding `json:"findings,omitempty"`
	Plans    []plan.Plan     `json:"plans,omitempty"`
}

// Refused reports whether the request must not be merged in its present form.
func (r Report) Refused() bool { return r.refusal() != "" }

// refusal returns the reason for refusing the request in a few words, or "" if it
// may be merged.
func (r Report) refusal() string {
	errs, problems, held := 0, 0, 0
	for _, finding := range r.Findings {
		if finding.Severity == check.Error {
			errs++
		}
	}
	for _, p := range r.Plans {
		problems += len(p.Problems)
		if p.Unconfirmed() {
			held++
		}
	}
	// The check reports the problems of a plan as errors too, so the counts
	// overlap.
	errs = max(errs, problems)
	switch {
	case r.Failure != "":
		return "could not be checked: " + r.Failure
	case errs > 0 && held > 0:
		return fmt.Sprintf("%s, and a removal that is not confirmed", counted(errs, "error"))
	case errs > 0:
		return counted(errs, "error")
	case held > 0:
		return "a removal that is not confirmed"
	}
	return ""
}

// Status returns the commit status for the request's head. It contains no user's
// name.
func (r Report) Status() forge.Status {
	status := forge.Status{Context: StatusContext, State: forge.Success, Description: r.headline()}
	if refusal := r.refusal(); refusal != "" {
		status.State, status.Description = forge.Failure, refusal+"; see the comment on the request"
	}
	status.Description = firstCharacters(strings.Join(strings.Fields(status.Description), " "), forge.MaxDescription)
	return status
}

func (r Report) headline() string {
	courses := make([]string, len(r.Plans))
	for i, p := range r.Plans {
		courses[i] = p.Course + ": " + p.Headline()
	}
	if len(courses) == 0 {
		return "no course changes"
	}
	return strings.Join(courses, "; ")
}

func firstCharacters(text string, n int) string {
	if runes := []rune(text); len(runes) > n {
		return string(runes[:n-1]) + "…"
	}
	return text
}

func counted(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// Comment returns the report in Markdown. More people read it than may read the
// roster. It therefore names only the students whom the change itself names, and
// shows only findings in files that the change touches.
func (r Report) Comment(change Diff) (string, error) {
	var b strings.Builder
	switch refusal := r.refusal(); {
	case r.Failure != "":
		fmt.Fprintf(&b, "## This request could not be checked\n\n%s\n", plan.Escape(r.Failure))
		return b.String(), nil
	case refusal != "":
		fmt.Fprintf(&b, "## Must not be merged as it is: %s\n", refusal)
	default:
		b.WriteString("## What merging this does\n")
	}
	r.writeFindings(&b, change)
	plans := make([]plan.Plan, len(r.Plans))
	for i, p := range r.Plans {
		plans[i] = p.Naming(change.Names)
	}
	b.WriteString("\n")
	if err := plan.WriteMarkdown(&b, plans); err != nil {
		return "", err
	}
	fmt.Fprintf(&b, "\n<sub>%s compared with %s</sub>\n", short(r.Head), short(r.Base))
	return b.String(), nil
}

// shownFindings is the maximum number of findings in a comment.
const shownFindings = 30

func (r Report) writeFindings(b *strings.Builder, change Diff) {
	var shown []check.Finding
	for _, f := range r.Findings {
		if change.Touches(f.File) && len(shown) < shownFindings {
			shown = append(shown, f)
		}
	}
	if len(shown) > 0 {
		b.WriteString("\n| where | what | cure |\n|---|---|---|\n")
	}
	for _, f := range shown {
		where := f.File
		if f.Line > 0 {
			where += fmt.Sprintf(":%d", f.Line)
		}
		fmt.Fprintf(b, "| %s | %s: %s (%s) | %s |\n", plan.Escape(where), plan.Escape(string(f.Severity)), plan.Escape(f.Message), plan.Escape(f.Rule), plan.Escape(f.Cure))
	}
	if more := len(r.Findings) - len(shown); more > 0 {
		fmt.Fprintf(b, "\n%s not shown here: see the job's log.\n", counted(more, "finding"))
	}
}

func short(commit string) string { return commit[:min(len(commit), 7)] }

// Write writes the report in the form that Read reads.
func (r Report) Write(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(r); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// Read reads a report that another step wrote. It refuses a report whose commits
// differ from those of the request, because the other step is not trusted.
func Read(in io.Reader, request forge.MergeRequest) (Report, error) {
	var r Report
	data, err := io.ReadAll(io.LimitReader(in, maxReport+1))
	switch {
	case err != nil:
		return r, fmt.Errorf("read the report: %w", err)
	case len(data) > maxReport:
		return r, fmt.Errorf("the report has more than %d bytes", maxReport)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("read the report: %w", err)
	}
	if r.Base != request.Base || r.Head != request.Head {
		return r, errors.New("the report is about other commits than this request: run the check again")
	}
	return r, nil
}
