package pki

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carrel-dev/carrel/devcluster/golden"
)

func newAuthority(t *testing.T) (*Authority, *x509.CertPool) {
	t.Helper()
	authority, err := NewAuthority(filepath.Join(t.TempDir(), "pki"))
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(authority.CertificateFile())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(data)
	return authority, roots
}

func issue(t *testing.T, authority *Authority, subject Subject) *x509.Certificate {
	t.Helper()
	pair, err := authority.Issue(subject)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := tls.LoadX509KeyPair(pair.Certificate, pair.Key)
	if err != nil {
		t.Fatalf("certificate and key don't belong together: %v", err)
	}
	return certificate.Leaf
}

func TestAServersCertificateIsTrustedForItsAddresses(t *testing.T) {
	authority, roots := newAuthority(t)
	server := issue(t, authority, Subject{File: "server", User: "server", IPs: []net.IP{net.IPv4(10, 111, 0, 1)}, Names: []string{"kubernetes"}})
	for _, address := range []string{"10.111.0.1", "kubernetes"} {
		if _, err := server.Verify(x509.VerifyOptions{Roots: roots, DNSName: address}); err != nil {
			t.Errorf("not trusted as %s: %v", address, err)
		}
	}
	if _, err := server.Verify(x509.VerifyOptions{Roots: roots, DNSName: "10.111.0.2"}); err == nil {
		t.Error("trusted for an address it was not issued for")
	}
}

func TestAClientsCertificateSaysWhoItIs(t *testing.T) {
	authority, roots := newAuthority(t)
	client := issue(t, authority, Subject{File: "admin", User: "admin", Groups: []string{"system:masters"}})
	usages := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if _, err := client.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: usages}); err != nil {
		t.Errorf("not trusted as a client: %v", err)
	}
	if diff := cmp.Diff([]string{"admin", "system:masters"}, append([]string{client.Subject.CommonName}, client.Subject.Organization...)); diff != "" {
		t.Errorf("names another user (-want +got):\n%s", diff)
	}
}

func TestAKubeconfigReadsAsRecorded(t *testing.T) {
	golden.Compare(t, "kubeconfig.yaml", Kubeconfig{
		Cluster: "carrel", Server: "https://10.111.0.1:6443", User: "admin",
		Authority: []byte("authority"), Certificate: []byte("certificate"), Key: []byte("key"),
	}.Render())
}

func TestSecretsAreForTheirOwnerOnly(t *testing.T) {
	authority, _ := newAuthority(t)
	path := filepath.Join(authority.directory, "kubeconfig")
	if err := authority.WriteKubeconfig(path, "carrel", "https://localhost", Subject{File: "admin", User: "admin"}); err != nil {
		t.Fatal(err)
	}
	if _, err := authority.NewSigningKey("service-accounts"); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(authority.directory, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal("no files written", err)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 && !strings.HasSuffix(file, ".crt") {
			t.Errorf("%s may be read by others: mode %o", file, mode)
		}
	}
}
