package plugin

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// ErrAltered means that a program is not the one that was installed.
var ErrAltered = errors.New("plugin: the program was altered after it was installed")

// hashFile is where hashes are remembered from one start of the host to the next, in the Manager's folder.
const hashFile = "hashes.json"

// settled is how long a file must have been left alone before its hash is remembered: what changes within one tick of
// the file system's clock looks unchanged.
const settled = 2 * time.Second

// hashes knows the SHA-256 of programs. It reads a program again only when the file looks different: another file by
// that name, another size, another time of change. That a program cannot set back the time of change is what makes
// this as good as reading it; where the system has no such time, its time of modification has to do.
type hashes struct {
	file string

	mu    sync.Mutex
	known map[string]hashed // by path
}

// hashed is a hash with the look of the file that it is of.
type hashed struct {
	Look look   `json:"look"`
	Hash string `json:"hash"`
}

// look is what can be seen of a file without reading it. Times are in nanoseconds since 1970.
type look struct {
	Device   uint64 `json:"device"`
	Inode    uint64 `json:"inode"`
	Size     int64  `json:"size"`
	Modified int64  `json:"modified"`
	Changed  int64  `json:"changed"`
}

// newHashes reads what is remembered in dir. A file that cannot be read is nothing remembered.
func newHashes(dir string) *hashes {
	h := &hashes{file: filepath.Join(dir, hashFile), known: map[string]hashed{}}
	if data, err := os.ReadFile(h.file); err == nil {
		if json.Unmarshal(data, &h.known) != nil || h.known == nil {
			h.known = map[string]hashed{}
		}
	}
	return h
}

// verify checks that a file has that hash; want is in hex.
func (h *hashes) verify(path, want string) error {
	now, err := h.of(path)
	if err != nil {
		return err
	}
	if now != want {
		return fmt.Errorf("%w: %s", ErrAltered, path)
	}
	return nil
}

// of returns the hash of a file in hex.
func (h *hashes) of(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	seen := lookOf(info)
	h.mu.Lock()
	known, ok := h.known[path]
	h.mu.Unlock()
	if ok && known.Look == seen {
		return known.Hash, nil
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	if info, err = f.Stat(); err != nil {
		return "", err
	}
	hash := hex.EncodeToString(sum.Sum(nil))
	if changed := time.Unix(0, max(seen.Modified, seen.Changed)); lookOf(info) == seen && time.Since(changed) > settled {
		h.remember(path, hashed{Look: seen, Hash: hash})
	}
	return hash, nil
}

// remember keeps a hash. That it cannot be written down costs the next start of the host a moment, and nobody else.
func (h *hashes) remember(path string, entry hashed) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for other := range h.known { // what was removed or upgraded
		if _, err := os.Stat(other); err != nil {
			delete(h.known, other)
		}
	}
	h.known[path] = entry
	data, err := json.Marshal(h.known)
	if err != nil {
		return
	}
	if os.WriteFile(h.file+".new", data, 0o600) == nil {
		_ = os.Rename(h.file+".new", h.file)
	}
}
