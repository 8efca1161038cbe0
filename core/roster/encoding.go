package roster

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

const (
	saveAsUTF8 = `save it as "CSV UTF-8 (comma delimited)" in Excel, or download it as CSV from Google Sheets`
	byteOrder  = "\ufeff"
)

// foreign are beginnings of files that are no text at all, or none in UTF-8.
var foreign = []struct{ magic, cause, cure string }{
	{"version https://git-lfs.github.com/spec/", "it is a pointer of Git LFS, and Flux does not fetch what it points to", "take the file's pattern out of .gitattributes, then run git add --renormalize on it"},
	{"<<<<<<< ", conflictCause, conflictCure},
	{"PK\x03\x04", "it is an Excel or OpenDocument workbook, not CSV", saveAsUTF8},
	{"\xd0\xcf\x11\xe0", "it is an old or a protected Excel workbook, not CSV", saveAsUTF8},
	{"\xff\xfe", "it is written in UTF-16, which Excel calls Unicode text", saveAsUTF8},
	{"\xfe\xff", "it is written in UTF-16, which Excel calls Unicode text", saveAsUTF8},
	{"%PDF", "it is a PDF, not CSV", saveAsUTF8},
	{"<", "it is a web page, not CSV: perhaps that of a login", saveAsUTF8},
}

// Decode returns the text of a file without byte order mark, or why there is none.
func Decode(file File) ([]byte, *Problem) {
	text, problem := decode(file.Data)
	if problem != nil {
		problem.File = file.Name
	}
	return text, problem
}

func decode(data []byte) ([]byte, *Problem) {
	if len(data) > maxBytes {
		return nil, &Problem{Cause: fmt.Sprintf("%d bytes, at most %d: a ConfigMap holds no more", len(data), maxBytes), Cure: "delete the columns that are not read, or divide the file"}
	}
	for _, f := range foreign {
		if bytes.HasPrefix(data, []byte(f.magic)) {
			return nil, &Problem{Cause: f.cause, Cure: f.cure}
		}
	}
	switch {
	case bytes.IndexByte(data, 0) >= 0:
		return nil, &Problem{Cause: "it is written in UTF-16 or is no text", Cure: saveAsUTF8}
	case !utf8.Valid(data):
		return nil, &Problem{Place: Place{Line: lineOfInvalid(data)}, Cause: "it is written in " + guess(data) + ", not in UTF-8", Cure: saveAsUTF8}
	case bytes.IndexByte(data, '\n') < 0 && bytes.IndexByte(data, '\r') >= 0:
		return nil, &Problem{Cause: "its lines end as on a Mac of the last century", Cure: saveAsUTF8}
	}
	return bytes.TrimPrefix(data, []byte(byteOrder)), nil
}

// lineOfInvalid is the line of the first byte that is not UTF-8.
func lineOfInvalid(data []byte) int {
	line := 1
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if r == utf8.RuneError && size == 1 {
			break
		}
		if r == '\n' {
			line++
		}
		data = data[size:]
	}
	return line
}

// guess names the encoding of text that is not UTF-8.
func guess(data []byte) string {
	if IsShiftJIS(data) {
		return "Shift_JIS (what Excel saves as CSV on a Japanese computer)"
	}
	return "the computer's own encoding (what Excel saves as plain CSV)"
}

// IsShiftJIS reports whether all of the text is as Shift_JIS has it, with at
// least one of the pairs of bytes that begin as no letter of Western Europe does.
func IsShiftJIS(data []byte) bool {
	certain := false
	for i := 0; i < len(data); i++ {
		b := data[i]
		switch {
		case b < 0x80, b >= 0xa1 && b <= 0xdf: // ASCII, half-width katakana
		case (b >= 0x81 && b <= 0x9f || b >= 0xe0 && b <= 0xfc) && i+1 < len(data) && trails(data[i+1]):
			certain = certain || b <= 0x9f
			i++
		default:
			return false
		}
	}
	return certain
}

func trails(b byte) bool { return b >= 0x40 && b <= 0xfc && b != 0x7f }

// separator finds what separates the cells, and cuts off a line with which Excel
// says so itself. Excel writes what the computer's region uses.
func separator(text []byte) (rest []byte, comma rune, skipped int) {
	first, after, _ := bytes.Cut(text, []byte("\n"))
	if sep, says := bytes.CutPrefix(bytes.TrimRight(first, "\r"), []byte("sep=")); says && len(sep) == 1 && bytes.ContainsAny(sep, ",;\t|") {
		return after, rune(sep[0]), 1
	}
	header, _, _ := bytes.Cut(bytes.TrimLeft(text, "\r\n"), []byte("\n"))
	best, count := ',', bytes.Count(header, []byte(","))
	for _, other := range []rune{';', '\t'} {
		if n := bytes.Count(header, []byte(string(other))); n > count {
			best, count = other, n
		}
	}
	return text, best, 0
}
