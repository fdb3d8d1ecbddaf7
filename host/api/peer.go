package api

import "net"

// Guard returns a listener that hangs up on local processes that foreign owns, by their process ids: whoever may open
// the home folder's socket is its administrator, and a plugin runs as the same user. Where the system does not tell who
// is at the other end, nobody is hung up on.
func Guard(l net.Listener, foreign func(pid int) bool) net.Listener { return &guarded{l, foreign} }

type guarded struct {
	net.Listener
	foreign func(pid int) bool
}

// Accept implements net.Listener.
func (g *guarded) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if pid, ok := peer(conn); !ok || !g.foreign(pid) {
			return conn, nil
		}
		_ = conn.Close()
	}
}
