//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/carrel-dev/carrel/test/story"
)

// A Prometheus with the configuration that the component gives it scrapes every process,
// evaluates every alert rule, and has data of the classes.
func TestPrometheusWatchesCarrel(t *testing.T) {
	t.Parallel()
	visitGateway(t)
	use(t, sandbox)
	dir, component := t.TempDir(), filepath.Join(cluster.Root, "kustomize", "components", "monitoring")
	rules := decode[struct{ Spec any }](t, filepath.Join(component, "rules.yaml"))
	encode(t, filepath.Join(dir, "carrel-rules.yaml"), rules.Spec)
	setup := decode[map[string]any](t, filepath.Join(component, "prometheus.yaml"))
	for _, scrape := range setup["scrape_configs"].([]any) {
		// Debian's Prometheus is built without the discovery of Kubernetes, so the test
		// lists what it would find. Which of it is scraped is left to the configuration.
		delete(scrape.(map[string]any), "kubernetes_sd_configs")
		scrape.(map[string]any)["static_configs"] = discovered(t)
	}
	setup["global"] = map[string]string{"evaluation_interval": "5s"}
	encode(t, filepath.Join(dir, "prometheus.yaml"), setup)

	t.Run("rules", func(t *testing.T) {
		if err := os.CopyFS(filepath.Join(dir, "test"), os.DirFS(component)); err != nil {
			t.Fatal(err)
		}
		encode(t, filepath.Join(dir, "test", "rules.spec.yaml"), rules.Spec)
		if out, err := exec.CommandContext(t.Context(), "promtool", "test", "rules", filepath.Join(dir, "test", "rules_test.yaml")).CombinedOutput(); err != nil {
			t.Errorf("%v:\n%s", err, out)
		}
	})
	t.Run("cluster", func(t *testing.T) {
		p := startPrometheus(t, dir)
		// The forge asks each user once whether Carrel may know who they are, so this one
		// visits for no other test.
		const visitor = "watcher"
		if err := forge.NewUsers(t.Context(), visitor); err != nil {
			t.Fatal(err)
		}
		if _, err := story.LogIn(t.Context(), gateway, visitor); err != nil {
			t.Fatal(err)
		}
		reach(t, p.up("carrel-controller"), p.up("carrel-reporter"), p.up("carrel-gateway"), p.up("carrel-errand"),
			p.answers("sum(carrel_userlands)"), p.answers("sum(carrel_volumes)"), p.answers("sum(carrel_start_duration_seconds_count) > 0"),
			p.answers("sum(carrel_reporter_posts_total) > 0"), p.answers("workqueue_depth"), p.evaluated())
		queries := queriesOf(t, filepath.Join(component, "dashboard.json"))
		if len(queries) == 0 {
			t.Fatal("the dashboard asks nothing")
		}
		var panels []story.Milestone
		for _, query := range queries {
			panels = append(panels, p.answers(query))
		}
		reach(t, panels...)
	})
}

// queriesOf returns what the panels of a dashboard ask, of all courses.
func queriesOf(t *testing.T, file string) (queries []string) {
	t.Helper()
	for _, panel := range decode[struct {
		Panels []struct {
			Targets []struct{ Expr string }
		}
	}](t, file).Panels {
		for _, target := range panel.Targets {
			queries = append(queries, strings.ReplaceAll(target.Expr, "$course", ".*"))
		}
	}
	return queries
}

// discovered returns the targets in carrel-system as the role endpointslice of Prometheus'
// discovery lists them: one for each address and port of each slice.
func discovered(t *testing.T) []map[string]any {
	t.Helper()
	all, services := &discoveryv1.EndpointSliceList{}, &corev1.ServiceList{}
	for _, list := range []client.ObjectList{all, services} {
		if err := c.List(t.Context(), list, client.InNamespace("carrel-system")); err != nil {
			t.Fatal(err)
		}
	}
	labels := map[string]map[string]string{}
	for _, service := range services.Items {
		labels[service.Name] = service.Labels
	}
	var found []map[string]any
	for _, slice := range all.Items {
		service := labels[slice.Labels[discoveryv1.LabelServiceName]]
		for _, endpoint := range slice.Endpoints {
			for _, port := range slice.Ports {
				found = append(found, map[string]any{
					"targets": []string{net.JoinHostPort(endpoint.Addresses[0], strconv.Itoa(int(*port.Port)))},
					"labels": map[string]string{
						"__meta_kubernetes_namespace":                               slice.Namespace,
						"__meta_kubernetes_pod_name":                                endpoint.TargetRef.Name,
						"__meta_kubernetes_endpointslice_port_name":                 *port.Name,
						"__meta_kubernetes_service_label_app_kubernetes_io_name":    service["app.kubernetes.io/name"],
						"__meta_kubernetes_service_label_app_kubernetes_io_part_of": service["app.kubernetes.io/part-of"],
					},
				})
			}
		}
	}
	return found
}

func decode[T any](t *testing.T, file string) (value T) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(content, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

func encode(t *testing.T, file string, value any) {
	t.Helper()
	content, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// prometheus is a Prometheus that runs until the test ends.
type prometheus struct{ address string }

// startPrometheus starts Debian's Prometheus with the configuration in a directory.
func startPrometheus(t *testing.T, dir string) prometheus {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	cmd := exec.CommandContext(ctx, "prometheus", "--config.file="+filepath.Join(dir, "prometheus.yaml"), "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait()
		if content, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("the log of Prometheus:\n%s", content)
		}
	})
	return prometheus{address}
}

// get reads what the API of Prometheus answers at a path.
func (p prometheus) get(ctx context.Context, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.address+"/api/v1/"+path, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	answer := struct {
		Status, Error string
		Data          any
	}{Data: into}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Status != "success" {
		return fmt.Errorf("Prometheus answers %q", answer.Error)
	}
	return nil
}

// samples returns the samples that a query has.
func (p prometheus) samples(ctx context.Context, query string) ([]string, error) {
	var data struct {
		Result []struct {
			Metric map[string]string
			Value  [2]any
		}
	}
	if err := p.get(ctx, "query?query="+url.QueryEscape(query), &data); err != nil {
		return nil, err
	}
	var samples []string
	for _, sample := range data.Result {
		samples = append(samples, fmt.Sprintf("%v %v", sample.Metric, sample.Value[1]))
	}
	return samples, nil
}

// answers is reached when the query has data.
func (p prometheus) answers(query string) story.Milestone {
	return story.Milestone{Name: query, Within: story.SyncedWithin, Reached: func(ctx context.Context) (string, bool, error) {
		samples, err := p.samples(ctx, query)
		return strings.Join(samples, ", "), len(samples) > 0, err
	}}
}

// up is reached when a replica of the process is scraped.
func (p prometheus) up(job string) story.Milestone {
	return p.answers(fmt.Sprintf("sum(up{job=%q}) > 0", job))
}

// evaluated is reached when every alert rule was evaluated without an error.
func (p prometheus) evaluated() story.Milestone {
	return story.Milestone{Name: "alert rules evaluated", Within: story.SyncedWithin, Reached: func(ctx context.Context) (string, bool, error) {
		var data struct {
			Groups []struct {
				Rules []struct {
					Name, Health, LastError string
					EvaluationTime          float64
				}
			}
		}
		if err := p.get(ctx, "rules?type=alert", &data); err != nil {
			return "", false, err
		}
		var good, others []string
		for _, group := range data.Groups {
			for _, rule := range group.Rules {
				if rule.Health == "ok" {
					good = append(good, rule.Name)
				} else {
					others = append(others, rule.Name+": "+rule.Health+" "+rule.LastError)
				}
			}
		}
		slices.Sort(others)
		return strings.Join(others, ", "), len(good) > 0 && len(others) == 0, nil
	}}
}
