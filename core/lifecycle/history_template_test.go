package lifecycle_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/lifecycle"
	"github.com/carrel-dev/carrel/core/workload"
)

// versionAnnotation stands for what a version of the controller adds to all pods.
const versionAnnotation = "version"

// judge accepts or refuses the Template as it stands, and keeps its revision.
func (c *cluster) judge() {
	t := c.template
	if t == nil || c.unjudged {
		return
	}
	status := metav1.ConditionTrue
	if strings.HasPrefix(t.Spec.Template.Spec.Containers[0].Image, "invalid:") {
		status = metav1.ConditionFalse
	}
	name := ""
	if status == metav1.ConditionTrue {
		name = c.keep(t)
	}
	if t.Status.ObservedGeneration == t.Generation && (name == "" || lifecycle.LatestRevision(t) == name) {
		return
	}
	t.Status.ObservedGeneration = t.Generation
	t.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ReadyCondition, Status: status, Reason: "Judged", Message: "judged"}}
	if name != "" && lifecycle.LatestRevision(t) != name {
		t.Status.Revision = &v1alpha1.TemplateRevision{Name: name, Since: metav1.NewTime(c.now)}
	}
	c.watch()
}

// keep stores the revision of a Template as this version of the controller makes it.
func (c *cluster) keep(t *v1alpha1.Template) (name string) {
	r := makeRevision(t.Spec.Template.Spec.Containers[0].Image, c.version)
	if _, known := c.revisions[r.Name]; !known {
		c.revisions[r.Name] = r
		c.watch()
	}
	return r.Name
}

// made has the revisions made so far: making one takes longer than a decision.
var made sync.Map

// makeRevision returns the revision of the Template with an image.
func makeRevision(image string, version int) lifecycle.Revision {
	key := fmt.Sprint(image, version)
	if r, known := made.Load(key); known {
		return r.(lifecycle.Revision)
	}
	t := newTemplate(time.Time{})
	t.Spec.Template.Spec.Containers[0].Image = image
	plain, err := workload.NewRevision(t)
	if err != nil {
		panic(err)
	}
	t.Spec.Template.Annotations = map[string]string{versionAnnotation: strconv.Itoa(version)}
	kept, err := workload.NewRevision(t)
	if err != nil {
		panic(err)
	}
	kept.Annotations = plain.Annotations
	r := lifecycle.Revision{ControllerRevision: kept, Blueprint: workload.NewBlueprint(t)}
	made.Store(key, r)
	return r
}

// rollOut grants restarts to those whose turn it is.
func (c *cluster) rollOut() {
	t := c.template
	if t == nil || t.Status.Revision == nil || !meta.IsStatusConditionTrue(t.Status.Conditions, v1alpha1.ReadyCondition) {
		clear(c.memory.grants)
		return
	}
	latest := t.Status.Revision.Name
	plan := lifecycle.PlanRollout(lifecycle.RolloutFacts{
		Rollout: t.Spec.Rollout, Since: t.Status.Revision.Since.Time, Carrels: c.census(), Now: c.now,
		Granted: func(name string) bool { return c.memory.grants[name] == latest },
	})
	c.memory.template = plan.Next
	c.checkHeld(plan)
	for name := range c.memory.grants {
		if !slices.Contains(plan.Restart, name) {
			delete(c.memory.grants, name)
		}
	}
	for _, name := range plan.Restart {
		if c.memory.grants[name] != latest {
			c.memory.grants[name] = latest
			c.seats[name].dirty = true
		}
	}
}

// census returns how the class stands to the revision, as its statuses record it.
func (c *cluster) census() (carrels []lifecycle.RolloutCarrel) {
	for _, name := range names {
		u := c.seats[name].userland
		if u == nil {
			continue
		}
		carrel := lifecycle.RolloutCarrel{Name: name}
		if u.Status.LastActivityTime != nil {
			carrel.LastUsed = u.Status.LastActivityTime.Time
		}
		seen := u.Status.Template
		pending := meta.FindStatusCondition(u.Status.Conditions, v1alpha1.UpdatePendingCondition)
		switch {
		case seen == nil || seen.Generation != c.template.Generation:
		case pending != nil:
			if !c.sameSource(seen.Revision) {
				carrel.Progress, carrel.Since = lifecycle.ProgressPending, pending.LastTransitionTime.Time
			}
		default:
			carrel.Progress = c.progress(u)
			if u.Status.LastStartTime != nil {
				carrel.Since = u.Status.LastStartTime.Time
			}
			carrel.Trouble = u.Status.State
		}
		carrels = append(carrels, carrel)
	}
	return carrels
}

func (c *cluster) sameSource(revision string) bool {
	current, known := c.revisions[revision]
	latest, kept := c.revisions[c.template.Status.Revision.Name]
	return known && kept && revision != latest.Name && workload.SameSource(current.ControllerRevision, latest.ControllerRevision)
}

func (c *cluster) progress(u *v1alpha1.Userland) lifecycle.Progress {
	since := c.template.Status.Revision.Since
	switch state := u.Status.State; {
	case state == v1alpha1.StateStarting:
		return lifecycle.ProgressStarting
	case state == v1alpha1.StateRunning && u.Status.Template.Revision == c.template.Status.Revision.Name:
		return lifecycle.ProgressProven
	case state == v1alpha1.StateFailing && u.Status.LastStartTime != nil && !u.Status.LastStartTime.Before(&since):
		return lifecycle.ProgressFailed
	default:
		return lifecycle.ProgressIdle
	}
}

// edit gives the Template another image.
func (c *cluster) edit(kind string, n int) {
	if c.template == nil {
		return
	}
	image := fmt.Sprintf("%s:%d", kind, n)
	if container := &c.template.Spec.Template.Spec.Containers[0]; container.Image != image {
		container.Image = image
		c.template.Generation++
		c.watch()
	}
}

// change edits the Template in what makes no other pods.
func (c *cluster) change(edit func(*v1alpha1.TemplateSpec)) {
	if c.template == nil {
		return
	}
	edit(&c.template.Spec)
	c.template.Generation++
	c.watch()
}
