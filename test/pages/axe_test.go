//go:build e2e

package pages

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-rod/rod"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/gatewaytest"
	"github.com/carrel-dev/carrel/gateway/page"
	"github.com/carrel-dev/carrel/gateway/route"
	"github.com/carrel-dev/carrel/test/chromium"
)

// axe returns the source of axe-core, which npm installs by axe/package-lock.json.
func axe(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := os.ReadFile(filepath.Join("axe", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("install axe-core: run ci/install-packages browser: %v\n%s", err, out)
	}
	source, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}

// accessible fails the test for what in a page is against WCAG 2.1, level AA.
func accessible(t *testing.T, p *rod.Page, source, what string) {
	t.Helper()
	p.MustEval("() => { " + source + "\n }")
	found := p.MustEval(`async () => {
		const result = await axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] });
		if (result.passes.length < 3) return ["only " + result.passes.length + " rules were checked"];
		return result.violations.flatMap(v => v.nodes.map(n => v.id + ": " + n.failureSummary.replace(/\s+/g, " ") + " " + n.html));
	}`)
	for _, violation := range found.Arr() {
		t.Errorf("%s: %s", what, violation.Str())
	}
}

// The checker finds what is wrong: a picture without words, and text without contrast.
func TestCheckerOfAccessibilityFinds(t *testing.T) {
	p := chromium.Start(t).MustPage("").Timeout(pageLasts)
	p.MustSetDocumentContent(`<!DOCTYPE html><html lang="en"><title>x</title><main><h1>x</h1><img src="data:,"><p style="color:#aaa;background:#fff">pale</p></main></html>`)
	p.MustEval("() => { " + axe(t) + "\n }")
	ids := p.MustEval(`async () => (await axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] })).violations.map(v => v.id).sort().join(" ")`).Str()
	if ids != "color-contrast image-alt" {
		t.Errorf("it finds %q", ids)
	}
}

// desks serves the pages of the desk to a user, and those of the login.
func desks(t *testing.T) (string, string) {
	t.Helper()
	s, b := newSchool(t, 60)
	left(s)
	gatewaytest.Morning(lab().Now(), func(at time.Time, running int) { b.Timelines.Add(course, at, running) })
	student := gatewaytest.Student(0, lab().Now()).Spec.User
	logins := http.NewServeMux()
	logins.Handle("/", desk(b, student, "森 花"))
	logins.HandleFunc("/login", func(rw http.ResponseWriter, r *http.Request) {
		route.ShowLogin(rw, r, auth.LoginPage{Status: http.StatusOK, Title: "Log in", Text: "Choose the account to log in with.", Choices: []auth.Choice{{Text: "Campus", URL: "/a"}, {Text: "GitHub", URL: "/b"}}})
	})
	logins.HandleFunc("/logout", func(rw http.ResponseWriter, r *http.Request) {
		route.ShowLogin(rw, r, auth.LoginPage{Status: http.StatusOK, Title: "Log out", Text: "Your carrel keeps your work.", Buttons: []auth.Button{{Text: "Log out", URL: "/logout"}, {Text: "Log out everywhere", URL: "/logout?everywhere="}}})
	})
	logins.HandleFunc("/problems/{name}", func(rw http.ResponseWriter, r *http.Request) {
		page.ProblemWithWays(rw, r, http.StatusForbidden, r.PathValue("name"), "https://desk.example.ac.jp")
	})
	logins.HandleFunc("/silent", func(rw http.ResponseWriter, r *http.Request) { page.Silent(rw, r, "https://desk.example.ac.jp/x") })
	logins.HandleFunc("/follow", func(rw http.ResponseWriter, r *http.Request) { route.AskToFollow(rw, r) })
	return serve(t, desk(b, "teacher", "田中 健")), serve(t, logins)
}

// No page is against WCAG 2.1 AA, wide or narrow, light or dark, in either language.
func TestPagesAreAccessible(t *testing.T) {
	source := axe(t)
	staff, own := desks(t)
	browser := chromium.Start(t)
	failing := in(v1alpha1.StateFailing, v1alpha1.CrashLoopBackOffReason, `container "ide" keeps ending: exit code 1: look at its log`)
	failing.Status.LastEnd = &v1alpha1.LastEnd{Time: metav1.NewTime(lab().Now().Add(-time.Minute)), Container: "ide", Reason: "Error", ExitCode: 1, Log: "Error: ENOSPC: no space left on device\nbye"}
	waits := map[string]*v1alpha1.Userland{
		"waking":   in(v1alpha1.StateAsleep, v1alpha1.AsleepReason, "stopped"),
		"queued":   in(v1alpha1.StateQueued, v1alpha1.QueuedReason, "others start first"),
		"starting": in(v1alpha1.StateStarting, v1alpha1.StartingReason, "the carrel is starting"),
		"failing":  failing,
		"disabled": in(v1alpha1.StateDisabled, v1alpha1.DisabledReason, "stopped by spec.enabled"),
	}
	for _, l := range looks {
		for _, path := range []string{
			"/courses", "/courses/" + course, "/courses/" + course + "?find=nobody", "/courses/" + course + "/carrels/" + name, "/courses/" + course + "/carrels/24t0132",
			"/courses/" + course + "/volumes/23t0301--home", "/courses/" + course + "/volumes/23t0301--home/let-go", "/nothing",
		} {
			p := open(t, browser, l, staff+path)
			accessible(t, p, source, l.name+" staff "+path)
			p.MustClose()
		}
		for _, path := range []string{
			"/carrels", "/courses/" + course + "/carrels/" + name, "/courses/" + course + "/carrels/24t0132", "/login", "/logout", "/silent", "/follow?query=drop",
			"/problems/busy", "/problems/usershare", "/problems/unavailable", "/problems/stale", "/problems/noanswer",
		} {
			p := open(t, browser, l, own+path)
			accessible(t, p, source, l.name+" student "+path)
			if path == "/logout" || strings.HasPrefix(path, "/follow") || path == "/carrels" {
				chromium.Keep(t, p, "axe"+strings.NewReplacer("/", "-", "?", "-", "=", "-").Replace(path)+"-"+l.name)
			}
			p.MustClose()
		}
		for kind, u := range waits {
			d := gatewaytest.Class(60, lab().Now())
			d.Set(u, "")
			p := open(t, browser, l, serve(t, carrelHost(d)))
			chromium.Find(t, p, ".desk-"+kind)
			accessible(t, p, source, l.name+" wait "+kind)
			if kind == "failing" {
				chromium.Keep(t, p, "wait-ended-"+l.name)
			}
			p.MustClose()
		}
		p := open(t, browser, l, staff+"/courses/"+course)
		chromium.Find(t, p, live)
		chromium.Click(t, p, seat("24t0119")+" a")
		chromium.Find(t, p, "dialog[open] #carrel")
		accessible(t, p, source, l.name+" a carrel over the board")
		p.MustClose()
		p = noticed(t, browser, l)
		chromium.Find(t, p, "carrel-notice")
		accessible(t, p, source, l.name+" the notice on a carrel's page")
		p.MustClose()
	}
}

// noticed opens a page of a carrel with a notice.
func noticed(t *testing.T, browser *rod.Browser, l look) *rod.Page {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/.carrel/assets/", page.Assets())
	mux.HandleFunc("GET /.carrel/notice", func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(rw, `{"text": "It is stopped at 10:35.", "stay": "I am still here", "over": "over", "close": "Close", "again": 60}`)
	})
	mux.HandleFunc("GET /{$}", func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(rw, `<!DOCTYPE html><html lang="en"><meta name="viewport" content="width=device-width"><title>editor</title><main><h1>An editor</h1></main></html><script src="%s" async></script>`, page.AssetURL("notice.js"))
	})
	return open(t, browser, l, serve(t, mux))
}
