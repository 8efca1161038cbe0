// Package history tells from git alone how a course's class came to be: who was
// added, changed or removed, when, by which commit and merge request, and what
// the Template was at the time.
//
// History is that of first parents: a merge request is one step, whatever was
// tried on its branch. A person is followed by who they log in as, so that a move
// from a file of their own to a row of a roster, or to another roster, is a move
// and not a removal. Nothing is ever written to the repository.
package history
