package ui

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"connectrpc.com/connect"

	"mostrador/host/api/mostradorv1"
)

// Chunks is a call of the host that answers with a file.
type Chunks[Req any] func(context.Context, *connect.Request[Req]) (*connect.ServerStreamForClient[mostradorv1.FileChunk], error)

// Download writes the file that the host answers with to path, where it appears once it is whole. A small window says
// how much has come and can end it; then is told the error, which is context.Canceled when the person ended it.
func Download[Req any](d *Desk, title string, call Chunks[Req], req *Req, path string, then func(error)) {
	ctx, cancel := context.WithCancel(d.ctx)
	size := Text(d.T("download.begin"), SizeText, false, ColorMuted)
	stop := NewButton(d.T("cancel"), "Esc", Plain, cancel)
	m := d.NewModal(title, 420, size, stop, stop)
	m.OnClose = cancel
	d.pending.Add(1)
	d.group.Go(func() {
		err := download(ctx, call, req, path, func(n int64) {
			d.Do(func() {
				size.Text = d.T("download.size", "size", Bytes(d, n))
				size.Refresh()
			})
		})
		if ctx.Err() != nil && err != nil {
			err = context.Canceled
		}
		cancel()
		d.Do(func() {
			defer d.pending.Add(-1)
			m.OnClose = nil
			m.Close()
			if d.ctx.Err() == nil {
				then(err)
			}
		})
	})
}

// told is how many bytes come between two words about it.
const told = 1 << 20

func download[Req any](ctx context.Context, call Chunks[Req], req *Req, path string, tell func(int64)) (err error) {
	stream, err := call(ctx, connect.NewRequest(req))
	if err != nil {
		return err
	}
	defer stream.Close()
	// The file is begun with the first answer: a refusal leaves nothing behind.
	if !stream.Receive() {
		if err := stream.Err(); err != nil {
			return err
		}
		return io.ErrUnexpectedEOF
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".mostrador-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = file.Close() // may be closed already
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	var n, said int64
	for more := true; more; more = stream.Receive() {
		data := stream.Msg().Data
		if _, err := file.Write(data); err != nil {
			return err
		}
		if n += int64(len(data)); n-said >= told {
			said = n
			tell(n)
		}
	}
	if err := stream.Err(); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// Bytes writes a size as people read it: "1,5 MB".
func Bytes(d *Desk, n int64) string {
	switch v := float64(n); {
	case n >= 1<<20:
		return d.Text.Number(float64(int64(v/(1<<20)*10))/10) + " MB"
	case n >= 1<<10:
		return d.Text.Number(float64(int64(v/(1<<10)))) + " KB"
	}
	return d.Text.Number(float64(n)) + " B"
}
