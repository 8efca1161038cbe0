package plan

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// WriteText writes plans for a terminal.
func WriteText(out io.Writer, plans []Plan) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.DiscardEmptyColumns)
	for i, p := range plans {
		if i > 0 {
			_, _ = fmt.Fprintln(w)
		}
		p.writeText(w)
	}
	// If a write failed, Flush returns that error.
	return w.Flush()
}

func (p Plan) writeText(w io.Writer) {
	_, _ = fmt.Fprintf(w, "%s: %s (%s in all)\n", p.Course, p.Headline(), plural(p.Total, "carrel"))
	for _, b := range p.blocks() {
		_, _ = fmt.Fprintf(w, "\n  %s\n", b.title)
		for _, line := range b.lines {
			_, _ = fmt.Fprintf(w, "    %s\n", line)
		}
	}
	if len(p.Need.Rows) == 0 {
		return
	}
	_, _ = fmt.Fprintf(w, "\n  %s\n", p.Need.title())
	_, _ = fmt.Fprintln(w, "    RESOURCE\tBEFORE\tAFTER\tQUOTA")
	for _, row := range p.Need.Rows {
		_, _ = fmt.Fprintf(w, "    %s\t%s\t%s\t%s%s\n", row.Resource, row.Before, row.After, row.Quota, note(row))
	}
}

// note says what is to know of a row of the table.
func note(row NeedRow) (text string) {
	if row.Over {
		text = "  too small: raise it before merging"
	}
	if row.Kept != "" {
		text += "  " + row.Kept + " of it for volumes that are kept"
	}
	return text
}
