package plan

import (
	"cmp"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/core/timetable"
	"github.com/carrel-dev/carrel/gitops/class"
)

// Removal is a student whose carrel is removed.
type Removal struct {
	class.Student
	// Volumes are the volumes that are kept.
	Volumes []KeptVolume `json:"volumes,omitempty"`
}

// KeptVolume is a volume that outlives its carrel.
type KeptVolume struct {
	Name string `json:"name"`
	// Retain is the retention in the Template's notation, such as "30d".
	Retain string `json:"retain"`
	// Until is the time from which the volume may be deleted if the change is
	// merged now. It is nil if the volume is kept forever.
	Until *time.Time `json:"until,omitempty"`

	size resource.Quantity
}

// Move is a student whose carrel changes to another Template. It keeps its name and
// the volumes of the same name.
type Move struct {
	class.Student
	// From is the name of the former Template.
	From string `json:"from"`
	// Along are the names of the volumes that go along, and Fresh those of the volumes
	// that only the new Template has.
	Along []string `json:"along,omitempty"`
	Fresh []string `json:"fresh,omitempty"`
	// Volumes are the volumes that only the former Template has, which are kept.
	Volumes []KeptVolume `json:"volumes,omitempty"`
}

// Respelling is a student whose login is corrected in upper and lower case. A new
// carrel follows the former one, and the work goes along.
type Respelling struct {
	class.Student
	// From is the former login, and FromTemplate the Template of the former carrel.
	From         string `json:"from"`
	FromTemplate string `json:"fromTemplate"`
}

// Regrouping is a student who moves to another part of the class.
type Regrouping struct {
	class.Student
	// Column is the name of the column that divides the class, such as section.
	Column string `json:"column"`
	// From is the former part. It may be empty.
	From string `json:"from"`
}

// people fills in the lists of students. Before and after are the Templates by name.
func (p *Plan) people(was, is seats, before, after map[string]*v1alpha1.Template, now time.Time) {
	gone := map[string]class.Student{}
	for id, seat := range was.by {
		if _, stays := is.by[id]; !stays {
			gone[seat.Userland] = seat
		}
	}
	var came []class.Student
	for _, seat := range is.sorted() {
		if former, stays := was.by[seat.Key()]; stays {
			p.changed(former, seat)
		} else if from, moved := gone[seat.Userland]; moved && from.User == seat.User {
			delete(gone, seat.Userland)
			p.Moved = append(p.Moved, move(seat, from, before[from.Template], after[seat.Template], now))
		} else {
			came = append(came, seat)
		}
	}
	p.Added = p.respelled(came, gone)
	for _, seat := range slices.SortedFunc(maps.Values(gone), class.Compare) {
		p.Removed = append(p.Removed, Removal{Student: seat, Volumes: kept(before[seat.Template], now)})
	}
}

func move(seat, from class.Student, former, present *v1alpha1.Template, now time.Time) Move {
	m := Move{Student: seat, From: from.Template}
	has := volumeNames(present)
	for _, v := range kept(former, now) {
		if slices.Contains(has, v.Name) {
			m.Along = append(m.Along, v.Name)
		} else {
			m.Volumes = append(m.Volumes, v)
		}
	}
	m.Fresh = slices.DeleteFunc(has, func(name string) bool { return slices.Contains(m.Along, name) })
	return m
}

func volumeNames(t *v1alpha1.Template) (names []string) {
	if t == nil {
		return nil
	}
	for i := range t.Spec.Volumes {
		names = append(names, t.Spec.Volumes[i].Name)
	}
	return names
}

// respelled records the students whose login differs from that of somebody who goes only
// in case, and takes those from gone. It returns the others. Of several carrels of one
// student, those with one Template belong together, and then one that is left with one.
func (p *Plan) respelled(came []class.Student, gone map[string]class.Student) (others []class.Student) {
	former := map[string][]class.Student{}
	for _, seat := range slices.SortedFunc(maps.Values(gone), class.Compare) {
		person := roster.Person(seat.User)
		former[person] = append(former[person], seat)
	}
	pair := func(seat class.Student, i int) {
		person := roster.Person(seat.User)
		from := former[person][i]
		former[person] = slices.Delete(former[person], i, i+1)
		delete(gone, from.Userland)
		p.Respelled = append(p.Respelled, Respelling{Student: seat, From: from.User, FromTemplate: from.Template})
	}
	left := map[string]int{}
	for _, seat := range came {
		person := roster.Person(seat.User)
		i := slices.IndexFunc(former[person], func(from class.Student) bool { return from.User != seat.User && from.Template == seat.Template })
		if i >= 0 {
			pair(seat, i)
			continue
		}
		left[person]++
		others = append(others, seat)
	}
	others = slices.DeleteFunc(others, func(seat class.Student) bool {
		person := roster.Person(seat.User)
		if left[person] != 1 || len(former[person]) != 1 || former[person][0].User == seat.User {
			return false
		}
		pair(seat, 0)
		return true
	})
	slices.SortFunc(p.Respelled, func(a, b Respelling) int { return class.Compare(a.Student, b.Student) })
	return others
}

// changed records the changes of a seat that stays.
func (p *Plan) changed(was, is class.Student) {
	switch {
	case was.Enabled && !is.Enabled:
		p.Disabled = append(p.Disabled, is)
	case !was.Enabled && is.Enabled:
		p.Enabled = append(p.Enabled, is)
	}
	for _, column := range roster.Groups() {
		if from := column.Cell(was.Student); from != column.Cell(is.Student) {
			p.Regrouped = append(p.Regrouped, Regrouping{Student: is, Column: column.Name, From: from})
		}
	}
}

// kept returns the volumes that remain of a Template's carrel.
func kept(t *v1alpha1.Template, now time.Time) []KeptVolume {
	if t == nil {
		return nil
	}
	volumes := make([]KeptVolume, 0, len(t.Spec.Volumes))
	for _, volume := range t.Spec.Volumes {
		v := KeptVolume{Name: volume.Name, Retain: RetainOf(volume), size: volume.PVCSpec.Resources.Requests[corev1.ResourceStorage]}
		// A value that is not a duration means Forever.
		if span, err := timetable.ParsePeriod(v.Retain); err == nil {
			until := now.Add(span)
			v.Until = &until
		}
		volumes = append(volumes, v)
	}
	return volumes
}

// RetainOf returns for how long a volume is kept, in the notation of the API. What is not
// a period means for ever.
func RetainOf(v v1alpha1.Volume) string { return cmp.Or(v.Retain, defaultRetain) }

// defaultRetain is the API's default for retain.
const defaultRetain = "30d"
