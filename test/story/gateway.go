package story

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/carrel-dev/carrel/gateway/auth"
)

// systemNamespace is where Carrel's processes are.
const systemNamespace = "carrel-system"

// Teacher is the forge's user who is staff of prog1.
const Teacher = teacher

// Gateway is the front door of the cluster, as clusters/local has it.
type Gateway struct {
	// Ingress is host and port on this machine that lead to it. Browsers take every
	// name of *.localhost for this machine.
	Ingress string
}

func (g Gateway) port() string {
	_, port, err := net.SplitHostPort(g.Ingress)
	if err != nil {
		return ""
	}
	return port
}

// DeskURL is where people log in, and see class boards.
func (g Gateway) DeskURL() string { return "https://desk.localhost:" + g.port() }

// CarrelURL is where a carrel opens.
func (g Gateway) CarrelURL(course, userland string) string {
	return "https://" + userland + "--" + course + ".carrels.localhost:" + g.port() + "/"
}

// loginDirectory is where the gateway finds the Secret carrel-login.
const loginDirectory = "/etc/carrel/login/"

// objects returns what the gateway needs beside what is in git: its certificate, how
// people log in, and the port of this machine.
func (g Gateway) objects(ctx context.Context, forge *Forge, now time.Time) ([]client.Object, error) {
	id, secret, err := forge.newApplication(ctx, "Carrel", g.DeskURL()+"/callback/gitea")
	if err != nil {
		return nil, err
	}
	login, err := yaml.Marshal(auth.Config{
		Providers: []auth.ProviderConfig{{Name: "gitea", Title: "Gitea", OIDC: &auth.OIDCConfig{
			Issuer: forge.admin.Issuer, ClientID: id, ClientSecretFile: loginDirectory + "client-secret",
			Scopes: []string{"profile", "email", "groups"}, KeepGroups: ".*",
		}}},
		Sessions: auth.SessionConfig{KeyFiles: []string{loginDirectory + "session-key"}},
	})
	if err != nil {
		return nil, fmt.Errorf("write the login file: %w", err)
	}
	certificate, key, err := selfSigned(now, "desk.localhost", "*.carrels.localhost")
	if err != nil {
		return nil, err
	}
	named := func(namespace, name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: namespace, Name: name}
	}
	return []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: systemNamespace}},
		&corev1.Secret{ObjectMeta: named(systemNamespace, "carrel-login"), StringData: map[string]string{
			"login.yaml": string(login), "client-secret": secret, "session-key": rand.Text() + rand.Text(),
		}},
		&corev1.Secret{ObjectMeta: named(systemNamespace, "carrel-gateway-tls"), Type: corev1.SecretTypeTLS, Data: map[string][]byte{
			corev1.TLSCertKey: certificate, corev1.TLSPrivateKeyKey: key,
		}},
		&corev1.ConfigMap{ObjectMeta: named(fluxNamespace, "gateway-port"), Data: map[string]string{"GATEWAY_PORT": g.port()}},
	}, nil
}
