// Package pack reads and writes .plg files, in which plug-ins are shipped.
//
// A .plg file is a zip of the plug-in's folder and of its programs, with a list of what must be in it and the signature
// of that list:
//
//	bin/linux-amd64/plg9005saludo          a program a platform, or bin/any/main.js for `runtime: node`
//	bin/windows-amd64/plg9005saludo.exe
//	locales/..., templates/...
//	plugin.yaml
//	SHA256SUMS                             as sha256sum(1) writes it, of all the files above
//	SHA256SUMS.minisig                     as minisign(1) writes it
//
// So the list and the signature can be checked by hand, without Mostrador. Besides these files a package may hold
// LICENSE and README.md.
//
// Whoever opens a package trusts nothing in it. Open first looks at the end of the file, so that a zip's directory is
// known to be small before it is read; then at names, kinds and sizes, before a byte is unpacked; then it writes the
// archive again from its directory and compares that with the file, byte by byte, because archives that say one thing
// to one reader and another to the next, that hide bytes, or whose entries overlap, are not what Build writes; and then
// it unpacks every file without keeping it, and compares it with the list. A File that Open returned is therefore just
// what its list says and nothing else. Verify then says whose list it is. Extract writes the files for one platform,
// all of them or none, and checks each again on the way.
//
// How it is put together: name.go knows which names a package may have, zip.go the container, sums.go the list, key.go
// keys; open.go checks, build.go and sign.go make packages, extract.go unpacks them, and refused.go names all reasons
// for which one is not taken.
package pack
