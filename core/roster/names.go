// Package roster is about who is in a class: it derives names from identities. It
// is pure.
package roster

import (
	"crypto/sha256"
	"encoding/binary"
	"regexp"
	"strings"
)

const (
	// maxUserlandName is how long a Userland's name may be by the kind's rules.
	maxUserlandName = 50

	// maxDerivedName is how long names made here are at most, in characters. A
	// carrel's host name is <userland>--<course>, at most 63, so this leaves 21
	// for the course: enough for one such as 2026-programming-1.
	maxDerivedName = 40

	// digestLength is that of the suffix of derived names, without its dash: 58
	// bits, so that nobody finds an identity that yields another's name by trying.
	digestLength = 12

	maxStem = maxDerivedName - 1 - digestLength
)

// The letters of a digest. There are no vowels, so it spells no word, and it
// begins and ends with a letter, so that no student number looks like one.
const (
	digestLetters = "bcdfghjklmnpqrstvwxyz"
	digestAny     = digestLetters + "0123456789"
)

// stemOfNobody stands where nothing legible is left of an identity.
const stemOfNobody = "u"

var (
	validName   = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	derivedName = regexp.MustCompile(`-[b-df-hj-np-tv-z][b-df-hj-np-tv-z0-9]{10}[b-df-hj-np-tv-z]$`)
	notInNames  = regexp.MustCompile(`[^a-z0-9]+`)
)

// ValidUserlandName reports whether a Userland may bear a name: lower-case
// letters, digits and single dashes inside, at most 50 characters.
func ValidUserlandName(name string) bool {
	return len(name) <= maxUserlandName && validName.MatchString(name)
}

// UserlandName is the name of the Userland of a user, for any identity that an
// identity provider may send, even one that is empty or no valid UTF-8.
//
// An identity that is a valid name stays as it is. Any other becomes what is
// legible of it, at most 27 characters, with a digest of the whole identity:
// alice-example-ac-jp-cpz6qnq1vcwp. A valid name that ends as if it had such a
// digest is given one too, so that nobody can take the name derived for another.
// Derived names have at most 40 characters.
//
// Two identities never share a name. They are told apart by their bytes, as an
// identity provider sends them and as volumes record them: Alice and alice are
// two users, and so are the composed and the decomposed spelling of one word.
//
// The outcome is the same for ever: volumes and addresses hang on it. So nothing
// here consults Unicode's tables, which grow: only ASCII, in full width too, is
// held to be legible.
func UserlandName(user string) string {
	if ValidUserlandName(user) && !derivedName.MatchString(user) {
		return user
	}
	return stem(user) + "-" + digest(user)
}

// stem is what is legible of an identity.
func stem(user string) string {
	legible := strings.ToLower(strings.Map(asASCII, user))
	legible = strings.Trim(notInNames.ReplaceAllString(legible, "-"), "-")
	if len(legible) > maxStem {
		legible = strings.TrimRight(legible[:maxStem], "-")
	}
	if legible == "" {
		return stemOfNobody
	}
	return legible
}

// asASCII is the ASCII character of one in full width, as Japanese keyboards
// write them, ASCII itself, and for all else a dash.
func asASCII(r rune) rune {
	const fullWidthFirst, fullWidthLast, distance = '！', '～', '！' - '!'
	switch {
	case r >= fullWidthFirst && r <= fullWidthLast:
		return r - distance
	case r < 0x80:
		return r
	default:
		return '-'
	}
}

// digest tells identities apart.
func digest(user string) string {
	sum := sha256.Sum256([]byte(user))
	rest := binary.BigEndian.Uint64(sum[:])
	letters := make([]byte, digestLength)
	for i := range letters {
		from := digestAny
		if i == 0 || i == digestLength-1 {
			from = digestLetters
		}
		letters[i] = from[rest%uint64(len(from))]
		rest /= uint64(len(from))
	}
	return string(letters)
}
