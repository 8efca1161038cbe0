package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/carrel-dev/carrel/gitops/convert"
)

const convertLong = `Convert rewrites Templates and Userlands of esc.k06.in (v1alpha1 and v1alpha2) as
carrel.dev/v1alpha1. It edits the files in place: comments, order and other kinds
stay. It needs no cluster and changes none. It prints changes that affect users on
standard error. If there is a problem, nothing is written. Each problem names its
file, line and field, and the cure.

A directory is converted with everything below it: its manifests, and the selectors
and patches of its kustomizations. "-" is standard input. Give the Templates together
with the Userlands that name them. Without --output or --in-place, the manifests are
printed.

Existing volumes are adopted by name: --claims writes a manifest that records their
users. docs/moving.md is the guide for a live move.`

const convertExample = `  # See what becomes of a course
  carrel convert courses/prog1

  # Convert it in place, with what the move needs; git shows the difference
  carrel convert --in-place --claims clusters/campus/courses/prog1/claims.yaml --old-objects old-objects.yaml courses/prog1

  # Users created by the old proxy are in no file: read them from the cluster
  kubectl --namespace=prog1 get templates.esc.k06.in,userlands.esc.k06.in --output=yaml | carrel convert --output=moved --claims=claims.yaml -

  # For a proxy that uses the old names of Services
  carrel convert --keep-service-names --output=moved courses/prog1`

// convertFlags holds the flags of carrel convert.
type convertFlags struct {
	convert.Options
	output, claims, oldObjects string
	inPlace                    bool
}

func newConvertCommand() *cobra.Command {
	var f convertFlags
	command := &cobra.Command{
		Use:     "convert [flags] PATH...",
		Short:   "Rewrite manifests of esc.k06.in as Carrel's",
		Long:    convertLong,
		Example: convertExample,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, paths []string) error {
			return runConvert(f, paths, command.InOrStdin(), command.OutOrStdout(), command.ErrOrStderr())
		},
	}
	flags := command.Flags()
	flags.StringVarP(&f.output, "output", "o", "", "directory to write all files to, with their paths below each PATH; none may exist there")
	flags.BoolVar(&f.inPlace, "in-place", false, "write the files where they were read")
	flags.StringVar(&f.claims, "claims", "", "file to write the claims of existing volumes to, for the cluster's Kustomization")
	flags.StringVar(&f.oldObjects, "old-objects", "", "file to list the old Deployments and Services in, for kubectl delete")
	flags.BoolVar(&f.KeepServiceNames, "keep-service-names", false, "leave Services their names, <template>-<user>-svc, and an address of their own")
	flags.StringVarP(&f.Namespace, "namespace", "n", "", "namespace for --claims and --old-objects where neither manifest nor kustomization has one")
	command.MarkFlagsMutuallyExclusive("output", "in-place")
	return command
}

func runConvert(f convertFlags, paths []string, stdin io.Reader, stdout, stderr io.Writer) error {
	files, err := convert.Read(paths, stdin)
	if err != nil {
		return err
	}
	result, err := convert.Convert(files, f.Options)
	if err != nil {
		return fmt.Errorf("nothing was written:\n%w", err)
	}
	for _, note := range result.Notes {
		fmt.Fprintln(stderr, "note:", note)
	}
	if result.Volumes > 0 && f.claims == "" {
		fmt.Fprintf(stderr, "note: %d volumes exist and are not adopted: name a file with --claims\n", result.Volumes)
	}
	if err := f.write(result, stdout); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "%d manifests converted, %d volumes to adopt\n", result.Converted, result.Volumes)
	return nil
}

// write writes the files for the move first. They can be written again after a
// failure, unlike files that are converted in place.
func (f convertFlags) write(result convert.Result, stdout io.Writer) error {
	for path, data := range map[string][]byte{f.claims: result.Claims, f.oldObjects: result.OldObjects} {
		if path == "" || data == nil {
			continue
		}
		if err := writeNew(path, data); err != nil {
			return err
		}
	}
	switch {
	case f.inPlace:
		return convert.Replace(result.Files)
	case f.output != "":
		return convert.Write(f.output, result.Files)
	default:
		return convert.Stream(stdout, result.Files)
	}
}

// writeNew creates a file and refuses to overwrite one. An old list of volumes may
// name volumes that the new list lacks.
func writeNew(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s exists already: name another file, or remove it", path)
	}
	if err != nil {
		return fmt.Errorf("write for the move: %w", err)
	}
	_, err = file.Write(data)
	return errors.Join(err, file.Close())
}
