package plan

import (
	"fmt"
	"io"
	"strings"
)

// longList is the number of lines above which a comment folds a list.
const longList = 12

// WriteMarkdown writes plans for a comment on a merge request.
func WriteMarkdown(out io.Writer, plans []Plan) error {
	var b strings.Builder
	if len(plans) == 0 {
		b.WriteString("No course changes.\n")
	}
	for i, p := range plans {
		if i > 0 {
			b.WriteString("\n")
		}
		p.writeMarkdown(&b)
	}
	if _, err := io.WriteString(out, b.String()); err != nil {
		return fmt.Errorf("write the plan: %w", err)
	}
	return nil
}

func (p Plan) writeMarkdown(b *strings.Builder) {
	fmt.Fprintf(b, "### %s: %s\n\n%s in all.\n", Escape(p.Course), Escape(p.Headline()), plural(p.Total, "carrel"))
	for _, block := range p.blocks() {
		writeList(b, block)
	}
	if len(p.Need.Rows) == 0 {
		return
	}
	fmt.Fprintf(b, "\n**%s**\n\n| resource | before | after | quota |\n|---|---|---|---|\n", Escape(p.Need.title()))
	for _, row := range p.Need.Rows {
		fmt.Fprintf(b, "| %s | %s | %s | %s%s |\n", row.Resource, row.Before, row.After, row.Quota, note(row))
	}
}

func writeList(b *strings.Builder, list block) {
	folded := len(list.lines) > longList
	if folded {
		fmt.Fprintf(b, "\n<details><summary>%s (%d)</summary>\n\n", Escape(list.title), len(list.lines))
	} else {
		fmt.Fprintf(b, "\n**%s**\n\n", Escape(list.title))
	}
	for _, line := range list.lines {
		fmt.Fprintf(b, "- %s\n", Escape(line))
	}
	if folded {
		b.WriteString("\n</details>\n")
	}
}

// special lists the characters with a meaning in Markdown. It includes @ and #,
// which would notify people and link requests: the text comes from files that
// anybody may propose.
const special = "\\`*_{}[]<>|~@#&!"

// Escape returns text in a form that Markdown shows literally, and in which no
// user is mentioned and no request linked.
func Escape(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '@' || r == '#':
			// A backslash does not keep forges from linking these.
			fmt.Fprintf(&b, "&#%d;", r)
			continue
		case strings.ContainsRune(special, r):
			b.WriteByte('\\')
		case r == '\n' || r == '\r':
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}
