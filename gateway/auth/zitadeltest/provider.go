// Package zitadeltest starts a real OpenID Connect provider, that of zitadel/oidc, for
// tests.
package zitadeltest

import (
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// The account of a person at the provider.
const (
	User     = "test-user2"
	Name     = "Test User2"
	Password = "verysecure"
	// Subject identifies User in the storage.
	Subject = "id2"
)

// The client that people log in to.
const (
	ClientID     = "carrel"
	ClientSecret = "a secret"
)

// Serve starts a provider that sends people back to the callback, until the test ends.
// The storage holds the logins.
func Serve(t testing.TB, callback string) (issuer string, s *storage.Storage) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	issuer = "http://" + listener.Addr().String()
	storage.RegisterClients(storage.WebClient(ClientID, ClientSecret, callback))
	s = storage.NewStorage(storage.NewUserStore(issuer))
	before := slog.Default()
	handler := exampleop.SetupServer(issuer, s, slog.New(slog.DiscardHandler), false, op.WithAllowInsecure())
	slog.SetDefault(before)
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return issuer, s
}
