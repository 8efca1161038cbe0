package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certify writes a certificate with a name and its key into a directory.
func certify(t *testing.T, dir, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"desk.example.org"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{"tls.crt": {Type: "CERTIFICATE", Bytes: der}, "tls.key": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// The gateway serves HTTP/2 over TLS 1.2 and newer, and a new certificate as soon as its
// files change.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	certify(t, dir, "first")
	w := start(t, func(o *options) {
		o.certificate, o.certificateKey = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	})
	shown := func() string {
		conn, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(t.Context(), "tcp", w.visitors.Addr().String()) //nolint:gosec // the certificate is the test's own
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	if name := shown(); name != "first" {
		t.Errorf("the certificate is %q", name)
	}
	old := &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}} //nolint:gosec // an old client
	if conn, err := old.DialContext(t.Context(), "tcp", w.visitors.Addr().String()); err == nil {
		_ = conn.Close()
		t.Error("TLS 1.1 is served")
	}
	client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // as above
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+w.visitors.Addr().String()+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "desk.example.org"
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.ProtoMajor != 2 {
		t.Errorf("answered in %s, want HTTP/2", res.Proto)
	}
	certify(t, dir, "second")
	w.until("the new certificate is shown", func() bool { return shown() == "second" })
}

// One connection of HTTP/2 carries a bounded number of requests and of bytes that nobody
// reads. The server tells its bounds in its first frames, and resets what is over them.
func TestHTTP2IsBounded(t *testing.T) {
	dir := t.TempDir()
	certify(t, dir, "first")
	w := start(t, func(o *options) {
		o.certificate, o.certificateKey = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	})
	c := w.dialHTTP2()
	got := map[uint16]uint32{}
	var window uint32 = firstWindow
	for window == firstWindow {
		kind, _, body, err := c.read()
		if err != nil {
			t.Fatalf("after the settings %v: %v", got, err)
		}
		switch kind {
		case frameSettings:
			for ; len(body) >= 6; body = body[6:] {
				got[binary.BigEndian.Uint16(body)] = binary.BigEndian.Uint32(body[2:])
			}
		case frameWindowUpdate:
			window += binary.BigEndian.Uint32(body)
		}
	}
	if got[settingMaxConcurrentStreams] != 50 || got[settingInitialWindow] != 256<<10 || window != 512<<10 {
		t.Errorf("it takes %d requests, %d bytes of one and %d of all; want 50, 256 KiB and 512 KiB", got[settingMaxConcurrentStreams], got[settingInitialWindow], window)
	}
	if got[settingMaxHeaderListSize] > 33<<10 {
		t.Errorf("it takes headers of %d bytes, want 32 KiB", got[settingMaxHeaderListSize])
	}
}

// A browser with cookies that are larger than the headers of a request may be gets on: it is
// told so, the cookies are deleted, and others are served as before.
func TestCookiesThatAreTooLargeAreDeleted(t *testing.T) {
	dir := t.TempDir()
	certify(t, dir, "first")
	w := start(t, func(o *options) {
		o.certificate, o.certificateKey = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	})
	for _, http2 := range []bool{true, false} {
		client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: http2, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // the certificate is the test's own
		if !http2 {
			client.Transport.(*http.Transport).TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
		}
		// get returns the answer to a visitor with cookies in lines of 4 KiB; nil if there is
		// none.
		get := func(cookies, other int) *http.Response {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+w.visitors.Addr().String()+"/", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = w.host("hana")
			r.Header.Set("Accept", "text/html")
			r.Header.Set("X-Other", strings.Repeat("x", other))
			for i := range cookies / 4000 {
				r.AddCookie(&http.Cookie{Name: fmt.Sprint("bomb", i), Value: strings.Repeat("x", 3900)})
			}
			// Go's client sends no headers that the server has said are too large. Browsers do,
			// and so does Go before the server has said anything.
			defer client.CloseIdleConnections()
			res, err := client.Do(r)
			if err != nil {
				return nil
			}
			_ = res.Body.Close()
			return res
		}
		for _, size := range []int{40_000, 100_000, 700_000} {
			w.until(fmt.Sprintf("%d bytes of cookies are deleted (HTTP/2: %v)", size, http2), func() bool {
				res := get(size, 0)
				return res != nil && res.StatusCode == http.StatusRequestHeaderFieldsTooLarge && res.Header.Get("Clear-Site-Data") == `"cookies"`
			})
		}
		w.until("other large headers are answered by a page", func() bool {
			res := get(0, 40_000)
			return res != nil && res.StatusCode == http.StatusRequestHeaderFieldsTooLarge && res.Header.Get("Content-Language") != "" && res.Header.Get("Clear-Site-Data") == ""
		})
		w.until("the browser is served as before", func() bool {
			res := get(0, 0)
			return res != nil && res.StatusCode != http.StatusRequestHeaderFieldsTooLarge && (res.ProtoMajor == 2) == http2
		})
	}
}
