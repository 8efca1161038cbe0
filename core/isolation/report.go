package isolation

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Report holds the findings of a canary. It is shorter than the 4,096 bytes that Kubernetes
// keeps of a container's last message.
type Report struct {
	// Network is true if the canary could use the cluster's name server. Otherwise
	// nothing it could not reach shows anything.
	Network bool `json:"network"`
	// Problem says why Network is false.
	Problem string `json:"problem,omitempty"`
	// Tried is the number of targets that were tried.
	Tried int `json:"tried"`
	// Open are the targets that were reached.
	Open []Target `json:"open,omitempty"`
}

const (
	// maxProblem bounds Problem, in bytes.
	maxProblem = 300
	// maxShown bounds the addresses of each part that a message names.
	maxShown = 3
)

// MarshalText returns the target as String does.
func (t Target) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what MarshalText returns.
func (t *Target) UnmarshalText(text []byte) (err error) {
	*t, err = ParseTarget(string(text))
	return err
}

// Encode returns the report as ParseReport reads it.
func (r Report) Encode() ([]byte, error) {
	r.Problem = strings.ToValidUTF8(r.Problem[:min(len(r.Problem), maxProblem)], "")
	return json.Marshal(r)
}

// ParseReport reads what Encode returns. It returns an error if the report does not show
// whether the course is isolated.
func ParseReport(text string) (Report, error) {
	report := Report{}
	switch err := json.Unmarshal([]byte(text), &report); {
	case text == "":
		return report, errors.New("the canary ended without a report")
	case err != nil:
		return report, fmt.Errorf("read the report of the canary: %w", err)
	case !report.Network:
		return report, fmt.Errorf("the pod of the canary does not reach the cluster's name server: %s", report.Problem)
	case report.Tried == 0:
		return report, errors.New("the canary had nothing to try")
	}
	return report, nil
}

// Verdict returns the status, the reason and the message of the condition Isolated. The
// message names no student.
func (r Report) Verdict() (metav1.ConditionStatus, string, string) {
	if len(r.Open) == 0 {
		return metav1.ConditionTrue, v1alpha1.IsolatedReason,
			fmt.Sprintf("a pod of the course reached none of %d addresses that must be closed: other carrels, the API server, metadata services, Carrel's own ports", r.Tried)
	}
	var reached []string
	for _, part := range parts {
		if words := r.words(part); words != "" {
			reached = append(reached, words)
		}
	}
	return metav1.ConditionFalse, v1alpha1.OpenReason, "a pod of the course reached " + strings.Join(reached, ", ") + ", which must be closed to carrels. " + r.cure()
}

// words describes the open targets of a part; empty if there are none.
func (r Report) words(part Part) string {
	var addresses []string
	for _, target := range r.Open {
		if target.Part == part {
			addresses = append(addresses, target.Address)
		}
	}
	shown := strings.Join(addresses[:min(len(addresses), maxShown)], ", ")
	switch {
	case len(addresses) == 0:
		return ""
	case part == Carrel:
		// Services are named after students, and a pod's address leads to one.
		return "the pod of another carrel"
	case part == Service:
		return "the Service of another carrel"
	case part == APIServer:
		return "the API server (" + shown + ")"
	case part == Metadata:
		return "a metadata service (" + shown + ")"
	case part == Processes:
		return "inner ports of Carrel's processes (" + shown + ")"
	default:
		return "closed addresses (" + shown + ")"
	}
}

// cure says what to do. If another carrel is reached, no policy holds, whatever the
// cluster lists.
func (r Report) cure() string {
	reached := func(part Part) bool {
		return slices.ContainsFunc(r.Open, func(t Target) bool { return t.Part == part })
	}
	const page = ": docs/security.md, Isolated"
	switch {
	case reached(Carrel) || reached(Service):
		return "Use a network that enforces NetworkPolicies, and see that the namespace has those of kustomize/components/course" + page
	case reached(Processes):
		return "See that carrel-system has the NetworkPolicies of kustomize/controller" + page
	default:
		return "List the addresses behind it in clusters/<cluster>/courses/closed.yaml, or close them in the firewall of the nodes if the network lets a pod reach its own node" + page
	}
}
