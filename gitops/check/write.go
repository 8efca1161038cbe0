package check

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Formats returns the formats that Write accepts, sorted.
func Formats() []string { return slices.Sorted(maps.Keys(formats)) }

var formats = map[string]func(io.Writer, Result) error{
	"text": writeText, "color": writeColor, "json": writeJSON, "sarif": writeSARIF, "junit": writeJUnit, "gitlab": writeGitLab, "github": writeGitHub,
}

// Write writes a result in one of these formats: text, color (text for a terminal),
// json, sarif, junit, gitlab (code quality) or github (annotations of a run).
func Write(out io.Writer, format string, result Result) error {
	write, known := formats[format]
	if !known {
		return fmt.Errorf("the format %q is not known: name one of %s", format, strings.Join(Formats(), ", "))
	}
	if err := write(out, result); err != nil {
		return fmt.Errorf("write what was found: %w", err)
	}
	return nil
}

// place returns the finding's file and line in the form that editors and terminals
// link.
func (f Finding) place() string {
	if f.Line == 0 {
		return f.File
	}
	return fmt.Sprintf("%s:%d", f.File, f.Line)
}

func (f Finding) messageAndCure() string {
	if f.Cure == "" {
		return f.Message
	}
	return f.Message + ": " + f.Cure
}

func writeText(out io.Writer, result Result) error { return writeLines(out, result, plain) }

func writeColor(out io.Writer, result Result) error {
	return writeLines(out, result, func(s Severity) string {
		if s == Error {
			return "\x1b[31merror\x1b[0m"
		}
		return "\x1b[33m" + string(s) + "\x1b[0m"
	})
}

func plain(s Severity) string { return string(s) }

func writeLines(out io.Writer, result Result, severity func(Severity) string) error {
	errors := 0
	for _, f := range result.Findings {
		if f.Severity == Error {
			errors++
		}
		message := oneLine(f.Message)
		if f.Object != "" {
			message = f.Object + ": " + message
		}
		if _, err := fmt.Fprintf(out, "%s: %s: %s [%s]\n", f.place(), severity(f.Severity), message, f.Rule); err != nil {
			return err
		}
		if f.Cure != "" {
			if _, err := fmt.Fprintf(out, "    %s\n", f.Cure); err != nil {
				return err
			}
		}
	}
	_, err := fmt.Fprintf(out, "%s, %s; looked at %s\n", count(errors, "error"), count(len(result.Findings)-errors, "warning"), result.Looked)
	return err
}

func count(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// oneLine replaces control characters by spaces. Text from a file must not look
// like another finding, or control the terminal.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}

func writeIndented(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

func writeJSON(out io.Writer, result Result) error {
	return writeIndented(out, append([]Finding{}, result.Findings...))
}

type fields = map[string]any

func writeSARIF(out io.Writer, result Result) error {
	found := result.Findings
	described := make([]fields, len(rules))
	for i, rule := range rules {
		described[i] = fields{
			"id": rule.ID, "shortDescription": fields{"text": rule.Title}, "fullDescription": fields{"text": rule.Why},
			"defaultConfiguration": fields{"level": rule.Severity},
		}
	}
	results := make([]fields, len(found))
	for i, f := range found {
		place := fields{"artifactLocation": fields{"uri": f.File}}
		if f.Line > 0 {
			place["region"] = fields{"startLine": f.Line}
		}
		results[i] = fields{
			"ruleId": f.Rule, "level": f.Severity, "message": fields{"text": f.messageAndCure()},
			"locations":           []fields{{"physicalLocation": place}},
			"partialFingerprints": fields{"carrel/v1": f.fingerprint()},
		}
	}
	return writeIndented(out, fields{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
		"runs": []fields{{"tool": fields{"driver": fields{"name": "carrel check", "rules": described}}, "results": results}},
	})
}

// fingerprint identifies a finding even when its line moves.
func (f Finding) fingerprint() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", []string{f.Rule, f.File, f.Object, f.Message}))
	return hex.EncodeToString(sum[:16])
}

func writeGitLab(out io.Writer, result Result) error {
	found := result.Findings
	all := make([]fields, len(found))
	for i, f := range found {
		severity := "minor"
		if f.Severity == Error {
			severity = "major"
		}
		all[i] = fields{
			"description": f.messageAndCure(), "check_name": f.Rule, "fingerprint": f.fingerprint(), "severity": severity,
			"location": fields{"path": f.File, "lines": fields{"begin": max(f.Line, 1)}},
		}
	}
	return writeIndented(out, all)
}

// GitHub ends a property at the next comma or colon, and decodes these escapes.
var (
	githubMessage  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func writeGitHub(out io.Writer, result Result) error {
	found := result.Findings
	for _, f := range found {
		line := ""
		if f.Line > 0 {
			line = fmt.Sprintf(",line=%d", f.Line)
		}
		if _, err := fmt.Fprintf(out, "::%s file=%s%s,title=%s::%s\n", f.Severity, githubProperty.Replace(f.File), line,
			githubProperty.Replace("carrel "+f.Rule), githubMessage.Replace(f.messageAndCure())); err != nil {
			return err
		}
	}
	return nil
}

type (
	junitSuite struct {
		XMLName  xml.Name    `xml:"testsuite"`
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Failure *junitFailure `xml:"failure,omitempty"`
		Out     string        `xml:"system-out,omitempty"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// writeJUnit writes a test case for each rule without findings, and one for each
// finding. Only errors fail.
func writeJUnit(out io.Writer, result Result) error {
	found := result.Findings
	suite := junitSuite{Name: "carrel check"}
	for _, rule := range rules {
		if !slices.ContainsFunc(found, func(f Finding) bool { return f.Rule == rule.ID }) {
			suite.Cases = append(suite.Cases, junitCase{Class: "carrel." + rule.ID, Name: rule.Title})
		}
	}
	for _, f := range found {
		one := junitCase{Class: "carrel." + f.Rule, Name: f.place() + " " + f.Object}
		if f.Severity == Error {
			suite.Failures++
			one.Failure = &junitFailure{Message: f.messageAndCure(), Text: f.place() + ": " + f.messageAndCure()}
		} else {
			one.Out = string(f.Severity) + ": " + f.messageAndCure()
		}
		suite.Cases = append(suite.Cases, one)
	}
	suite.Tests = len(suite.Cases)
	if _, err := io.WriteString(out, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(out)
	encoder.Indent("", "  ")
	if err := encoder.Encode(suite); err != nil {
		return err
	}
	_, err := io.WriteString(out, "\n")
	return err
}
