package forge

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// idleConnections are closed soon: a report is a few requests, then none for long.
const idleConnections = 10 * time.Second

// HTTPClient makes the client that a forge's library sends its requests with. It
// fails when the CA holds no certificate.
func HTTPClient(config Config) (*http.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.IdleConnTimeout = idleConnections
	if len(config.CA) > 0 {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(config.CA) {
			return nil, errors.New("the forge's CA holds no PEM certificate: put one there, or remove it to trust the system's")
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	timeout := config.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	return &http.Client{Transport: transport, Timeout: timeout}, nil
}

// RetryAfter reads the header's seconds; the form with a date is not used by
// forges and taken for none.
func RetryAfter(header http.Header) time.Duration {
	seconds, err := strconv.Atoi(header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// UntilReset is how long until the moment a header names in seconds since 1970,
// by the clock of the forge, which the answer's Date gives; 0 without the two.
func UntilReset(header http.Header, name string) time.Duration {
	reset, err := strconv.ParseInt(header.Get(name), 10, 64)
	if err != nil {
		return 0
	}
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return 0
	}
	return max(0, time.Unix(reset, 0).Sub(date))
}
