package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// alwaysClosed are the addresses that no carrel of any cluster may reach: other carrels,
// the nodes, metadata services of clouds, and IPv4 addresses written as IPv6 ones.
var alwaysClosed = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4",
	"64:ff9b::/96", "fc00::/7", "fe80::/10", "ff00::/8",
)

func prefixes(list ...string) (all []netip.Prefix) {
	for _, one := range list {
		all = append(all, netip.MustParsePrefix(one))
	}
	return all
}

const closedCure = "list it in closed.yaml in the directory courses of the cluster, whose kustomization.yaml has the component closed-addresses: docs/security.md"

// findClosedAddresses finds policies of courses that open the whole internet and leave
// open what is always closed. A policy that opens a part is the maintainer's choice.
func findClosedAddresses(s *subject) (found []Finding) {
	said := map[[2]string]bool{}
	for _, o := range s.objects {
		if o.GetKind() != "NetworkPolicy" || o.GroupVersionKind().Group != networkingv1.GroupName || s.classes[o.GetNamespace()].Course == nil {
			continue
		}
		policy := &networkingv1.NetworkPolicy{}
		if runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, policy) != nil {
			continue // the rule schema reports it
		}
		for i, rule := range policy.Spec.Egress {
			for j, peer := range rule.To {
				message := leftOpen(peer.IPBlock)
				if message == "" {
					continue
				}
				f := s.findingAt(o, index(index("spec.egress", i)+".to", j)+".ipBlock.except", message, closedCure)
				// All courses of a cluster have the same policy, from the same file.
				if key := [2]string{f.File, message}; !said[key] {
					said[key] = true
					found = append(found, f)
				}
			}
		}
	}
	return found
}

// leftOpen describes what a block of addresses leaves open; empty if it is fine.
func leftOpen(block *networkingv1.IPBlock) string {
	if block == nil {
		return ""
	}
	all, err := netip.ParsePrefix(block.CIDR)
	if err != nil || all.Bits() > 0 {
		return ""
	}
	var closed []netip.Prefix
	for _, one := range block.Except {
		prefix, err := netip.ParsePrefix(one)
		if err != nil {
			return fmt.Sprintf("the cluster does not say which addresses carrels must not reach: %q is no range of addresses", one)
		}
		closed = append(closed, prefix.Masked())
	}
	var open []string
	for _, always := range alwaysClosed {
		within := func(c netip.Prefix) bool { return c.Bits() <= always.Bits() && c.Contains(always.Addr()) }
		if always.Addr().Is4() == all.Addr().Is4() && !slices.ContainsFunc(closed, within) {
			open = append(open, always.String())
		}
	}
	if len(open) == 0 {
		return ""
	}
	return "carrels can reach " + strings.Join(open, ", ") + ", which has to be closed to them"
}
