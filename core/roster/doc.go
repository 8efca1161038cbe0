// Package roster reads the list of a course's students as teachers have it: CSV
// that a spreadsheet, a learning platform or a person wrote. It is pure: text
// in, rows and problems out.
//
// The first line names the columns, in any order: user (required), name,
// template, section, enabled. A row is one carrel, and what tells it from others
// is its user and its template.
package roster
