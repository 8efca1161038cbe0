package check

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/timetable"
)

func findTimetable(s *subject) (found []Finding) {
	for _, name := range s.names() {
		course := s.classes[name].Course
		if course.Spec.Timetable == nil {
			continue
		}
		o := s.find("Course", name, name)
		if _, err := timetable.New(*course.Spec.Timetable); err != nil {
			field, message, _ := strings.Cut(err.Error(), ": ")
			found = append(found, s.findingAt(o, field, field+": "+message, ""))
			continue
		}
		sections := s.sections(name)
		for i, session := range course.Spec.Timetable.Sessions {
			field := index("spec.timetable.sessions", i)
			found = append(found, s.session(o, field, *course.Spec.Timetable, session)...)
			for j, section := range session.Sections {
				if len(sections) > 0 && !s.unread(name) && !slices.Contains(sections, section) {
					f := s.findingAt(o, index(field+".sections", j), fmt.Sprintf("the session %q is for section %q, in which nobody is", session.Name, section),
						"correct the section here or on the roster")
					f.Severity = Warning
					found = append(found, f)
				}
			}
		}
	}
	return found
}

// findNeverIdle reports courses with a timetable whose students all have Templates that
// never idle.
func findNeverIdle(s *subject) (found []Finding) {
	for _, name := range s.names() {
		declared := s.classes[name]
		if declared.Course.Spec.Timetable == nil || s.unread(name) {
			continue
		}
		used := map[string]bool{}
		for _, student := range declared.Roll(name).Students {
			used[student.Template] = true
		}
		var never []string
		for i := range declared.Templates {
			if t := &declared.Templates[i]; used[t.Name] && t.Spec.Idle == nil {
				never = append(never, t.Name)
			}
			if t := &declared.Templates[i]; used[t.Name] && t.Spec.Idle != nil {
				never = nil
				break
			}
		}
		if len(never) == 0 {
			continue
		}
		slices.Sort(never)
		found = append(found, s.findingAt(s.find("Course", name, name), "spec.timetable",
			"the class has a timetable, and no carrel ever idles: Template "+strings.Join(never, ", "), "set spec.idle.after in the Template, such as 30m, or take the timetable out"))
	}
	return found
}

// session checks one session of a valid timetable.
func (s *subject) session(o *object, field string, of v1alpha1.Timetable, session v1alpha1.Session) (found []Finding) {
	if !takesPlace(of, session) {
		return []Finding{s.findingAt(o, field, fmt.Sprintf("the session %q never takes place", session.Name),
			"look at its weekdays, at its except and at the days of the term")}
	}
	except := session.Except
	session.Except = nil
	of.Sessions = []v1alpha1.Session{session}
	table, err := timetable.New(of)
	if err != nil {
		return nil
	}
	for i, day := range except {
		field := index(field+".except", i)
		if on, err := table.On(day, field); err == nil && len(on) == 0 {
			f := s.findingAt(o, field, fmt.Sprintf("the session %q would not take place on %s anyway", session.Name, day), "correct the day, or take it out")
			f.Severity = Warning
			found = append(found, f)
		}
	}
	return found
}

// takesPlace reports whether a session of a valid timetable takes place at all.
func takesPlace(of v1alpha1.Timetable, session v1alpha1.Session) bool {
	of.Sessions = []v1alpha1.Session{session}
	table, err := timetable.New(of)
	if err != nil {
		return true
	}
	for range table.From(time.Time{}) {
		return true
	}
	return false
}

// sections returns the sections of a course's students, sorted.
func (s *subject) sections(course string) (all []string) {
	for _, row := range s.rows(course).Rows {
		all = append(all, row.Section)
	}
	for i := range s.classes[course].Userlands {
		all = append(all, s.classes[course].Userlands[i].Spec.Section)
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(section string) bool { return section == "" })
}
