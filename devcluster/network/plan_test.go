package network

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func prefixes(texts ...string) []netip.Prefix {
	var list []netip.Prefix
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

func TestChooseAvoidsWhatIsInUse(t *testing.T) {
	tests := map[string]struct {
		used []netip.Prefix
		want string
	}{
		"nothing used":                          {nil, "10.111.0.1/30"},
		"a default route collides with nothing": {prefixes("0.0.0.0/0"), "10.111.0.1/30"},
		"other private networks are no matter":  {prefixes("192.168.1.0/24", "10.110.0.0/16"), "10.111.0.1/30"},
		"a host route inside the first block":   {prefixes("10.111.200.7/32"), "10.112.0.1/30"},
		"a VPN that has a wide part of 10/8":    {prefixes("10.64.0.0/10"), "10.128.0.1/30"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			plan, err := Choose(test.used)
			if err != nil {
				t.Fatal(err)
			}
			if got := plan.Host.String(); got != test.want {
				t.Errorf("the host got %s, want %s", got, test.want)
			}
		})
	}
}

func TestChooseGivesUpWhenAllOfItIsUsed(t *testing.T) {
	_, err := Choose(prefixes("10.0.0.0/8"))
	if err == nil || !strings.Contains(err.Error(), "ip route") {
		t.Errorf("got %v, want an error that says where to look", err)
	}
}

func TestThePartsOfAPlanDoNotOverlap(t *testing.T) {
	plan, err := Choose(nil)
	if err != nil {
		t.Fatal(err)
	}
	parts := []netip.Prefix{plan.Host.Masked(), plan.Services, plan.Pods}
	for i, a := range parts {
		for _, b := range parts[i+1:] {
			if a.Overlaps(b) {
				t.Errorf("%s and %s overlap", a, b)
			}
		}
	}
	if !plan.Services.Contains(plan.DNS) {
		t.Errorf("the name server's address %s is none of a Service in %s", plan.DNS, plan.Services)
	}
	if plan.Host.Masked() != plan.Node.Masked() {
		t.Errorf("the ends of the link, %s and %s, don't reach each other", plan.Host, plan.Node)
	}
}

func TestParseRoutesReadsTheKernelsTable(t *testing.T) {
	table := `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010200C0	0003	0	0	0	00000000	0	0	0
eth0	000200C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
carrel0	00806F0A	02006F0A	0003	0	0	0	0080FFFF	0	0	0
`
	got, err := parseRoutes(strings.NewReader(table))
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, prefix := range got {
		texts = append(texts, prefix.String())
	}
	if diff := cmp.Diff([]string{"0.0.0.0/0", "192.0.2.0/24", "10.111.128.0/17"}, texts); diff != "" {
		t.Errorf("routes read wrongly (-want +got):\n%s", diff)
	}
}

func TestParseRoutesRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, line := range []string{"eth0 1234", "eth0 zzzzzzzz 0 0 0 0 0 00FFFFFF", "eth0 00000000 0 0 0 0 0 00FF"} {
		if _, err := parseRoutes(strings.NewReader("heading\n" + line + "\n")); err == nil {
			t.Errorf("%q was taken for a route", line)
		}
	}
}

func TestFreePortsAreDifferent(t *testing.T) {
	ports, err := FreePorts(t.Context(), "127.0.0.1", 8)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, port := range ports {
		if seen[port] {
			t.Errorf("port %d was given twice in %v", port, ports)
		}
		seen[port] = true
	}
}
