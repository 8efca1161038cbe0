package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/carrel-dev/carrel/devcluster/cluster"
	"github.com/carrel-dev/carrel/devcluster/program"
	"github.com/carrel-dev/carrel/devcluster/progress"
)

// layoutFlag adds --name to command and returns where to find the layout.
func layoutFlag(command *cobra.Command) func() (cluster.Layout, error) {
	name := command.Flags().String("name", "carrel", "name of the cluster")
	return func() (cluster.Layout, error) { return cluster.NewLayout(*name) }
}

func newUpCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "up",
		Short: "Bring a cluster up; returns when it is ready",
		Args:  cobra.NoArgs,
	}
	layout := layoutFlag(command)
	parts := partsFlags(command)
	command.RunE = func(command *cobra.Command, _ []string) error {
		layout, err := layout()
		if err != nil {
			return err
		}
		_, report, err := expect(command.Context(), *parts)
		if err != nil {
			return err
		}
		err = cluster.Up(command.Context(), report, layout, *parts)
		if errors.Is(err, cluster.ErrRunning) {
			fmt.Fprintf(command.ErrOrStderr(), "cluster %q %v\n", layout.Name, err)
			return nil
		}
		return err
	}
	return command
}

func newPrepareCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "prepare",
		Short: "Fetch and build what up needs, once; up does it too",
		Args:  cobra.NoArgs,
	}
	parts := partsFlags(command)
	command.Flags().StringSliceVar(&parts.Packages.Patterns, "packages", nil,
		"Go packages of the module in the current directory whose dependencies to compile as well")
	command.RunE = func(command *cobra.Command, _ []string) error {
		cache, report, err := expect(command.Context(), *parts)
		if err != nil {
			return err
		}
		_, err = cluster.Prepare(command.Context(), report, cache, *parts)
		return err
	}
	return command
}

// partsFlags adds the flags that say what a cluster is made of.
func partsFlags(command *cobra.Command) *cluster.Parts {
	parts := &cluster.Parts{Size: cluster.FullNode}
	command.Flags().Var((*sizeFlag)(&parts.Size), "size", "how much of a cluster: node (needs root) or control-plane")
	command.Flags().StringSliceVar(&parts.Images, "image", nil, "load this image too (see devcluster image --help); may be repeated")
	return parts
}

// expect returns the cache, and a sink that tells how long preparing the parts
// will take.
func expect(ctx context.Context, parts cluster.Parts) (program.Cache, progress.Sink, error) {
	cache, err := program.DefaultCache()
	if err != nil {
		return "", nil, err
	}
	estimate, err := cluster.Estimate(ctx, cache, parts)
	if err != nil {
		return "", nil, err
	}
	return cache, report(estimate), nil
}

func newDownCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "down",
		Short: "End a cluster and remove everything of it but the caches",
		Args:  cobra.NoArgs,
	}
	layout := layoutFlag(command)
	command.RunE = func(command *cobra.Command, _ []string) error {
		layout, err := layout()
		if err != nil {
			return err
		}
		return cluster.Down(command.Context(), report(nil), layout)
	}
	return command
}

func newLoseEtcdCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "lose-etcd",
		Short: "Stop the node, delete etcd's data, and start an empty cluster on the same node",
		Long: "Lose-etcd plays the loss of the API server's data, for a drill. What is on the node's disk stays: volumes and images.\n" +
			"So does the forge. Everything that was in the API server is gone.",
		Args: cobra.NoArgs,
	}
	layout := layoutFlag(command)
	command.RunE = func(command *cobra.Command, _ []string) error {
		layout, err := layout()
		if err != nil {
			return err
		}
		return cluster.LoseEtcd(command.Context(), report(nil), layout)
	}
	return command
}

func newStatusCommand() *cobra.Command {
	return newReadCommand("status", "Tell whether a cluster runs, and all its components", func(out io.Writer, _ cluster.Layout, record cluster.Record) error {
		printStatus(out, record)
		if dead := record.Dead(); len(dead) > 0 {
			return fmt.Errorf("%s of cluster %q ended, see %s; begin anew: devcluster down --name %[2]s && devcluster up --name %[2]s", dead[0].Name, record.Name, dead[0].Log)
		}
		return nil
	})
}

func printStatus(out io.Writer, record cluster.Record) {
	fmt.Fprintf(out, "cluster %s, size %s, up for %s\nAPI server %s\n", record.Name, record.Size, time.Since(record.Started).Round(time.Second), record.API)
	if record.Forge != nil {
		fmt.Fprintf(out, "forge      %s\n", record.Forge.URL)
	}
	if record.Ingress != "" {
		fmt.Fprintf(out, "ingress    %s\n", record.Ingress)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nCOMPONENT\tPROCESS\tSTATE\tLOG")
	for _, component := range record.Components {
		state := "running"
		if component.Ended != "" {
			state = "ended: " + component.Ended
		}
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\n", component.Name, component.PID, state, component.Log)
	}
	table.Flush()
}

func newKubeconfigCommand() *cobra.Command {
	return newReadCommand("kubeconfig", "Print the path of the administrator's kubeconfig", func(out io.Writer, layout cluster.Layout, _ cluster.Record) error {
		_, err := fmt.Fprintln(out, layout.Kubeconfig())
		return err
	})
}

func newForgeCommand() *cobra.Command {
	return newReadCommand("forge", "Print how to use the cluster's Gitea, as JSON", func(out io.Writer, _ cluster.Layout, record cluster.Record) error {
		if record.Forge == nil {
			return fmt.Errorf("cluster %q has no forge: only size node has", record.Name)
		}
		return json.NewEncoder(out).Encode(record.Forge)
	})
}

func newIngressCommand() *cobra.Command {
	return newReadCommand("ingress", "Print host and port on this machine that lead to port 30443 of the node", func(out io.Writer, _ cluster.Layout, record cluster.Record) error {
		if record.Ingress == "" {
			return fmt.Errorf("cluster %q has no ingress: only size node has", record.Name)
		}
		_, err := fmt.Fprintln(out, record.Ingress)
		return err
	})
}

func newLoadCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "load FILE.tar ...",
		Short: "Load image archives into the node",
		Args:  cobra.MinimumNArgs(1),
	}
	layout := layoutFlag(command)
	command.RunE = func(command *cobra.Command, archives []string) error {
		layout, err := layout()
		if err != nil {
			return err
		}
		return cluster.Load(command.Context(), report(nil), layout, archives)
	}
	return command
}

// newReadCommand makes a command that answers from the record of a running cluster.
func newReadCommand(use, short string, answer func(io.Writer, cluster.Layout, cluster.Record) error) *cobra.Command {
	command := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs}
	layout := layoutFlag(command)
	command.RunE = func(command *cobra.Command, _ []string) error {
		layout, err := layout()
		if err != nil {
			return err
		}
		record, err := cluster.Read(layout)
		if err != nil {
			return err
		}
		return answer(command.OutOrStdout(), layout, record)
	}
	return command
}

// assets are the programs that tests start by themselves.
var assets = map[string]program.Set{
	"kubernetes": program.Cluster,
	"gitea":      program.Forge,
}

func newAssetsCommand() *cobra.Command {
	return &cobra.Command{
		Use:       "assets [kubernetes | gitea]",
		Short:     "Print the directory of etcd, kube-apiserver and kubectl (KUBEBUILDER_ASSETS), or of gitea, building them if need be",
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		ValidArgs: slices.Sorted(maps.Keys(assets)),
		RunE: func(command *cobra.Command, names []string) error {
			cache, err := program.DefaultCache()
			if err != nil {
				return err
			}
			wanted := program.Cluster
			if len(names) > 0 {
				wanted = assets[names[0]]
			}
			estimate, err := cluster.EstimateSet(cache, wanted)
			if err != nil {
				return err
			}
			directory, err := cache.Build(command.Context(), report(estimate), wanted)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(command.OutOrStdout(), directory)
			return err
		},
	}
}

// newDaemonCommand is what `up` leaves running.
func newDaemonCommand() *cobra.Command {
	command := &cobra.Command{Use: "daemon", Args: cobra.NoArgs, Hidden: true}
	layout := layoutFlag(command)
	command.RunE = func(*cobra.Command, []string) error {
		layout, err := layout()
		if err != nil {
			return err
		}
		return cluster.Daemon(layout)
	}
	return command
}

// newNodeCommand is the first process in a node's namespaces.
func newNodeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "node ROOT", Args: cobra.ExactArgs(1), Hidden: true,
		RunE: func(_ *cobra.Command, arguments []string) error { return cluster.RunNode(arguments[0]) },
	}
}

// sizeFlag is a Size as a flag that takes no other word.
type sizeFlag cluster.Size

func (s *sizeFlag) String() string { return string(*s) }
func (s *sizeFlag) Type() string   { return "size" }
func (s *sizeFlag) Set(text string) error {
	switch size := cluster.Size(text); size {
	case cluster.ControlPlane, cluster.FullNode:
		*s = sizeFlag(size)
		return nil
	}
	return fmt.Errorf("want %s or %s", cluster.FullNode, cluster.ControlPlane)
}
