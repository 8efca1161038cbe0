package gitea_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// programVariable names the path of Gitea's program, which has its files beside it.
const programVariable = "CARREL_GITEA"

// startWithin is long, since a busy machine takes long to create Gitea's database.
const startWithin = 2 * time.Minute

// server is the Gitea of these tests.
var server struct{ url, token string }

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	flag.Parse() // before testing.Short
	if testing.Short() {
		return m.Run(), nil
	}
	program := os.Getenv(programVariable)
	if program == "" {
		return 1, fmt.Errorf("%s is not set: run `make test`", programVariable)
	}
	data, err := os.MkdirTemp("", "carrel-gitea-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(data)) }()
	stop, err := start(program, data)
	if err != nil {
		return 1, fmt.Errorf("start Gitea: %w", err)
	}
	defer stop()
	return m.Run(), nil
}

// skipIfShort skips a test that needs the Gitea, which -short does not start.
func skipIfShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a Gitea, and -short starts none")
	}
}

// start starts a Gitea on a free port of the loopback interface.
func start(program, data string) (stop func(), err error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	server.url = "http://" + address
	config, err := writeConfig(program, data, address)
	if err != nil {
		return nil, err
	}
	gitea := func(arguments ...string) *exec.Cmd {
		return exec.Command(program, append([]string{"--config", config}, arguments...)...)
	}
	if out, err := gitea("migrate").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("gitea migrate: %w\n%s", err, out)
	}
	out, err := gitea("admin", "user", "create", "--admin", "--username", "lab", "--email", "lab@carrel.test",
		"--random-password", "--must-change-password=false", "--access-token", "--access-token-scopes", "all").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("gitea admin user create: %w\n%s", err, out)
	}
	if server.token, err = tokenIn(string(out)); err != nil {
		return nil, err
	}
	return serve(gitea("web"))
}

func serve(web *exec.Cmd) (stop func(), err error) {
	var log bytes.Buffer
	web.Stdout, web.Stderr = &log, &log
	if err := web.Start(); err != nil {
		return nil, err
	}
	var failed error
	ended := make(chan struct{})
	go func() {
		failed = web.Wait()
		close(ended)
	}()
	stop = func() {
		_ = web.Process.Kill() // it may have ended by itself
		<-ended
	}
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	for !answers(ctx) {
		select {
		case <-ended:
			return nil, fmt.Errorf("gitea web ended: %w\n%s", failed, log.String())
		case <-ctx.Done():
			stop()
			return nil, fmt.Errorf("gitea web does not answer after %s\n%s", startWithin, log.String())
		case <-time.After(100 * time.Millisecond):
		}
	}
	return stop, nil
}

func answers(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.url+"/api/healthz", nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	return response.Body.Close() == nil && response.StatusCode == http.StatusOK
}

func writeConfig(program, data, address string) (string, error) {
	account, err := user.Current()
	if err != nil {
		return "", err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	ini := strings.NewReplacer("{files}", filepath.Dir(program), "{data}", data, "{account}", account.Username,
		"{host}", host, "{port}", port).Replace(`RUN_USER = {account}
RUN_MODE = prod
WORK_PATH = {data}
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
[server]
PROTOCOL = http
HTTP_ADDR = {host}
HTTP_PORT = {port}
ROOT_URL = http://{host}:{port}/
STATIC_ROOT_PATH = {files}
OFFLINE_MODE = true
DISABLE_SSH = true
LFS_START_SERVER = false
[database]
DB_TYPE = sqlite3
PATH = {data}/gitea.db
[repository]
ROOT = {data}/repositories
[git]
HOME_PATH = {data}/home
[security]
INSTALL_LOCK = true
[queue]
TYPE = immediate
[indexer]
ISSUE_INDEXER_TYPE = db
[log]
MODE = console
LEVEL = Warn
`)
	file := filepath.Join(data, "app.ini")
	return file, os.WriteFile(file, []byte(ini), 0o600)
}

// tokenIn returns the token in Gitea's output when it creates a user: the last word.
func tokenIn(output string) (string, error) {
	_, after, found := strings.Cut(output, "Access token was successfully created... ")
	if words := strings.Fields(after); found && len(words) > 0 {
		return words[0], nil
	}
	return "", fmt.Errorf("gitea made no access token; it said: %s", output)
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}
