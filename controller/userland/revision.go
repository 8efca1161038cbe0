package userland

import "cmp"

// standing is what it depends on which revision of its Template a carrel is
// made of. Empty names stand for none.
type standing struct {
	// latest is what carrels that start are made of.
	latest string
	// has is what the Deployment is made of, if it exists.
	has    string
	exists bool
	// proven is what the carrel that runs has been seen running with.
	proven string
	// runs is whether it is meant to run as things stand, wanted whether it is to.
	runs, wanted bool
	// failing, restart and granted are the three ways to lose nothing by it.
	failing, restart, granted bool
}

// pick names the revision a carrel is to be made of. Who is stopped, or starts,
// takes the latest; who runs keeps what it has, also through the loss of its
// node or its Deployment.
func pick(s standing) string {
	switch {
	case s.latest == "":
		return cmp.Or(s.has, s.proven)
	case !s.wanted, s.restart, s.granted:
		return s.latest
	case !s.exists:
		return cmp.Or(s.proven, s.latest)
	case !s.runs, s.failing, s.has != s.proven:
		return s.latest
	default:
		return s.has
	}
}

// provenBy is the revision the carrel has been seen running with, given the one
// it is made of now and the one it was seen with before.
func provenBy(wanted, ready bool, has, before string) string {
	if wanted && (ready || has == before) {
		return has
	}
	return ""
}
