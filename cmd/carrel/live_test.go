package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/go-git/go-git/v5/plumbing"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gitops/tree"
	"github.com/carrel-dev/carrel/test/apiserver"
	"github.com/carrel-dev/carrel/test/flux"
)

func TestMain(m *testing.M) { flux.Main(m) }

// kubeconfig returns the path of a kubeconfig for the tests' API server.
func kubeconfig(t *testing.T) string {
	t.Helper()
	config, name := apiserver.Config(), filepath.Join(t.TempDir(), "kubeconfig")
	err := clientcmd.WriteToFile(api.Config{
		CurrentContext: "test", Contexts: map[string]*api.Context{"test": {Cluster: "test", AuthInfo: "test"}},
		Clusters:  map[string]*api.Cluster{"test": {Server: config.Host, CertificateAuthorityData: config.CAData}},
		AuthInfos: map[string]*api.AuthInfo{"test": {ClientCertificateData: config.CertData, ClientKeyData: config.KeyData}},
	}, name)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// running creates the course prog1 in the cluster in the state in which Flux and
// the controller leave it.
func running(t *testing.T, revision string, states map[string]string) {
	t.Helper()
	c := apiserver.Client(t, flux.AddToScheme)
	create := func(o client.Object) {
		t.Helper()
		if err := c.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "prog1"}})
	create(&v1alpha1.Course{
		ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "prog1", Labels: map[string]string{appliedByName: "roster", appliedByNamespace: "prog1"}},
		Spec:       v1alpha1.CourseSpec{TemplateName: "code-server"},
	})
	k := &kustomizev1.Kustomization{
		ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "roster"},
		Spec:       kustomizev1.KustomizationSpec{Interval: metav1.Duration{Duration: time.Minute}, SourceRef: kustomizev1.CrossNamespaceSourceReference{Kind: "GitRepository", Name: "carrel"}},
	}
	create(k)
	k.Status.LastAppliedRevision = revision
	if err := c.Status().Update(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	for user, state := range states {
		u := &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: strings.ToLower(user)}, Spec: v1alpha1.UserlandSpec{User: user}}
		create(u)
		at := metav1.NewTime(time.Date(2026, 10, 5, 2, 3, 0, 0, time.UTC))
		u.Status = v1alpha1.UserlandStatus{User: user, State: state, Template: &v1alpha1.ObservedTemplate{Name: "code-server", Revision: "7c9f"}, LastActivityTime: &at}
		if err := c.Status().Update(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLive checks that the history is followed by the present state of the cluster.
func TestLive(t *testing.T) {
	dir, commit := cloned(t)
	rewrite(t, dir, rosterFile, func(text string) string {
		lines := strings.SplitAfter(text, "\n")
		return strings.Join(append(lines[:1], lines[3:]...), "")
	})
	rewrite(t, dir, "courses/base/code-server/template.yaml", func(text string) string {
		return strings.Replace(text, "containers:\n", "terminationGracePeriodSeconds: 7\n      containers:\n", 1)
	})
	commit("two leave, and the Template changes")
	gone, stays := users(t, dir)
	repository, err := tree.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	head, err := repository.ResolveRevision("HEAD")
	if err != nil {
		t.Fatal(err)
	}
	main, err := repository.ResolveRevision("main")
	if err != nil {
		t.Fatal(err)
	}
	running(t, "main@sha1:"+main.String(), map[string]string{gone[0]: "Running", gone[1]: "Asleep", stays: "Running"})
	config := kubeconfig(t)

	for _, test := range []struct {
		arguments []string
		want      []string
		not       string
	}{
		{
			[]string{"plan", "--cluster", "campus", "--repository", dir, "--live", "--kubeconfig", config},
			[]string{"Open at this moment, and closed by merging\n    " + gone[0] + ", code-server, Running, last at work 2026-10-05 02:03 UTC\n", "it has main@sha1:" + main.String(), "1 carrel open, and not restarted"},
			"\n    " + gone[1] + ", code-server, Asleep",
		},
		{
			[]string{"why", stays, "prog1", "--repository", dir, "--live", "--kubeconfig", config},
			[]string{"now         prog1 in the cluster: at main@sha1:" + main.String() + ", not at " + head.String(), stays + " (" + strings.ToLower(stays) + "): Running, Template code-server, revision 7c9f"}, "Asleep",
		},
		{
			[]string{"history", "prog1", "--rev", "main", "--repository", dir, "--live", "--kubeconfig", config},
			[]string{"at main@sha1:" + main.String() + ", the commit shown above", "3 carrels: 1 Asleep, 2 Running"}, "",
		},
	} {
		out, err := carrel(t, test.arguments...)
		if err != nil {
			t.Errorf("carrel %s: %v", test.arguments[0], err)
		}
		for _, part := range test.want {
			if !strings.Contains(out, part) {
				t.Errorf("carrel %s lacks %q:\n%s", test.arguments[0], part, out[max(0, len(out)-3000):])
			}
		}
		if test.not != "" && strings.Contains(out, test.not) {
			t.Errorf("carrel %s says %q", test.arguments[0], test.not)
		}
	}
	var out bytes.Buffer
	if err := writeLive(t.Context(), apiserver.Client(t, flux.AddToScheme), &out, []string{"elsewhere"}, "", plumbing.ZeroHash, time.Now()); err != nil || !strings.Contains(out.String(), "is not known") {
		t.Errorf("a course that is not there: %v, %s", err, out.String())
	}
	for want, arguments := range map[string][]string{
		"are for --live":          {"plan", "--repository", dir, "--kubeconfig", config},
		"--live prints text only": {"why", stays, "--repository", dir, "--live", "--output", "json"},
	} {
		if _, err := carrel(t, arguments...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("carrel %v: %v, want it to say %q", arguments, err, want)
		}
	}
}

// users returns the two students who left, and one who stays.
func users(t *testing.T, dir string) (gone [2]string, stays string) {
	t.Helper()
	for file, into := range map[string]func(lines []string){
		filepath.Join("../..", rosterFile): func(lines []string) { gone = [2]string{user(lines[1]), user(lines[2])} },
		filepath.Join(dir, rosterFile):     func(lines []string) { stays = user(lines[1]) },
	} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		into(strings.Split(string(data), "\n"))
	}
	return gone, stays
}

func user(line string) string {
	first, _, _ := strings.Cut(line, ",")
	return first
}
