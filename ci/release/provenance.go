package main

// statement says how files were made, in the form of in-toto's Statement v1 with SLSA's
// provenance v1 as its predicate: https://slsa.dev/spec/v1.0/provenance.
type statement struct {
	Type          string     `json:"_type"`
	Subject       []subject  `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     provenance `json:"predicate"`
}

type subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

type provenance struct {
	BuildDefinition buildDefinition `json:"buildDefinition"`
	RunDetails      runDetails      `json:"runDetails"`
}

type buildDefinition struct {
	BuildType            string            `json:"buildType"`
	ExternalParameters   map[string]string `json:"externalParameters"`
	ResolvedDependencies []dependency      `json:"resolvedDependencies"`
}

type dependency struct {
	URI    string            `json:"uri"`
	Digest map[string]string `json:"digest,omitempty"`
}

type runDetails struct {
	Builder struct {
		ID string `json:"id"`
	} `json:"builder"`
}

// module is the path by which Go knows this repository.
const module = "github.com/carrel-dev/carrel"

// provenanceOf says of which commit, by which Go and with which certificates subjects were
// made.
func provenanceOf(subjects []subject, version string, from source, goVersion, certificates string) statement {
	s := statement{
		Type:          "https://in-toto.io/Statement/v1",
		Subject:       subjects,
		PredicateType: "https://slsa.dev/provenance/v1",
	}
	s.Predicate.BuildDefinition = buildDefinition{
		BuildType:          "https://" + module + "/tree/" + version + "/docs/releasing.md",
		ExternalParameters: map[string]string{"version": version},
		ResolvedDependencies: []dependency{
			{URI: "git+https://" + module + "@refs/tags/" + version, Digest: map[string]string{"gitCommit": from.commit}},
			{URI: "pkg:golang/std@" + goVersion},
			{URI: "file:///etc/ssl/certs/ca-certificates.crt", Digest: map[string]string{"sha256": certificates}},
		},
	}
	s.Predicate.RunDetails.Builder.ID = "https://" + module + "/tree/" + version + "/ci/release"
	return s
}
