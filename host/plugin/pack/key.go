package pack

import (
	"errors"
	"fmt"
	"strings"

	"aead.dev/minisign"
)

// PublicKey verifies signatures; SecretKey makes them. Both are minisign's, so that its program and ours read each
// other's files.
type (
	PublicKey = minisign.PublicKey
	SecretKey = minisign.PrivateKey
)

// TrustedKey is a public key and the name that the store's technician knows it by.
type TrustedKey struct {
	Name string
	Key  PublicKey
}

// ErrPassword means that a secret key is sealed and the password is missing or wrong.
var ErrPassword = errors.New("pack: the secret key's password is missing or wrong")

// GenerateKey makes a pair of keys.
func GenerateKey() (PublicKey, SecretKey, error) { return minisign.GenerateKey(nil) }

// KeyID is how minisign names a key: sixteen hexadecimal digits. It identifies, and proves nothing.
func KeyID(key PublicKey) string { return keyID(key.ID()) }

func keyID(id uint64) string { return fmt.Sprintf("%016X", id) }

// ParsePublicKey reads a public key: the line that begins with "RW", alone or in the file that holds it.
func ParsePublicKey(text string) (PublicKey, error) {
	var key PublicKey
	if err := key.UnmarshalText([]byte(strings.TrimSpace(text))); err != nil {
		return PublicKey{}, fmt.Errorf("pack: public key: %w", err)
	}
	return key, nil
}

// FormatPublicKey writes a public key as the text of its file.
func FormatPublicKey(key PublicKey) []byte {
	return fmt.Appendf(nil, "untrusted comment: minisign public key %s\n%s\n", KeyID(key), key)
}

// ParseSecretKey reads the text of a secret key's file. It fails with ErrPassword when the key is sealed with another
// password. A password that is not needed is not looked at.
func ParseSecretKey(text []byte, password string) (SecretKey, error) {
	if minisign.IsEncrypted(text) {
		key, err := minisign.DecryptKey(password, text)
		if err != nil {
			return SecretKey{}, fmt.Errorf("%w: %w", ErrPassword, err)
		}
		return key, nil
	}
	var key SecretKey
	if err := key.UnmarshalText(text); err != nil {
		return SecretKey{}, fmt.Errorf("pack: secret key: %w", err)
	}
	return key, nil
}

// FormatSecretKey writes a secret key as the text of its file, sealed when there is a password. Sealing takes seconds
// and a gigabyte of memory for a while, which is minisign's way of slowing down whoever guesses.
func FormatSecretKey(key SecretKey, password string) ([]byte, error) {
	if password != "" {
		return minisign.EncryptKey(password, key)
	}
	return key.MarshalText()
}

// ParseTrustedKey reads a trusted key as the Configuration Guide keeps it: a name of any words and then the key,
// "Ana Soft RWQ...".
func ParseTrustedKey(line string) (TrustedKey, error) {
	words := strings.Fields(line)
	if len(words) < 2 {
		return TrustedKey{}, errors.New("pack: a trusted key is a name and a key")
	}
	last := len(words) - 1
	key, err := ParsePublicKey(words[last])
	if err != nil {
		return TrustedKey{}, err
	}
	return TrustedKey{Name: strings.Join(words[:last], " "), Key: key}, nil
}
