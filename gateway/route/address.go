package route

import (
	"net/http"
	"net/netip"
	"strings"
)

// forwardedFor is where proxies write whom they had a request from.
const forwardedFor = "X-Forwarded-For"

// AddressBehind tells whom a request comes from, where proxies of these networks
// stand before the gateway: the last in X-Forwarded-For that is not one of them.
// Nobody else's word is believed.
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
