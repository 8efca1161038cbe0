package pki

import (
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"text/template"
)

var kubeconfigTemplate = template.Must(template.New("kubeconfig").Parse(`apiVersion: v1
kind: Config
current-context: {{.Cluster}}
contexts:
- name: {{.Cluster}}
  context:
    cluster: {{.Cluster}}
    user: {{.User}}
clusters:
- name: {{.Cluster}}
  cluster:
    server: {{.Server}}
    certificate-authority-data: {{.Authority}}
users:
- name: {{.User}}
  user:
    client-certificate-data: {{.Certificate}}
    client-key-data: {{.Key}}
`))

// Kubeconfig is how a client finds a cluster and proves who it is.
type Kubeconfig struct {
	Cluster, Server, User       string
	Authority, Certificate, Key []byte // PEM
}

// Render writes k as a file that needs no other file beside it.
func (k Kubeconfig) Render() string {
	encode := base64.StdEncoding.EncodeToString
	var out strings.Builder
	err := kubeconfigTemplate.Execute(&out, map[string]string{
		"Cluster": k.Cluster, "Server": k.Server, "User": k.User,
		"Authority": encode(k.Authority), "Certificate": encode(k.Certificate), "Key": encode(k.Key),
	})
	if err != nil {
		panic(err) // the template and its data are both above
	}
	return out.String()
}

// WriteKubeconfig issues a client certificate for user and writes a kubeconfig
// with it to path.
func (a *Authority) WriteKubeconfig(path, cluster, server string, subject Subject) error {
	pair, err := a.Issue(subject)
	if err != nil {
		return err
	}
	config := Kubeconfig{Cluster: cluster, Server: server, User: subject.User}
	for file, into := range map[string]*[]byte{
		a.CertificateFile(): &config.Authority, pair.Certificate: &config.Certificate, pair.Key: &config.Key,
	} {
		if *into, err = os.ReadFile(file); err != nil {
			return fmt.Errorf("write kubeconfig: %w", err)
		}
	}
	if err := os.WriteFile(path, []byte(config.Render()), 0o600); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	return nil
}
