package pack

import (
	"fmt"
	"strings"
)

// Refused says why a package is not taken. The translation files have a sentence for each code, under "pack." and the
// code, with the arguments.
type Refused struct {
	// Code is one of the constants below.
	Code string
	// Args are the sentence's arguments, name and value in turns.
	Args []any
	// Err is the reason behind it, when there is one.
	Err error
}

// The codes of a Refused.
const (
	// CodeNoPackage means no zip file, or a broken one.
	CodeNoPackage = "no_package"
	// CodeForeign means bytes before, behind or between the files, or a zip that something else wrote.
	CodeForeign = "foreign"
	// CodeTooLarge means that the package or a file of it is too large.
	CodeTooLarge = "too_large"
	// CodeTooMany means too many files.
	CodeTooMany = "too_many"
	// CodeBomb means a file that grows too much when it is unpacked.
	CodeBomb = "bomb"
	// CodeName means a file whose name leads out of the package or cannot be written on every system.
	CodeName = "name"
	// CodeSameName means two names that are one on some system.
	CodeSameName = "same_name"
	// CodeNoFile means a folder, a symbolic link or another thing that is no plain file.
	CodeNoFile = "no_file"
	// CodePlace means a file where a package has none.
	CodePlace = "place"
	// CodeSums means that SHA256SUMS is not in order.
	CodeSums = "sums"
	// CodeMissing means that a file is missing.
	CodeMissing = "missing"
	// CodeExtra means a file that SHA256SUMS does not name.
	CodeExtra = "extra"
	// CodeAltered means a file that is not what SHA256SUMS says.
	CodeAltered = "altered"
	// CodeManifest means a broken manifest.
	CodeManifest = "manifest"
	// CodePrograms means that its programs are missing or stand wrongly.
	CodePrograms = "programs"
	// CodePlatform means that it has no program for this machine.
	CodePlatform = "platform"
	// CodeUnsigned means that nobody signed it.
	CodeUnsigned = "unsigned"
	// CodeUntrusted means that the key which signed it is not trusted.
	CodeUntrusted = "untrusted"
	// CodeForged means a signature that is broken, or of something else.
	CodeForged = "forged"
	// CodeTaken means that this version is installed already, with other content.
	CodeTaken = "taken"
)

// codes lists them all, for the test that looks for their sentences.
var codes = []string{
	CodeNoPackage, CodeForeign, CodeTooLarge, CodeTooMany, CodeBomb, CodeName, CodeSameName, CodeNoFile, CodePlace,
	CodeSums, CodeMissing, CodeExtra, CodeAltered, CodeManifest, CodePrograms, CodePlatform, CodeUnsigned, CodeUntrusted,
	CodeForged, CodeTaken,
}

func (r *Refused) Error() string {
	var b strings.Builder
	b.WriteString("pack: refused: " + r.Code)
	for i := 0; i+1 < len(r.Args); i += 2 {
		fmt.Fprintf(&b, " %v=%q", r.Args[i], fmt.Sprint(r.Args[i+1]))
	}
	if r.Err != nil {
		fmt.Fprintf(&b, ": %v", r.Err)
	}
	return b.String()
}

// Unwrap returns the reason behind it.
func (r *Refused) Unwrap() error { return r.Err }

// refuse makes a Refused.
func refuse(code string, args ...any) *Refused { return &Refused{Code: code, Args: args} }

// because gives a Refused its reason.
func (r *Refused) because(err error) *Refused {
	r.Err = err
	return r
}
