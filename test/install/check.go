package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/carrel-dev/carrel/test/story"
)

const (
	systemNamespace = "carrel-system"
	desk            = "desk.your.org"
	gateway         = "carrel-gateway"
)

// processes are the Deployments of a release.
var processes = []string{"carrel-controller", "carrel-reporter", "carrel-errand", gateway}

// check waits until the cluster runs the release.
func (i *installation) check(ctx context.Context) error {
	images, err := i.images()
	if err != nil {
		return err
	}
	commit, err := i.forge.Head()
	if err != nil {
		return err
	}
	milestones := []story.Milestone{i.green(commit), i.serves()}
	for _, name := range processes {
		milestones = append(milestones, i.runs(name, images))
	}
	if err := i.wait(ctx, milestones...); err != nil {
		return err
	}
	return i.takeInventory(ctx, images)
}

func (i *installation) wait(ctx context.Context, milestones ...story.Milestone) error {
	for n := range milestones {
		milestones[n].Within = story.InstalledWithin
	}
	return i.Follow(ctx, milestones...)
}

// images returns the references of the release's images, by their last path element.
func (i *installation) images() (map[string]string, error) {
	text, err := os.ReadFile(filepath.Join(i.repository(), "clusters/campus/images.yaml"))
	if err != nil {
		return nil, err
	}
	var patch []struct {
		Value []struct{ NewName, NewTag, Digest string }
	}
	if err := yaml.Unmarshal(text, &patch); err != nil {
		return nil, err
	}
	images := map[string]string{}
	for _, image := range patch[0].Value {
		if !strings.HasPrefix(image.NewName, i.registry) || image.Digest == "" {
			return nil, fmt.Errorf("the release names %s without the registry or a digest", image.NewName)
		}
		images[filepath.Base(image.NewName)] = image.NewName + ":" + image.NewTag + "@" + image.Digest
	}
	return images, nil
}

// runs is reached when all pods of a Deployment run the release's image.
func (i *installation) runs(name string, images map[string]string) story.Milestone {
	want := images["carrel-controller"]
	if name == gateway {
		want = images[gateway]
	}
	return story.Milestone{Name: name, Reached: func(ctx context.Context) (string, bool, error) {
		var d appsv1.Deployment
		if err := i.client.Get(ctx, client.ObjectKey{Namespace: systemNamespace, Name: name}, &d); err != nil {
			return "", false, err
		}
		if image := d.Spec.Template.Spec.Containers[0].Image; image != want {
			return "", false, fmt.Errorf("its image is %s, want %s", image, want)
		}
		return fmt.Sprintf("%d of %d available: %s", d.Status.AvailableReplicas, *d.Spec.Replicas, want), d.Status.AvailableReplicas == *d.Spec.Replicas, nil
	}}
}

// green is reached when the course has reported that all its carrels are ready.
func (i *installation) green(commit string) story.Milestone {
	return story.Milestone{Name: "commit green", Reached: func(context.Context) (string, bool, error) {
		statuses, err := i.forge.Statuses(commit)
		if err != nil || len(statuses) == 0 {
			return "no status on " + commit, false, err
		}
		last := statuses[len(statuses)-1]
		return fmt.Sprintf("%s %s: %s", last.Context, last.State, last.Description), last.Context == "carrel/campus/"+course && last.State == "success", nil
	}}
}

// serves is reached when the gateway sends somebody who wants to log in to GitHub.
func (i *installation) serves() story.Milestone {
	return story.Milestone{Name: "the desk", Reached: func(ctx context.Context) (string, bool, error) {
		var pods corev1.PodList
		if err := i.client.List(ctx, &pods, client.InNamespace(systemNamespace), client.MatchingLabels{"app.kubernetes.io/name": gateway}); err != nil {
			return "", false, err
		}
		for _, pod := range pods.Items {
			if pod.Status.PodIP == "" {
				continue
			}
			to, err := logsInAt(ctx, net.JoinHostPort(pod.Status.PodIP, "8443"))
			return "sends to " + to, err == nil && strings.HasPrefix(to, "https://github.com/"), err
		}
		return "no pod has an address", false, nil
	}}
}

// logsInAt returns the address to which the gateway's desk sends a browser to log in.
func logsInAt(ctx context.Context, address string) (string, error) {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // the certificate is signed by itself
	}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+desk+"/login", nil)
	if err != nil {
		return "", err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return "", err
	}
	to := response.Header.Get("Location")
	if to == "" {
		to = response.Status
	}
	return to, response.Body.Close()
}

// takeInventory runs the nightly job by hand.
func (i *installation) takeInventory(ctx context.Context, images map[string]string) error {
	if err := i.wait(ctx, story.Milestone{Name: "inventory installed", Reached: func(ctx context.Context) (string, bool, error) {
		image, err := i.shell(ctx, i.Dir, "kubectl -n carrel-system get cronjob carrel-inventory -o jsonpath='{.spec.jobTemplate.spec.template.spec.containers[0].image}'")
		return image, image == images["carrel"], err
	}}); err != nil {
		return err
	}
	if _, err := i.shell(ctx, i.Dir, "kubectl -n carrel-system create job install --from=cronjob/carrel-inventory\n"+
		"kubectl -n carrel-system wait job/install --for=condition=Complete --timeout=5m"); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(i.inventories(), "inventory-*.yaml"))
	if err == nil && len(files) != 1 {
		err = fmt.Errorf("the job left %d inventories, want 1", len(files))
	}
	i.Say("the inventory was taken")
	return err
}
