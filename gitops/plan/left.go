package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
)

// Departure is a carrel that was removed before the change.
type Departure struct {
	User, Template string
	// At is the time of the commit that removed it.
	At time.Time
}

// Return is a student who is added and was in the course before.
type Return struct {
	// User is the login as it is now.
	User string `json:"user"`
	// Left is the time of the commit that removed the student.
	Left time.Time `json:"left"`
	// Volumes are the volumes that are attached again if they were not deleted.
	Volumes []KeptVolume `json:"volumes,omitempty"`
	// Gone are the volumes whose time was over before the change.
	Gone []KeptVolume `json:"gone,omitempty"`
}

// returns fills in the students who come back. Of several carrels of one student, each
// gets the volumes of its own Template.
func (p *Plan) returns(is seats, left []Departure, templates func(string) *v1alpha1.Template, now time.Time) {
	seatsOf := map[string]int{}
	for _, seat := range is.by {
		seatsOf[roster.Person(seat.User)]++
	}
	latest := slices.Clone(left)
	slices.SortStableFunc(latest, func(a, b Departure) int { return b.At.Compare(a.At) })
	for _, seat := range p.Added {
		person := roster.Person(seat.User)
		i := slices.IndexFunc(latest, func(d Departure) bool {
			return roster.Person(d.User) == person && (seatsOf[person] == 1 || d.Template == seat.Template)
		})
		if i < 0 {
			continue
		}
		back := Return{User: seat.User, Left: latest[i].At}
		has := volumeNames(templates(seat.Template))
		for _, v := range kept(templates(latest[i].Template), latest[i].At) {
			switch {
			case !slices.Contains(has, v.Name):
			case v.Until != nil && v.Until.Before(now):
				back.Gone = append(back.Gone, v)
			default:
				back.Volumes = append(back.Volumes, v)
			}
		}
		if len(back.Volumes)+len(back.Gone) > 0 {
			p.Returns = append(p.Returns, back)
		}
	}
}

func (r Return) returnLine() string {
	var said []string
	if len(r.Volumes) > 0 {
		said = append(said, fmt.Sprintf("kept work of %s (%s) is attached again, if it was not deleted", r.User, keptWords(r.Volumes)))
	}
	if len(r.Gone) > 0 {
		said = append(said, fmt.Sprintf("work of %s (%s) is probably gone", r.User, keptWords(r.Gone)))
	}
	return strings.Join(said, "; ") + "; left on " + r.Left.UTC().Format(time.DateOnly)
}

// keptWords describes until when volumes are kept.
func keptWords(volumes []KeptVolume) string {
	words := make([]string, len(volumes))
	for i, v := range volumes {
		words[i] = v.Name + ", kept for ever"
		if v.Until != nil {
			words[i] = fmt.Sprintf("%s, kept until %s", v.Name, v.Until.UTC().Format(time.DateOnly))
		}
	}
	return strings.Join(words, "; ")
}

// keptNeed returns what the volumes of those who left still use before and after the
// change. Volumes that are attached again are those of a carrel.
func (p Plan) keptNeed(was seats, left []Departure, templates func(string) *v1alpha1.Template, now time.Time) (before, after corev1.ResourceList) {
	before, after = corev1.ResourceList{}, corev1.ResourceList{}
	there := map[string]bool{}
	for _, seat := range was.by {
		there[roster.Person(seat.User)] = true
	}
	type owned struct{ person, template, volume string }
	latest := map[owned]KeptVolume{}
	for _, d := range left {
		person := roster.Person(d.User)
		if there[person] {
			continue // who came back has them, or did not need them
		}
		for _, v := range kept(templates(d.Template), d.At) {
			latest[owned{person, d.Template, v.Name}] = v // whoever left twice has them once
		}
	}
	for _, v := range latest {
		if v.Until == nil || v.Until.After(now) {
			v.addTo(before)
		}
	}
	for name, quantity := range before {
		after[name] = quantity.DeepCopy()
	}
	for _, removed := range p.Removed {
		for _, v := range removed.Volumes {
			v.addTo(after)
		}
	}
	for _, moved := range p.Moved {
		for _, v := range moved.Volumes {
			v.addTo(after)
		}
	}
	for _, back := range p.Returns {
		for _, v := range back.Volumes {
			v.takeFrom(after)
		}
	}
	return before, after
}

func (v KeptVolume) addTo(list corev1.ResourceList) {
	add(list, corev1.ResourcePersistentVolumeClaims, *resource.NewQuantity(1, resource.DecimalSI))
	add(list, corev1.ResourceRequestsStorage, v.size)
}

func (v KeptVolume) takeFrom(list corev1.ResourceList) {
	for name, quantity := range map[corev1.ResourceName]resource.Quantity{
		corev1.ResourcePersistentVolumeClaims: *resource.NewQuantity(1, resource.DecimalSI), corev1.ResourceRequestsStorage: v.size,
	} {
		rest := list[name]
		rest.Sub(quantity)
		if rest.Sign() < 0 {
			rest = resource.Quantity{}
		}
		list[name] = rest
	}
}

// templatesOf returns a function that finds a Template by its name, as it is before the
// change or, if it is new, after it.
func templatesOf(before, after map[string]*v1alpha1.Template) func(string) *v1alpha1.Template {
	return func(name string) *v1alpha1.Template { return cmp.Or(before[name], after[name]) }
}
