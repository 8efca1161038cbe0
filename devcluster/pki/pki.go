// Package pki makes the keys and certificates a cluster's components know each
// other by. They live as long as the cluster and lie in its state directory.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// lifetime of every certificate. A cluster that is a year old has long been
// rebuilt; a clock that is a day off must not break one.
const (
	lifetime  = 365 * 24 * time.Hour
	clockSkew = 24 * time.Hour
)

// Authority is a certificate authority whose certificates are files in one
// directory: ca.crt, <name>.crt and <name>.key.
type Authority struct {
	directory   string
	certificate *x509.Certificate
	key         crypto.Signer
}

// Subject is whom a certificate is for.
type Subject struct {
	// File is the name of the certificate's and key's files.
	File string
	// User and Groups are what Kubernetes authorises.
	User   string
	Groups []string
	// IPs and Names are the addresses of a server; a certificate without any
	// is a client's.
	IPs   []net.IP
	Names []string
}

// Pair are the paths of a certificate and its key.
type Pair struct {
	Certificate, Key string
}

// NewAuthority makes an authority in directory.
func NewAuthority(directory string) (*Authority, error) {
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return nil, fmt.Errorf("make certificates: %w", err)
	}
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	template := certificateFor(Subject{User: "carrel-devcluster"})
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = nil
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make certificate authority: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("make certificate authority: %w", err)
	}
	authority := &Authority{directory: directory, certificate: certificate, key: key}
	return authority, writePEM(authority.CertificateFile(), "CERTIFICATE", der)
}

// CertificateFile is the authority's own certificate.
func (a *Authority) CertificateFile() string { return filepath.Join(a.directory, "ca.crt") }

// Issue makes a key and a certificate for subject.
func (a *Authority) Issue(subject Subject) (Pair, error) {
	key, err := newKey()
	if err != nil {
		return Pair{}, err
	}
	der, err := x509.CreateCertificate(rand.Reader, certificateFor(subject), a.certificate, key.Public(), a.key)
	if err != nil {
		return Pair{}, fmt.Errorf("issue certificate for %s: %w", subject.User, err)
	}
	pair := Pair{
		Certificate: filepath.Join(a.directory, subject.File+".crt"),
		Key:         filepath.Join(a.directory, subject.File+".key"),
	}
	if err := writePEM(pair.Certificate, "CERTIFICATE", der); err != nil {
		return Pair{}, err
	}
	return pair, writeKey(pair.Key, key)
}

// NewSigningKey writes a key for the API server to sign service account tokens with.
func (a *Authority) NewSigningKey(file string) (string, error) {
	key, err := newKey()
	if err != nil {
		return "", err
	}
	path := filepath.Join(a.directory, file+".key")
	return path, writeKey(path, key)
}

func certificateFor(subject Subject) *x509.Certificate {
	serial := make([]byte, 16)
	_, _ = rand.Read(serial) // crypto/rand.Read never fails
	usage := x509.ExtKeyUsageClientAuth
	if len(subject.IPs)+len(subject.Names) > 0 {
		usage = x509.ExtKeyUsageServerAuth
	}
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial),
		Subject:      pkix.Name{CommonName: subject.User, Organization: subject.Groups},
		NotBefore:    time.Now().Add(-clockSkew),
		NotAfter:     time.Now().Add(lifetime),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{usage},
		IPAddresses:  subject.IPs,
		DNSNames:     subject.Names,
	}
}

func newKey() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	return key, nil
}

func writeKey(path string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	return writePEM(path, "EC PRIVATE KEY", der)
}

func writePEM(path, kind string, der []byte) error {
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
