package roster

// UserlandName is the name of the Userland a row becomes: that of the user alone
// for a row that leaves the Template to the course, and a derived one that tells
// of both for a row that names one. Like the user's it depends on nothing else,
// so that the order of rows and their neighbours never rename anybody.
func (r Row) UserlandName() string {
	if r.Template == "" {
		return UserlandName(r.User)
	}
	// No identity from a roster has a NUL in it.
	return UserlandName(r.User + "\x00" + r.Template)
}
