package volume

import (
	"cmp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
)

// A Step is a change of one claim.
type Step int

const (
	// StepNone leaves the claim as it is.
	StepNone Step = iota
	// StepAnswer handles the request for a claim.
	StepAnswer
	// StepReturn takes back the promise for a claim that is needed again.
	StepReturn
	// StepPromise dates a claim that nobody needs.
	StepPromise
	// StepDiscard deletes a claim that nobody needs and that never had a volume.
	StepDiscard
	// StepAnnounce announces the deletion.
	StepAnnounce
	// StepRemove deletes the volume.
	StepRemove
)

// Task is a step that is due.
type Task struct {
	Step  Step
	Claim *corev1.PersistentVolumeClaim
	// Request is the request that StepAnswer handles. Refused says why it is refused. If it
	// is empty, the claim is given the label that the request asks for.
	Request *v1alpha1.VolumeRequest
	Refused string
	// For is the Userland that needs the claim of StepReturn.
	For *v1alpha1.Userland
	// Watch is the watch that StepAnnounce records. It is empty if the Course records it.
	Watch string
}

const (
	// recount bounds how often the passing of time alone changes the counts: a class
	// that was dropped together expires second by second.
	recount = time.Minute
	// reask is the time after which a namespace without a Course is asked again whether
	// its volumes may expire. Nothing watches namespaces.
	reask = time.Hour
)

// KeepingDecision holds what to do with the claims of a course, and what its status says.
type KeepingDecision struct {
	// Tasks are the steps that are due, without deletions.
	Tasks []Task
	// Removals are the claims to delete, the oldest promise first. They are deleted in
	// batches.
	Removals []*corev1.PersistentVolumeClaim
	// Next is the time of the next reconciliation if no event comes before. Zero means
	// never.
	Next time.Time

	world KeepingWorld
	// kept, undecided, expiring and overdue count claims. Overdue ones are past their
	// date, and stay because of the objection.
	kept, undecided, expiring, overdue int32
	objection                          string
	// next is the time of the next deletion; zero means never.
	next time.Time
	// first is the claim that expires first. It is nil if none expires within a week.
	first *corev1.PersistentVolumeClaim
}

// Due reports whether a step is due.
func (d KeepingDecision) Due() bool { return len(d.Tasks)+len(d.Removals) > 0 }

// DecideKeeping decides what to do with the claims of a course.
func DecideKeeping(w KeepingWorld) KeepingDecision {
	d := KeepingDecision{world: w, objection: w.objection()}
	mounted := w.mounted()
	for _, p := range w.people() {
		given := Assign(p.carrels, p.claims, p.strangers)
		for at, claim := range given.Given {
			if claim != nil {
				d.use(claim, p.userland(at))
			}
		}
		for _, claim := range given.Open {
			d.leaveOpen(claim)
		}
		for _, claim := range given.Unneeded {
			if mounted[claim.Name] {
				d.use(claim, nil)
			} else {
				d.keep(claim, p)
			}
		}
	}
	slices.SortFunc(d.Tasks, func(a, b Task) int { return cmp.Compare(a.Claim.Name, b.Claim.Name) })
	slices.SortFunc(d.Removals, func(a, b *corev1.PersistentVolumeClaim) int {
		return cmp.Or(cmp.Compare(a.Labels[v1alpha1.KeepUntilLabel], b.Labels[v1alpha1.KeepUntilLabel]), cmp.Compare(a.Name, b.Name))
	})
	if len(d.Removals) > 0 && w.Rest.holds(w.Now) {
		d.at(w.Rest.Until)
		d.Removals = nil
	}
	return d
}

// use decides about a claim that a carrel needs. by is nil if a Deployment mounts it and no
// Userland is given it.
func (d *KeepingDecision) use(claim *corev1.PersistentVolumeClaim, by *v1alpha1.Userland) {
	_, promised := claim.Labels[v1alpha1.KeepUntilLabel]
	switch request := d.world.request(claim); {
	case d.world.suspended() || claim.DeletionTimestamp != nil:
	case request != nil:
		d.do(Task{Step: StepAnswer, Claim: claim, Request: request, Refused: "a carrel of the course needs it"})
	case promised && by != nil:
		d.do(Task{Step: StepReturn, Claim: claim, For: by})
	}
}

// leaveOpen decides about a claim that is undecided.
func (d *KeepingDecision) leaveOpen(claim *corev1.PersistentVolumeClaim) {
	if claim.DeletionTimestamp != nil {
		return
	}
	d.undecided++
	if request := d.world.request(claim); request != nil && !d.world.suspended() {
		d.do(Task{Step: StepAnswer, Claim: claim, Request: request, Refused: "a person has to decide first whose it is"})
	}
}

// keep decides about a claim that nobody needs.
func (d *KeepingDecision) keep(claim *corev1.PersistentVolumeClaim, p *person) {
	if claim.DeletionTimestamp != nil {
		return
	}
	d.kept++
	_, promised := claim.Labels[v1alpha1.KeepUntilLabel]
	absent, unsure := p.absent(d.world)
	if promised && absent && !unsure {
		d.count(claim)
	}
	request := d.world.request(claim)
	switch {
	case d.world.suspended() || unsure:
	case request != nil:
		d.do(Task{Step: StepAnswer, Claim: claim, Request: request})
	case !promised && attached(claim):
		d.do(Task{Step: StepPromise, Claim: claim})
	case !promised && neverHadVolume(claim):
		d.do(Task{Step: StepDiscard, Claim: claim})
	case promised && absent:
		d.expire(claim)
	}
}

// expire decides about a promised claim whose owner is not in git.
func (d *KeepingDecision) expire(claim *corev1.PersistentVolumeClaim) {
	step, at := d.nextStep(claim)
	switch {
	case step == StepNone:
	case at.After(d.world.Now):
		d.at(at)
	case d.objection != "":
		if d.world.Course == nil {
			d.at(d.world.Now.Add(reask))
		}
	case step == StepAnnounce:
		d.do(Task{Step: StepAnnounce, Claim: claim, Watch: d.watchToRecord()})
	default:
		d.Removals = append(d.Removals, claim)
	}
}

// nextStep returns the result of NextStep. In a namespace without a Course, it returns
// StepAnnounce for a claim that was announced in another watch, since no status records how
// long this one has lasted.
func (d *KeepingDecision) nextStep(claim *corev1.PersistentVolumeClaim) (Step, time.Time) {
	step, at := NextStep(claim, d.world.WatchedSince())
	if step == StepRemove && d.world.Course == nil && claim.Annotations[v1alpha1.AnnouncedInAnnotation] != d.world.Watch {
		_, told := announcement(claim)
		return StepAnnounce, told
	}
	return step, at
}

// watchToRecord returns the watch that an announcement has to record; empty if the Course
// does that.
func (d *KeepingDecision) watchToRecord() string {
	if d.world.Course != nil {
		return ""
	}
	return d.world.Watch
}

// count counts a promised claim whose owner is not in git.
func (d *KeepingDecision) count(claim *corev1.PersistentVolumeClaim) {
	at := goesAt(claim, d.world.WatchedSince())
	if at.IsZero() {
		return
	}
	if at.After(d.world.Now.Add(Soon)) {
		d.at(later(at.Add(-Soon), d.world.Now.Add(recount)))
	} else {
		d.expiring++
		if d.first == nil || claim.Labels[v1alpha1.KeepUntilLabel] < d.first.Labels[v1alpha1.KeepUntilLabel] {
			d.first = claim
		}
	}
	switch {
	case d.objection != "" && !at.After(d.world.Now):
		d.overdue++
	case d.next.IsZero() || at.Before(d.next):
		d.next = at
		// A claim that becomes overdue is counted then.
		if at.After(d.world.Now) {
			d.at(later(at, d.world.Now.Add(recount)))
		}
	}
}

func (d *KeepingDecision) do(t Task) { d.Tasks = append(d.Tasks, t) }

// at asks for another reconciliation at a time.
func (d *KeepingDecision) at(t time.Time) {
	if d.Next.IsZero() || t.Before(d.Next) {
		d.Next = t
	}
}

// neverHadVolume reports whether Carrel created the claim and no volume was ever
// provisioned for it. A claim that a person created may be waiting for a restore.
func neverHadVolume(claim *corev1.PersistentVolumeClaim) bool {
	return !attached(claim) && restoredAt(claim) == "" && claim.Spec.DataSource == nil && claim.Spec.DataSourceRef == nil &&
		claim.Status.Phase == corev1.ClaimPending && claim.Spec.VolumeName == ""
}

// person holds the carrels and claims of one person.
type person struct {
	carrels []Carrel
	claims  []corev1.PersistentVolumeClaim
	// strangers are the Userlands of others that labels of the claims name.
	strangers []v1alpha1.Userland
	// row reports whether a row of a roster names the person.
	row bool
}

// absent reports whether the person has no Userland. It is unsure if a row may become
// one: a row that names the person, or one that can't be read.
func (p *person) absent(w KeepingWorld) (absent, unsure bool) {
	absent = len(p.carrels) == 0
	return absent, absent && (p.row || w.Unread != "")
}

// userland returns the Userland of a place.
func (p *person) userland(at Place) *v1alpha1.Userland {
	i := slices.IndexFunc(p.carrels, func(c Carrel) bool { return c.Userland.Name == at.Userland })
	return p.carrels[i].Userland
}

// people returns all persons who have carrels or claims, by login.
func (w KeepingWorld) people() map[string]*person {
	found := map[string]*person{}
	of := func(login string) *person {
		key := roster.Person(login)
		if found[key] == nil {
			found[key] = &person{}
		}
		return found[key]
	}
	names, mounts := map[string]*v1alpha1.Userland{}, map[string][]*person{}
	for _, c := range w.Carrels {
		p := of(c.Userland.User())
		p.carrels = append(p.carrels, c)
		names[c.Userland.Name] = c.Userland
		for _, claim := range c.Mounted {
			mounts[claim] = append(mounts[claim], p)
		}
	}
	for i := range w.Claims {
		claim := &w.Claims[i]
		owner, recorded := claim.Annotations[v1alpha1.UserAnnotation]
		if !recorded {
			continue
		}
		p := of(owner)
		p.claims = append(p.claims, *claim)
		if u := names[claim.Labels[v1alpha1.UserlandLabel]]; u != nil && roster.Person(u.User()) != roster.Person(owner) {
			p.strangers = append(p.strangers, *u)
		}
		for _, other := range mounts[claim.Name] {
			if other != p {
				other.claims = append(other.claims, *claim)
			}
		}
	}
	for _, user := range w.Rows {
		if p := found[roster.Person(user)]; p != nil {
			p.row = true
		}
	}
	return found
}

// mounted returns the names of the claims that Deployments of the course mount.
func (w KeepingWorld) mounted() map[string]bool {
	names := map[string]bool{}
	for _, c := range w.Carrels {
		for _, claim := range c.Mounted {
			names[claim] = true
		}
	}
	return names
}

// Absent reports whether an owner of a claim has no Userland, so that the rosters have
// to be read.
func (w KeepingWorld) Absent() bool {
	for _, p := range w.people() {
		if len(p.carrels) == 0 && len(p.claims) > 0 {
			return true
		}
	}
	return false
}
