//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/story"
)

// No enforcer of NetworkPolicies runs in this cluster, and the canary finds that out. Then
// the test enforces what the policies of a course say, by rules of its own in the node,
// and the canary finds that out, too. The test has the cluster to itself.
func TestCanary(t *testing.T) {
	use(t, sandbox)
	reach(t, isolated(metav1.ConditionFalse, "the pod of another carrel"))
	reach(t, isolated(metav1.ConditionFalse, "the Service of another carrel, the API server (kubernetes.default.svc:443)"),
		isolated(metav1.ConditionFalse, "inner ports of Carrel's processes"))

	enforce(t, "")
	askCanary(t)
	reach(t, isolated(metav1.ConditionTrue, "reached none of"), noErrands(sandbox))

	var api corev1.Service
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: "default", Name: "kubernetes"}, &api); err != nil {
		t.Fatal(err)
	}
	enforce(t, "ip daddr "+api.Spec.ClusterIP+" accept")
	askCanary(t)
	reach(t, isolated(metav1.ConditionFalse, "reached the API server (kubernetes.default.svc:443), which must be closed"), noErrands(sandbox))
}

// isolated is reached when the Course of the sandbox has the condition Isolated with a
// status and words.
func isolated(status metav1.ConditionStatus, words string) story.Milestone {
	return story.Milestone{Name: "sandbox Isolated " + string(status), Within: story.StartedWithin, Reached: func(ctx context.Context) (string, bool, error) {
		var live v1alpha1.Course
		if err := c.Get(ctx, client.ObjectKey{Namespace: sandbox, Name: sandbox}, &live); err != nil {
			return "", false, err
		}
		found := meta.FindStatusCondition(live.Status.Conditions, v1alpha1.IsolatedCondition)
		if found == nil {
			return "no condition Isolated", false, nil
		}
		return string(found.Status) + ", " + found.Reason + ": " + found.Message, found.Status == status && strings.Contains(found.Message, words), nil
	}}
}

// askCanary asks for a canary of the sandbox now. The time must be later than that of the last one.
func askCanary(t *testing.T) {
	t.Helper()
	var live v1alpha1.Course
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: sandbox, Name: sandbox}, &live); err != nil {
		t.Fatal(err)
	}
	if last := live.Status.Isolation; last != nil {
		time.Sleep(time.Until(last.Time.Add(time.Second)))
	}
	before := live.DeepCopy()
	if live.Annotations == nil {
		live.Annotations = map[string]string{}
	}
	live.Annotations["reconcile.fluxcd.io/requestedAt"] = time.Now().UTC().Format(time.RFC3339)
	if err := c.Patch(t.Context(), &live, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
}

// rulesTable is the table of nftables in the node that enforce fills.
const rulesTable = "carrel_canary_test"

// enforce refuses the connections of all pods, in the node, but for those of the cluster's
// own pods, those to the name server, and those that a rule accepts. Pods have a link of
// their own, and packets come from there before kube-proxy changes their address.
func enforce(t *testing.T, exception string) {
	t.Helper()
	var own []string
	for _, namespace := range []string{"carrel-system", "kube-system", "flux-system", "local-path-storage"} {
		var pods corev1.PodList
		if err := c.List(t.Context(), &pods, client.InNamespace(namespace)); err != nil {
			t.Fatal(err)
		}
		for _, pod := range pods.Items {
			if pod.Status.PodIP != "" && !pod.Spec.HostNetwork && !slices.Contains(own, pod.Status.PodIP) {
				own = append(own, pod.Status.PodIP)
			}
		}
	}
	var dns corev1.Service
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: "kube-system", Name: "kube-dns"}, &dns); err != nil {
		t.Fatal(err)
	}
	lift := func() {
		_ = nft(context.WithoutCancel(t.Context()), "delete table inet "+rulesTable)
	}
	t.Cleanup(lift)
	lift()
	rules := fmt.Sprintf(`table inet %s {
	chain prerouting {
		type filter hook prerouting priority mangle; policy accept;
		iifname != "veth*" accept
		ct state established,related accept
		ip saddr { %s } accept
		ip daddr %s th dport 53 accept
		%s
		ct state new drop
	}
}
`, rulesTable, strings.Join(own, ", "), dns.Spec.ClusterIP, exception)
	if err := nft(t.Context(), rules); err != nil {
		t.Fatal(err)
	}
	t.Logf("the node enforces\n%s", rules)
}

// nft runs commands of nftables in the network of the node.
func nft(ctx context.Context, rules string) error {
	data, err := os.ReadFile(filepath.Join(filepath.Dir(kubeconfig), "cluster.json"))
	if err != nil {
		return fmt.Errorf("find the node: %w", err)
	}
	var record struct{ Node int }
	if err := json.Unmarshal(data, &record); err != nil || record.Node == 0 {
		return fmt.Errorf("find the node: %w: %s", err, data)
	}
	cmd := exec.CommandContext(ctx, "nsenter", fmt.Sprintf("--target=%d", record.Node), "--net", "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("nft in the node: %w: %s", err, out)
	}
	return nil
}
