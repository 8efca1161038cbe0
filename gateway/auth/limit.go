package auth

import (
	"net/http"
	"net/netip"

	"golang.org/x/time/rate"

	"github.com/carrel-dev/carrel/gateway/limit"
)

// maxAddresses bounds how many addresses are counted.
const maxAddresses = 10_000

func newLimiter(c LimitConfig) *limit.Limiter {
	return limit.New(rate.Limit(c.PerSecond), c.Burst, maxAddresses)
}

// peer returns the address that a request's connection comes from.
func peer(r *http.Request) string {
	address, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return address.Addr().String()
}
