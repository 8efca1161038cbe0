package main

import (
	"io"
	"runtime/debug"
	"strings"

	"github.com/CycloneDX/cyclonedx-go"
)

// writeSBOM writes what a program is made of, as Go recorded it in the program: its
// modules with their versions and checksums, and Go's own library.
func writeSBOM(to io.Writer, p program, from source) error {
	bom := cyclonedx.NewBOM()
	bom.Metadata = &cyclonedx.Metadata{
		Timestamp: from.time.Format("2006-01-02T15:04:05Z"),
		Component: &cyclonedx.Component{
			Type: cyclonedx.ComponentTypeApplication, BOMRef: purl(&p.info.Main),
			Name: p.name, Version: p.info.Main.Version, PackageURL: purl(&p.info.Main),
		},
	}
	components := []cyclonedx.Component{{
		Type: cyclonedx.ComponentTypeLibrary, BOMRef: "pkg:golang/std@" + p.info.GoVersion,
		Name: "std", Version: strings.TrimPrefix(p.info.GoVersion, "go"),
		PackageURL: "pkg:golang/std@" + strings.TrimPrefix(p.info.GoVersion, "go"),
	}}
	for _, module := range p.info.Deps {
		if module.Replace != nil && module.Replace.Version == "" {
			continue // a directory of this repository, which the commit names
		}
		if module.Replace != nil {
			module = module.Replace
		}
		components = append(components, cyclonedx.Component{
			Type: cyclonedx.ComponentTypeLibrary, BOMRef: purl(module),
			Name: module.Path, Version: module.Version, PackageURL: purl(module),
			Properties: &[]cyclonedx.Property{{Name: "go:sum", Value: module.Sum}},
		})
	}
	bom.Components = &components
	encoder := cyclonedx.NewBOMEncoder(to, cyclonedx.BOMFileFormatJSON)
	return encoder.SetPretty(true).Encode(bom)
}

// purl names a module as https://github.com/package-url says.
func purl(module *debug.Module) string { return "pkg:golang/" + module.Path + "@" + module.Version }
