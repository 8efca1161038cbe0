package check

import "github.com/carrel-dev/carrel/core/roster"

// readRosters reads the rosters of all courses in parallel.
func (s *subject) readRosters() {
	names := s.names()
	read := make([]roster.Roster, len(names))
	concurrently(len(names), func(i int) { read[i] = s.readRoster(names[i]) })
	for i, name := range names {
		s.rosters[name] = read[i]
	}
}

// rows returns the roster of a course. Its file names are paths in the repository.
func (s *subject) rows(course string) roster.Roster { return s.rosters[course] }

// readRoster leaves out ConfigMaps that are missing: the rule roster-missing reports them.
func (s *subject) readRoster(course string) roster.Roster {
	return roster.Read(s.classes[course].Rosters...)
}
