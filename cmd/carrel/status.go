package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8sruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/timetable"
)

// clusterFlags select the cluster, with the same names as kubectl's flags.
type clusterFlags struct{ kubeconfig, context string }

func (f *clusterFlags) add(command *cobra.Command) {
	command.Flags().StringVar(&f.kubeconfig, "kubeconfig", "", "the kubeconfig file (default as kubectl)")
	command.Flags().StringVar(&f.context, "context", "", "context of the kubeconfig (default the current one)")
}

func (f *clusterFlags) client() (client.Client, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = f.kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: f.context}).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("find the cluster: %w: name a file with --kubeconfig", err)
	}
	scheme := k8sruntime.NewScheme()
	if err := errors.Join(
		corev1.AddToScheme(scheme), eventsv1.AddToScheme(scheme), appsv1.AddToScheme(scheme), storagev1.AddToScheme(scheme),
		v1alpha1.AddToScheme(scheme), kustomizev1.AddToScheme(scheme),
	); err != nil {
		return nil, err
	}
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("reach the cluster: %w", err)
	}
	return c, nil
}

func newStatusCommand() *cobra.Command {
	f := &clusterFlags{}
	watch, explained := time.Duration(0), ""
	command := &cobra.Command{
		Use:   "status [COURSE]",
		Short: "Show how the carrels of a class are doing",
		Long: `Status shows first what waits for a person: rosters with errors, removals and roll-outs that are held, and
courses that Flux does not bring up to date. Then it shows each course as a line with a bar, and counts the volumes
that no carrel uses: carrel volumes lists them. With COURSE, it also lists every carrel that is not ready. Without,
it is the weekly check of all courses.

With --explain, it prints for each carrel of one user, in all courses or in COURSE, what the controller sees in
the cluster, what it decides and by which facts, and when it looks again. The facts have the names that they have
in the controller's log. What the controller keeps in its memory only is listed as not known. Nothing is changed.`,
		Example: `  carrel status
  carrel status prog1 --watch=5s
  carrel status prog1 --explain=21t0042`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			c, err := f.client()
			if err != nil {
				return err
			}
			for {
				if explained != "" {
					err = writeExplanations(command.Context(), c, clock.RealClock{}, explained, args, command.OutOrStdout())
				} else {
					err = writeStatus(command.Context(), c, args, command.OutOrStdout())
				}
				if err != nil || watch <= 0 {
					return err
				}
				select {
				case <-command.Context().Done():
					return nil
				case <-time.After(watch):
					fmt.Fprintln(command.OutOrStdout())
				}
			}
		},
	}
	f.add(command)
	command.Flags().DurationVar(&watch, "watch", 0, "interval at which to repeat the output until interrupted; 0 prints once")
	command.Flags().StringVar(&explained, "explain", "", "the login or the carrel's name of a user whose carrels to explain")
	return command
}

// writeStatus writes the status of one course, or of all.
func writeStatus(ctx context.Context, c client.Client, named []string, out io.Writer) error {
	var courses v1alpha1.CourseList
	if len(named) == 0 {
		if err := c.List(ctx, &courses); err != nil {
			return fmt.Errorf("list the courses: %w", err)
		}
	} else {
		var course v1alpha1.Course
		if err := c.Get(ctx, client.ObjectKey{Namespace: named[0], Name: named[0]}, &course); err != nil {
			return fmt.Errorf("read the course %s: %w", named[0], err)
		}
		courses.Items = append(courses.Items, course)
	}
	writeUrgent(out, courses.Items)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "COURSE\tREADY\t\tSTATES\tUNUSED VOLUMES")
	for i := range courses.Items {
		course := &courses.Items[i]
		counts := course.Status.Userlands
		if counts == nil {
			fmt.Fprintf(table, "%s\t-\t\tnot looked at yet\t%s\n", course.Name, unused(course))
			continue
		}
		fmt.Fprintf(table, "%s\t%d of %d\t%s\t%s\t%s\n", course.Name, counts.Ready, counts.Total, bar(counts.Ready, counts.Total), states(counts.States), unused(course))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if len(named) == 0 {
		return nil
	}
	return writeTroubled(ctx, c, named[0], out)
}

// urgent lists the conditions that wait for a person, the most urgent first, with the
// status that says so.
var urgent = []struct {
	condition string
	status    metav1.ConditionStatus
	title     string
}{
	{v1alpha1.IsolatedCondition, metav1.ConditionFalse, "Courses whose carrels are not apart"},
	{v1alpha1.RosterValidCondition, metav1.ConditionFalse, "Rosters with errors"},
	{v1alpha1.HeldCondition, metav1.ConditionTrue, "Removals that are held"},
	{v1alpha1.RolloutHeldCondition, metav1.ConditionTrue, "Roll-outs that are held"},
	{v1alpha1.OutOfSyncCondition, metav1.ConditionTrue, "Courses that Flux does not bring up to date"},
}

// writeUrgent writes what waits for a person, course by course. It writes nothing if
// nothing does.
func writeUrgent(out io.Writer, courses []v1alpha1.Course) {
	waits := false
	for _, u := range urgent {
		title := u.title + "\n"
		for i := range courses {
			c := meta.FindStatusCondition(courses[i].Status.Conditions, u.condition)
			if c == nil || c.Status != u.status {
				continue
			}
			fmt.Fprintf(out, "%s  %s: %s\n", title, courses[i].Name, c.Message)
			title, waits = "", true
		}
	}
	if waits {
		fmt.Fprintln(out)
	}
}

// unused describes the volumes of a course that no carrel uses: first those that expire,
// from which day on, and those that are undecided.
func unused(course *v1alpha1.Course) string {
	counts := course.Status.Volumes
	if counts == nil {
		return ""
	}
	var all []string
	if counts.Expiring > 0 {
		text := fmt.Sprintf("%d expiring", counts.Expiring)
		if counts.Next != nil {
			text += " from " + counts.Next.In(timetable.ZoneOf(course)).Format(time.DateOnly)
		}
		all = append(all, text)
	}
	if counts.Undecided > 0 {
		all = append(all, fmt.Sprintf("%d undecided", counts.Undecided))
	}
	if later := counts.Kept - counts.Expiring; later > 0 {
		text := fmt.Sprintf("%d kept", later)
		if counts.Expiring == 0 && counts.Next != nil {
			text += ", the next until " + counts.Next.In(timetable.ZoneOf(course)).Format(time.DateOnly)
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

const barWidth = 20

// bar returns a bar of progress. It rounds down, so it is full only if all are
// ready.
func bar(ready, total int32) string {
	full := barWidth
	if total > 0 {
		full = int(barWidth * ready / total)
	}
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", barWidth-full) + "]"
}

func states(counts map[string]int32) string {
	var all []string
	for state, n := range counts {
		all = append(all, fmt.Sprintf("%d %s", n, state))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// writeTroubled writes the carrels that are not ready, with the reasons.
func writeTroubled(ctx context.Context, c client.Client, course string, out io.Writer) error {
	var userlands v1alpha1.UserlandList
	if err := c.List(ctx, &userlands, client.InNamespace(course)); err != nil {
		return fmt.Errorf("list the carrels of %s: %w", course, err)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	head := "\nUSER\tCARREL\tSTATE\tWHY"
	for i := range userlands.Items {
		u := &userlands.Items[i]
		for _, condition := range u.Status.Conditions {
			if condition.Type != "Ready" || condition.Status == "True" {
				continue
			}
			if head != "" {
				fmt.Fprintln(table, head)
				head = ""
			}
			user := u.Status.User
			if user == "" {
				user = u.Name
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", user, u.Name, u.Status.State, condition.Message)
		}
	}
	return table.Flush()
}

// gatewayVariable names the environment variable that replaces --gateway-address.
const gatewayVariable = "CARREL_GATEWAY_ADDRESS"

// gateway is the address below which carrels are reached.
type gateway struct{ scheme, domain string }

// gatewayAt parses an address: a domain with an optional port, or a URL.
func gatewayAt(address string) (gateway, error) {
	if address == "" {
		return gateway{}, fmt.Errorf("set --gateway-address or %s to the gateway's --carrel-domain, such as carrels.example.edu", gatewayVariable)
	}
	if !strings.Contains(address, "://") {
		address = "https://" + address
	}
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" || strings.Trim(parsed.Path, "/") != "" || parsed.Scheme != "https" && parsed.Scheme != "http" {
		return gateway{}, fmt.Errorf("--gateway-address %s is no address of a gateway: write its domain, such as carrels.example.edu:8443", address)
	}
	return gateway{parsed.Scheme, parsed.Host}, nil
}

// address returns the URL of a carrel.
func (g gateway) address(u *v1alpha1.Userland) string {
	return fmt.Sprintf("%s://%s--%s.%s/", g.scheme, u.Name, u.Namespace, g.domain)
}

func newOpenCommand() *cobra.Command {
	f := &clusterFlags{}
	course, address := "", ""
	command := &cobra.Command{
		Use:   "open STUDENT",
		Short: "Print the address of a student's carrel",
		Example: `  carrel open 21t0042 --course=prog1 --gateway-address=carrels.example.edu
  export ` + gatewayVariable + `=carrels.example.edu
  carrel open 21t0042`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			g, err := gatewayAt(cmp.Or(address, os.Getenv(gatewayVariable)))
			if err != nil {
				return err
			}
			c, err := f.client()
			if err != nil {
				return err
			}
			return writeAddresses(command.Context(), c, args[0], course, g, command.OutOrStdout())
		},
	}
	f.add(command)
	command.Flags().StringVar(&course, "course", "", "only the carrel in this course")
	command.Flags().StringVar(&address, "gateway-address", "", "the gateway's --carrel-domain (default: the variable "+gatewayVariable+")")
	return command
}

// writeAddresses writes the addresses of all carrels of a student.
func writeAddresses(ctx context.Context, c client.Client, student, course string, at gateway, out io.Writer) error {
	var userlands v1alpha1.UserlandList
	if err := c.List(ctx, &userlands, client.InNamespace(course)); err != nil {
		return fmt.Errorf("list the carrels: %w", err)
	}
	found := false
	for i := range userlands.Items {
		u := &userlands.Items[i]
		if u.Name == student || u.Spec.User == student {
			found = true
			fmt.Fprintln(out, at.address(u))
		}
	}
	if !found {
		return fmt.Errorf("nobody in the cluster is called %q: give the login or the carrel's name, see carrel at", student)
	}
	return nil
}
