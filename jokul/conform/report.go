package conform

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// WriteText writes a report for people: a row a case, then what failed and why
// it matters.
func (r Report) WriteText(w io.Writer) error {
	fmt.Fprintf(w, "%s\n", r.URL)
	if !r.EffectsJudged {
		fmt.Fprintln(w, "Answers only: with no status URL it cannot be seen what a notification did.")
	}
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, result := range r.Results {
		note := ""
		if result.Slow {
			note = "  slow: answer first, work later"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d ms%s\n", result.Verdict, result.Case, result.Came, result.Millis, note)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, result := range r.Results {
		if result.Verdict == Fail {
			fmt.Fprintf(w, "\n%s\n  expected  %s\n  came      %s\n  because   %s\n", result.Case, result.Expected, result.Came, result.Why)
		}
	}
	_, err := fmt.Fprintf(w, "\n%d passed, %d failed, %d unjudged\n", r.Count(Pass), r.Count(Fail), r.Count(Unjudged))
	return err
}
