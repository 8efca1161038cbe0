package route

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// Hosts maps host names to the desk and to carrels.
type Hosts struct {
	// desk is the gateway's own host, and domain the one below which each carrel has a
	// host. Both are in lower case, with their port unless that is 443. In the single-host
	// mode the domain is empty.
	desk, domain string
	// single is the course of the single-host mode.
	single string
}

// hostName matches a host with or without a port.
var hostName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:[0-9]+)?$`)

// NewHosts returns the Hosts for the address at which people log in, such as
// https://desk.example.org, and the domain of the carrels, such as carrels-example.org.
// Each carrel is at https://<userland>--<course>.carrels-example.org.
func NewHosts(deskURL, domain string) (Hosts, error) {
	desk, err := deskHost(deskURL)
	if err != nil {
		return Hosts{}, err
	}
	domain = canonical(domain)
	switch {
	case !hostName.MatchString(domain):
		return Hosts{}, fmt.Errorf("the domain of carrels is %q: write one such as carrels-example.org, with a port if that is not 443", domain)
	case desk == domain || isBelow(desk, domain):
		return Hosts{}, fmt.Errorf("the gateway's own host %s is within the carrels' domain %s, where a carrel could be called so: move one of them", desk, domain)
	}
	return Hosts{desk: desk, domain: domain}, nil
}

// NewSingleHost returns the Hosts of the single-host mode. It serves one course: visitors
// who log in at the address come to their carrel at /.
func NewSingleHost(deskURL, course string) (Hosts, error) {
	desk, err := deskHost(deskURL)
	switch {
	case err != nil:
		return Hosts{}, err
	case course == "":
		return Hosts{}, errors.New("the single course has no name")
	}
	return Hosts{desk: desk, single: course}, nil
}

func deskHost(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || !hostName.MatchString(canonical(u.Host)) || strings.Trim(u.RequestURI(), "/") != "" || u.User != nil {
		return "", fmt.Errorf("the gateway's address is %q: write https:// and a host, and nothing more", address)
	}
	return canonical(u.Host), nil
}

// isBelow reports whether a host is one label below a domain. It ignores ports, as cookies
// and certificates do.
func isBelow(host, domain string) bool {
	host, _, _ = strings.Cut(host, ":")
	domain, _, _ = strings.Cut(domain, ":")
	label, found := strings.CutSuffix(host, "."+domain)
	return found && !strings.Contains(label, ".")
}

// canonical returns a host in the form in which hosts are compared: in lower case, and
// without the port of https.
func canonical(host string) string { return strings.TrimSuffix(strings.ToLower(host), ":443") }

// IsDesk reports whether a host is the gateway's own.
func (h Hosts) IsDesk(host string) bool { return canonical(host) == h.desk }

// IsCarrel reports whether a host has the form of a carrel's. The carrel may not exist.
func (h Hosts) IsCarrel(host string) bool {
	_, _, ok := h.Carrel(host)
	return ok
}

// separator stands between the names of a carrel and its course in a host name. The policy
// course-name.carrel.dev keeps it out of the names of courses, so the last one counts.
const separator = "--"

// Carrel returns the course and name of the carrel that a host belongs to.
func (h Hosts) Carrel(host string) (course, name string, ok bool) {
	if h.domain == "" {
		return "", "", false
	}
	label, found := strings.CutSuffix(canonical(host), "."+h.domain)
	if !found || strings.Contains(label, ".") {
		return "", "", false
	}
	at := strings.LastIndex(label, separator)
	if at < 1 || at+len(separator) == len(label) {
		return "", "", false
	}
	return label[at+len(separator):], label[:at], true
}

// CarrelURL returns the address at which a carrel opens.
func (h Hosts) CarrelURL(course, name string) string {
	if h.domain == "" {
		return "https://" + h.desk + "/"
	}
	return "https://" + name + separator + course + "." + h.domain + "/"
}

// DeskURL returns the gateway's own address.
func (h Hosts) DeskURL() string { return "https://" + h.desk }

// Single returns the course of the single-host mode; false in the other mode.
func (h Hosts) Single() (course string, ok bool) { return h.single, h.single != "" }
