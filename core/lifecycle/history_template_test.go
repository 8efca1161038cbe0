package lifecycle_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/lifecycle"
	"github.com/carrel-dev/carrel/core/workload"
)

// versionAnnotation stands for what a version of the controller adds to all pods.
const versionAnnotation = "version"

// lookAtTemplate is one reconciliation of the Template: it judges the Template,
// keeps its revision and grants restarts.
func (c *cluster) lookAtTemplate() {
	c.memory.template, c.templateDirty = time.Time{}, false
	if c.template == nil {
		clear(c.memory.grants)
		return
	}
	w := c.templateWorld()
	if w.TrialDue() {
		c.memory.trial = w.NewTrial()
		c.memory.trial.Answer(c.tryTemplate(), func(field string) string { return field })
		w.Trial = c.memory.trial
	}
	d := lifecycle.DecideTemplate(w)
	if d.Keep != nil {
		c.revisions[d.Keep.Name] = makeRevision(c.image(), c.version)
		c.watch()
	}
	status := d.Status()
	if !equality.Semantic.DeepEqual(lifecycle.OwnTemplateStatus(c.template.Status), status) {
		if lifecycle.LatestRevision(c.template) != d.Revision || c.template.Status.ObservedGeneration != status.ObservedGeneration {
			c.watch()
		}
		c.template = c.template.DeepCopy()
		c.template.Status = status
	}
	c.memory.template = d.Next()
	c.grant(d)
	c.checkHeld()
}

func (c *cluster) templateWorld() lifecycle.TemplateWorld {
	w := lifecycle.TemplateWorld{
		Template: c.template, Wanted: makeRevision(c.image(), c.version).ControllerRevision, Trial: c.memory.trial,
		Userlands: c.class(), Granted: c.memory.grants, SessionEnds: map[string]time.Time{"": lifecycle.SessionEnd(c.moment, c.now)}, Failures: manyFailures, Now: c.now,
	}
	for _, r := range c.revisions {
		w.Revisions = append(w.Revisions, lifecycle.KeptRevision{ControllerRevision: r.ControllerRevision})
	}
	return w
}

// manyFailures makes each attempt wait as long as attempts do in the end.
const manyFailures = 20

func (c *cluster) image() string { return c.template.Spec.Template.Spec.Containers[0].Image }

// tryTemplate is the answer of the API server to a trial of the Template.
func (c *cluster) tryTemplate() error {
	switch {
	case c.unjudged:
		return apierrors.NewInternalError(errors.New("etcd: no leader"))
	case strings.HasPrefix(c.image(), "invalid:"):
		return apierrors.NewInvalid(schema.GroupKind{Group: "apps", Kind: "Deployment"}, "x", field.ErrorList{field.Invalid(field.NewPath("spec"), "x", "no")})
	default:
		return nil
	}
}

// grant lets those restart whom the decision names, and nobody else.
func (c *cluster) grant(d lifecycle.TemplateDecision) {
	granted := map[string]string{}
	for _, name := range d.Restart {
		granted[name] = d.Revision
		if c.memory.grants[name] != d.Revision {
			c.seats[name].dirty = true
		}
	}
	c.memory.grants = granted
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
