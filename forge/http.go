package forge

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// idleConnections is the time after which an idle connection is closed. It is short, since
// a report takes a few requests, and the next one comes much later.
const idleConnections = 10 * time.Second

// HTTPClient returns the client with which a forge's library sends its requests. It fails
// if the CA holds no certificate.
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

// RetryAfter returns the seconds in the header Retry-After; 0 without them. It does not
// read the form with a date, which no forge uses.
func RetryAfter(header http.Header) time.Duration {
	seconds, err := strconv.Atoi(header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// UntilReset returns the time until the moment that a header gives in seconds since 1970,
// by the clock of the forge in the header Date; 0 without the two headers.
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
