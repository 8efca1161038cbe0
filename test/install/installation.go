package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/test/story"
)

const (
	// version names the release that is made. The page says pageVersion in its place.
	version     = "v0.0.1-install.1"
	pageVersion = "v0.1.0"
	// course names the course of the cluster. Its carrels are terminals.
	course = "sandbox"
)

// installation holds the state of one run.
type installation struct {
	*story.Stage

	client     client.Client
	kubeconfig string
	path       string
	access     story.ForgeAccess
	forge      *story.Forge
	registry   string
}

// repository returns the clone that the commands of the page make.
func (i *installation) repository() string { return i.File("carrel") }

// inventories returns the directory that takes the place of the NFS server's.
func (i *installation) inventories() string { return i.File("inventory") }

// bringUp starts the node with Flux and a forge, and a registry.
func (i *installation) bringUp(ctx context.Context) (err error) {
	if err := i.Cluster.UpWithImages(ctx, "webterm"); err != nil {
		return err
	}
	programs, err := i.Cluster.Programs(ctx)
	if err != nil {
		return err
	}
	i.path = programs + string(os.PathListSeparator) + os.Getenv("PATH")
	if i.kubeconfig, err = i.Cluster.Kubeconfig(ctx); err != nil {
		return err
	}
	if i.client, _, err = story.Connect(i.kubeconfig); err != nil {
		return err
	}
	if i.access, err = i.Cluster.Forge(ctx); err != nil {
		return err
	}
	if i.forge, err = story.NewForge(ctx, i.access); err != nil {
		return err
	}
	registry, stop, err := i.Cluster.Registry(ctx)
	if err != nil {
		return err
	}
	i.registry = registry
	i.AtEnd(func(context.Context) error { return stop() })
	return nil
}

// follow runs one block of commands of the page in a directory, with other words in
// place of the page's.
func (i *installation) follow(ctx context.Context, in, heading string, block int, pairs ...string) error {
	text, err := os.ReadFile(filepath.Join(i.Cluster.Root, page))
	if err != nil {
		return err
	}
	blocks, err := commandsOf(string(text), heading)
	if err != nil {
		return err
	}
	if len(blocks) <= block {
		return fmt.Errorf("%q of %s has %d blocks of commands", heading, page, len(blocks))
	}
	commands, err := replaced(blocks[block], pairs...)
	if err != nil {
		return err
	}
	for line := range strings.Lines(strings.ReplaceAll(commands, i.Dir, "~")) {
		_, _ = fmt.Fprintf(i.Out, "      $ %s", line)
	}
	_, err = i.shell(ctx, in, commands)
	return err
}

// shell runs commands in a directory, and returns what they print.
func (i *installation) shell(ctx context.Context, in, commands string) (string, error) {
	cmd := exec.CommandContext(ctx, "sh", "-euc", commands)
	cmd.Dir = in
	credentials := strings.Replace(i.forge.Host(), "://", "://"+i.access.User+":"+i.access.Token+"@", 1)
	cmd.Env = append(os.Environ(),
		"PATH="+i.path, "KUBECONFIG="+i.kubeconfig, "READ_TOKEN="+i.forge.RobotToken, "STATUS_TOKEN="+i.forge.RobotToken,
		"GIT_AUTHOR_NAME=install", "GIT_AUTHOR_EMAIL=install@example.ac.jp", "GIT_COMMITTER_NAME=install", "GIT_COMMITTER_EMAIL=install@example.ac.jp",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=url."+credentials+"/.insteadOf", "GIT_CONFIG_VALUE_0="+i.forge.Host()+"/",
	)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out.String())
	}
	return out.String(), nil
}
