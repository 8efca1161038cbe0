//go:build e2e

// Package pages looks at the gateway's pages in a real browser, with a made-up
// class: what they do there, and how they look.
package pages

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/proto"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
)

// pageLasts bounds what is done with a page from its opening to the end of its test.
const pageLasts = 5 * time.Minute

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	os.Exit(m.Run())
}

// look is how a page is looked at.
type look struct {
	name          string
	width, height int
	dark          bool
	lang          string
	clock         shifted
}

var looks = []look{
	{"desktop", 1440, 900, false, "en", lab()},
	{"desktop-dark-ja", 1440, 900, true, "ja", lab()},
	{"phone", 390, 844, false, "en", lab()},
	{"phone-dark-ja", 390, 844, true, "ja", lab()},
}

// open opens an address as somebody looks at it.
func open(t *testing.T, b *rod.Browser, l look, address string) *rod.Page {
	t.Helper()
	page := b.MustPage("").Timeout(pageLasts)
	page.MustSetViewport(l.width, l.height, 1, l.width < 600)
	scheme := "light"
	if l.dark {
		scheme = "dark"
	}
	if err := (proto.EmulationSetEmulatedMedia{Features: []*proto.EmulationMediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}).Call(page); err != nil {
		t.Fatal(err)
	}
	page.MustSetUserAgent(&proto.NetworkSetUserAgentOverride{UserAgent: "Chromium", AcceptLanguage: l.lang})
	page.MustEvalOnNewDocument(fmt.Sprintf("{ const now = Date.now; Date.now = () => now() + %d; }", l.clock.by.Milliseconds()))
	page.MustNavigate(address).MustWaitLoad()
	return page
}

// serve serves on a host that browsers take for secure.
func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

// lab is the time of a lesson in Tokyo, on the present day: pictures look as they
// would in class, whenever they are taken.
func lab() shifted {
	now := time.Now()
	ten := time.Date(now.Year(), now.Month(), now.Day(), 10, 5, 20, 0, time.FixedZone("", 9*60*60))
	return shifted{by: ten.Sub(now)}
}

// shifted is a clock that goes like the real one, but fast or slow.
type shifted struct {
	clock.RealClock
	by time.Duration
}

func (s shifted) Now() time.Time { return s.RealClock.Now().Add(s.by) }
