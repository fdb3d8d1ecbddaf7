package mailbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// maildir reads a folder in which each mail is a file: new holds those that nobody has seen, cur the others, with their
// flags in the name behind ":2,".
type maildir struct{ path string }

func (d *maildir) Fetch(ctx context.Context, keep func(context.Context, []byte, string) error) (n int, err error) {
	root, err := os.OpenRoot(d.path)
	if err != nil {
		return 0, &Error{Problem: NoFolder, Where: d.path, Err: err}
	}
	defer root.Close()
	names, err := d.unread(root)
	if err != nil {
		return 0, &Error{Problem: NoFolder, Where: d.path, Err: err}
	}
	for _, name := range names[:min(len(names), maxMails)] {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		raw, err := readFile(root, name)
		if errors.Is(err, fs.ErrNotExist) { // another reader was faster
			continue
		}
		if err != nil {
			return n, &Error{Problem: Interrupted, Where: d.path, Err: err}
		}
		if err := keep(ctx, raw, recipientOf(raw)); err != nil {
			return n, fmt.Errorf("keep %s: %w", name, err)
		}
		n++
		if err := root.Rename(name, seen(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return n, &Error{Problem: NotMarked, Where: d.path, Err: err}
		}
	}
	return n, nil
}

// unread returns the mails without the flag S, oldest first: their names begin with the time.
func (d *maildir) unread(root *os.Root) ([]string, error) {
	var names []string
	for _, folder := range []string{"new", "cur"} {
		entries, err := fs.ReadDir(root.FS(), folder)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			_, flags, _ := strings.Cut(e.Name(), ":2,")
			if e.Type().IsRegular() && e.Name()[0] != '.' && !strings.ContainsAny(flags, "ST") {
				names = append(names, path.Join(folder, e.Name()))
			}
		}
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(path.Base(a), path.Base(b)) })
	return names, nil
}

func readFile(root *os.Root, name string) ([]byte, error) {
	file, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, MaxMail))
}

// seen is the name of a mail once it has been read; flags stand in the order of the alphabet.
func seen(name string) string {
	base, flags, _ := strings.Cut(path.Base(name), ":2,")
	all := []byte(flags + "S")
	slices.Sort(all)
	return path.Join("cur", base+":2,"+string(slices.Compact(all)))
}
