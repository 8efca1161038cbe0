package route_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/auth"
)

// The script that shows notices is added to whole pages of a carrel, and to nothing else.
func TestPagesOfCarrelsGetTheScript(t *testing.T) {
	const text = "<!DOCTYPE html><title>x</title>hello"
	headers := map[string]string{}
	status := http.StatusOK
	chunked := false
	w := newWorld(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		for name, value := range headers {
			rw.Header().Set(name, value)
		}
		body := []byte(text)
		if r.Header.Get("Accept-Encoding") != "" {
			rw.Header().Set("Content-Encoding", "gzip")
			var small bytes.Buffer
			writer := gzip.NewWriter(&small)
			_, _ = writer.Write(body)
			_ = writer.Close()
			body = small.Bytes()
		}
		rw.WriteHeader(status)
		if chunked {
			_ = http.NewResponseController(rw).Flush()
		}
		_, _ = rw.Write(body)
	}))
	get := func(dest string) string {
		t.Helper()
		r := w.request(http.MethodGet, "hana", hanas, "/", nil)
		r.Header.Set("Accept", "text/html")
		r.Header.Set("Accept-Encoding", "gzip")
		r.Header.Set("Sec-Fetch-Mode", "navigate")
		r.Header.Set("Sec-Fetch-Site", "none")
		r.Header.Set("Sec-Fetch-Dest", dest)
		res, body := w.do(r)
		if res.Header.Get("Content-Encoding") == "gzip" {
			reader, err := gzip.NewReader(strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			plain, err := io.ReadAll(reader)
			if err != nil {
				t.Fatal(err)
			}
			body = string(plain)
		}
		return body
	}
	hasScript := func(body string) bool {
		rest, whole := strings.CutPrefix(body, text)
		return whole && strings.HasPrefix(rest, `<script src="/.carrel/assets/notice.`) && strings.HasSuffix(rest, "</script>")
	}
	for _, chunked = range []bool{false, true} {
		if body := get("document"); !hasScript(body) {
			t.Errorf("a page (chunked: %v) is %q", chunked, body)
		}
	}
	chunked = false
	if body := get("iframe"); body != text {
		t.Errorf("a frame is %q", body)
	}
	for name, value := range map[string]string{"Content-Type": "application/json", "Content-Disposition": "attachment", "Content-Digest": "x"} {
		headers = map[string]string{name: value}
		if body := get("document"); body != text {
			t.Errorf("with %s: %s it is %q", name, value, body)
		}
	}
	headers, status = nil, http.StatusNotFound
	if body := get("document"); body != text {
		t.Errorf("an error is %q", body)
	}
}

// An open page is told of an idle stop. Its questions neither reach the carrel nor count
// as use; the button does.
func TestNoticesOfAnIdleStop(t *testing.T) {
	asked := 0
	w := newWorld(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	u := userland("hana", v1alpha1.StateRunning)
	c, _ := w.cluster.Carrel("prog1", "hana")
	before := metav1.NewTime(time.Now().Add(-57 * time.Minute).Truncate(time.Second))
	u.Status.LastActivityTime, u.Status.IdleFrom = &before, &before
	u.Status.Template = &v1alpha1.ObservedTemplate{Name: "ide"}
	w.cluster.Put(&v1alpha1.Template{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "ide"}, Spec: v1alpha1.TemplateSpec{Idle: &v1alpha1.Idle{After: metav1.Duration{Duration: time.Hour}}}})
	w.cluster.Set(u, c.Target)

	r := w.request(http.MethodGet, "hana", hanas, auth.NoticePath, nil)
	r.Header.Set("Sec-Fetch-Mode", "cors")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	res, body := w.do(r)
	var got struct {
		Text, Stay, Over string
		Again            int
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("answered %d %q: %v", res.StatusCode, body, err)
	}
	if !strings.Contains(got.Text, "stopped at "+before.Add(time.Hour).UTC().Format("15:04")) || got.Stay == "" || got.Over == "" || got.Again != 60 {
		t.Errorf("the notice is %+v", got)
	}
	if n := w.activityWrites("hana"); n != 0 {
		t.Errorf("the question counted as use %d times", n)
	}
	r = w.request(http.MethodPost, "hana", hanas, auth.NoticePath, nil)
	r.Header.Set("Origin", "https://"+hanas)
	if res, _ := w.do(r); res.StatusCode != http.StatusNoContent {
		t.Errorf("the button is answered %d", res.StatusCode)
	}
	if n := w.activityWrites("hana"); n != 1 || asked != 0 {
		t.Errorf("the button counted as use %d times, and the carrel was asked %d times", n, asked)
	}
	r = w.request(http.MethodPost, "hana", hanas, auth.NoticePath, nil)
	r.Header.Set("Origin", "https://"+kens)
	if res, _ := w.do(r); res.StatusCode != http.StatusForbidden {
		t.Errorf("a page of a neighbour is answered %d", res.StatusCode)
	}
	if res, _ := w.get("ken", hanas, auth.NoticePath); res.StatusCode != http.StatusForbidden {
		t.Errorf("a neighbour is answered %d", res.StatusCode)
	}
}
