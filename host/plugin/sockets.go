package plugin

import (
	"os"
	"path/filepath"
	"strings"
)

const (
	// maxSocketDir bounds the path of the folder for sockets, in bytes. A socket's whole path must fit into
	// 104 bytes (108 on Linux; see unix(7)), of which go-plugin takes 38 for its own folder and file.
	maxSocketDir = 64
	// ownDirs is what go-plugin's folders begin with.
	ownDirs = "plugin-dir"
	// shortDirs is what the folder begins with that is used when RuntimeDir's path is too long, shortLink the
	// link in RuntimeDir that leads there.
	shortDirs, shortLink = "mostrador-", "sockets"
)

// socketDir makes the folder for sockets and sweeps out of it what a killed host left behind. It is dir
// itself unless its path is too long for a socket; then it is a new folder of the system's for temporary
// files, to which a link in dir leads.
func socketDir(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ownDirs) {
			if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
				return "", err
			}
		}
	}
	link := filepath.Join(dir, shortLink)
	if target, err := os.Readlink(link); err == nil {
		if strings.HasPrefix(filepath.Base(target), shortDirs) && filepath.Dir(target) == filepath.Clean(os.TempDir()) {
			_ = os.RemoveAll(target)
		}
		if err := os.Remove(link); err != nil {
			return "", err
		}
	}
	if len(dir) <= maxSocketDir {
		return dir, nil
	}
	short, err := os.MkdirTemp(os.TempDir(), shortDirs)
	if err != nil {
		return "", err
	}
	if err := os.Symlink(short, link); err != nil {
		_ = os.Remove(short)
		return "", err
	}
	return short, nil
}
