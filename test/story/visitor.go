package story

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"

	"github.com/coder/websocket"
)

// Visitor is somebody who has logged in at the gateway, with a browser that knows no
// script.
type Visitor struct{ client *http.Client }

// LogIn logs a user of the forge in at the desk.
func LogIn(ctx context.Context, gateway Gateway, user string) (*Visitor, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	v := &Visitor{client: &http.Client{Jar: jar, Transport: &http.Transport{
		// The names are this machine's, as browsers have it, and the certificate is the
		// gateway's own word.
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if host, port, err := net.SplitHostPort(address); err == nil && strings.HasSuffix(host, ".localhost") {
				address = net.JoinHostPort("127.0.0.1", port)
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		},
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // as said above
	}}}
	form, there, err := v.get(ctx, gateway.DeskURL()+"/carrels")
	if err != nil {
		return nil, err
	}
	if form, there, err = v.submit(ctx, there, form, url.Values{"user_name": {user}, "password": {Password(user)}}); err != nil {
		return nil, err
	}
	if strings.Contains(form, "authorize-app") {
		if form, there, err = v.submit(ctx, there, form, url.Values{"granted": {"true"}}); err != nil {
			return nil, err
		}
	}
	if "https://"+there.Host != gateway.DeskURL() {
		return nil, fmt.Errorf("the login of %s ends at %s: %s", user, there, form)
	}
	return v, nil
}

// HandOver gives a carrel's host a cookie of its own.
func (v *Visitor) HandOver(ctx context.Context, address string) error {
	_, there, err := v.get(ctx, strings.TrimSuffix(address, "/")+"/.carrel/none")
	if err == nil && !strings.HasPrefix(address, "https://"+there.Host) {
		err = fmt.Errorf("the way to %s ends at %s", address, there)
	}
	return err
}

// Ask asks as a program does, and returns the status of the answer once its first byte
// is there.
func (v *Visitor) Ask(ctx context.Context, address string) (status int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, err
	}
	res, err := v.client.Do(r)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}

// WebSocket opens a WebSocket at an address of a carrel, as the carrel's own page does.
func (v *Visitor) WebSocket(ctx context.Context, address string) (*websocket.Conn, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	socket, response, err := websocket.Dial(ctx, address, &websocket.DialOptions{
		HTTPClient: v.client, HTTPHeader: http.Header{"Origin": {"https://" + u.Host}},
	})
	if response != nil && response.Body != nil {
		_ = response.Body.Close()
	}
	return socket, err
}

// Opened is reached when a carrel's address shows the visitor the words given; until
// then it shows the page that waits.
func Opened(v *Visitor, address, words string) Milestone {
	return Milestone{Name: "opened in a browser", Within: StartedWithin, Reached: func(ctx context.Context) (string, bool, error) {
		page, there, err := v.get(ctx, address)
		if err != nil {
			return "", false, err
		}
		return there.String(), strings.Contains(page, words), nil
	}}
}

// get is a page, whatever its status, after all redirects, and where that is.
func (v *Visitor) get(ctx context.Context, address string) (page string, there *url.URL, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", nil, err
	}
	return v.do(r)
}

func (v *Visitor) do(r *http.Request) (page string, there *url.URL, err error) {
	r.Header.Set("Accept", "text/html")
	res, err := v.client.Do(r)
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	return string(text), res.Request.URL, err
}

var (
	formTag = regexp.MustCompile(`(?s)<form[^>]*action="([^"]*)"[^>]*method="post"|<form[^>]*method="post"[^>]*action="([^"]*)"`)
	hidden  = regexp.MustCompile(`<input[^>]*type="hidden"[^>]*name="([^"]*)"[^>]*value="([^"]*)"`)
)

// submit sends the last form of a page, with what is hidden in it.
func (v *Visitor) submit(ctx context.Context, there *url.URL, page string, fields url.Values) (string, *url.URL, error) {
	forms := formTag.FindAllStringSubmatch(page, -1)
	if len(forms) == 0 {
		return "", nil, errors.New("no form at " + there.String())
	}
	last := forms[len(forms)-1]
	to, err := there.Parse(html.UnescapeString(last[1] + last[2]))
	if err != nil {
		return "", nil, err
	}
	for _, field := range hidden.FindAllStringSubmatch(page[strings.LastIndex(page, last[0]):], -1) {
		fields.Set(html.UnescapeString(field[1]), html.UnescapeString(field[2]))
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), strings.NewReader(fields.Encode()))
	if err != nil {
		return "", nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", there.Scheme+"://"+there.Host)
	return v.do(r)
}
