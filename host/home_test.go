package host

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
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

func TestTheLevelOfTheLogOutlivesTheStore(t *testing.T) {
	home := t.TempDir()
	serve := func() *Host {
		h, err := Open(t.Context(), Options{
			Home: home, WebListen: "127.0.0.1:0", Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Error, Output: io.Discard}),
		})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	h := serve()
	if got := h.opt.Logger.GetLevel(); got != hclog.Error {
		t.Errorf("with nothing set the level is %v, not the one that the program was given", got)
	}
	if _, err := h.guide.Set(t.Context(), clerk, settingStoreName, "La Esquina", nil, "es"); err != nil {
		t.Fatal(err)
	}
	if got := h.opt.Logger.GetLevel(); got != hclog.Error {
		t.Errorf("another setting changed the level to %v", got)
	}
	if _, err := h.guide.Set(t.Context(), clerk, settingLogLevel, "debug", nil, "es"); err != nil {
		t.Fatal(err)
	}
	if got := h.opt.Logger.GetLevel(); got != hclog.Debug {
		t.Errorf("the level is %v, not what was set", got)
	}
	shut(t, h)
	h = serve()
	defer shut(t, h)
	if got := h.opt.Logger.GetLevel(); got != hclog.Debug {
		t.Errorf("after a restart the level is %v", got)
	}
}
