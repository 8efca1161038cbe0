package auth_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carrel-dev/carrel/gateway/auth"
)

func TestLoginFileErrorsNameTheFieldAndTheCure(t *testing.T) {
	const sessions = "sessions: {keyFiles: [/k]}\n"
	const campus = "- {name: campus, oidc: {issuer: 'https://login.test', clientID: c}}\n"
	groups := func(name, userPrefix, groupPrefix string) string {
		return fmt.Sprintf("- {name: %s, userPrefix: %q, groupPrefix: %q, oidc: {issuer: 'https://login.test', clientID: c, keepGroups: .*}}\n", name, userPrefix, groupPrefix)
	}
	for _, tt := range []struct{ reason, text, want string }{
		{"a good one", sessions + "providers:\n" + campus, ""},
		{"a proxy alone", sessions + "proxy: {userHeader: X-User, from: [10.0.0.0/8]}", ""},
		{"a slip of the pen", sessions + "provider: []", `unknown field "provider"`},
		{"nobody could log in", sessions, "set one"},
		{"no keys", "providers:\n" + campus, "openssl rand"},
		{"the same prefix twice", sessions + "providers:\n" + campus + "- {name: other, oidc: {issuer: 'https://o.test', clientID: c}}", `providers[1].userPrefix "" is also that of provider "campus"`},
		{"the same name twice", sessions + "providers:\n" + campus + campus, "providers[1].name"},
		{"over http", sessions + "providers: [{name: a, oidc: {issuer: 'http://login.test', clientID: c}}]", "must begin with https://"},
		{"neither kind", sessions + "providers: [{name: a}]", "exactly one of oidc and github"},
		{"a proxy anybody could be", sessions + "proxy: {userHeader: X-User}", "anybody could name themselves"},
		{"a proxy everywhere", sessions + "proxy: {userHeader: X-User, from: [0.0.0.0/0]}", "is everybody"},
		{"half a secret", sessions + "proxy: {userHeader: X-User, secretFile: /s}", "need each other"},
		{"no range", sessions + "proxy: {userHeader: X-User, from: [10.0.0.1]}", `from[0] "10.0.0.1"`},
		{"two providers that keep groups without a prefix", sessions + "providers:\n" + groups("campus", "", "") + groups("other", "o:", ""), `providers[0].groupPrefix is empty`},
		{"two providers of which one keeps groups", sessions + "providers:\n" + campus + groups("other", "o:", ""), `providers[1].groupPrefix is empty`},
		{"one group prefix within another", sessions + "providers:\n" + groups("campus", "", "c:") + groups("other", "o:", "c:x:"), `providers[1].groupPrefix "c:x:" begins with providers[0].groupPrefix`},
		{"one group prefix twice", sessions + "providers:\n" + groups("campus", "", "c:") + groups("other", "o:", "c:"), "give each provider its own"},
		{"two providers with prefixes", sessions + "providers:\n" + groups("campus", "", "c:") + groups("other", "o:", "o:"), ""},
		{"one provider needs none", sessions + "providers:\n" + groups("campus", "", ""), ""},
		{"a provider and a proxy with groups", sessions + "providers:\n" + groups("campus", "", "c:") + "proxy: {userHeader: X-User, groupsHeader: X-G, keepGroups: .*, from: [10.0.0.0/8]}", "proxy.groupPrefix is empty"},
		{"groups of a proxy, all kept by default", sessions + "proxy: {userHeader: X-User, groupsHeader: X-G, from: [10.0.0.0/8]}", "groupsHeader and keepGroups need each other"},
		{"an organisation by name", sessions + "providers: [{name: gh, github: {clientID: c, clientSecretFile: /s, organisations: [{name: lab}]}}]", "needs id and name"},
		{"lives that do not fit", "sessions: {keyFiles: [/k], idle: 5h, absolute: 1h}\nproviders:\n" + campus, "sessions.absolute"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "login.yaml")
			if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := auth.ReadConfig(file)
			if tt.want == "" {
				if err != nil {
					t.Errorf("it is refused: %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), file) {
				t.Errorf("the error is %v; want the file and %q", err, tt.want)
			}
		})
	}
}
