package plan

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/timetable"
)

// Removal is a student whose carrel is removed.
type Removal struct {
	Seat
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
}

// Move is a student whose seat changes to another Template.
type Move struct {
	Seat
	// From is the name of the former Template.
	From string `json:"from"`
	// Volumes are the volumes of the former Template, which are kept.
	Volumes []KeptVolume `json:"volumes,omitempty"`
	// NextStart is true if a running carrel keeps the former Template until its
	// next start, because it follows the Course's default. Otherwise it is replaced
	// at once.
	NextStart bool `json:"nextStart"`
}

// Resection is a student who moves to another section.
type Resection struct {
	Seat
	From string `json:"from"`
}

// people fills in the lists of students.
func (p *Plan) people(was, is seats, templates map[string]*v1alpha1.Template, now time.Time) {
	gone := map[string][]Seat{}
	for id, seat := range was.by {
		if _, stays := is.by[id]; !stays {
			gone[seat.User] = append(gone[seat.User], seat)
		}
	}
	for _, seat := range is.sorted() {
		former, was := was.by[identity{seat.User, seat.Template}]
		switch left := gone[seat.User]; {
		case was:
			p.changed(former, seat)
		case len(left) > 0:
			slices.SortFunc(left, compareSeats)
			from := left[0]
			gone[seat.User] = left[1:]
			p.Moved = append(p.Moved, Move{
				Seat: seat, From: from.Template, Volumes: kept(templates[from.Template], now),
				NextStart: seat.byDefault && from.byDefault && seat.Userland == from.Userland,
			})
		default:
			p.Added = append(p.Added, seat)
		}
	}
	for _, user := range slices.Sorted(maps.Keys(gone)) {
		for _, seat := range gone[user] {
			p.Removed = append(p.Removed, Removal{Seat: seat, Volumes: kept(templates[seat.Template], now)})
		}
	}
	slices.SortFunc(p.Removed, func(a, b Removal) int { return compareSeats(a.Seat, b.Seat) })
}

// changed records the changes of a seat that stays.
func (p *Plan) changed(was, is Seat) {
	switch {
	case was.Enabled && !is.Enabled:
		p.Disabled = append(p.Disabled, is)
	case !was.Enabled && is.Enabled:
		p.Enabled = append(p.Enabled, is)
	}
	if was.Section != is.Section {
		p.Resectioned = append(p.Resectioned, Resection{Seat: is, From: was.Section})
	}
}

// kept returns the volumes that remain of a Template's carrel.
func kept(t *v1alpha1.Template, now time.Time) []KeptVolume {
	if t == nil {
		return nil
	}
	volumes := make([]KeptVolume, 0, len(t.Spec.Volumes))
	for _, volume := range t.Spec.Volumes {
		v := KeptVolume{Name: volume.Name, Retain: cmp.Or(volume.Retain, defaultRetain)}
		// A value that is not a duration means Forever.
		if span, err := timetable.ParsePeriod(v.Retain); err == nil {
			until := now.Add(span)
			v.Until = &until
		}
		volumes = append(volumes, v)
	}
	return volumes
}

// defaultRetain is the API's default for retain.
const defaultRetain = "30d"
