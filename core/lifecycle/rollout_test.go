package lifecycle

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

func immediate(most intstr.IntOrString) v1alpha1.Rollout {
	return v1alpha1.Rollout{When: v1alpha1.RolloutImmediate, MaxUnavailable: &most}
}

// carrels are named a, b, c..., with the progress of each by a letter: i(dle),
// p(ending), s(tarting), r(unning with it) or f(ailed); h(anging) and o(ld) are starting for an hour, since the revision
// and since before it; c(lass) is pending and in a session for half an hour more. The first was used last.
func carrels(progress string) []RolloutCarrel {
	all := make([]RolloutCarrel, 0, len(progress))
	for i, letter := range progress {
		c := RolloutCarrel{
			Name: string(rune('a' + i)), Progress: Progress(strings.IndexRune("ipsrf", letter)),
			Since: noon.Add(-time.Hour), LastUsed: noon.Add(-time.Duration(i) * time.Minute),
		}
		switch letter {
		case 'f':
			c.Trouble = "ImagePullBackOff"
		case 's':
			c.Since = noon.Add(-time.Minute)
		case 'h', 'o':
			c.Progress = ProgressStarting
			if letter == 'o' {
				c.Since = c.Since.Add(-24 * time.Hour)
			}
		case 'c':
			c.Progress, c.SessionEnd = ProgressPending, noon.Add(30*time.Minute)
		}
		all = append(all, c)
	}
	return all
}

func TestPlanRollout(t *testing.T) {
	week := v1alpha1.Rollout{When: v1alpha1.RolloutOnNextStart, Deadline: "7d"}
	tests := []struct {
		name    string
		rollout v1alpha1.Rollout
		carrels string
		granted string
		// age is how long ago the Template came to its revision.
		age  time.Duration
		want RolloutPlan
	}{
		{name: "nobody is restarted by default", carrels: "ppp"},
		{name: "nor under OnNextStart", rollout: v1alpha1.Rollout{When: v1alpha1.RolloutOnNextStart}, carrels: "ppp"},
		{name: "the least recently used goes first, alone", rollout: immediate(intstr.FromInt32(2)), carrels: "ppp", want: RolloutPlan{Restart: []string{"c"}}},
		{name: "it is waited for while it knows nothing of it yet", rollout: immediate(intstr.FromInt32(2)), carrels: "ppp", granted: "c", want: RolloutPlan{Restart: []string{"c"}}},
		{name: "and while it starts", rollout: immediate(intstr.FromInt32(2)), carrels: "pps", want: RolloutPlan{Next: noon.Add(9 * time.Minute)}},
		{name: "one that hangs holds the others", rollout: immediate(intstr.FromInt32(2)), carrels: "pphr", age: 2 * time.Hour,
			want: RolloutPlan{Held: held([]RolloutCarrel{{Name: "c", Trouble: "starting for more than 10 minutes"}}, 2)}},
		{name: "one that did before takes nobody's place", rollout: immediate(intstr.FromInt32(1)), carrels: "ppor", age: 2 * time.Hour, want: RolloutPlan{Restart: []string{"b"}}},
		{name: "when it runs, as many as may be down follow", rollout: immediate(intstr.FromInt32(2)), carrels: "pppr", want: RolloutPlan{Restart: []string{"c", "b"}}},
		{name: "no more than that, whether told or starting", rollout: immediate(intstr.FromInt32(3)), carrels: "ppppsr", granted: "b", want: RolloutPlan{Restart: []string{"b", "d"}, Next: noon.Add(9 * time.Minute)}},
		{name: "a percentage is of all, rounded up", rollout: immediate(intstr.FromString("34%")), carrels: "iippppr", want: RolloutPlan{Restart: []string{"f", "e", "d"}}},
		{name: "10 % unless said, at least one", rollout: v1alpha1.Rollout{When: v1alpha1.RolloutImmediate}, carrels: "pppr", want: RolloutPlan{Restart: []string{"c"}}},
		{name: "who was woken with it proves it as well", rollout: immediate(intstr.FromInt32(3)), carrels: "pprii", want: RolloutPlan{Restart: []string{"b", "a"}}},
		{name: "one that fails holds the others, and takes back what was told", rollout: immediate(intstr.FromInt32(3)), carrels: "ppprf", granted: "a",
			want: RolloutPlan{Held: "held: carrels that started with the present revision fail: e (ImagePullBackOff). Still to be restarted: 3, left as they are. Mend the Template, or take its edit back"}},
		{name: "a message has an end", rollout: immediate(intstr.FromInt32(3)), carrels: "pfffff",
			want: RolloutPlan{Held: "held: carrels that started with the present revision fail: b (ImagePullBackOff), c (ImagePullBackOff), d (ImagePullBackOff), 2 more. Still to be restarted: 1, left as they are. Mend the Template, or take its edit back"}},
		{name: "nobody is left to hold", rollout: immediate(intstr.FromInt32(3)), carrels: "rf"},
		{name: "who is in a session is left alone until it is over", rollout: immediate(intstr.FromInt32(9)), carrels: "pccr",
			want: RolloutPlan{Restart: []string{"a"}, Next: noon.Add(30 * time.Minute), SessionEnd: noon.Add(30 * time.Minute)}},
		{name: "also if it was told before", rollout: immediate(intstr.FromInt32(9)), carrels: "cr", granted: "a",
			want: RolloutPlan{Next: noon.Add(30 * time.Minute), SessionEnd: noon.Add(30 * time.Minute)}},
		{name: "and whatever the deadline", rollout: v1alpha1.Rollout{Deadline: "1h"}, carrels: "cr", age: time.Hour,
			want: RolloutPlan{Next: noon.Add(30 * time.Minute), SessionEnd: noon.Add(30 * time.Minute)}},
		{name: "before the deadline", rollout: week, carrels: "pr", age: 6 * 24 * time.Hour, want: RolloutPlan{Next: noon.Add(7*24*time.Hour - time.Hour)}},
		{name: "the deadline counts from when the carrel was behind", rollout: week, carrels: "pr", age: 60 * 24 * time.Hour, want: RolloutPlan{Next: noon.Add(7*24*time.Hour - time.Hour)}},
		{name: "after the deadline", rollout: v1alpha1.Rollout{Deadline: "1h"}, carrels: "pr", age: time.Hour, want: RolloutPlan{Restart: []string{"a"}}},
		{name: "the deadline counts from the edit", rollout: v1alpha1.Rollout{Deadline: "1h"}, carrels: "pr", age: time.Minute, want: RolloutPlan{Next: noon.Add(59 * time.Minute)}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := PlanRollout(RolloutFacts{
				Rollout: test.rollout, Since: noon.Add(-test.age), Carrels: carrels(test.carrels), Now: noon,
				Granted: func(name string) bool { return strings.Contains(test.granted, name) },
			})
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}

// Played to its end, a roll-out restarts everybody, and never has more down at
// once than it may.
func TestRolloutEnds(t *testing.T) {
	for most := range int32(5) {
		all, granted := carrels(strings.Repeat("p", 20)), map[string]bool{}
		for steps := 0; slices.ContainsFunc(all, func(c RolloutCarrel) bool { return c.Progress != ProgressProven }); steps++ {
			plan := PlanRollout(RolloutFacts{
				Rollout: immediate(intstr.FromInt32(most + 1)), Carrels: slices.Clone(all), Now: noon,
				Granted: func(name string) bool { return granted[name] },
			})
			clear(granted)
			for _, name := range plan.Restart {
				granted[name] = true
			}
			down := 0
			for i := range all {
				switch c := &all[i]; {
				case c.Progress == ProgressStarting && (steps+i)%3 == 0:
					c.Progress = ProgressProven
				case granted[c.Name] && (steps+i)%2 == 0:
					c.Progress = ProgressStarting
				}
				if granted[all[i].Name] || all[i].Progress == ProgressStarting {
					down++
				}
			}
			if down > int(most+1) {
				t.Fatalf("%d are down at once, want at most %d", down, most+1)
			}
			if steps > 1000 {
				t.Fatalf("it does not end: %+v", all)
			}
		}
	}
}
