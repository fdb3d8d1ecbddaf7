package webhook

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// secretPrefix begins a secret that signs (Standard Webhooks); what follows is the key in Base64.
const secretPrefix = "whsec_"

// newSeal returns what seals the secrets.
func newSeal(master []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, master, nil, "mostrador webhook secrets", 32)
	if err != nil {
		return nil, fmt.Errorf("webhook: key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("webhook: key: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// newSecret gives a webhook another secret; the one before signs for a while yet.
func (s *Service) newSecret(id string, st *state) string {
	key := make([]byte, 32)
	rand.Read(key) // never fails (crypto/rand)
	st.Former, st.FormerUntil = st.Secret, s.Now().Add(rotation)
	st.Secret = s.seal.Seal(nil, nil, key, []byte(id))
	return secretPrefix + base64.StdEncoding.EncodeToString(key)
}

// signature is the header webhook-signature: one signature for each secret in force.
func (s *Service) signature(id string, st *state, call string, at time.Time, body []byte) (string, error) {
	sealed := [][]byte{st.Secret}
	if len(st.Former) > 0 && s.Now().Before(st.FormerUntil) {
		sealed = append(sealed, st.Former)
	}
	signatures := make([]string, len(sealed))
	for i, secret := range sealed {
		key, err := s.seal.Open(nil, nil, secret, []byte(id))
		if err != nil {
			return "", fmt.Errorf("webhook %s: the secret cannot be opened: %w", id, err)
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(call + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		mac.Write(body)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return strings.Join(signatures, " "), nil
}
