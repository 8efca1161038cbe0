// Wake reports activity of a carrel's user, which starts the carrel if it is asleep. It
// waits until the carrel runs, and prints its address:
//
//	go run ./examples/wake -namespace prog1 hana-mori
//
// It needs the rights of the ClusterRole carrel-proxy.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/watch"

	applyv1alpha1 "github.com/carrel-dev/carrel/api/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/clientset/versioned"
	typedv1alpha1 "github.com/carrel-dev/carrel/api/clientset/versioned/typed/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// fieldManager owns the one field that this program writes.
const fieldManager = "example-wake"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	namespace := flag.String("namespace", "default", "the course of the carrel")
	timeout := flag.Duration("timeout", 2*time.Minute, "how long to wait for it")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()

	// $KUBECONFIG, ~/.kube/config, or the account of the pod this runs in.
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	if err != nil {
		return fmt.Errorf("find the cluster: %w", err)
	}
	return wake(ctx, config, *namespace, flag.Arg(0), os.Stdout)
}

func wake(ctx context.Context, config *rest.Config, namespace, name string, out io.Writer) error {
	if name == "" {
		return errors.New("name the carrel to wake")
	}
	client, err := versioned.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	userlands := client.CarrelV1alpha1().Userlands(namespace)
	if err := reportActivity(ctx, userlands, namespace, name, time.Now()); err != nil {
		return err
	}
	u, err := running(ctx, userlands, name)
	if err != nil {
		return fmt.Errorf("%s/%s does not come up: %w", namespace, name, err)
	}
	fmt.Fprintln(out, u.Status.Address)
	return nil
}

// reportActivity writes the time of the user's last activity. Server-side apply leaves the
// rest of the status as others wrote it.
func reportActivity(ctx context.Context, userlands typedv1alpha1.UserlandInterface, namespace, name string, at time.Time) error {
	activity := applyv1alpha1.Userland(name, namespace).
		WithStatus(applyv1alpha1.UserlandStatus().WithLastActivityTime(metav1.NewTime(at)))
	// Force takes the field over from the program that wrote it before.
	_, err := userlands.ApplyStatus(ctx, activity, metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
	if err != nil {
		return fmt.Errorf("report activity of %s/%s: %w", namespace, name, err)
	}
	return nil
}

// running waits until the carrel runs.
func running(ctx context.Context, userlands typedv1alpha1.UserlandInterface, name string) (*v1alpha1.Userland, error) {
	this := fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()
	source := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			options.FieldSelector = this
			return userlands.List(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (apiwatch.Interface, error) {
			options.FieldSelector = this
			return userlands.Watch(ctx, options)
		},
	}
	event, err := watch.UntilWithSync(ctx, source, &v1alpha1.Userland{}, nil, func(event apiwatch.Event) (bool, error) {
		u, ok := event.Object.(*v1alpha1.Userland)
		switch {
		case !ok || event.Type == apiwatch.Deleted:
			return false, errors.New("it was deleted")
		case u.Status.State == v1alpha1.StateDisabled:
			return false, errors.New("it is disabled by its spec")
		}
		return u.Status.State == v1alpha1.StateRunning, nil
	})
	if err != nil {
		return nil, err
	}
	return event.Object.(*v1alpha1.Userland), nil
}
