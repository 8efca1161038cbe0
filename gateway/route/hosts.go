package route

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// Hosts says which host is whose.
type Hosts struct {
	// desk is the gateway's own, domain the one below which each carrel has its own.
	// Both are in lower case, with their port unless that is 443. An empty domain
	// means that there is one course, at the desk's.
	desk, domain string
	single       string
}

// hostName is a host with or without a port.
var hostName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:[0-9]+)?$`)

// NewHosts is for the address people log in at, such as https://desk.example.org,
// and the domain below which carrels are, such as carrels-example.org:
// https://<userland>--<course>.carrels-example.org.
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

// NewSingleHost is for one course alone: whoever logs in at the address comes to
// their carrel in it at /.
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

// isBelow looks at names without their ports: cookies and certificates know none.
func isBelow(host, domain string) bool {
	host, _, _ = strings.Cut(host, ":")
	domain, _, _ = strings.Cut(domain, ":")
	label, found := strings.CutSuffix(host, "."+domain)
	return found && !strings.Contains(label, ".")
}

// canonical is a host as hosts are compared: in lower case, without the port of https.
func canonical(host string) string { return strings.TrimSuffix(strings.ToLower(host), ":443") }

// IsDesk reports whether a host is the gateway's own.
func (h Hosts) IsDesk(host string) bool { return canonical(host) == h.desk }

// IsCarrel reports whether a host could be one of a carrel; there may be none.
func (h Hosts) IsCarrel(host string) bool {
	_, _, ok := h.Carrel(host)
	return ok
}

// separator stands between a carrel and its course in a host name. Courses hold none,
// by the policy course-name.carrel.dev, so the last one is it.
const separator = "--"

// Carrel is the carrel a host is of.
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

// CarrelURL is where a carrel opens.
func (h Hosts) CarrelURL(course, name string) string {
	if h.domain == "" {
		return "https://" + h.desk + "/"
	}
	return "https://" + name + separator + course + "." + h.domain + "/"
}

// DeskURL is the gateway's own address.
func (h Hosts) DeskURL() string { return "https://" + h.desk }

// Single is the one course of the single-host mode.
func (h Hosts) Single() (course string, ok bool) { return h.single, h.single != "" }
