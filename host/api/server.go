package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// SocketName is the file in the home folder at which the local administrator reaches the host.
const SocketName = "mostrador.sock"

// socketPathLimit is the longest socket path that every system takes (sockaddr_un on macOS holds 104 bytes).
const socketPathLimit = 103

// ErrRunning says that a host already serves this home folder.
var ErrRunning = errors.New("another host serves this home folder")

// localKey marks the context of connections that came through the home folder's socket.
type localKey struct{}

// NewServer returns the HTTP server of one listener: HTTP/1.1 and unencrypted HTTP/2, so that gRPC, gRPC-Web
// and Connect's JSON share the port. local says that the listener is the home folder's socket, where a call
// without a session is the local administrator's.
func NewServer(handler http.Handler, local bool) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{
		// A page in somebody's browser must not speak to the store behind his back.
		Handler:           http.NewCrossOriginProtection().Handler(handler),
		Protocols:         protocols,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       5 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	if local {
		server.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
			return context.WithValue(ctx, localKey{}, true)
		}
	}
	return server
}

// isLocal reports whether the call came through the home folder's socket.
func isLocal(ctx context.Context) bool {
	local, _ := ctx.Value(localKey{}).(bool)
	return local
}

// lockName is the file in the home folder that tells which process serves it.
const lockName = "mostrador.lock"

// ListenLocal listens on the home folder's socket, which only the folder's owner can open. When another process
// serves the folder the error is ErrRunning; a socket that a killed one left behind is replaced. Closing the
// listener removes the socket and gives the folder free.
func ListenLocal(home string) (net.Listener, error) {
	path, err := socketPath(home)
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(home, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("take the home folder: %w", err)
	}
	listener, err := listenLocked(file, path)
	if err != nil {
		file.Close()
		return nil, err
	}
	return &localListener{Listener: listener, lock: file}, nil
}

// listenLocked replaces the socket. Only whoever holds the lock may: else two hosts that start at once could
// remove each other's.
func listenLocked(file *os.File, path string) (net.Listener, error) {
	switch ours, err := lock(file); {
	case err != nil:
		return nil, fmt.Errorf("take the home folder: %w", err)
	case !ours:
		return nil, ErrRunning
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove the socket of an earlier host: %w", err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen on the home folder's socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		listener.Close()
		return nil, fmt.Errorf("keep the home folder's socket private: %w", err)
	}
	return listener, nil
}

// localListener gives the lock back when it is closed.
type localListener struct {
	net.Listener
	lock *os.File
}

// Close removes the socket and then gives the home folder free. Closing again is an error and does nothing.
func (l *localListener) Close() error {
	if err := l.Listener.Close(); err != nil {
		return err
	}
	return l.lock.Close()
}

// DialLocal connects to the host that serves a home folder.
func DialLocal(ctx context.Context, home string) (net.Conn, error) {
	path, err := socketPath(home)
	if err != nil {
		return nil, err
	}
	return new(net.Dialer).DialContext(ctx, "unix", path)
}

// socketPath returns the socket's path, or the same place seen from the working folder when the path itself
// is longer than a socket address may be.
func socketPath(home string) (string, error) {
	path := filepath.Join(home, SocketName)
	if len(path) <= socketPathLimit {
		return path, nil
	}
	if here, err := os.Getwd(); err == nil {
		if short, err := filepath.Rel(here, path); err == nil && len(short) <= socketPathLimit {
			return short, nil
		}
	}
	return "", fmt.Errorf("the home folder's path is longer than %d bytes: %s", socketPathLimit-len(SocketName)-1, home)
}
