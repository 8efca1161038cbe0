package plan

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gitops/class"
)

// Present is the state of a course in a cluster, as far as the plan affects it.
type Present struct {
	// Revision is the commit applied last, as Flux names it: main@sha1:.... It is
	// empty if unknown.
	Revision string `json:"revision,omitempty"`
	// Ends are open carrels that merging would close.
	Ends []OpenCarrel `json:"ends,omitempty"`
	// Restarts are open carrels that merging would restart.
	Restarts []OpenCarrel `json:"restarts,omitempty"`
	// GoOn counts open carrels that take a Template's change when they next start.
	GoOn int `json:"goOn,omitempty"`
}

// OpenCarrel is a carrel that is running or starting.
type OpenCarrel struct {
	User     string `json:"user"`
	Userland string `json:"userland"`
	Template string `json:"template"`
	State    string `json:"state"`
	// LastActivity is the time of the last recorded activity. It is nil if none is
	// recorded.
	LastActivity *time.Time `json:"lastActivity,omitempty"`
}

// Now returns the plan with Present filled in from the revision applied last and
// the Userlands of the course.
func (p Plan) Now(revision string, userlands []v1alpha1.Userland) Plan {
	now := Present{Revision: revision}
	ends, restart := p.ending(), p.restarts()
	for i := range userlands {
		one, open := openCarrel(&userlands[i])
		switch {
		case !open:
		case p.Ended || ends[class.Key{User: one.User, Template: one.Template}]:
			now.Ends = append(now.Ends, one)
		case restart[one.Template] == Now:
			now.Restarts = append(now.Restarts, one)
		case restart[one.Template] == NextStart:
			now.GoOn++
		}
	}
	byUser := func(a, b OpenCarrel) int {
		return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.Userland, b.Userland))
	}
	slices.SortFunc(now.Ends, byUser)
	slices.SortFunc(now.Restarts, byUser)
	p.Present = &now
	return p
}

// ending returns the seats whose carrels are closed at once.
func (p Plan) ending() map[class.Key]bool {
	all := map[class.Key]bool{}
	if len(p.Problems)+len(p.Held) > 0 {
		return all // nothing happens
	}
	for _, removed := range p.Removed {
		all[class.Key{User: removed.User, Template: removed.Template}] = true
	}
	for _, stopped := range p.Disabled {
		all[class.Key{User: stopped.User, Template: stopped.Template}] = true
	}
	for _, corrected := range p.Respelled {
		all[class.Key{User: corrected.From, Template: corrected.FromTemplate}] = true
	}
	return all
}

// restarts returns when running carrels restart, for each changed Template.
func (p Plan) restarts() map[string]Restart {
	all := map[string]Restart{}
	for _, change := range p.Templates {
		if change.Kind == "changed" {
			all[change.Name] = change.Restart
		}
	}
	return all
}

func openCarrel(u *v1alpha1.Userland) (OpenCarrel, bool) {
	one := OpenCarrel{User: cmp.Or(u.Status.User, u.User()), Userland: u.Name, Template: u.Spec.TemplateName, State: u.Status.State}
	if u.Status.Template != nil {
		one.Template = u.Status.Template.Name
	}
	if at := u.Status.LastActivityTime; at != nil {
		one.LastActivity = &at.Time
	}
	return one, u.Status.State == v1alpha1.StateRunning || u.Status.State == v1alpha1.StateStarting
}

func (p Present) blocks() []block {
	all := []block{
		{"Open at this moment, and closed by merging", lines(p.Ends, OpenCarrel.openLine)},
		{"Open at this moment, and restarted by merging", lines(p.Restarts, OpenCarrel.openLine)},
	}
	var said []string
	if p.GoOn > 0 {
		said = append(said, carrels(p.GoOn)+" open, and not restarted: the Template's change comes with the next start")
	}
	if len(p.Ends)+len(p.Restarts) == 0 {
		said = append(said, "nobody's carrel is closed or restarted")
	}
	if p.Revision != "" {
		said = append(said, "it has "+p.Revision)
	}
	return append(all, block{"The cluster at this moment", said})
}

func (o OpenCarrel) openLine() string {
	text := fmt.Sprintf("%s, %s, %s", o.User, o.Template, o.State)
	if o.LastActivity != nil {
		text += ", last at work " + o.LastActivity.UTC().Format("2006-01-02 15:04 UTC")
	}
	return text
}
