package forge

import (
	"fmt"
	"net/url"
	"strings"
)

// Repository identifies a repository on a forge.
type Repository struct {
	// Server is the address of the forge: scheme, host, and the path that it is mounted
	// at, without a slash at the end.
	Server string
	// Owner is the user or organisation. Name is that of the repository, without ".git".
	Owner, Name string
}

// ParseRepository parses the web address of a repository in the form that Flux Providers
// of commit statuses use: https://forge.example.org/owner/name.
func ParseRepository(address string) (Repository, error) {
	u, err := url.Parse(address)
	if err != nil {
		return Repository{}, fmt.Errorf("address of a repository: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return Repository{}, fmt.Errorf("%q is not the address of a repository: write https://<host>/<owner>/<name>", u.Redacted())
	}
	parts := strings.Split(repositoryPath(u), "/")
	if len(parts) < 2 || parts[len(parts)-1] == "" || parts[len(parts)-2] == "" {
		return Repository{}, fmt.Errorf("%q names no repository: write https://<host>/<owner>/<name>", u.Redacted())
	}
	last := len(parts) - 1
	server := url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.Join(parts[:last-1], "/")}
	return Repository{Server: server.String(), Owner: parts[last-1], Name: parts[last]}, nil
}

// SameRepository reports whether two addresses mean the same repository. It compares hosts
// and paths, and ignores the scheme (https or ssh), the user and a ".git" at the end. It
// compares ports if both are web addresses.
func SameRepository(a, b string) bool {
	ua, errA := url.Parse(a)
	ub, errB := url.Parse(b)
	if errA != nil || errB != nil || ua.Hostname() == "" {
		return false
	}
	if !strings.EqualFold(ua.Hostname(), ub.Hostname()) || repositoryPath(ua) != repositoryPath(ub) {
		return false
	}
	return !web(ua) || !web(ub) || port(ua) == port(ub)
}

func repositoryPath(u *url.URL) string {
	return strings.TrimSuffix(strings.Trim(u.Path, "/"), ".git")
}

func web(u *url.URL) bool { return u.Scheme == "http" || u.Scheme == "https" }

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return map[string]string{"http": "80", "https": "443"}[u.Scheme]
}
