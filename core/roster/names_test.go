package roster_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/carrel-dev/carrel/core/roster"
)

// golden are names given out: carrels, volumes and addresses bear them. They
// must never change; lines may be added.
var golden = []struct{ why, user, name string }{
	{"a valid name stays", "alice", "alice"},
	{"and one with dashes", "alice-x", "alice-x"},
	{"and one that begins with a digit", "24t0101", "24t0101"},
	{"and a number", "2024000101", "2024000101"},
	{"and a long number after a dash", "s-202412345678", "s-202412345678"},
	{"and a single character", "a", "a"},
	{"and one as long as a name may be", strings.Repeat("a", 50), strings.Repeat("a", 50)},
	{"upper case", "Alice", "alice-hrvlz33rh6jy"},
	{"another upper case", "ALICE", "alice-csl8h2xsgb0g"},
	{"a student number in upper case", "24T0101", "24t0101-x9p81cyhwjsc"},
	{"a mail address", "alice@example.ac.jp", "alice-example-ac-jp-cpz6qnq1vcwp"},
	{"a mail address in upper case", "Alice@Example.ac.jp", "alice-example-ac-jp-kmxtd6r86ysk"},
	{"a mail address with a tag", "alice+prog1@example.ac.jp", "alice-prog1-example-ac-jp-fgtgy7jhms9f"},
	{"an underscore", "alice_x", "alice-x-ch1cqjkc4xwh"},
	{"a dot", "alice.x", "alice-x-kjqp22c8nlrl"},
	{"a space", "alice x", "alice-x-yv3b546ltnnz"},
	{"spaces around", " alice ", "alice-qbrn2h5t9p6c"},
	{"two dashes", "alice--x", "alice-x-gm76ss9xn9dt"},
	{"a dash at the end", "alice-", "alice-x3rx7c7mv8lg"},
	{"a dash at the beginning", "-alice", "alice-c6g83lh8359b"},
	{"Japanese", "山田花子", "u-qtvwcbj7734v"},
	{"other Japanese", "山田太郎", "u-y18mb0cttvhk"},
	{"Japanese and ASCII", "山田hanako", "hanako-t1t2cb7jgxjj"},
	{"full width", "ｈａｎａｋｏ", "hanako-xh0sxhrjbqfl"},
	{"full width in upper case", "ＨＡＮＡＫＯ＠ｅｘａｍｐｌｅ", "hanako-example-sjjfhh14x6pp"},
	{"composed", "caf\u00e9", "caf-rf9n7gz0ktcp"},
	{"decomposed", "cafe\u0301", "cafe-ry3fx3pxv08x"},
	{"a Kelvin sign, whose lower case is k", "\u212aen", "en-yf6fxlzgr53j"},
	{"an emoji", "\U0001F393", "u-ynqp7zhgfzwl"},
	{"nothing", "", "u-cpv3bw5mstjl"},
	{"only marks", "@@@", "u-srm5ng8t0p5j"},
	{"no UTF-8", "alice\xff", "alice-cmd32w4yxwvt"},
	{"other bytes that are no UTF-8", "alice\xfe", "alice-j8fbppjy47wd"},
	{"a zero byte", "alice\x00", "alice-f467v7710rsh"},
	{"a line end", "alice\n", "alice-pdzr4jfk61dp"},
	{"a directory name", "CN=Alice Smith,OU=Students,DC=example,DC=ac,DC=jp", "cn-alice-smith-ou-students-hz0fxd3xld4w"},
	{"a subject of a token", "auth0|5f7c8ec7c33c6c004bbafe82", "auth0-5f7c8ec7c33c6c004bbaf-jzrj1xjrk96c"},
	{"a name that is another's", "alice-hrvlz33rh6jy", "alice-hrvlz33rh6jy-qhn0kr6tn1lj"},
	{"a UUID", "550e8400-e29b-41d4-a716-446655440000", "550e8400-e29b-41d4-a716-446655440000"},
	{"one character too long", strings.Repeat("a", 51), "aaaaaaaaaaaaaaaaaaaaaaaaaaa-pl66b5xwqj5g"},
	{"very long", strings.Repeat("a", 256), "aaaaaaaaaaaaaaaaaaaaaaaaaaa-lfhvdqghtx6p"},
	{"a cut behind a dash", strings.Repeat("a", 26) + "@example", "aaaaaaaaaaaaaaaaaaaaaaaaaa-qphhyj8y52xh"},
}

func TestUserlandNameIsStableForever(t *testing.T) {
	for _, test := range golden {
		if name := roster.UserlandName(test.user); name != test.name {
			t.Errorf("%s: the name of %+q is %q, but %q was given out", test.why, test.user, name, test.name)
		}
	}
}

// byTheKind is what the rules in api/v1alpha1 demand, written here once more.
func byTheKind(name string) error {
	switch {
	case len(name) > 50:
		return fmt.Errorf("has %d characters, more than 50", len(name))
	case strings.Contains(name, "--"):
		return fmt.Errorf("has --")
	case !regexp.MustCompile(`\A[a-z0-9]([-a-z0-9]*[a-z0-9])?\z`).MatchString(name):
		return fmt.Errorf("is no host name")
	default:
		return nil
	}
}

func TestUserlandNameOfDerivedName(t *testing.T) {
	for _, victim := range []string{"Alice", "alice@example.ac.jp", "山田花子", ""} {
		taken := roster.UserlandName(victim)
		if name := roster.UserlandName(taken); name == taken {
			t.Errorf("a user who calls themselves %s is given the name of %+q", taken, victim)
		}
	}
}

func TestUserlandNameLeavesRoomForCourse(t *testing.T) {
	name := roster.UserlandName(strings.Repeat("Very.Long.", 25) + "@example.ac.jp")
	if host := name + "--" + "2026-programming-1"; len(host) > 63 {
		t.Errorf("host name %s has %d characters", host, len(host))
	}
}

// TestUserlandNameTellsOddPairsApart makes spellings that are near one another.
func TestUserlandNameTellsOddPairsApart(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	users := map[string]bool{}
	for _, test := range golden {
		users[test.user] = true
	}
	for range 200 {
		for user, steps := randomUser(random), 0; steps < 100; steps++ {
			users[user] = true
			user = disturb(random, user)
		}
	}
	by := map[string]string{}
	for user := range users {
		name := roster.UserlandName(user)
		if err := byTheKind(name); err != nil {
			t.Fatalf("%+q is named %q, which %v", user, name, err)
		}
		if other, taken := by[name]; taken {
			t.Fatalf("%+q and %+q share the name %s", user, other, name)
		}
		by[name] = user
	}
	if len(by) < 10_000 {
		t.Errorf("only %d different users were tried", len(by))
	}
}

const odd = "abzABZ019-_.@+ 山花Ａａ＠\u00e9e\u0301\u212a"

func randomUser(random *rand.Rand) string {
	runes := []rune(odd)
	user := make([]rune, random.IntN(60))
	for i := range user {
		user[i] = runes[random.IntN(len(runes))]
	}
	return string(user)
}

// disturb changes little of a user, or takes the name made of it.
func disturb(random *rand.Rand, user string) string {
	at := random.IntN(len(user) + 1)
	switch random.IntN(6) {
	case 0:
		return strings.ToUpper(user)
	case 1:
		return strings.ToLower(user)
	case 2:
		return user[:at] + "-" + user[at:]
	case 3:
		return user[:at]
	case 4:
		return roster.UserlandName(user)
	default:
		return strings.NewReplacer("_", "-", ".", "-", "@", "-", "A", "a", " ", "").Replace(user) + randomUser(random)
	}
}

func FuzzUserlandName(f *testing.F) {
	for _, test := range golden {
		f.Add(test.user, test.user+"x")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		nameA, nameB := roster.UserlandName(a), roster.UserlandName(b)
		for user, name := range map[string]string{a: nameA, b: nameB} {
			if err := byTheKind(name); err != nil {
				t.Errorf("%+q is named %q, which %v", user, name, err)
			}
			if again := roster.UserlandName(user); again != name {
				t.Errorf("%+q is named %q, and then %q", user, name, again)
			}
			if byTheKind(user) == nil && name != user && len(name) > 40 {
				t.Errorf("%+q is named %q, longer than names made here are to be", user, name)
			}
		}
		if a != b && nameA == nameB {
			t.Errorf("%+q and %+q share the name %s", a, b, nameA)
		}
	})
}
