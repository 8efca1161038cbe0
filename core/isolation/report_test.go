package isolation

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestVerdict checks what a Course says about a report.
func TestVerdict(t *testing.T) {
	for _, tt := range []struct {
		name   string
		open   []Target
		status metav1.ConditionStatus
		words  []string
		not    []string
	}{
		{"nothing", nil, metav1.ConditionTrue, []string{"reached none of 16 addresses"}, []string{"Use a network"}},
		{"another carrel", []Target{{Carrel, "10.0.0.1:8080"}, {Carrel, "10.0.0.2:8080"}}, metav1.ConditionFalse,
			[]string{"reached the pod of another carrel, which must be closed", "Use a network that enforces NetworkPolicies", "docs/security.md"}, []string{"10.0.0.1"}},
		{"its Service, which has a student's name", []Target{{Service, "hana-mori.prog1.svc:80"}}, metav1.ConditionFalse, []string{"the Service of another carrel"}, []string{"hana"}},
		{"inner ports", []Target{{Processes, "10.1.0.2:8080"}}, metav1.ConditionFalse,
			[]string{"inner ports of Carrel's processes (10.1.0.2:8080)", "carrel-system has the NetworkPolicies of kustomize/controller"}, nil},
		{"the API server", []Target{{APIServer, apiServer}}, metav1.ConditionFalse, []string{"the API server (kubernetes.default.svc:443)", "closed.yaml"}, nil},
		{"addresses that the cluster lists", []Target{{Closed, "203.0.113.7:80"}}, metav1.ConditionFalse, []string{"closed addresses (203.0.113.7:80)", "closed.yaml"}, nil},
		{"all of it, the worst first", []Target{{Metadata, "169.254.169.254:80"}, {APIServer, apiServer}, {Carrel, "10.0.0.1:80"}}, metav1.ConditionFalse,
			[]string{"reached the pod of another carrel, the API server (kubernetes.default.svc:443), a metadata service (169.254.169.254:80), which", "Use a network"}, nil},
		{"many of a kind", []Target{{Metadata, "a:1"}, {Metadata, "b:1"}, {Metadata, "c:1"}, {Metadata, "d:1"}}, metav1.ConditionFalse, []string{"(a:1, b:1, c:1)"}, []string{"d:1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, reason, message := Report{Network: true, Tried: 16, Open: tt.open}.Verdict()
			if status != tt.status || (reason == "Isolated") != (status == metav1.ConditionTrue) {
				t.Errorf("the condition is %s, %s, want %s", status, reason, tt.status)
			}
			for _, word := range tt.words {
				if !strings.Contains(message, word) {
					t.Errorf("the message %q lacks %q", message, word)
				}
			}
			for _, word := range tt.not {
				if strings.Contains(message, word) {
					t.Errorf("the message %q has %q", message, word)
				}
			}
		})
	}
}

// TestReportsTravel checks that the largest report fits into what Kubernetes keeps of a
// container's last message, and is read as it was written.
func TestReportsTravel(t *testing.T) {
	report := Report{Network: true, Tried: MaxTargets}
	for i := range MaxTargets {
		report.Open = append(report.Open, Target{Processes, fmt.Sprintf("[fd00:1234:5678:9abc:def0:1234:5678:%04x]:65535", i)})
	}
	data, err := report.Encode()
	if err != nil || len(data) > 4096 {
		t.Fatalf("the report has %d bytes, %v", len(data), err)
	}
	got, err := ParseReport(string(data))
	if diff := cmp.Diff(report, got); err != nil || diff != "" {
		t.Errorf("it is read differently: %v\n%s", err, diff)
	}
}

// TestReportsThatShowNothing checks that a canary that could not try is not taken for one
// that reached nothing.
func TestReportsThatShowNothing(t *testing.T) {
	lost, err := Report{Problem: strings.Repeat("ö", 400)}.Encode()
	if err != nil || len(lost) > 400 {
		t.Fatalf("the report has %d bytes, %v", len(lost), err)
	}
	for text, word := range map[string]string{
		"":                              "without a report",
		"panic: oh":                     "read the report",
		string(lost):                    "does not reach the cluster's name server: ö",
		`{"network":true,"tried":0}`:    "nothing to try",
		`{"tried":7}`:                   "name server",
		`{"network":true,"open":["x"]}`: "read the report",
	} {
		if report, err := ParseReport(text); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("ParseReport(%q) = %v, %v, want an error with %q", text, report, err, word)
		}
	}
}
