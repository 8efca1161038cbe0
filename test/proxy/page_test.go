package proxy

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/carrel-dev/carrel/test/apiserver"
)

// page is what docs/proxies.md gives to copy.
type page struct {
	// yaml are the manifests, without what is only part of one.
	yaml []string
	// shell are the commands.
	shell []string
}

var block = regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```$")

func readPage(t *testing.T) page {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(apiserver.Root(), "docs", "proxies.md"))
	if err != nil {
		t.Fatal(err)
	}
	var p page
	for _, match := range block.FindAllStringSubmatch(string(text), -1) {
		switch language, content := match[1], match[2]; {
		case language == "sh":
			p.shell = append(p.shell, content)
		case language == "yaml" && strings.Contains(content, "apiVersion:"):
			p.yaml = append(p.yaml, strings.Split(content, "---\n")...)
		}
	}
	if len(p.yaml) != 3 || len(p.shell) != 2 {
		t.Fatalf("the page has %d manifests and %d blocks of commands, want 3 and 2", len(p.yaml), len(p.shell))
	}
	return p
}

// kubectl are the commands that use it, example those that run Go.
func (p page) kubectl(t *testing.T) string { return p.commands(t, "kubectl ") }
func (p page) example(t *testing.T) string { return p.commands(t, "go run ") }

func (p page) commands(t *testing.T, program string) string {
	t.Helper()
	for _, commands := range p.shell {
		if strings.HasPrefix(commands, program) {
			return commands
		}
	}
	t.Fatalf("no block of commands of the page begins with %q", program)
	return ""
}

// run runs commands as the proxy's account, and returns the last line they print.
func run(t *testing.T, commands string) string {
	t.Helper()
	shell := exec.CommandContext(t.Context(), "sh", "-e", "-c", commands)
	shell.Dir = apiserver.Root()
	shell.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig(t), "PATH="+os.Getenv("KUBEBUILDER_ASSETS")+string(os.PathListSeparator)+os.Getenv("PATH"))
	var said bytes.Buffer
	shell.Stderr = &said
	out, err := shell.Output()
	if err != nil {
		t.Fatalf("%s\nends with %v: %s%s", commands, err, out, said.String())
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}

// kubeconfig writes one for the proxy's account.
func kubeconfig(t *testing.T) string {
	t.Helper()
	config, file := apiserver.Config(), filepath.Join(t.TempDir(), "kubeconfig")
	const name = "proxy"
	err := clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters: map[string]*clientcmdapi.Cluster{name: {
			Server: "https://" + strings.TrimPrefix(config.Host, "https://"), CertificateAuthorityData: config.CAData,
		}},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{name: {
			ClientCertificateData: config.CertData, ClientKeyData: config.KeyData, Impersonate: account,
		}},
		Contexts:       map[string]*clientcmdapi.Context{name: {Cluster: name, AuthInfo: name}},
		CurrentContext: name,
	}, file)
	if err != nil {
		t.Fatal(err)
	}
	return file
}
