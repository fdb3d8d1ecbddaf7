package plugin

import (
	"io/fs"
	"syscall"
)

func lookOf(info fs.FileInfo) look {
	l := look{Size: info.Size(), Modified: info.ModTime().UnixNano()}
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		l.Device, l.Inode, l.Changed = uint64(s.Dev), s.Ino, s.Ctim.Nano()
	}
	return l
}
