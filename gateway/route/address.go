package route

import (
	"net/http"
	"net/netip"
	"strings"
)

// forwardedFor is the header in which proxies list the addresses that a request passed.
const forwardedFor = "X-Forwarded-For"

// AddressBehind returns a function that finds the address of a visitor behind proxies of
// these networks: the last address in X-Forwarded-For that is not a proxy's. If the
// connection is not from a proxy, the header is ignored.
func AddressBehind(proxies []netip.Prefix) func(*http.Request) string {
	trusted := func(a netip.Addr) bool {
		for _, p := range proxies {
			if p.Contains(a) {
				return true
			}
		}
		return false
	}
	return func(r *http.Request) string {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil {
			return r.RemoteAddr
		}
		address := peer.Addr().Unmap()
		all := strings.Split(strings.Join(r.Header.Values(forwardedFor), ","), ",")
		for i := len(all) - 1; i >= 0 && trusted(address); i-- {
			before, err := netip.ParseAddr(strings.TrimSpace(all[i]))
			if err != nil {
				break
			}
			address = before.Unmap()
		}
		return address.String()
	}
}
