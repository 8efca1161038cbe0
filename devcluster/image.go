package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/carrel-dev/carrel/devcluster/image"
	"github.com/carrel-dev/carrel/devcluster/program"
	"github.com/carrel-dev/carrel/devcluster/progress"
)

func newImageCommand() *cobra.Command {
	var binaries []string
	var reference, output string
	var push bool
	command := &cobra.Command{
		Use:   "image NAME... | --binary FILE[,FILE] --name REFERENCE --output FILE.tar",
		Short: "Build container images without a registry and print the paths of their archives",
		Long: "Build the named images, each once per version, or with --binary pack a static program of your own.\n" +
			"With several binaries of one program, one for each architecture, the archive is an OCI image layout.\n" +
			"Images there are recipes for:\n",
		RunE: func(command *cobra.Command, names []string) error {
			archives := []string{output}
			var err error
			switch {
			case len(binaries) > 0 && len(names) > 0:
				return errors.New("give either names of images or --binary")
			case len(binaries) == 1 && !push:
				err = image.WriteStatic(output, reference, binaries[0])
			case len(binaries) > 0:
				return packPlatforms(command, binaries, reference, output, push)
			default:
				archives, err = buildImages(command, names)
			}
			if err != nil {
				return err
			}
			for _, archive := range archives {
				fmt.Fprintln(command.OutOrStdout(), archive)
			}
			return nil
		},
	}
	for _, name := range image.Names() {
		command.Long += "  " + name + "  (" + image.Reference(name) + ")\n"
	}
	flags := command.Flags()
	flags.StringSliceVar(&binaries, "binary", nil, "static program to pack; several are one program for several architectures")
	flags.StringVar(&reference, "name", "", "full name of the image, with tag")
	flags.StringVar(&output, "output", "", "archive to write")
	flags.BoolVar(&push, "push", false, "also push the image to the registry that --name names")
	command.MarkFlagsRequiredTogether("binary", "name", "output")
	return command
}

// packPlatforms writes an image for several architectures, and prints its digest.
func packPlatforms(command *cobra.Command, binaries []string, reference, output string, push bool) (err error) {
	static, err := image.NewStatic(binaries)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, static.Close()) }()
	if err := static.WriteArchive(output, reference); err != nil {
		return err
	}
	if push {
		if err := static.Push(command.Context(), reference); err != nil {
			return err
		}
	}
	digest, err := static.Digest()
	if err != nil {
		return err
	}
	fmt.Fprintln(command.OutOrStdout(), digest)
	return nil
}

func buildImages(command *cobra.Command, names []string) ([]string, error) {
	if len(names) == 0 {
		return nil, errors.New("name the images to build, or give --binary; see --help")
	}
	cache, err := program.DefaultCache()
	if err != nil {
		return nil, err
	}
	weights, err := image.Builder{Cache: cache}.Pending(command.Context(), names...)
	if err != nil {
		return nil, err
	}
	return image.Builder{Cache: cache, Report: report(progress.NewEstimate(weights))}.Build(command.Context(), names...)
}
