package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// scrapedWithin bounds the answer of a process that is asked for its metrics.
const scrapedWithin = 10 * time.Second

// printMetrics prints where each process of Carrel serves its metrics, which this machine
// reaches as it reaches every Service of the cluster, and how many it serves.
func printMetrics(ctx context.Context, out io.Writer, c client.Client) error {
	var services corev1.ServiceList
	if err := c.List(ctx, &services, client.InNamespace("carrel-system")); err != nil {
		return err
	}
	for i := range services.Items {
		for _, port := range services.Items[i].Spec.Ports {
			if port.Name != "metrics" {
				continue
			}
			address := fmt.Sprintf("http://%s:%d/metrics", services.Items[i].Spec.ClusterIP, port.Port)
			n, err := scrape(ctx, address)
			if err != nil {
				return fmt.Errorf("the metrics of %s: %w", services.Items[i].Name, err)
			}
			_, _ = fmt.Fprintf(out, "  %-26s %s, %d of them Carrel's own\n", services.Items[i].Name, address, n)
		}
	}
	_, _ = fmt.Fprintln(out, "  docs/monitoring.md explains them; kustomize/components/monitoring has alerts and a dashboard for Grafana")
	return nil
}

// scrape returns how many metrics of Carrel's own an address serves.
func scrape(ctx context.Context, address string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, scrapedWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("%s answers %s", address, response.Status)
	}
	return countOwn(response.Body)
}

// countOwn counts Carrel's own metrics in Prometheus' text format.
func countOwn(text io.Reader) (n int, err error) {
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "# TYPE carrel_") {
			n++
		}
	}
	return n, lines.Err()
}
