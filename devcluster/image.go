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
	var binary, reference, output string
	command := &cobra.Command{
		Use:   "image NAME... | --binary FILE --name REFERENCE --output FILE.tar",
		Short: "Build container images without a registry and print the paths of their archives",
		Long: "Build the named images, each once per version, or with --binary pack a static program of your own.\n" +
			"Images there are recipes for:\n",
		RunE: func(command *cobra.Command, names []string) error {
			archives := []string{output}
			var err error
			switch {
			case binary != "" && len(names) > 0:
				return errors.New("give either names of images or --binary")
			case binary != "":
				err = image.WriteStatic(output, reference, binary)
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
	flags.StringVar(&binary, "binary", "", "static program to pack")
	flags.StringVar(&reference, "name", "", "full name of the image, with tag")
	flags.StringVar(&output, "output", "", "archive to write")
	command.MarkFlagsRequiredTogether("binary", "name", "output")
	return command
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
