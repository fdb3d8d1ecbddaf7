package store_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mostrador/host/store"
)

// crashFile names the store file in the environment of the child process of the crash test.
const crashFile = "STORE_CRASH_FILE"

func TestMain(m *testing.M) {
	if path := os.Getenv(crashFile); path != "" {
		if err := writeUntilKilled(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// writeUntilKilled writes two records a transaction from many goroutines and says which are acknowledged.
func writeUntilKilled(path string) error {
	s, err := store.Open(path, store.Options{Timeout: 10 * time.Second})
	if err != nil {
		return err
	}
	var mu sync.Mutex
	run := rand.Uint64()
	for w := range 8 {
		go func() {
			for i := 0; ; i++ {
				key := fmt.Sprintf("%016x/%d/%06d", run, w, i)
				err := s.Update(context.Background(), func(tx *store.Tx) error {
					put(tx, key, key)
					tx.Put("mirror", []byte(key), []byte(key))
					return nil
				})
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				mu.Lock()
				fmt.Println(key)
				mu.Unlock()
			}
		}()
	}
	select {}
}

func TestAcknowledgedWritesSurviveSIGKILL(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	acknowledged := make(map[string]bool)
	for round := range 12 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), crashFile+"="+path)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(out)
		for kill := 50 + rand.IntN(400); ; kill-- {
			line, err := lines.ReadString('\n')
			if err != nil {
				break // the process is gone and all that it said is read
			}
			acknowledged[strings.TrimSuffix(line, "\n")] = true
			if kill == 0 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the child ended by itself")
		}
		if len(acknowledged) == 0 {
			t.Fatal("the child acknowledged nothing")
		}
		s, err := store.Open(path, store.Options{})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if err := s.View(func(tx *store.Tx) error {
			for key := range acknowledged {
				if string(tx.Get(things, []byte(key))) != key || string(tx.Get("mirror", []byte(key))) != key {
					t.Errorf("round %d: %s was acknowledged and is lost", round, key)
				}
			}
			n := 0
			for k := range tx.Scan(things, nil, nil) {
				if n++; tx.Get("mirror", k) == nil {
					t.Errorf("round %d: half of %s is there", round, k)
				}
			}
			for range tx.Scan("mirror", nil, nil) {
				n--
			}
			if n != 0 {
				t.Errorf("round %d: transactions are torn", round)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d writes were acknowledged", len(acknowledged))
}
