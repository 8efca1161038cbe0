package edit

import (
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Relist adds a file to the resources of a kustomization, or removes it. It changes
// one line and keeps all others, as a person would.
func Relist(text, name string, add bool) (string, error) {
	root, err := yaml.Parse(text)
	if err != nil {
		return "", fmt.Errorf("read the kustomization: %w", err)
	}
	found, err := root.Pipe(yaml.LookupCreate(yaml.SequenceNode, "resources"))
	if err != nil {
		return "", fmt.Errorf("resources is no list: %w", err)
	}
	list := found.YNode()
	at := slices.IndexFunc(list.Content, func(n *yaml.Node) bool { return strings.TrimPrefix(n.Value, "./") == name })
	if add == (at >= 0) {
		return text, nil
	}
	if list.Style&yaml.FlowStyle != 0 || len(list.Content) == 0 || (!add && len(list.Content) == 1) {
		return relistFlow(root, list, name, at)
	}
	lines := strings.SplitAfter(text, "\n")
	if !add {
		line := list.Content[at].Line - 1
		return strings.Join(slices.Delete(lines, line, line+1), ""), nil
	}
	last := list.Content[len(list.Content)-1]
	line := lines[last.Line-1]
	before, _, is := strings.Cut(line, "-")
	if !is || strings.TrimSpace(before) != "" {
		return relistFlow(root, list, name, at)
	}
	end := "\n"
	if strings.HasSuffix(line, "\r\n") {
		end = "\r\n"
	}
	if !strings.HasSuffix(line, "\n") {
		lines[last.Line-1] += end
	}
	// Quote a name such as 2027, which YAML would read as a number.
	item, err := yaml.NewStringRNode(name).String()
	if err != nil {
		return "", fmt.Errorf("write the kustomization: %w", err)
	}
	return strings.Join(slices.Insert(lines, last.Line, before+"- "+strings.TrimSpace(item)+end), ""), nil
}

// relistFlow edits lists within one line and lists without items. at is the index
// of the item to remove; if negative, name is added.
func relistFlow(root *yaml.RNode, list *yaml.Node, name string, at int) (string, error) {
	if at >= 0 {
		list.Content = slices.Delete(list.Content, at, at+1)
	} else {
		list.Content = append(list.Content, yaml.NewStringRNode(name).YNode())
	}
	text, err := root.String()
	if err != nil {
		return "", fmt.Errorf("write the kustomization: %w", err)
	}
	return text, nil
}
