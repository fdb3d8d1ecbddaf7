//go:build !linux

package plugin

import "io/fs"

func lookOf(info fs.FileInfo) look {
	return look{Size: info.Size(), Modified: info.ModTime().UnixNano()}
}
