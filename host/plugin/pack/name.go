package pack

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// The files that every package has.
const (
	manifestFile  = "plugin.yaml"
	sumsFile      = "SHA256SUMS"
	signatureFile = "SHA256SUMS.minisig"
	nodeProgram   = "main.js"
)

// programDir holds a folder of each platform.
const programDir = "bin"

// contentDirs are the folders of a plug-in that go into its package, and contentFiles the files beside plugin.yaml.
var (
	contentDirs  = []string{"locales", "templates"}
	contentFiles = []string{"LICENSE", "README.md"}
)

// Bounds of a name, in characters and in folders.
const (
	maxName  = 160
	maxDepth = 8
)

var (
	// plainName is what each element of a name must be, so that every system can write it as it stands: nothing
	// hidden, nothing that ends in a point (which Windows drops), no drive, no other separator.
	plainName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.+-]*[A-Za-z0-9_+-])?$`)
	// deviceName is what Windows opens as a device, whatever follows the point.
	deviceName = regexp.MustCompile(`(?i)^(con|prn|aux|nul|conin\$|conout\$|com[0-9]|lpt[0-9])(\.|$)`)
	// platformDir is a folder of programs.
	platformDir = regexp.MustCompile(`^[a-z0-9]+-[a-z0-9]+$`)
	// programName is a program's name without .exe.
	programName = regexp.MustCompile(`^plg[0-9]{4}[a-z0-9_]*$`)
)

// anywhere is the folder of what runs on any platform, and the word for all of them.
const anywhere = "any"

// goodName tells whether a package may have a file of that name at all: slash-separated, relative, inside.
func goodName(name string) bool {
	elements := strings.Split(name, "/")
	if len(name) > maxName || len(elements) > maxDepth {
		return false
	}
	for _, e := range elements {
		if !plainName.MatchString(e) || deviceName.MatchString(e) {
			return false
		}
	}
	return true
}

// hasPlace tells whether a file of that good name belongs into a package.
func hasPlace(name string) bool {
	top, rest, nested := strings.Cut(name, "/")
	switch {
	case !nested:
		return name == manifestFile || name == sumsFile || name == signatureFile || slices.Contains(contentFiles, name)
	case top == programDir:
		dir := path.Dir(rest)
		return dir == anywhere || strings.HasPrefix(dir, anywhere+"/") || platformDir.MatchString(dir)
	}
	return slices.Contains(contentDirs, top)
}

// executable tells whether a file is a program by its name.
func executable(name string) bool { return strings.HasPrefix(name, programDir+"/") }

// folded is what names are compared by: some systems do not tell case apart.
func folded(name string) string { return strings.ToLower(name) }

// clashes looks for names that cannot stand side by side on every system: the same but for case, or one that is a
// folder of another. It returns such a pair.
func clashes(names []string) (one, other string, found bool) {
	seen := make(map[string]string, len(names))
	for _, name := range names {
		if before, ok := seen[folded(name)]; ok {
			return before, name, true
		}
		seen[folded(name)] = name
	}
	spelled := map[string]string{}
	for _, name := range names {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if file, ok := seen[folded(dir)]; ok {
				return file, name, true
			}
			if before, ok := spelled[folded(dir)]; ok && before != dir {
				return before, dir, true
			}
			spelled[folded(dir)] = dir
		}
	}
	return "", "", false
}

// compareNames is the order of files in a package: by name, then the list of sums and its signature.
func compareNames(a, b string) int {
	if d := rank(a) - rank(b); d != 0 {
		return d
	}
	return strings.Compare(a, b)
}

func rank(name string) int {
	switch name {
	case sumsFile:
		return 1
	case signatureFile:
		return 2
	}
	return 0
}
