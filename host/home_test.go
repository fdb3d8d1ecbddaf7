package host

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAStoreThatLostItsKeyIsNotGivenAnother(t *testing.T) {
	home := t.TempDir()
	shut(t, open(t, home))
	kept, err := os.ReadFile(filepath.Join(home, "key"))
	if err != nil || len(kept) != keySize {
		t.Fatalf("the first start made a key of %d bytes, %v", len(kept), err)
	}
	for name, spoil := range map[string]func(path string) error{
		"is missing": os.Remove,
		"instead of": func(path string) error { return os.WriteFile(path, []byte("short"), 0o600) },
	} {
		if err := spoil(filepath.Join(home, "key")); err != nil {
			t.Fatal(err)
		}
		h, err := Open(context.Background(), Options{Home: home})
		if err == nil {
			shut(t, h)
			t.Fatal("the store was opened without its key")
		}
		if !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "backup") {
			t.Errorf("the error does not say what to do: %v", err)
		}
	}
	if err := os.WriteFile(filepath.Join(home, "key"), kept, 0o600); err != nil {
		t.Fatal(err)
	}
	shut(t, open(t, home))
}
