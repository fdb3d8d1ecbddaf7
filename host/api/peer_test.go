package api_test

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"mostrador/host/api"
)

func TestASocketHangsUpOnPlugins(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // the system does not tell who is there
	}
	for name, foreign := range map[string]bool{"a plug-in": true, "somebody": false} {
		t.Run(name, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "peer")
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(dir)
			l, err := net.Listen("unix", filepath.Join(dir, "s"))
			if err != nil {
				t.Fatal(err)
			}
			guarded := api.Guard(l, func(pid int) bool { return foreign && pid == os.Getpid() })
			served := make(chan struct{})
			go func() {
				defer close(served)
				for {
					conn, err := guarded.Accept()
					if err != nil {
						return
					}
					_, _ = conn.Write([]byte("hello"))
					_ = conn.Close()
				}
			}()
			conn, err := net.Dial("unix", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			_ = conn.SetDeadline(time.Now().Add(time.Minute))
			n, _ := conn.Read(make([]byte, 5))
			if (n == 0) != foreign {
				t.Errorf("%d bytes came", n)
			}
			_ = conn.Close()
			_ = l.Close()
			<-served
		})
	}
}
