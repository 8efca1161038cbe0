package auth

import (
	"net/http"
	"testing"
)

func TestLimitIsOfANetwork(t *testing.T) {
	for _, test := range []struct {
		name, one, other string
		shared           bool
	}{
		{"one IPv4 address", "198.51.100.9", "198.51.100.9", true},
		{"two IPv4 addresses", "198.51.100.9", "198.51.100.10", false},
		{"two addresses of one IPv6 network", "2001:db8:1:2::1", "2001:db8:1:2:ffff::7", true},
		{"two IPv6 networks", "2001:db8:1:2::1", "2001:db8:1:3::1", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, func(c *Config) { c.Limit = LimitConfig{PerSecond: 1, Burst: 1} })
			address := test.one
			w.desk.address = func(*http.Request) string { return address } // as the router tells it
			b := w.browser()
			b.get(deskURL + "/login")
			address = test.other
			if limited := b.get(deskURL+"/login").Code == http.StatusTooManyRequests; limited != test.shared {
				t.Errorf("the second is refused: %v, want %v", limited, test.shared)
			}
		})
	}
}

// A login takes two requests, and counts once.
func TestOneLoginCountsOnce(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Limit = LimitConfig{PerSecond: 1, Burst: 4} })
	for i := range 4 {
		b := w.browser()
		if rw := b.follow("alice", deskURL+"/"); rw.Code != http.StatusOK {
			t.Errorf("login %d of 4 is answered %d", i+1, rw.Code)
		}
	}
}
