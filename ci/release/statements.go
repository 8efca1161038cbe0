package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// writeStatements writes what says of the release's files what they are: an SBOM for each
// program, the provenance, and checksums of all.
func (r *release) writeStatements(from source, built []program) error {
	for _, p := range built {
		name := fmt.Sprintf("%s-%s-%s.cdx.json", p.name, p.platform.os, p.platform.arch)
		if err := writeFile(filepath.Join(r.output, "sbom", name), func(file *os.File) error { return writeSBOM(file, p, from) }); err != nil {
			return err
		}
	}
	made, err := subjectsBelow(r.output)
	if err != nil {
		return err
	}
	certificates, err := checksum("/etc/ssl/certs/ca-certificates.crt")
	if err != nil {
		return err
	}
	err = writeFile(filepath.Join(r.output, "provenance.json"), func(file *os.File) error {
		encoder := json.NewEncoder(file)
		encoder.SetIndent("", "  ")
		return encoder.Encode(provenanceOf(made, r.version, from, strings.TrimPrefix(runtime.Version(), "go"), certificates))
	})
	if err != nil {
		return err
	}
	all, err := subjectsBelow(r.output)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(r.output, "SHA256SUMS"), func(file *os.File) error {
		for _, s := range all {
			if _, err := fmt.Fprintf(file, "%s  %s\n", s.Digest["sha256"], s.Name); err != nil {
				return err
			}
		}
		return nil
	})
}

// subjectsBelow lists the files below a directory with their checksums, in order of their
// names.
func subjectsBelow(directory string) (all []subject, err error) {
	err = filepath.WalkDir(directory, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		sum, err := checksum(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(directory, path)
		if err != nil {
			return err
		}
		all = append(all, subject{Name: filepath.ToSlash(name), Digest: map[string]string{"sha256": sum}})
		return nil
	})
	return all, err
}

func checksum(path string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:]), nil
}

// writeFile makes a file and its directory.
func writeFile(path string, write func(*os.File) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := write(file); err != nil {
		_ = file.Close()
		return fmt.Errorf("write %s: %w", path, err)
	}
	return file.Close()
}
