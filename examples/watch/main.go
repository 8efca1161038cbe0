// Watch prints each carrel of a namespace with its state, and then each change:
//
//	go run ./examples/watch -namespace prog1
//
// It needs the verbs list and watch on userlands.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/carrel-dev/carrel/api/clientset/versioned"
	"github.com/carrel-dev/carrel/api/informers/externalversions"
	"github.com/carrel-dev/carrel/api/v1alpha1"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	namespace := flag.String("namespace", "default", "the course to watch")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	// $KUBECONFIG, ~/.kube/config, or the account of the pod this runs in.
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	if err != nil {
		return fmt.Errorf("find the cluster: %w", err)
	}
	return watch(ctx, config, *namespace, os.Stdout)
}

// watch prints until ctx ends.
func watch(ctx context.Context, config *rest.Config, namespace string, out io.Writer) error {
	client, err := versioned.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	factory := externalversions.NewSharedInformerFactoryWithOptions(client, 0, externalversions.WithNamespace(namespace))
	userlands := factory.Carrel().V1alpha1().Userlands()
	handler, err := userlands.Informer().AddEventHandler(printer(out))
	if err != nil {
		return fmt.Errorf("watch the carrels of %s: %w", namespace, err)
	}
	factory.Start(ctx.Done())
	defer factory.Shutdown()
	if cache.WaitForCacheSync(ctx.Done(), handler.HasSynced) {
		// From here on the lister answers from its cache.
		list, err := userlands.Lister().Userlands(namespace).List(labels.Everything())
		if err != nil {
			return fmt.Errorf("list the carrels of %s: %w", namespace, err)
		}
		fmt.Fprintf(out, "carrels in %s: %d\n", namespace, len(list))
	}
	<-ctx.Done()
	return nil
}

// printer returns a handler that prints carrels that are created, deleted, or change their
// state. The informer calls its functions one at a time.
func printer(out io.Writer) cache.ResourceEventHandlerFuncs {
	return cache.ResourceEventHandlerFuncs{
		AddFunc: func(object any) {
			if u, ok := object.(*v1alpha1.Userland); ok {
				fmt.Fprintln(out, describe(u))
			}
		},
		UpdateFunc: func(before, after any) {
			was, isUserland := before.(*v1alpha1.Userland)
			is, stillOne := after.(*v1alpha1.Userland)
			if isUserland && stillOne && describe(was) != describe(is) {
				fmt.Fprintln(out, describe(is))
			}
		},
		DeleteFunc: func(object any) {
			if key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(object); err == nil {
				fmt.Fprintln(out, key, "is gone")
			}
		},
	}
}

// describe returns one line about a carrel. The set of states is open, so a state that is
// not known here is printed as it is.
func describe(u *v1alpha1.Userland) string {
	state, reason := u.Status.State, ""
	if state == "" {
		state = "not seen by the controller yet"
	}
	if ready := meta.FindStatusCondition(u.Status.Conditions, v1alpha1.ReadyCondition); ready != nil {
		reason = ": " + ready.Message
	}
	return fmt.Sprintf("%s of %s is %s%s", u.Name, u.User(), state, reason)
}
