package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/enrolment"
	"github.com/carrel-dev/carrel/core/timetable"
)

// Need is the peak demand of a class.
type Need struct {
	// Session is the session of the peak, such as "2026-10-05 09:00 Lab". It is
	// empty if the demand is the same at any time, because the class has no
	// timetable or no carrel sleeps.
	Session string `json:"session,omitempty"`
	// Rows lists pods, CPU, memory and storage by the names that a ResourceQuota
	// uses.
	Rows []NeedRow `json:"rows,omitempty"`
}

// NeedRow is the demand for one resource.
type NeedRow struct {
	Resource string `json:"resource"`
	Before   string `json:"before"`
	After    string `json:"after"`
	// Quota is the smallest quota that applies. It is empty if none does.
	Quota string `json:"quota,omitempty"`
	// Over is true if the class does not fit into the quota.
	Over bool `json:"over,omitempty"`
	// Kept is the part of After that kept volumes use, which no carrel has. It is empty
	// if there are none.
	Kept string `json:"kept,omitempty"`

	before, after resource.Quantity
	quota         *resource.Quantity
}

// set stores the quantities.
func (r *NeedRow) set(before, after resource.Quantity) {
	r.before, r.after = before, after
	r.Before, r.After = before.String(), after.String()
	r.Over = r.quota != nil && after.Cmp(*r.quota) > 0
}

// addKept adds what kept volumes use to the demand of the class.
func (n *Need) addKept(before, after corev1.ResourceList) {
	for i := range n.Rows {
		row := &n.Rows[i]
		was, is := before[corev1.ResourceName(row.Resource)], after[corev1.ResourceName(row.Resource)]
		if was.IsZero() && is.IsZero() {
			continue
		}
		if !is.IsZero() {
			row.Kept = is.String()
		}
		was.Add(row.before)
		is.Add(row.after)
		row.set(was, is)
	}
}

// measured lists the measured resources in the order of the table, by the names
// that a ResourceQuota uses.
var measured = []corev1.ResourceName{
	corev1.ResourcePods, corev1.ResourceRequestsCPU, corev1.ResourceRequestsMemory, corev1.ResourceLimitsCPU,
	corev1.ResourceLimitsMemory, corev1.ResourceRequestsStorage, corev1.ResourcePersistentVolumeClaims, enrolment.CountUserlands,
}

// aliases maps resources to their short names in a ResourceQuota.
var aliases = map[corev1.ResourceName]corev1.ResourceName{
	corev1.ResourceRequestsCPU: corev1.ResourceCPU, corev1.ResourceRequestsMemory: corev1.ResourceMemory,
}

func needs(was, is seats, before, after Class, now time.Time) Need {
	former, at := was.fullest(before, now)
	present := former
	if was.course != is.course {
		present, at = is.fullest(after, now)
	}
	need := Need{Session: at}
	for _, name := range measured {
		w, i := former[name], present[name]
		if w.IsZero() && i.IsZero() {
			continue
		}
		row := NeedRow{Resource: string(name), quota: quotaOf(after.Quotas, name)}
		if row.quota == nil && name == enrolment.CountUserlands {
			continue // the headline has the number
		}
		if row.quota != nil {
			row.Quota = row.quota.String()
		}
		row.set(w, i)
		need.Rows = append(need.Rows, row)
	}
	return need
}

// NeedOf returns the demand of a class. Volumes that are kept after the change from
// before count, too. A before without a Course is no change: Before and After are equal.
func NeedOf(name string, before, after Class) Need {
	if before.Course != nil {
		return Compare(name, before, after, time.Time{}).Need
	}
	s := seatsOf(name, after.Class)
	return needs(s, s, after, after, time.Time{})
}

// group is the key of seats that need the same at every moment.
type group struct {
	template, section string
	enabled           bool
}

// demand counts the seats of a class by group.
type demand struct {
	groups    []group
	count     map[group]int64
	templates map[string]*v1alpha1.Template
	limits    []corev1.LimitRange
	timetable bool
}

func (s *seats) demand(c Class) *demand {
	d := &demand{count: map[group]int64{}, templates: c.templates(), limits: c.Limits, timetable: s.course.Spec.Timetable != nil}
	for _, seat := range s.by {
		if d.templates[seat.Template] != nil {
			d.count[group{seat.Template, seat.Section, seat.Enabled}]++
		}
	}
	d.groups = slices.SortedFunc(maps.Keys(d.count), func(a, b group) int {
		return cmp.Or(cmp.Compare(a.template, b.template), cmp.Compare(a.section, b.section))
	})
	return d
}

// fullest returns the demand in the session with most pods that ends after now, and the
// name of that session. If the term is over, it returns the fullest session of the term.
func (s *seats) fullest(c Class, now time.Time) (need corev1.ResourceList, at string) {
	d := s.demand(c)
	meets := func(string) bool { return false }
	most := d.pods(meets)
	if s.course.Spec.Timetable == nil {
		return d.needWhile(meets), ""
	}
	table, err := timetable.New(*s.course.Spec.Timetable)
	if err != nil {
		// The rule timetable reports an invalid timetable.
		return d.needWhile(meets), ""
	}
	if !meetsAfter(table, now) {
		now = time.Time{}
	}
	seen := map[string]bool{}
	var horizon time.Time
	for session := range table.From(now) {
		if horizon.IsZero() {
			horizon = session.Begin.AddDate(yearsAhead, 0, 0)
		}
		if session.Begin.After(horizon) {
			break
		}
		inSession := table.InSession(session.Begin)
		key := fmt.Sprint(inSession)
		if seen[key] {
			continue // most weeks are alike
		}
		seen[key] = true
		then := sectionsOf(s.course.Spec.Timetable.Sessions, inSession)
		if pods := d.pods(then); pods > most {
			most, meets, at = pods, then, session.Words()
		}
	}
	return d.needWhile(meets), at
}

func meetsAfter(table *timetable.Table, now time.Time) bool {
	for range table.From(now) {
		return true
	}
	return false
}

// yearsAhead bounds the sessions that are looked at, from the first one. A term with
// an end is no longer, and one without repeats itself.
const yearsAhead = 2

// sectionsOf returns a function that reports whether a section takes part in any of
// the sessions with the given indexes.
func sectionsOf(sessions []v1alpha1.Session, indexes []int) func(section string) bool {
	sections := sets.New[string]()
	for _, i := range indexes {
		if len(sessions[i].Sections) == 0 {
			return func(string) bool { return true }
		}
		sections.Insert(sessions[i].Sections...)
	}
	return sections.Has
}

// there reports whether the carrels of a group have a pod. A carrel whose Template
// idles counts as asleep while its section does not meet. Without a timetable,
// every enabled carrel counts as running.
func (d *demand) there(g group, meets func(section string) bool) bool {
	asleep := d.templates[g.template].Spec.Idle != nil && d.timetable && !meets(g.section)
	return g.enabled && !asleep
}

// pods returns the number of pods while the sections meet for which meets returns
// true.
func (d *demand) pods(meets func(section string) bool) (n int64) {
	for _, g := range d.groups {
		if d.there(g, meets) {
			n += d.count[g]
		}
	}
	return n
}

// needWhile returns the demand while the sections meet for which meets returns
// true.
func (d *demand) needWhile(meets func(section string) bool) corev1.ResourceList {
	need, pods := corev1.ResourceList{}, map[string]corev1.ResourceList{}
	for _, g := range d.groups {
		n, t := d.count[g], d.templates[g.template]
		add(need, enrolment.CountUserlands, *resource.NewQuantity(n, resource.DecimalSI))
		for _, volume := range t.Spec.Volumes {
			add(need, corev1.ResourcePersistentVolumeClaims, *resource.NewQuantity(n, resource.DecimalSI))
			add(need, corev1.ResourceRequestsStorage, times(volume.PVCSpec.Resources.Requests[corev1.ResourceStorage], n))
		}
		if !d.there(g, meets) {
			continue
		}
		add(need, corev1.ResourcePods, *resource.NewQuantity(n, resource.DecimalSI))
		if pods[g.template] == nil {
			pods[g.template] = podNeed(&t.Spec.Template.Spec, d.limits)
		}
		for name, quantity := range pods[g.template] {
			add(need, name, times(quantity, n))
		}
	}
	return need
}

func times(quantity resource.Quantity, n int64) resource.Quantity {
	product := quantity.DeepCopy()
	product.Mul(n)
	return product
}

// podNeed returns what a quota counts for a pod: the sum of its containers, or the
// largest init container if that is more. Init containers with restartPolicy Always
// keep running and belong to the sum.
func podNeed(spec *corev1.PodSpec, limits []corev1.LimitRange) corev1.ResourceList {
	sum, before := corev1.ResourceList{}, corev1.ResourceList{}
	for i := range spec.Containers {
		for name, quantity := range containerNeed(&spec.Containers[i], limits) {
			add(sum, name, quantity)
		}
	}
	for i := range spec.InitContainers {
		c := &spec.InitContainers[i]
		goesOn := c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
		for name, quantity := range containerNeed(c, limits) {
			if goesOn {
				add(sum, name, quantity)
			} else if most := before[name]; quantity.Cmp(most) > 0 {
				before[name] = quantity
			}
		}
	}
	for name, quantity := range before {
		if most := sum[name]; quantity.Cmp(most) > 0 {
			sum[name] = quantity
		}
	}
	return sum
}

// containerNeed returns the requests and limits of a container after defaulting. A
// missing request is set from the container's limit, then from the defaults of a
// LimitRange.
func containerNeed(c *corev1.Container, ranges []corev1.LimitRange) corev1.ResourceList {
	requests, limits := maps.Clone(c.Resources.Requests), maps.Clone(c.Resources.Limits)
	if requests == nil {
		requests = corev1.ResourceList{}
	}
	if limits == nil {
		limits = corev1.ResourceList{}
	}
	fill(requests, c.Resources.Limits)
	for i := range ranges {
		for _, item := range ranges[i].Spec.Limits {
			if item.Type == corev1.LimitTypeContainer {
				fill(limits, item.Default)
				fill(requests, item.DefaultRequest)
				fill(requests, item.Default)
			}
		}
	}
	return corev1.ResourceList{
		corev1.ResourceRequestsCPU: requests[corev1.ResourceCPU], corev1.ResourceRequestsMemory: requests[corev1.ResourceMemory],
		corev1.ResourceLimitsCPU: limits[corev1.ResourceCPU], corev1.ResourceLimitsMemory: limits[corev1.ResourceMemory],
	}
}

// fill copies the quantities that list lacks.
func fill(list, from corev1.ResourceList) {
	for name, quantity := range from {
		if _, there := list[name]; !there {
			list[name] = quantity
		}
	}
}

func add(list corev1.ResourceList, name corev1.ResourceName, quantity resource.Quantity) {
	sum := list[name]
	sum.Add(quantity)
	list[name] = sum
}

// quotaOf returns the smallest quota for a resource among the quotas that apply to
// every pod. It returns nil if there is none.
func quotaOf(quotas []corev1.ResourceQuota, name corev1.ResourceName) *resource.Quantity {
	var found []resource.Quantity
	for i := range quotas {
		if spec := quotas[i].Spec; len(spec.Scopes) == 0 && spec.ScopeSelector == nil {
			for _, word := range []corev1.ResourceName{name, cmp.Or(aliases[name], name), "count/" + name} {
				if hard, there := spec.Hard[word]; there {
					found = append(found, hard)
				}
			}
		}
	}
	if len(found) == 0 {
		return nil
	}
	least := slices.MinFunc(found, func(a, b resource.Quantity) int { return a.Cmp(b) })
	return &least
}
