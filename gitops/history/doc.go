// Package history reconstructs the history of a course's class from git alone. It
// finds who was added, changed or removed, when, and by which commit and merge
// request. It also finds the Template in force at the time.
//
// History follows first parents: a merge request is one step, whatever its branch
// contains. A person is identified by login. Moving from a file to a row, or to
// another roster, is therefore a move and not a removal. The package never writes
// to the repository.
package history
