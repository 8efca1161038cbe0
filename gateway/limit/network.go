package limit

import "net/netip"

// Network returns the name under which an address is counted. An IPv6 address is counted
// as its network of 64 bits, since one person has all addresses of that.
func Network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().Is4() {
		return address
	}
	net, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return net.String()
}
