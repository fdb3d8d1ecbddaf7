package configguide

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
)

// sealVersion is the first byte of what is sealed, so that the way of sealing can change.
const sealVersion = 1

// newSeal derives the key for secrets from the store's master key (RFC 5869).
func newSeal(master []byte) (cipher.AEAD, error) {
	if len(master) < 16 {
		return nil, errors.New("the master key is too short")
	}
	key, err := hkdf.Key(sha256.New, master, nil, "mostrador/configguide/secret", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// sealed seals a secret; it opens again only under the same setting's key.
func (g *Guide) sealed(key, secret string) []byte {
	return g.seal.Seal([]byte{sealVersion}, nil, []byte(secret), []byte(key))
}

// open opens what was sealed under that setting's key.
func (g *Guide) open(key string, sealed []byte) (string, error) {
	if len(sealed) < 1 || sealed[0] != sealVersion {
		return "", errors.New("configguide: unknown seal")
	}
	secret, err := g.seal.Open(nil, nil, sealed[1:], []byte(key))
	return string(secret), err
}
