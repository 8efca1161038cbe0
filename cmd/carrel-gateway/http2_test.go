package main

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Frames and settings of HTTP/2, by RFC 9113.
const (
	frameHeaders, frameSettings, frameWindowUpdate, frameContinuation = 1, 4, 8, 9

	endStream, endHeaders = 1, 4

	settingMaxConcurrentStreams, settingInitialWindow, settingMaxHeaderListSize = 3, 4, 6

	firstWindow = 65535 // of a connection
	preface     = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
)

// http2Conn is a connection on which a test writes the frames of HTTP/2 itself.
type http2Conn struct {
	*tls.Conn
	t *testing.T
}

// dialHTTP2 opens a connection with settings, each of an identifier and a value.
func (w *running) dialHTTP2(settings ...uint32) http2Conn {
	w.t.Helper()
	c := http2Conn{w.dialTLS(), w.t}
	if protocol := c.ConnectionState().NegotiatedProtocol; protocol != "h2" {
		w.t.Fatalf("HTTP/2 is not offered, but %q", protocol)
	}
	var payload []byte
	for i := 0; i < len(settings); i += 2 {
		payload = binary.BigEndian.AppendUint16(payload, uint16(settings[i])) //nolint:gosec // identifiers are small
		payload = binary.BigEndian.AppendUint32(payload, settings[i+1])
	}
	c.write(append([]byte(preface), frameOf(frameSettings, 0, 0, payload)...))
	return c
}

// dialTLS opens a connection as a browser does, which speaks both protocols.
func (w *running) dialTLS() *tls.Conn {
	w.t.Helper()
	dialer := &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}}} //nolint:gosec // the certificate is the test's own
	conn, err := dialer.DialContext(w.t.Context(), "tcp", w.visitors.Addr().String())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	return conn.(*tls.Conn)
}

func (c http2Conn) write(p []byte) {
	c.t.Helper()
	if _, err := c.Write(p); err != nil {
		c.t.Fatal(err)
	}
}

// read returns the kind, stream and payload of the next frame.
func (c http2Conn) read() (kind byte, stream uint32, payload []byte, err error) {
	var head [9]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return 0, 0, nil, err
	}
	payload = make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
	_, err = io.ReadFull(c, payload)
	return head[3], binary.BigEndian.Uint32(head[5:]), payload, err
}

func frameOf(kind, flags byte, stream uint32, payload []byte) []byte {
	n := len(payload)
	head := []byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags}
	return append(binary.BigEndian.AppendUint32(head, stream), payload...)
}

// Indexes of HPACK's static table, by RFC 7541, and the first one of the dynamic table.
const (
	getMethod, rootPath, httpsScheme = 0x82, 0x84, 0x87
	authorityName                    = 1
	cookieName, firstDynamic         = 32, 62
)

// indexed returns a header with a name of the static table, which is added to the dynamic
// table.
func indexed(name byte, value string) []byte {
	const sevenBits = 127
	out := []byte{0x40 | name}
	if n := len(value); n < sevenBits {
		out = append(out, byte(n))
	} else {
		out = binary.AppendUvarint(append(out, sevenBits), uint64(n-sevenBits))
	}
	return append(out, value...)
}

// Whoever sends many requests over many connections of HTTP/2 without a login, compresses
// large cookies to a byte each, and takes no answer, holds little memory. Others are then
// served by HTTP/1.1.
func TestAnswersOfHTTP2ThatNobodyTakesAreBounded(t *testing.T) {
	const connections, streams, most = 64, 100, 192 << 20
	for name, cookies := range map[string]int{"requests": 7, "headers that no handler sees": 9} { // of 4 KiB
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			certify(t, dir, "first")
			w := start(t, func(o *options) {
				o.certificate, o.certificateKey = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
			})
			before := held()
			for range connections {
				c := w.dialHTTP2(settingInitialWindow, 0) // which lets the gateway send no body
				c.write(manyRequests(streams, cookies))
				go func() { _, _ = io.Copy(io.Discard, c) }()
			}
			time.Sleep(5 * time.Second)
			if got := held() - before; got > most {
				t.Errorf("%d requests hold %d MiB, want at most %d", connections*streams, got>>20, most>>20)
			}
			c := w.dialTLS()
			if protocol := c.ConnectionState().NegotiatedProtocol; protocol != "http/1.1" {
				t.Errorf("another connection speaks %q", protocol)
			}
			if _, err := io.WriteString(c, "GET /missing HTTP/1.1\r\nHost: desk.example.org\r\nX-Test-User: hana\r\nX-Test-Secret: "+secret+"\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			res, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatalf("another visitor is not answered: %v", err)
			}
			_ = res.Body.Close()
		})
	}
}

// manyRequests returns the headers of requests over one connection. All but the first are
// some bytes, since HPACK refers to what it has seen.
func manyRequests(streams uint32, cookies int) []byte {
	var all []byte
	for i := range streams {
		block := []byte{getMethod, rootPath, httpsScheme}
		if i == 0 {
			block = append(block, indexed(authorityName, "desk.example.org")...)
			block = append(block, indexed(cookieName, "a="+strings.Repeat("x", 3800))...)
			cookies--
		} else {
			block = append(block, 0x80|firstDynamic+1)
		}
		for range cookies {
			block = append(block, 0x80|firstDynamic)
		}
		if i == 0 {
			cookies++
		}
		all = append(all, frameOf(frameHeaders, endStream|endHeaders, 2*i+1, block)...)
	}
	return all
}

// The connections of HTTP/2 of one user are bounded, and so make room for those who come
// without a login.
func TestConnectionsOfHTTP2OfOneUserAreBounded(t *testing.T) {
	dir := t.TempDir()
	certify(t, dir, "first")
	w := start(t, func(o *options) {
		o.certificate, o.certificateKey = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	})
	for i := range 17 {
		transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // the certificate is the test's own
		t.Cleanup(transport.CloseIdleConnections)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+w.visitors.Addr().String()+"/missing", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "desk.example.org"
		r.Header.Set("X-Test-User", "hana")
		r.Header.Set("X-Test-Secret", secret)
		res, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if refused := res.StatusCode == http.StatusTooManyRequests; refused != (i == 16) || res.ProtoMajor != 2 {
			t.Errorf("connection %d is answered %d in %s", i, res.StatusCode, res.Proto)
		}
	}
	for range 64 {
		_ = w.dialHTTP2()
	}
}

// A connection of HTTP/2 on which large headers were refused is closed, so that the browser
// opens another one, which the second server reads.
func TestConnectionsWithLargeHeadersAreClosed(t *testing.T) {
	dir := t.TempDir()
	certify(t, dir, "first")
	w := start(t, func(o *options) {
		o.certificate, o.certificateKey = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	})
	c := w.dialHTTP2()
	block := append([]byte{getMethod, rootPath, httpsScheme}, indexed(authorityName, "desk.example.org")...)
	for range 9 { // a tenth would be refused with the whole connection
		block = append(block, indexed(cookieName, "a="+strings.Repeat("x", 3800))...)
	}
	const most = 16 << 10 // in one frame
	c.write(frameOf(frameHeaders, endStream, 1, block[:most]))
	c.write(frameOf(frameContinuation, 0, 1, block[most:2*most]))
	c.write(frameOf(frameContinuation, endHeaders, 1, block[2*most:]))
	answered := false
	for {
		kind, stream, _, err := c.read()
		if err != nil {
			if !answered || !errors.Is(err, io.EOF) {
				t.Errorf("answered: %v; then %v", answered, err)
			}
			return
		}
		answered = answered || kind == frameHeaders && stream == 1
	}
}

// held returns the bytes of heap and stacks in use.
func held() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse) //nolint:gosec // it is not that large
}
