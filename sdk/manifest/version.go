package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Versions lists protocol versions. In YAML it is one number or a list of numbers.
type Versions []int

// Speaks tells whether v is among them.
func (vs Versions) Speaks(v int) bool {
	for _, x := range vs {
		if x == v {
			return true
		}
	}
	return false
}

// semantic is a semantic version (semver.org 2.0.0); build metadata is ignored.
var semantic = regexp.MustCompile(`^(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?$`)

// ValidVersion tells whether v is a semantic version such as 1.4.0 or 2.0.0-rc.1.
func ValidVersion(v string) bool { return semantic.MatchString(v) }

// CompareVersions orders two semantic versions: -1, 0 or +1. One that is not valid is less than any that is.
func CompareVersions(a, b string) int {
	x, y := semantic.FindStringSubmatch(a), semantic.FindStringSubmatch(b)
	if x == nil || y == nil {
		return cmp.Compare(len(x), len(y))
	}
	for i := 1; i <= 3; i++ {
		if c := compareNumber(x[i], y[i]); c != 0 {
			return c
		}
	}
	switch {
	case x[4] == y[4]:
		return 0
	case x[4] == "": // a release is later than its candidates
		return 1
	case y[4] == "":
		return -1
	}
	p, q := strings.Split(x[4], "."), strings.Split(y[4], ".")
	for i := range min(len(p), len(q)) {
		if c := comparePart(p[i], q[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(p), len(q))
}

// compareNumber compares two decimal numbers of any length that have no leading zeros.
func compareNumber(a, b string) int {
	if c := cmp.Compare(len(a), len(b)); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}

// comparePart compares two identifiers of a pre-release: numbers come before words.
func comparePart(a, b string) int {
	_, errA := strconv.ParseUint(a, 10, 64)
	_, errB := strconv.ParseUint(b, 10, 64)
	switch {
	case errA == nil && errB == nil:
		return compareNumber(strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0"))
	case errA == nil:
		return -1
	case errB == nil:
		return 1
	}
	return strings.Compare(a, b)
}

// Range is a set of versions: every bound must hold. An empty one holds for all.
type Range []Bound

// Bound is one comparison of a range, ">=1.2.0".
type Bound struct {
	// Op is "=", ">", ">=", "<" or "<=".
	Op      string
	Version string
}

// ParseRange reads bounds that are separated by blanks: ">=1.2.0 <2.0.0". A bare version means that one.
func ParseRange(s string) (Range, error) {
	var r Range
	for _, word := range strings.Fields(s) {
		version := strings.TrimLeft(word, "<>=")
		op := word[:len(word)-len(version)]
		switch op {
		case "":
			op = "="
		case "=", ">", ">=", "<", "<=":
		default:
			return nil, fmt.Errorf("%q is no comparison: use =, >, >=, < or <=", op)
		}
		if !ValidVersion(version) {
			return nil, fmt.Errorf("%q is no version: write three numbers, like >=1.2.0", word)
		}
		r = append(r, Bound{op, version})
	}
	return r, nil
}

// Contains tells whether the version is in the range.
func (r Range) Contains(version string) bool {
	for _, b := range r {
		c := CompareVersions(version, b.Version)
		ok := false
		switch b.Op {
		case "=":
			ok = c == 0
		case ">":
			ok = c > 0
		case ">=":
			ok = c >= 0
		case "<":
			ok = c < 0
		case "<=":
			ok = c <= 0
		}
		if !ok {
			return false
		}
	}
	return true
}

// String writes the range as ParseRange reads it.
func (r Range) String() string {
	words := make([]string, len(r))
	for i, b := range r {
		words[i] = b.Op + b.Version
	}
	return strings.Join(words, " ")
}

// parseDependency reads "PLG0002" or "PLG0002 >=1.2.0 <2.0.0".
func parseDependency(s string) (Dependency, error) {
	id, rest, _ := strings.Cut(strings.TrimSpace(s), " ")
	if !pluginID.MatchString(id) {
		return Dependency{}, errors.New("begin with the other plugin's id, like PLG0002 >=1.2.0")
	}
	r, err := ParseRange(rest)
	return Dependency{ID: id, Versions: r}, err
}
