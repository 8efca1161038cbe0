package render

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/api/konfig"

	"github.com/carrel-dev/carrel/gitops/tree"
)

// Fault is a mistake in a file for which a build failed.
type Fault struct {
	// File is a path from the repository's root. Line counts from 1; zero stands for
	// the whole file.
	File string
	Line int
	// Message describes the mistake, and Cure how to fix it.
	Message, Cure string
}

// Faults returns the mistakes for which the build failed, as far as the files show
// them. It returns nil if they don't, and for a build that succeeded.
func (a *Applied) Faults() []Fault {
	if a.Err == nil || a.fs == nil {
		return nil
	}
	d := diagnosis{fs: a.fs, first: map[objectID]place{}}
	for _, file := range a.yamlFiles() {
		d.file(file)
	}
	if errors.Is(a.Err, errSubstitute) {
		for _, file := range a.files() {
			d.variables(file)
		}
	}
	slices.SortStableFunc(d.faults, func(x, y Fault) int { return strings.Compare(x.File, y.File) })
	return d.faults
}

// yamlFiles returns the YAML files that the build reads, sorted, without the
// kustomization that Flux writes.
func (a *Applied) yamlFiles() (files []string) {
	return slices.DeleteFunc(a.files(), func(file string) bool { return !isYAML(file) })
}

// files returns the files that the build reads, sorted, without the kustomization that
// Flux writes.
func (a *Applied) files() (files []string) {
	if a.in != nil {
		files = slices.Collect(maps.Keys(a.in.files))
	}
	if len(files) == 0 {
		files = below(a.fs, path.Clean("/"+a.Kustomization.Spec.Path))
	}
	files = slices.DeleteFunc(files, func(file string) bool { return a.fs.IsDir(file) })
	slices.Sort(files)
	return files
}

func isYAML(file string) bool {
	return slices.Contains([]string{".yaml", ".yml"}, path.Ext(file)) || slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(file))
}

// below returns the files in a directory and in those that it contains.
func below(fs *tree.FileSystem, dir string) (files []string) {
	names, err := fs.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, name := range names {
		if at := path.Join(dir, name); fs.IsDir(at) {
			files = append(files, below(fs, at)...)
		} else {
			files = append(files, at)
		}
	}
	return files
}

// diagnosis looks for mistakes in files.
type diagnosis struct {
	fs     *tree.FileSystem
	first  map[objectID]place
	faults []Fault
}

type objectID struct{ apiVersion, kind, namespace, name string }

type place struct {
	file string
	line int
}

func (d *diagnosis) add(file string, line int, message, cure string) {
	d.faults = append(d.faults, Fault{strings.TrimPrefix(file, "/"), line, message, cure})
}

// mark matches a line by which git marks a conflict of a merge.
var mark = regexp.MustCompile(`^(<{7}|={7}|>{7}|\|{7})( |$)`)

func (d *diagnosis) file(file string) {
	data, err := d.fs.Plain(file)
	if err != nil {
		return
	}
	if strings.HasPrefix(path.Base(file), "._") || bytes.IndexByte(data, 0) >= 0 {
		d.add(file, 0, "it is no text; a file whose name begins with ._ is what macOS leaves beside another", "delete it")
		return
	}
	for i, line := range bytes.Split(data, []byte("\n")) {
		if mark.Match(bytes.TrimRight(line, "\r")) {
			d.add(file, i+1, "git left a mark of a merge conflict here", "keep what is right, and delete the lines that begin with <<<<<<<, ======= or >>>>>>>")
			return
		}
	}
	for decoder := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var document yaml.Node
		err := decoder.Decode(&document)
		switch {
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			d.syntax(file, data, err)
			return
		case len(document.Content) > 0:
			d.document(file, document.Content[0])
		}
	}
}

// variables reports references to variables that are not closed in their line. Flux
// expands variables in what is built, which has no comments of YAML.
func (d *diagnosis) variables(file string) {
	data, err := d.fs.Plain(file)
	if err != nil {
		return
	}
	for i, line := range strings.Split(string(data), "\n") {
		if isYAML(file) && strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		for rest := strings.ReplaceAll(line, "$$", ""); ; {
			_, after, begins := strings.Cut(rest, "${")
			if !begins {
				break
			}
			if !strings.Contains(after, "}") {
				d.add(file, i+1, "a variable begins with ${ here and is not closed", "close it with }, or write $${ for the characters ${ themselves")
				return
			}
			rest = after
		}
	}
}

// lineOf matches the line in an error of the YAML parser.
var lineOf = regexp.MustCompile(`line (\d+): (.*)`)

// syntax reports an error of the YAML parser, whose line may be the one before.
func (d *diagnosis) syntax(file string, data []byte, err error) {
	line, message := 0, strings.TrimPrefix(err.Error(), "yaml: ")
	if found := lineOf.FindStringSubmatch(err.Error()); found != nil {
		line, _ = strconv.Atoi(found[1])
		message = found[2]
	}
	lines := strings.Split(string(data), "\n")
	for i := max(line-1, 0); i < min(line+2, len(lines)); i++ {
		if strings.HasPrefix(strings.TrimLeft(lines[i], " "), "\t") {
			d.add(file, i+1, "a tab stands where YAML wants blanks", "indent the line with blanks, as its neighbours are")
			return
		}
	}
	d.add(file, line, "this is no YAML: "+message, "compare the line and the one before with a file that works")
}

func (d *diagnosis) document(file string, root *yaml.Node) {
	d.keys(file, root)
	if slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(file)) {
		d.entries(file, root)
		return
	}
	var id struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string
		Metadata   struct{ Name, Namespace string }
	}
	_ = root.Decode(&id) // objects with other types are left to the schema
	key := objectID{id.APIVersion, id.Kind, id.Metadata.Namespace, id.Metadata.Name}
	switch before, twice := d.first[key]; {
	case id.Kind == "" && root.Kind == yaml.MappingNode && !isPatch(root):
		d.add(file, root.Line, "an object without kind", "begin it with apiVersion and kind")
	case key.name == "":
	case twice && before.file != file:
		d.add(file, root.Line, fmt.Sprintf("two files describe the %s %s: this one and %s", id.Kind, id.Metadata.Name, strings.TrimPrefix(before.file, "/")), "delete one of the two, or give it another name")
	case twice:
		d.add(file, root.Line, fmt.Sprintf("the file describes the %s %s twice, the first time in line %d", id.Kind, id.Metadata.Name, before.line), "delete one of the two, or give it another name")
	default:
		d.first[key] = place{file, root.Line}
	}
}

// isPatch reports whether a document is likely a JSON patch or a configuration of
// kustomize, which have no kind.
func isPatch(root *yaml.Node) bool {
	return !slices.ContainsFunc(root.Content, func(n *yaml.Node) bool { return n.Value == "metadata" || n.Value == "spec" })
}

// keys reports a key that stands twice in one mapping.
func (d *diagnosis) keys(file string, node *yaml.Node) {
	seen := map[string]int{}
	for i, child := range node.Content {
		if node.Kind == yaml.MappingNode && i%2 == 0 {
			if first, twice := seen[child.Value]; twice {
				d.add(file, child.Line, fmt.Sprintf("%s stands here twice, the first time in line %d", child.Value, first), "delete one of the two lines")
			}
			seen[child.Value] = child.Line
		}
		d.keys(file, child)
	}
}

// entries reports the entries of a kustomization for which there is no file.
func (d *diagnosis) entries(file string, root *yaml.Node) {
	for i := 0; i+1 < len(root.Content); i += 2 {
		if slices.Contains([]string{"resources", "components", "bases", "configurations"}, root.Content[i].Value) {
			for _, entry := range root.Content[i+1].Content {
				d.entry(file, entry, entry.Value)
			}
		}
		if root.Content[i].Value != "configMapGenerator" {
			continue
		}
		for _, generator := range root.Content[i+1].Content {
			var g struct{ Files []yaml.Node }
			_ = generator.Decode(&g) // kustomize reports other types
			for j := range g.Files {
				name := g.Files[j].Value
				if _, from, named := strings.Cut(name, "="); named {
					name = from
				}
				d.entry(file, &g.Files[j], name)
			}
		}
	}
}

func (d *diagnosis) entry(file string, entry *yaml.Node, name string) {
	at := path.Join(path.Dir(file), name)
	if strings.Contains(name, "://") || strings.Contains(name, "\n") || d.fs.Exists(at) {
		return
	}
	_, _, err := d.fs.CleanedAbs(at)
	message := name + " is not there"
	if err != nil && strings.Contains(err.Error(), "because") {
		message = err.Error()
	}
	d.add(file, entry.Line, message, "correct the name, add the file, or take the entry out")
}
