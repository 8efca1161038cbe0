package limit_test

import (
	"testing"

	"github.com/carrel-dev/carrel/gateway/limit"
)

func TestSharesAreBoundedByNameAndInAll(t *testing.T) {
	s := limit.NewShares(2, 3)
	for _, step := range []struct {
		name string
		want limit.Verdict
	}{
		{"hana", limit.Taken}, {"hana", limit.Taken}, {"hana", limit.NameFull}, {"ken", limit.Taken}, {"ken", limit.AllFull},
	} {
		if got := s.Take(step.name); got != step.want {
			t.Errorf("%s takes: %v, want %v", step.name, got, step.want)
		}
	}
	s.Give("hana")
	if got := s.Take("ken"); got != limit.Taken {
		t.Errorf("ken takes what hana gave back: %v", got)
	}
	if s.Held("hana") != 1 || s.Held("ken") != 2 {
		t.Errorf("hana holds %d and ken %d, want 1 and 2", s.Held("hana"), s.Held("ken"))
	}
}

func TestMemoryIsShortNearTheLimit(t *testing.T) {
	for _, test := range []struct {
		limit int64
		used  uint64
		want  limit.Shortage
	}{
		{1000, 700, limit.Enough}, {1000, 800, limit.Short}, {1000, 930, limit.Critical}, {0, 1 << 40, limit.Enough},
	} {
		m := limit.NewMemory(test.limit, func() uint64 { return test.used })
		if got := m.Shortage(); got != test.want {
			t.Errorf("%d of %d bytes in use are %v, want %v", test.used, test.limit, got, test.want)
		}
	}
}

func TestMemoryOfThisProcessIsKnown(t *testing.T) {
	if used := limit.Used(); used < 100<<10 || used > 10<<30 {
		t.Errorf("%d bytes are in use", used)
	}
}
