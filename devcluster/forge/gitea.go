// Package forge runs Gitea: the place where pull requests are made, as users
// have it, with one administrator and a token to play their part.
package forge

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"
)

// Administrator is the account that is made.
const Administrator = "carrel"

// Access is how a program uses the forge.
type Access struct {
	// URL opens from this machine, ClusterURL from pods.
	URL        string `json:"url"`
	ClusterURL string `json:"cluster_url"`
	// Issuer is its address as an OpenID Connect provider, from both: https, by a
	// certificate of the cluster's authority.
	Issuer string `json:"issuer"`
	User   string `json:"user"`
	Token  string `json:"token"`
}

// Config is where Gitea lies and listens.
type Config struct {
	// Program is the directory of the binary and the files it serves.
	Program string
	// Data is the directory everything is kept in.
	Data string
	// Address and Port are where it listens.
	Address string
	Port    int
	// SecurePort is where somebody else listens who takes TLS off.
	SecurePort int
}

// appIni keeps Gitea to itself: no mail, no SSH, no look-ups on the internet.
// The immediate queue makes a pull request possible right after a push, which
// a person is too slow to notice and a test is not.
var appIni = template.Must(template.New("app.ini").Parse(`APP_NAME = Carrel's forge
RUN_USER = {{.User}}
RUN_MODE = prod
WORK_PATH = {{.Data}}
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true

[server]
PROTOCOL = http
HTTP_ADDR = {{.Address}}
HTTP_PORT = {{.Port}}
ROOT_URL = {{.URL}}/
DOMAIN = {{.Address}}
STATIC_ROOT_PATH = {{.Program}}
OFFLINE_MODE = true
DISABLE_SSH = true
LFS_START_SERVER = false

[database]
DB_TYPE = sqlite3
PATH = {{.Data}}/gitea.db
SQLITE_JOURNAL_MODE = WAL

[repository]
ROOT = {{.Data}}/repositories
DEFAULT_BRANCH = main

[git]
HOME_PATH = {{.Data}}/home

[security]
INSTALL_LOCK = true
SECRET_KEY = {{.Secret}}

[service]
DISABLE_REGISTRATION = true

[oauth2]
JWT_CLAIM_ISSUER = {{.Issuer}}

[queue]
TYPE = immediate

[webhook]
ALLOWED_HOST_LIST = loopback,private

[indexer]
ISSUE_INDEXER_TYPE = db

[log]
MODE = console
LEVEL = Warn
`))

// URL is where the forge answers.
func (c Config) URL() string { return fmt.Sprintf("http://%s:%d", c.Address, c.Port) }

// Issuer is the forge as an OpenID Connect provider.
func (c Config) Issuer() string { return fmt.Sprintf("https://%s:%d", c.Address, c.SecurePort) }

// HealthURL answers 200 when the forge is ready.
func (c Config) HealthURL() string { return c.URL() + "/api/healthz" }

func (c Config) iniFile() string { return filepath.Join(c.Data, "app.ini") }

// render is the configuration file, for a process that runs as user.
func (c Config) render(user, secret string) string {
	var out strings.Builder
	err := appIni.Execute(&out, struct {
		Config
		User, Secret string
	}{c, user, secret})
	if err != nil {
		panic(err) // the template and its data are both above
	}
	return out.String()
}

// Command starts the server that Prepare prepared.
func (c Config) Command() []string { return c.command("web") }

func (c Config) command(arguments ...string) []string {
	return append([]string{filepath.Join(c.Program, "gitea"), "--config", c.iniFile()}, arguments...)
}

// Prepare makes the database and the administrator.
func (c Config) Prepare(ctx context.Context) (Access, error) {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return Access{}, fmt.Errorf("prepare the forge: %w", err)
	}
	account, err := user.Current()
	if err != nil {
		return Access{}, fmt.Errorf("prepare the forge: %w", err)
	}
	if err := os.WriteFile(c.iniFile(), []byte(c.render(account.Username, rand.Text())), 0o600); err != nil {
		return Access{}, fmt.Errorf("prepare the forge: %w", err)
	}
	if err := c.writeScripts(); err != nil {
		return Access{}, fmt.Errorf("prepare the forge: %w", err)
	}
	if _, err := c.run(ctx, "migrate"); err != nil {
		return Access{}, err
	}
	token, err := c.makeAdministrator(ctx)
	return Access{URL: c.URL(), ClusterURL: c.URL(), Issuer: c.Issuer(), User: Administrator, Token: token}, err
}

// scripts are what every page of Gitea loads. Its front end is not built here: pages
// are plain, and forms work. Without these files each would begin with an alert.
var scripts = []string{"iife.js", "index.js"}

func (c Config) writeScripts() error {
	directory := filepath.Join(c.Data, "custom", "public", "assets", "js")
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return err
	}
	for _, name := range scripts {
		if err := os.WriteFile(filepath.Join(directory, name), nil, 0o600); err != nil {
			return err
		}
	}
	return nil
}

var tokenPattern = regexp.MustCompile(`\b[0-9a-f]{40}\b`)

func (c Config) makeAdministrator(ctx context.Context) (string, error) {
	out, err := c.run(ctx, "admin", "user", "create", "--admin", "--username", Administrator,
		"--email", Administrator+"@carrel.local", "--password", rand.Text(), "--must-change-password=false",
		"--access-token", "--access-token-name", "devcluster", "--access-token-scopes", "all")
	if err != nil {
		return "", err
	}
	token := tokenPattern.FindString(out)
	if token == "" {
		return "", fmt.Errorf("gitea made no access token; it said: %s", out)
	}
	return token, nil
}

func (c Config) run(ctx context.Context, arguments ...string) (string, error) {
	line := c.command(arguments...)
	command := exec.CommandContext(ctx, line[0], line[1:]...)
	var both bytes.Buffer
	command.Stdout, command.Stderr = &both, &both
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("gitea %s: %w\n%s", arguments[0], err, both.String())
	}
	return both.String(), nil
}
