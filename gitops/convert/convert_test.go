package convert_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carrel-dev/carrel/gitops/convert"
)

var update = flag.Bool("update", false, "write what comes out as what is wanted")

// golden lists directories below testdata with input in and expected output out.
var golden = []struct {
	name, why string
	options   convert.Options
}{
	{"vscode", "the original's own sample with its comments, of both versions", convert.Options{}},
	{"vscode-proxy", "the same beside a proxy that is not ours", convert.Options{KeepServiceNames: true}},
	{"overlay", "bases, patches of each form, and what is not of those kinds", convert.Options{}},
	{"exported", "taken from a cluster by kubectl", convert.Options{}},
	{"services", "service ports of all kinds", convert.Options{Namespace: "prog1"}},
}

func TestConvertGolden(t *testing.T) {
	for _, test := range golden {
		t.Run(test.name, func(t *testing.T) {
			in := filepath.Join("testdata", test.name, "in")
			out := filepath.Join("testdata", test.name, "out")
			result := converted(t, in, test.options)
			if *update {
				replace(t, out, result)
			}
			want := map[string]string{}
			for path, data := range tree(t, out) {
				want[path] = data
			}
			if diff := cmp.Diff(want, outcome(result)); diff != "" {
				t.Errorf("%s: what came out is not what is wanted (-want +got):\n%s", test.why, diff)
			}
			again, err := convert.Convert(result.Files, test.options)
			if err != nil || again.Converted != 0 || cmp.Diff(result.Files, again.Files) != "" {
				t.Errorf("converting the outcome again changed it: %d manifests, error %v", again.Converted, err)
			}
		})
	}
}

func converted(t *testing.T, directory string, options convert.Options) convert.Result {
	t.Helper()
	files, err := convert.Read([]string{directory}, nil)
	if err != nil {
		t.Fatal(err)
	}
	result, err := convert.Convert(files, options)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// outcome returns the files of a result by their names in the directory out.
func outcome(result convert.Result) map[string]string {
	all := map[string]string{}
	for _, file := range result.Files {
		all[filepath.ToSlash(file.Relative)] = string(file.Data)
	}
	var notes strings.Builder
	for _, note := range result.Notes {
		notes.WriteString(note.String() + "\n")
	}
	for path, text := range map[string]string{
		"moving/claims.yaml": string(result.Claims), "moving/old-objects.yaml": string(result.OldObjects), "moving/notes.txt": notes.String(),
	} {
		if text != "" {
			all[path] = text
		}
	}
	return all
}

func replace(t *testing.T, directory string, result convert.Result) {
	t.Helper()
	if err := os.RemoveAll(directory); err != nil {
		t.Fatal(err)
	}
	for path, text := range outcome(result) {
		target := filepath.Join(directory, path)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(target, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func tree(t *testing.T, directory string) map[string]string {
	t.Helper()
	files, err := convert.Read([]string{directory}, nil)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, file := range files {
		all[filepath.ToSlash(file.Relative)] = string(file.Data)
	}
	return all
}

const goodTemplate = `apiVersion: esc.k06.in/v1alpha2
kind: Template
metadata:
  name: vscode
spec:
  template:
    spec:
      containers:
      - name: code-server
        image: codercom/code-server:3.8.0
        volumeMounts:
        - name: home
          mountPath: /home/coder
  service:
    ports:
    - name: http
      port: 8080
  volumes:
  - name: home
    pvcSpec:
      accessModes: [ReadWriteOnce]
      resources:
        requests:
          storage: 1Gi
`

const goodUserland = `apiVersion: esc.k06.in/v1alpha2
kind: Userland
metadata:
  name: koba1t
spec:
  templateName: vscode
`

func TestConvertRefuses(t *testing.T) {
	for _, test := range []struct {
		name, text string
		options    convert.Options
		// want holds parts of the message, in order.
		want []string
	}{
		{name: "a field neither kind has",
			text: "\n# a comment\n---\n" + strings.Replace(goodTemplate, "  service:", "  foo: bar\n  service:", 1),
			want: []string{"in.yaml:17", "document 2", "spec.foo", "unknown field", "remove it"}},
		{name: "a field of a pod that is misspelt",
			text: strings.Replace(goodTemplate, "image:", "imgae:", 1),
			want: []string{"in.yaml:10", "document 1", "spec.template.spec.containers[0].imgae", "spelling"}},
		{name: "a value of the wrong kind",
			text: goodTemplate + "---\n" + goodUserland + "  enabled: sometimes\n",
			want: []string{"in.yaml:32", "document 2", "spec.enabled", "string", "bool", "correct the value"}},
		{name: "a version that never was",
			text: strings.Replace(goodUserland, "v1alpha2", "v1beta1", 1),
			want: []string{"in.yaml:1", "apiVersion", "v1beta1", "v1alpha2"}},
		{name: "a kind that never was",
			text: strings.Replace(goodUserland, "Userland", "Landuser", 1),
			want: []string{"in.yaml:2", "kind", "Landuser", "Userland"}},
		{name: "no name",
			text: strings.Replace(goodTemplate, "  name: vscode\n", "  labels: {}\n", 1),
			want: []string{"in.yaml:3", "metadata.name", "write metadata.name"}},
		{name: "a Template that is not there",
			text: goodUserland,
			want: []string{"in.yaml:6", "spec.templateName", `"vscode"`, "give its file too"}},
		{name: "a port of a container by a name that none has",
			text: strings.Replace(goodTemplate, "port: 8080", "port: 80\n      targetPort: web", 1),
			want: []string{"in.yaml:18", "spec.service.ports[0].targetPort", `"web"`, "number"}},
		{name: "a port's name that is too long",
			text: strings.Replace(goodTemplate, "name: http", "name: for-the-students-browsers", 1),
			want: []string{"in.yaml:16", "spec.service.ports[0].name", "15", "shorten"}},
		{name: "several ports without names",
			text: strings.Replace(goodTemplate, "    - name: http\n      port: 8080", "    - port: 8080\n    - port: 8081", 1),
			want: []string{"in.yaml:16", "spec.service.ports[0].name", "in.yaml:17", "spec.service.ports[1].name"}},
		{name: "a way in that nobody names",
			text: strings.Replace(goodTemplate, "  service:\n    ports:\n    - name: http\n      port: 8080\n", "", 1),
			want: []string{"in.yaml:5", "spec.service", "add spec.service.ports"}},
		{name: "a volume name that claims can't have",
			text: strings.ReplaceAll(goodTemplate, "name: home", "name: home--dir"),
			want: []string{"in.yaml:19", "spec.volumes[0].name", "home--dir", "metadata.name"}},
		{name: "a mount of no volume",
			text: strings.Replace(goodTemplate, "  - name: home\n    pvc", "  - name: work\n    pvc", 1),
			want: []string{"in.yaml:12", "document 1", "volumeMounts[0].name", "there is no volume of this name", "add it to spec.volumes"}},
		{name: "a volume without size",
			text: strings.Replace(goodTemplate, "      resources:\n        requests:\n          storage: 1Gi\n", "", 1),
			want: []string{"in.yaml:20", "pvcSpec.resources.requests.storage", "1Gi"}},
		{name: "a variable that is ours",
			text: strings.Replace(goodTemplate, "        volumeMounts", "        env: [{name: CARREL_USER, value: x}]\n        volumeMounts", 1),
			want: []string{"in.yaml:11", "env[0].name", "CARREL_"}},
		{name: "no YAML",
			text: goodTemplate + "---\n" + goodUserland + "  \tenabled: [\n",
			want: []string{"in.yaml:3", "document 2", "no YAML", "correct it"}},
		{name: "a field that is there twice",
			text: goodTemplate + "---\n" + goodUserland + "  templateName: other\n",
			want: []string{"in.yaml:", "document 2", "templateName", "already"}},
		{name: "one volume of two users",
			text: goodTemplate + "---\n" + strings.Replace(goodTemplate, "name: vscode", "name: vscode-a", 1) +
				"---\n" + strings.Replace(goodUserland, "koba1t", "a-b", 1) +
				"---\n" + strings.NewReplacer("koba1t", "b", "vscode", "vscode-a").Replace(goodUserland),
			want: []string{"document 4", "metadata.name", "vscode-a-b-pvc-home", "a-b", "remove the one"}},
		{name: "a Service that can't be named so",
			text:    strings.Replace(goodTemplate, "name: vscode", "name: vs.code", 1),
			options: convert.Options{KeepServiceNames: true},
			want:    []string{"in.yaml:4", "metadata.name", "vs.code", "--keep-service-names"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			result, err := convert.Convert([]convert.ManifestFile{{Path: "in.yaml", Data: []byte(test.text)}}, test.options)
			if err == nil {
				t.Fatalf("it was converted:\n%s", result.Files[0].Data)
			}
			rest := err.Error()
			for _, word := range test.want {
				_, after, found := strings.Cut(rest, word)
				if !found {
					t.Fatalf("the message does not say %q, or not there:\n%v", word, err)
				}
				rest = after
			}
			if result.Files != nil || result.Claims != nil {
				t.Error("there is an outcome, which could be written")
			}
		})
	}
}

func TestConvertNamesEveryProblem(t *testing.T) {
	text := strings.Replace(goodTemplate, "image:", "imgae:", 1) + "---\n" + strings.Replace(goodUserland, "v1alpha2", "v2", 1)
	_, err := convert.Convert([]convert.ManifestFile{{Path: "in.yaml", Data: []byte(text)}}, convert.Options{})
	if err == nil || !strings.Contains(err.Error(), "imgae") || !strings.Contains(err.Error(), "no version v2") {
		t.Errorf("of two problems it says %v", err)
	}
}

func TestRenderedNamesAreRefused(t *testing.T) {
	files := []convert.ManifestFile{
		{Path: "prog1/kustomization.yaml", Data: []byte("resources: [t.yaml]\nnamePrefix: winter-\n")},
		{Path: "prog1/t.yaml", Data: []byte(goodTemplate)},
	}
	_, err := convert.Convert(files, convert.Options{})
	if err == nil || !strings.Contains(err.Error(), "prog1/kustomization.yaml:2") || !strings.Contains(err.Error(), "kustomize build prog1 | carrel convert -") {
		t.Errorf("an overlay that renames gave %v", err)
	}
}

func TestLineEndsOfWindowsStay(t *testing.T) {
	text := strings.ReplaceAll("# mine\n"+goodTemplate, "\n", "\r\n")
	result, err := convert.Convert([]convert.ManifestFile{{Path: "in.yaml", Data: []byte(text)}}, convert.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(text, "esc.k06.in/v1alpha2", "carrel.dev/v1alpha1", 1); string(result.Files[0].Data) != want {
		t.Errorf("more than the version changed:\n%q", result.Files[0].Data)
	}
}

// FuzzConvert checks that no file causes a panic, and that documents of other kinds
// stay byte for byte.
func FuzzConvert(f *testing.F) {
	for _, test := range golden {
		files, err := convert.Read([]string{filepath.Join("testdata", test.name, "in")}, nil)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			f.Add(file.Data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, path := range []string{"in.yaml", "kustomization.yaml"} {
			result, err := convert.Convert([]convert.ManifestFile{{Path: path, Data: data}}, convert.Options{})
			if err == nil && result.Converted == 0 && !strings.Contains(string(data), "esc.k06.in") && string(result.Files[0].Data) != string(data) {
				t.Errorf("nothing was converted and yet it changed: %q became %q", data, result.Files[0].Data)
			}
			if err == nil && result.Converted > 0 && strings.Contains(string(data), "# kept") && !strings.Contains(string(result.Files[0].Data), "# kept") {
				t.Errorf("a comment was lost: %q became %q", data, result.Files[0].Data)
			}
		}
	})
}
