package main

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestASeedRepeatsTheOrder(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e", "f", "g"}
	deal := func(seed uint64) (dealt []string) {
		d := newDeck(seed, names)
		for range 3 * len(names) {
			dealt = append(dealt, d.next())
		}
		return dealt
	}
	first := deal(7)
	if diff := cmp.Diff(first, deal(7)); diff != "" {
		t.Errorf("the same seed deals another order (-first +second):\n%s", diff)
	}
	if cmp.Equal(first, deal(8)) {
		t.Errorf("two seeds deal the same order: %v", first)
	}
	for i := 0; i < len(first); i += len(names) {
		round := slices.Sorted(slices.Values(first[i : i+len(names)]))
		if diff := cmp.Diff(names, round); diff != "" {
			t.Errorf("round %d does not deal each fault once (-want +got):\n%s", i/len(names)+1, diff)
		}
	}
}
