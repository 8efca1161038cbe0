package main

import (
	"strings"
	"testing"
)

func TestLossesAreFound(t *testing.T) {
	status := func(state, since, activity string) map[string]any {
		return map[string]any{
			"state": state, "lastActivityTime": activity, "requests": map[string]any{"helpSince": "2026-11-28T10:00:00Z"},
			"conditions": []any{map[string]any{"type": "Ready", "status": "True", "lastTransitionTime": since}},
		}
	}
	without := status("Running", "a", "2026-11-28T10:00:00Z")
	delete(without, "requests")
	before := func() *snapshot {
		return &snapshot{
			pods: map[string]string{"p/a": "1"}, claims: map[string]string{"p/a": "2"},
			statuses: map[string]map[string]any{"Userland p/a": status("Running", "a", "2026-11-28T10:00:00Z")},
		}
	}
	for _, test := range []struct {
		name  string
		do    func(*snapshot)
		wants string
	}{
		{"nothing happened", func(*snapshot) {}, ""},
		{"somebody came", func(s *snapshot) { s.pods["p/b"] = "3" }, ""},
		{"later activity", func(s *snapshot) { s.statuses["Userland p/a"]["lastActivityTime"] = "2026-11-28T10:05:00Z" }, ""},
		{"a new pod", func(s *snapshot) { s.pods["p/a"] = "4" }, "pod p/a"},
		{"no pod", func(s *snapshot) { delete(s.pods, "p/a") }, "pod p/a"},
		{"another claim", func(s *snapshot) { s.claims["p/a"] = "4" }, "claim p/a"},
		{"a carrel that fails", func(s *snapshot) { s.statuses["Userland p/a"]["state"] = "Failing" }, "state was Running"},
		{"a lowered hand", func(s *snapshot) { s.statuses["Userland p/a"] = without }, "requests was"},
		{"activity of earlier", func(s *snapshot) { s.statuses["Userland p/a"]["lastActivityTime"] = "2026-11-28T09:00:00Z" }, "went back"},
		{"not ready for a moment", func(s *snapshot) { s.statuses["Userland p/a"] = status("Running", "b", "2026-11-28T10:00:00Z") }, "since b"},
		{"a Userland less", func(s *snapshot) { delete(s.statuses, "Userland p/a") }, "is gone"},
	} {
		now := before()
		test.do(now)
		var found []string
		for _, err := range before().lost(now) {
			found = append(found, err.Error())
		}
		if got := strings.Join(found, "\n"); (test.wants == "") != (got == "") || !strings.Contains(got, test.wants) {
			t.Errorf("%s: found %q, want %q", test.name, got, test.wants)
		}
	}
}
