package board_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/gatewaytest"
)

// Whatever a roster row or a carrel's status says is text on every page: no markup, and no
// link that runs a script.
func TestHostileRowsAreText(t *testing.T) {
	const markup = `"><script>alert(1)</script><img src=x onerror=alert(2)>`
	w := newWorld(3)
	u := gatewaytest.Student(0, now)
	u.Annotations[v1alpha1.NameAnnotation] = markup
	u.Spec.Section = markup
	u.Status.State = markup
	u.Status.Conditions[0].Reason, u.Status.Conditions[0].Message = markup, "javascript:alert(3) "+markup
	w.Set(u, "")
	for _, path := range []string{"/courses/" + course, "/courses/" + course + "/carrels/" + u.Name, "/courses/" + course + "?find=" + "%3Cscript%3Ealert(1)%3C%2Fscript%3E"} {
		rw := w.get(teacher, path, "en")
		body := rw.Body.String()
		if rw.Code != http.StatusOK || !strings.Contains(body, u.Name) && !strings.Contains(path, "find") {
			t.Errorf("%s is answered %d", path, rw.Code)
		}
		for _, live := range []string{"<script>alert", "<img src=x", `href="javascript:`} {
			if strings.Contains(body, live) {
				t.Errorf("%s has %q live", path, live)
			}
		}
	}
}
