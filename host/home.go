package host

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// DefaultHome is the folder of this user's store: MOSTRADOR_HOME, or where the system keeps a program's data.
func DefaultHome() (string, error) {
	if dir := os.Getenv("MOSTRADOR_HOME"); dir != "" {
		return filepath.Abs(dir)
	}
	if runtime.GOOS == "linux" {
		if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
			return filepath.Join(dir, "mostrador"), nil
		}
	}
	if dir := os.Getenv("LOCALAPPDATA"); runtime.GOOS == "windows" && dir != "" {
		return filepath.Join(dir, "Mostrador"), nil
	}
	user, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("finding the user's folder: %w", err)
	}
	switch runtime.GOOS {
	case "windows":
		return filepath.Join(user, "AppData", "Local", "Mostrador"), nil
	case "darwin":
		return filepath.Join(user, "Library", "Application Support", "Mostrador"), nil
	default:
		return filepath.Join(user, ".local", "share", "mostrador"), nil
	}
}

// ProgramPlugins is the folder of the plug-ins that come with the program: plugins/ beside it.
func ProgramPlugins() (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("finding the program: %w", err)
	}
	if real, err := filepath.EvalSymlinks(program); err == nil {
		program = real
	}
	return filepath.Join(filepath.Dir(program), "plugins"), nil
}

const keySize = 32

// masterKey reads the store's key, or makes it at the first start. The file is whole or not there: it is written
// under another name. A store that has lost its key gets no new one, which would fit nothing that is sealed in it.
func masterKey(path, storeFile string) ([]byte, error) {
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(storeFile); err == nil {
			return nil, fmt.Errorf("the store's key %s is missing; put back the file from your backup", path)
		}
		if err := writeKey(path); err != nil {
			return nil, fmt.Errorf("making the store's key: %w", err)
		}
		key, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the store's key: %w", err)
	}
	if len(key) != keySize {
		return nil, fmt.Errorf("the store's key %s has %d bytes instead of %d; put back the file from your backup", path, len(key), keySize)
	}
	return key, nil
}

func writeKey(path string) error {
	key := make([]byte, keySize)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "key-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(key)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
