package docs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/carrel-dev/carrel/test/apiserver"
)

// elsewhere lists the pages and blocks of commands that other tests run, or that none can
// run, with the reason. A block is named by its first words.
var elsewhere = map[string]string{
	"docs/moving.md":                      "test/moving runs all of it on an API server",
	"bin/devcluster forge":                "it clones from the forge of the demo",
	"go install github.com/go-delve":      "it fetches a debugger",
	"kubectl config view --raw":           "it writes a kubeconfig, and starts the debugger",
	"git clone --branch v0.1.0 https://":  "make test-install runs it",
	"git switch -c main":                  "make test-install runs it",
	"git add --all":                       "make test-install runs it",
	"cp -r courses/database/roster /tmp/": "it needs the program kustomize",
}

var (
	shBlock = regexp.MustCompile("(?ms)^ *```sh\n(.*?)^ *```$")
	// blank matches a place of a command where the reader writes a word.
	blank = regexp.MustCompile(`<[a-z ]+>`)
)

// TestCommandsOfPagesRun runs every block of commands that a page shows, in a copy of this
// repository, as far as it can run without a cluster. carrel answers from git for real. If
// a command of carrel or kubectl needs a cluster, the program checks its subcommand and
// flags only. make and go check that their targets and packages exist.
func TestCommandsOfPagesRun(t *testing.T) {
	if testing.Short() {
		t.Skip("needs kubectl")
	}
	kubectl := filepath.Join(os.Getenv(apiserver.AssetsVariable), "kubectl")
	if _, err := os.Stat(kubectl); err != nil {
		t.Fatalf("the tests need kubectl: set %s, as CONTRIBUTING.md says: %v", apiserver.AssetsVariable, err)
	}
	programs, repository := stubs(t, kubectl), filepath.Join(t.TempDir(), "repository")
	prepare(t, repository)
	unused := map[string]bool{}
	for name := range elsewhere {
		unused[name] = true
	}
	ran := 0
	for _, page := range pages(t) {
		if _, left := elsewhere[page]; left {
			delete(unused, page)
			continue
		}
		for i, commands := range groups(shBlock, read(t, page)) {
			if name, left := leftOut(commands); left {
				delete(unused, name)
				continue
			}
			ran++
			t.Run(fmt.Sprintf("%s block %d", page, i+1), func(t *testing.T) {
				t.Parallel()
				runBlock(t, programs, repository, commands)
			})
		}
	}
	if ran < 40 {
		t.Errorf("the pages have %d blocks of commands: are they still found?", ran)
	}
	for name := range unused {
		t.Errorf("no page has %q, which this test leaves out", name)
	}
}

// leftOut returns the name under which a block is in elsewhere.
func leftOut(commands string) (name string, left bool) {
	for name := range elsewhere {
		if strings.HasPrefix(strings.TrimSpace(commands), name) {
			return name, true
		}
	}
	return "", false
}

// runBlock runs commands in a copy of the repository that prepare made.
func runBlock(t *testing.T, programs, repository, commands string) {
	directory, scratch := filepath.Join(t.TempDir(), "repository"), t.TempDir()
	if err := os.CopyFS(directory, os.DirFS(repository)); err != nil {
		t.Fatal(err)
	}
	commands = blank.ReplaceAllString(commands, "word")
	for _, place := range []string{"/tmp/", "/export/", "/usr/local/bin/"} {
		commands = strings.ReplaceAll(commands, place, scratch+"/")
	}
	command := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", commands)
	command.Dir = directory
	command.Env = append(os.Environ(), "PATH="+programs+string(os.PathListSeparator)+os.Getenv("PATH"), "HOME="+scratch,
		"READ_TOKEN=r", "STATUS_TOKEN=s", "TOKEN=t", "CLIENT_SECRET=c", "FORGE=http://forge.example", "PORT=443")
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v\n$ %s\n%s", err, commands, out)
	}
}

// prepare makes a repository of the files that git tracks, and in it the history and the
// files that the pages speak of: a merge with the tag 1234abc, a branch add-sato, secrets
// and an inventory.
func prepare(t *testing.T, directory string) {
	t.Helper()
	const script = `
git -C "$ROOT" ls-files -z -- clusters courses examples kustomize Makefile ci | (mkdir "$TO" && cd "$ROOT" && xargs -0 cp --parents -t "$TO")
cd "$TO"
printf '#!/bin/sh\necho word\n' > stub && chmod +x stub && mkdir -p bin && mv stub bin/devcluster
touch login.yaml client-secret session-key tls.crt tls.key token secrets.yaml inventory-20261128T031700Z.yaml
printf '/login.yaml\n/client-secret\n/session-key*\n/tls.*\n/token\n/secrets.yaml\n/inventory-*\n/bin/\n' > .gitignore
git init --quiet --initial-branch=main
git config user.name a && git config user.email a@example.org
git add --all && git commit --quiet --message=First
git switch --quiet --create add-sato
sed -i '$a 26t0999,Sato,a,' courses/prog1/roster/roster.csv
git commit --quiet --all --message="Add Sato"
git switch --quiet main && git merge --quiet --no-ff --message="Merge add-sato" add-sato && git tag 1234abc
git init --quiet --bare .git/origin && git remote add origin ./.git/origin
`
	command := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	command.Env = append(os.Environ(), "ROOT="+apiserver.Root(), "TO="+directory,
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_DATE=2026-07-01T10:00:00Z", "GIT_COMMITTER_DATE=2026-07-01T10:00:00Z",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("prepare a repository: %v\n%s", err, out)
	}
}

// stubs returns a directory with the programs that take the place of those of a reader.
func stubs(t *testing.T, kubectl string) string {
	t.Helper()
	directory := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(directory, "carrel.real"), "./cmd/carrel")
	build.Dir = apiserver.Root()
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build carrel: %v\n%s", err, out)
	}
	compiler, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	maker, err := exec.LookPath("make")
	if err != nil {
		t.Fatal(err)
	}
	for name, script := range map[string]string{
		"carrel":            carrelStub,
		"kubectl":           strings.ReplaceAll(kubectlStub, "KUBECTL", kubectl),
		"make":              "exec " + maker + " --dry-run --silent \"$@\"\n",
		"go":                strings.NewReplacer("COMPILER", compiler, "ROOT", apiserver.Root(), "HOMEOF", os.Getenv("HOME")).Replace(goStub),
		"carrel-controller": "exit 0 # its flags are tested in cmd/carrel-controller\n",
	} {
		if err := os.WriteFile(filepath.Join(directory, name), []byte("#!/bin/bash\nset -euo pipefail\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return directory
}

// carrelStub runs what carrel answers from git. Of other commands it has carrel check the
// flags: with --help, carrel refuses a flag that it does not know, and does nothing else.
const carrelStub = `
real="$(dirname "$0")/carrel.real"
case " $* " in
*" --live "* | " status"* | " open"* | " volumes"* | " inventory"* | " restore"*) exec "$real" "$@" --help ;;
*) exec "$real" "$@" ;;
esac
`

// kubectlStub checks that the files of a command exist or build, and its flags as
// carrelStub does.
const kubectlStub = `
[ -t 0 ] || case " $* " in *" -f - "*) cat > /dev/null ;; esac
previous=
for argument in "$@"; do
	case $previous in
	-k) KUBECTL kustomize "$argument" > /dev/null ;;
	-f) case " $* " in *" logs "*) ;; *) [ "$argument" = - ] || [ -e "$argument" ] ;; esac ;;
	esac
	case $argument in --from-file=*) file=${argument#--from-file=}; [ -e "${file#*=}" ] ;; esac
	previous=$argument
done
help=$(KUBECTL "$@" --help)
# Of a subcommand that it does not have, kubectl shows its own help.
case $help in *"kubectl controls the Kubernetes cluster manager"*) echo "kubectl has no command: $*" >&2; exit 1 ;; esac
echo word
case " $* " in *" --raw "*) echo controller_runtime_reconcile_total ;; esac
`

// goStub checks that the packages of a command exist.
const goStub = `
export HOME=HOMEOF
cd ROOT
if [ "$1" = -C ]; then cd "$2"; shift 2; fi
[ "$1" != test ] || tags=-tags=e2e,node
for argument in "$@"; do
	case $argument in ./*) COMPILER list ${tags:-} "$argument" > /dev/null ;; esac
done
`
