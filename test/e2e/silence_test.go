//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/test/story"
)

// quietFor is how long a settled process must make no request. Lease renewals,
// the PUTs, are not counted; nor are GETs, among which the metrics can't tell
// watches that begin anew from reads (the tests of package operator do).
const quietFor = 30 * time.Second

// A cluster in which nothing changes is left alone.
func TestSettledIsSilent(t *testing.T) {
	use(t, sandbox)
	reach(t, quiet("carrel-controller"), quiet("carrel-reporter"), quiet("carrel-errand"))
}

// quiet is reached when the process has written nothing for quietFor.
func quiet(deployment string) story.Milestone {
	var last map[string]int
	var since time.Time
	return story.Milestone{Name: deployment + " silent", Within: quietFor + story.StartedWithin, Reached: func(ctx context.Context) (string, bool, error) {
		now, err := writes(ctx, deployment)
		if err != nil {
			return "", false, err
		}
		if !maps.Equal(now, last) {
			last, since = now, time.Now()
		}
		return fmt.Sprintf("for %.0fs, after %v", time.Since(since).Seconds(), now), time.Since(since) >= quietFor, nil
	}}
}

var requestCount = regexp.MustCompile(`(?m)^rest_client_requests_total\{.*method="(POST|PATCH|DELETE)"\} (\d+)$`)

// writes counts a process's writing requests since it began, by method.
func writes(ctx context.Context, deployment string) (map[string]int, error) {
	var pods corev1.PodList
	if err := c.List(ctx, &pods, client.InNamespace("carrel-system"), client.MatchingLabels{"app.kubernetes.io/name": deployment}); err != nil {
		return nil, err
	}
	if len(pods.Items) != 1 {
		return nil, fmt.Errorf("%d pods of %s, want one", len(pods.Items), deployment)
	}
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	metrics, err := clients.CoreV1().Pods("carrel-system").ProxyGet("http", pods.Items[0].Name, "8080", "/metrics", nil).DoRaw(ctx)
	if err != nil {
		return nil, err
	}
	counts := map[string]int{}
	for _, found := range requestCount.FindAllSubmatch(metrics, -1) {
		n, err := strconv.Atoi(string(found[2]))
		if err != nil {
			return nil, err
		}
		counts[string(found[1])] += n
	}
	if len(counts) == 0 {
		return nil, fmt.Errorf("%s tells of no request it ever made; is the name of the metric another now?", pods.Items[0].Name)
	}
	return counts, nil
}
