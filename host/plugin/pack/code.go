package pack

// The codes of a Refused, which are the keys of its sentence too.
const (
	// CodeNoPackage: it is no zip file, or a broken one.
	CodeNoPackage = "no_package"
	// CodeForeign: bytes before, behind or between the files, or a zip written by something else.
	CodeForeign = "foreign"
	// CodeTooLarge: the package, or a file of it, is too large.
	CodeTooLarge = "too_large"
	// CodeTooMany: it has too many files.
	CodeTooMany = "too_many"
	// CodeBomb: a file grows too much when it is unpacked.
	CodeBomb = "bomb"
	// CodeName: the name of a file leads out of the package or cannot be written on every system.
	CodeName = "name"
	// CodeSameName: two names that are one on some system.
	CodeSameName = "same_name"
	// CodeNoFile: a folder, a symbolic link or another thing that is no plain file.
	CodeNoFile = "no_file"
	// CodePlace: a file where a package has none.
	CodePlace = "place"
	// CodeSums: SHA256SUMS is not in order.
	CodeSums = "sums"
	// CodeMissing: a file is missing.
	CodeMissing = "missing"
	// CodeExtra: a file that SHA256SUMS does not name.
	CodeExtra = "extra"
	// CodeAltered: a file is not what SHA256SUMS says.
	CodeAltered = "altered"
	// CodeManifest: the manifest is broken.
	CodeManifest = "manifest"
	// CodePrograms: its programs are missing or stand wrongly.
	CodePrograms = "programs"
	// CodePlatform: it has no program for this machine.
	CodePlatform = "platform"
	// CodeUnsigned: nobody signed it.
	CodeUnsigned = "unsigned"
	// CodeUntrusted: the key that signed it is not trusted.
	CodeUntrusted = "untrusted"
	// CodeForged: the signature is broken, or of something else.
	CodeForged = "forged"
	// CodeTaken: this version is installed already, with other content.
	CodeTaken = "taken"
)
