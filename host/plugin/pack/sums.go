package pack

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// sums are the SHA-256 of files by name, in hex.
type sums map[string]string

var sumsLine = regexp.MustCompile(`^([0-9a-f]{64})  (.+)$`)

// format writes them as sha256sum(1) does, in the order of names.
func (s sums) format() []byte {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s)) {
		fmt.Fprintf(&b, "%s  %s\n", s[name], name)
	}
	return []byte(b.String())
}

// parseSums reads what format writes, and nothing else.
func parseSums(text []byte) (sums, error) {
	s := sums{}
	last, number := "", 0
	for line := range strings.Lines(string(text)) {
		number++
		m := sumsLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		switch {
		case m == nil || !strings.HasSuffix(line, "\n"):
			return nil, refuse(CodeSums, "line", number)
		case !goodName(m[2]), m[2] <= last:
			return nil, refuse(CodeSums, "line", number)
		}
		last = m[2]
		s[m[2]] = m[1]
	}
	return s, nil
}

// hashOf is the SHA-256 of data, in hex.
func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
