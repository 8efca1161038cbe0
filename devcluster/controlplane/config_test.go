package controlplane

import (
	"strings"
	"testing"

	"github.com/carrel-dev/carrel/devcluster/golden"
	"github.com/carrel-dev/carrel/devcluster/network"
	"github.com/carrel-dev/carrel/devcluster/pki"
)

func exampleConfig(t *testing.T) Config {
	t.Helper()
	plan, err := network.Choose(nil)
	if err != nil {
		t.Fatal(err)
	}
	pair := func(name string) pki.Pair { return pki.Pair{Certificate: name + ".crt", Key: name + ".key"} }
	return Config{
		Programs: "/cache/kubernetes", Data: "/state/etcd",
		Address: "127.0.0.1", Port: 6443, EtcdPort: 2379, Network: plan,
		Authority: "ca.crt", SigningKey: "sa.key", Server: pair("server"), KubeletClient: pair("kubelet-client"),
		ControllerManager: "controller-manager.kubeconfig", Scheduler: "scheduler.kubeconfig",
	}
}

func TestArgumentsAreAsRecorded(t *testing.T) {
	alone := exampleConfig(t)
	withNode := alone
	withNode.HasNode, withNode.Address = true, alone.Network.Host.Addr().String()
	for file, config := range map[string]Config{"control-plane.txt": alone, "with-node.txt": withNode} {
		t.Run(file, func(t *testing.T) {
			var commands []string
			for _, arguments := range [][]string{config.EtcdArgs(), config.APIServerArgs(), config.ControllerManagerArgs(), config.SchedulerArgs()} {
				commands = append(commands, strings.Join(arguments, "\n  "))
			}
			golden.Compare(t, file, strings.Join(commands, "\n")+"\n")
		})
	}
}

func TestNothingListensOnAllAddresses(t *testing.T) {
	config := exampleConfig(t)
	for _, argument := range append(config.EtcdArgs(), config.APIServerArgs()...) {
		if strings.Contains(argument, "0.0.0.0") || strings.Contains(argument, "[::]") {
			t.Errorf("%s would let the network in", argument)
		}
	}
}
