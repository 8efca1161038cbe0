package route_test

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/carrel-dev/carrel/gateway/route"
)

func TestHosts(t *testing.T) {
	hosts, err := route.NewHosts("https://Desk.example.org:443/", "carrels-example.org:8443")
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]string{
		"hana--prog1.carrels-example.org:8443":      "prog1/hana",
		"HANA--Prog1.Carrels-Example.org:8443":      "prog1/hana",
		"a--b--prog-1.carrels-example.org:8443":     "prog-1/a--b",
		"hana--prog1.carrels-example.org":           "",
		"hana--prog1.carrels-example.org:443":       "",
		"prog1.carrels-example.org:8443":            "",
		"--prog1.carrels-example.org:8443":          "",
		"hana--.carrels-example.org:8443":           "",
		"x.hana--prog1.carrels-example.org:8443":    "",
		"hana--prog1.carrels-example.org.evil:8443": "",
		"carrels-example.org:8443":                  "",
		"desk.example.org":                          "",
		"10.0.0.7:8443":                             "",
		"":                                          "",
	} {
		course, name, ok := hosts.Carrel(host)
		if got := course + "/" + name; ok != (want != "") || ok && got != want {
			t.Errorf("%q is the host of %q (%v), want %q", host, got, ok, want)
		}
	}
	for host, want := range map[string]bool{"desk.example.org": true, "DESK.example.org:443": true, "desk.example.org:8443": false, "example.org": false} {
		if hosts.IsDesk(host) != want {
			t.Errorf("%q is the desk: %v, want %v", host, !want, want)
		}
	}
	if got, want := hosts.CarrelURL("prog1", "hana"), "https://hana--prog1.carrels-example.org:8443/"; got != want {
		t.Errorf("hana's is %q, want %q", got, want)
	}
}

func TestHostsThatCannotBe(t *testing.T) {
	for _, test := range []struct{ desk, domain string }{
		{"http://desk.example.org", "carrels-example.org"},
		{"desk.example.org", "carrels-example.org"},
		{"https://", "carrels-example.org"},
		{"https://desk.example.org/desk", "carrels-example.org"},
		{"https://desk.example.org/?x=1", "carrels-example.org"},
		{"https://me@desk.example.org", "carrels-example.org"},
		{"https://desk.example.org", ""},
		{"https://desk.example.org", "carrels/example"},
		// A carrel could have the name of the desk.
		{"https://carrels-example.org", "carrels-example.org"},
		{"https://desk--x.carrels-example.org", "carrels-example.org"},
		{"https://desk.carrels-example.org:8443", "carrels-example.org"},
	} {
		if _, err := route.NewHosts(test.desk, test.domain); err == nil {
			t.Errorf("desk %q and carrels below %q are taken", test.desk, test.domain)
		}
	}
	if _, err := route.NewSingleHost("https://desk.example.org", ""); err == nil {
		t.Error("a single course without a name is taken")
	}
}

func TestAddressBehind(t *testing.T) {
	for _, test := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"nobody in front", "192.0.2.7:999", nil, "192.0.2.7"},
		{"a visitor who writes it", "192.0.2.7:999", []string{"203.0.113.1"}, "192.0.2.7"},
		{"a proxy", "10.0.0.1:999", []string{"203.0.113.1"}, "203.0.113.1"},
		{"a proxy's visitor who writes it", "10.0.0.1:999", []string{"1.1.1.1, 203.0.113.1"}, "203.0.113.1"},
		{"two proxies", "10.0.0.1:999", []string{"1.1.1.1, 203.0.113.1", "10.0.0.2"}, "203.0.113.1"},
		{"a proxy that says nothing", "10.0.0.1:999", nil, "10.0.0.1"},
		{"nonsense", "10.0.0.1:999", []string{"hello"}, "10.0.0.1"},
		{"IPv4 in IPv6", "[::ffff:10.0.0.1]:999", []string{"::ffff:203.0.113.1"}, "203.0.113.1"},
	} {
		r := &http.Request{RemoteAddr: test.peer, Header: http.Header{"X-Forwarded-For": test.forwarded}}
		if got := route.AddressBehind([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})(r); got != test.want {
			t.Errorf("%s: it comes from %q, want %q", test.name, got, test.want)
		}
	}
}
