package limit_test

import (
	"strconv"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/carrel-dev/carrel/gateway/limit"
)

func TestEachNameHasItsOwnBucket(t *testing.T) {
	l, now := limit.New(rate.Every(time.Second), 3, 10), time.Unix(1_800_000_000, 0)
	allowed := func(name string, times int) (n int) {
		for range times {
			if l.Allow(name, now) {
				n++
			}
		}
		return n
	}
	for _, name := range []string{"hana", "ken"} {
		if n := allowed(name, 5); n != 3 {
			t.Errorf("%s was allowed %d of 5 at once, want 3", name, n)
		}
	}
	now = now.Add(2 * time.Second)
	if n := allowed("hana", 5); n != 2 {
		t.Errorf("after two seconds %d of 5 were allowed, want 2", n)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	l, now := limit.New(rate.Every(time.Hour), 1, 100), time.Unix(1_800_000_000, 0)
	l.Allow("first", now)
	l.Allow("seen again", now)
	for i := range 99 {
		l.Allow("seen again", now)
		l.Allow(strconv.Itoa(i), now)
	}
	if l.Allow("seen again", now) {
		t.Error("a name asked about all the time was forgotten")
	}
	if !l.Allow("first", now) {
		t.Error("a name was kept though 100 others were asked about since")
	}
}
