// Package check finds mistakes in a repository of courses before Flux applies it.
// It renders what Flux would apply and validates the result as the API server
// would. It also checks rules that involve more than one object. It needs no
// cluster.
package check

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/gitops/class"
	"github.com/carrel-dev/carrel/gitops/render"
	"github.com/carrel-dev/carrel/gitops/tree"
)

// Severity is the importance of a finding for a merge.
type Severity string

const (
	// Error marks a finding that must be fixed before merging.
	Error Severity = "error"
	// Warning marks a finding that deserves a look but may be merged.
	Warning Severity = "warning"
)

// Finding is one mistake found by a rule.
type Finding struct {
	// Rule is the ID of the rule that returned the finding.
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	// File is a path relative to the repository's root. Line counts from 1; zero
	// stands for the whole file.
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
	// Object names the object concerned, such as "Course prog1/prog1". It may be
	// empty.
	Object string `json:"object,omitempty"`
	// Message describes the mistake, and Cure how to fix it.
	Message string `json:"message"`
	Cure    string `json:"cure,omitempty"`
}

// Result is what a check found, and what it looked at.
type Result struct {
	Findings []Finding
	Looked   Looked
}

// Looked counts what a check looked at. A course of several clusters counts once.
type Looked struct{ Clusters, Courses, Students int }

// String returns the counts in words: "2 clusters, 3 courses, 338 students".
func (l Looked) String() string {
	return count(l.Clusters, "cluster") + ", " + count(l.Courses, "course") + ", " + count(l.Students, "student")
}

// Failed reports whether any finding is an error.
func (r Result) Failed() bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Severity == Error })
}

// Run checks everything that Flux applies to each cluster of the tree now. If before
// is not nil, it is the tree that now replaces, and removals over the guard are
// findings too. A finding of several clusters is returned once.
//
// If below is not empty, Run renders only the courses that have a part in that file
// or directory. It returns the findings there, and the failures to build it. It
// returns an error if no cluster has a part there, since nothing was looked at then.
func Run(ctx context.Context, now, before *tree.Tree, below string) (Result, error) {
	below = strings.Trim(path.Clean("/"+below), "/")
	names := render.Clusters(now)
	if len(names) == 0 {
		return Result{}, fmt.Errorf("there is no clusters/<name>/flux-system: run carrel in the repository of the courses, or name it with -C")
	}
	go func() { _, _ = kinds() }() // load the CRDs while the trees are rendered
	var former []string
	if before != nil {
		former = render.Clusters(before)
	}
	var found []Finding
	var all []*subject
	for _, name := range names {
		trees := []*tree.Tree{now}
		if slices.Contains(former, name) {
			trees = append(trees, before)
		}
		s, err := load(ctx, name, below, trees)
		if err != nil {
			return Result{}, fmt.Errorf("cluster %s: %w", name, err)
		}
		all, found = append(all, s), append(found, s.judge()...)
	}
	if below == "" {
		found = append(found, unreached(now, all)...)
	} else if !slices.ContainsFunc(all, (*subject).reached) {
		return Result{}, fmt.Errorf("no cluster builds anything from %s, so nothing was looked at: list the course in clusters/<cluster>/courses/kustomization.yaml, or name another path", below)
	}
	slices.SortStableFunc(found, compareFindings)
	return Result{keep(slices.Compact(found), below), looked(all)}, nil
}

// looked counts what is in the subjects. Students who could not be read don't count.
func looked(all []*subject) Looked {
	courses, students := map[string]bool{}, map[[2]string]bool{}
	for _, s := range all {
		for name, declared := range s.classes {
			if s.below != "" && !s.has(name) {
				continue
			}
			courses[name] = true
			for _, row := range s.rows(name).Rows {
				students[[2]string{name, row.User}] = true
			}
			for i := range declared.Userlands {
				students[[2]string{name, declared.Userlands[i].User()}] = true
			}
		}
	}
	return Looked{len(all), len(courses), len(students)}
}

// keep returns the findings in the file or directory below, and the build failures
// that hide others there.
func keep(found []Finding, below string) []Finding {
	if below == "" {
		return found
	}
	return slices.DeleteFunc(found, func(f Finding) bool {
		return f.Rule != "build" && f.File != below && !strings.HasPrefix(f.File, below+"/")
	})
}

// judge runs all rules in parallel and returns their findings in the order of the
// rules.
func (s *subject) judge() (all []Finding) {
	found := make([][]Finding, len(rules))
	concurrently(len(rules), func(i int) {
		if rules[i].find != nil {
			found[i] = rules[i].find(s)
		}
	})
	for i, rule := range rules {
		for _, f := range found[i] {
			f.Rule, f.Severity = rule.ID, cmp.Or(f.Severity, rule.Severity)
			all = append(all, f)
		}
	}
	return all
}

func compareFindings(a, b Finding) int {
	return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), strings.Compare(a.Rule, b.Rule),
		strings.Compare(a.Object, b.Object), strings.Compare(a.Message, b.Message))
}

// id is the key of an object within a cluster.
type id struct{ kind, namespace, name string }

// subject is the input of the rules: everything that Flux applies to one cluster.
type subject struct {
	cluster string
	// below is the file or directory to check; empty stands for the whole tree.
	below   string
	tree    *tree.Tree
	applied []render.Applied
	objects []*object
	by      map[id]*object
	// classes holds the courses whose objects are valid, by name.
	classes map[string]class.Class
	rosters map[string]roster.Roster
	before  *subject

	// sources caches the YAML documents of files. mutex guards it, because rules
	// run in parallel.
	mutex   sync.Mutex
	sources map[string][]*document
}

// load renders the cluster from the first tree. If there is a second tree, load
// renders it as the state before the change.
func load(ctx context.Context, cluster, below string, trees []*tree.Tree) (*subject, error) {
	all, err := rendered(ctx, cluster, below, trees)
	if err != nil {
		return nil, err
	}
	s, err := newSubject(ctx, trees[0], cluster, all[0])
	if err != nil {
		return nil, err
	}
	s.below = below
	if len(trees) == 1 {
		return s, nil
	}
	s.before, err = newSubject(ctx, trees[1], cluster, all[1])
	return s, err
}

func rendered(ctx context.Context, cluster, below string, trees []*tree.Tree) ([][]render.Applied, error) {
	if below != "" {
		return render.Below(ctx, below, cluster, trees...)
	}
	var all [][]render.Applied
	for _, t := range trees {
		one, err := render.Cluster(ctx, t, cluster)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func newSubject(ctx context.Context, t *tree.Tree, cluster string, applied []render.Applied) (_ *subject, err error) {
	s := &subject{cluster: cluster, tree: t, applied: applied, by: map[id]*object{}, sources: map[string][]*document{}, rosters: map[string]roster.Roster{}}
	var valid []class.Object
	for i := range applied {
		for j, o := range applied[i].Objects {
			one := &object{Unstructured: o, origin: applied[i].Origins[j], by: applied[i].Kustomization}
			s.objects = append(s.objects, one)
			s.by[id{o.GetKind(), o.GetNamespace(), o.GetName()}] = one
		}
	}
	concurrently(len(s.objects), func(i int) { s.objects[i].errs = validate(ctx, s.objects[i].Unstructured) })
	for _, one := range s.objects {
		if len(one.errs) == 0 {
			valid = append(valid, class.Object{Unstructured: one.Unstructured, Origin: one.origin})
		}
	}
	if s.classes, err = class.Of(t, valid); err != nil {
		return nil, err
	}
	s.readRosters()
	return s, nil
}
