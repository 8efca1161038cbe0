// Package network chooses the addresses a cluster uses and joins its node to
// this machine.
package network

import (
	"fmt"
	"net"
	"net/netip"
)

// Plan is one private /16, cut into what a cluster needs.
type Plan struct {
	// Host and Node are the two ends of the link between machine and node.
	Host, Node netip.Prefix
	// Services is where ClusterIPs come from; DNS is the one of the cluster's
	// name server.
	Services netip.Prefix
	DNS      netip.Addr
	// Pods is where pod addresses come from.
	Pods netip.Prefix
}

// firstBlock is 10.111.0.0/16: away from the low and round numbers that
// machines, VPNs and other clusters like to sit on.
const firstBlock, lastBlock = 111, 254

// Choose returns the first plan that none of the used networks overlaps.
func Choose(used []netip.Prefix) (Plan, error) {
	for block := firstBlock; block <= lastBlock; block++ {
		whole := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(block), 0, 0}), 16)
		if !overlapsAny(whole, used) {
			return cut(byte(block)), nil
		}
	}
	return Plan{}, fmt.Errorf("every network from 10.%d.0.0/16 to 10.%d.0.0/16 is in use on this machine; free one (see: ip route)", firstBlock, lastBlock)
}

func cut(block byte) Plan {
	at := func(c, d byte) netip.Addr { return netip.AddrFrom4([4]byte{10, block, c, d}) }
	return Plan{
		Host:     netip.PrefixFrom(at(0, 1), 30),
		Node:     netip.PrefixFrom(at(0, 2), 30),
		Services: netip.PrefixFrom(at(64, 0), 18),
		DNS:      at(64, 10),
		Pods:     netip.PrefixFrom(at(128, 0), 17),
	}
}

func overlapsAny(prefix netip.Prefix, used []netip.Prefix) bool {
	for _, other := range used {
		// The default route overlaps everything and collides with nothing.
		if other.Bits() > 0 && prefix.Overlaps(other) {
			return true
		}
	}
	return false
}

// APIService is the ClusterIP of the `kubernetes` Service: the first of the range.
func (p Plan) APIService() net.IP { return net.IP(p.Services.Addr().Next().AsSlice()) }
