package lifecycle

import "testing"

func TestPick(t *testing.T) {
	running := standing{latest: "new", has: "old", exists: true, proven: "old", runs: true, wanted: true}
	with := func(change func(*standing)) standing {
		s := running
		change(&s)
		return s
	}
	for _, test := range []struct {
		name     string
		standing standing
		want     string
	}{
		{"who runs keeps what it has", running, "old"},
		{"who is new takes the latest", standing{latest: "new", wanted: true}, "new"},
		{"who stops takes the latest", with(func(s *standing) { s.wanted = false }), "new"},
		{"who starts takes the latest", with(func(s *standing) { s.runs, s.proven = false, "" }), "new"},
		{"who never came up takes the latest", with(func(s *standing) { s.proven = "" }), "new"},
		{"who works keeps what it has, recorded or not", with(func(s *standing) { s.proven, s.works = "", true }), "old"},
		{"who fails takes the latest", with(func(s *standing) { s.failing = true }), "new"},
		{"who is asked to restart takes the latest", with(func(s *standing) { s.restart = true }), "new"},
		{"whose turn it is takes the latest", with(func(s *standing) { s.granted = true }), "new"},
		{"who lost its Deployment gets back what it had", with(func(s *standing) { s.exists, s.has, s.runs = false, "", false }), "old"},
		{"who was made before revisions were kept stays as it is", with(func(s *standing) { s.has, s.proven = "", "" }), ""},
		{"whose Template is gone keeps what it has", with(func(s *standing) { s.latest = "" }), "old"},
		{"also when it starts", with(func(s *standing) { s.latest, s.runs = "", false }), "old"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := pick(test.standing); got != test.want {
				t.Errorf("made of %q, want %q", got, test.want)
			}
		})
	}
}

func TestProvenBy(t *testing.T) {
	for _, test := range []struct {
		name          string
		wanted, ready bool
		has, before   string
		want          string
	}{
		{"running", true, true, "a", "", "a"},
		{"on its way with what it ran with before, as after the loss of a node", true, false, "a", "a", "a"},
		{"on its way with another", true, false, "b", "a", ""},
		{"stopped", false, false, "a", "a", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := provenBy(test.wanted, test.ready, test.has, test.before); got != test.want {
				t.Errorf("seen running with %q, want %q", got, test.want)
			}
		})
	}
}
