// Package token seals what a customer's link must carry, so that the web pages can answer it before the
// store has told them anything (the click may come minutes before any synchronisation, seed 000 step 3).
//
// A token is base64url of
//
//	version (1 byte) | purpose (1) | nonce (24) | XChaCha20-Poly1305(claims)
//
// under a key that HKDF-SHA256 derives from the store's master key. The version and the purpose are bound
// as additional data, so a token that was made for one page opens on no other. Nothing in it can be read
// without the key: neither the customer's name nor the short code.
package token

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

// Purpose is the page that a token opens.
type Purpose byte

const (
	// Activation lets the customer accept (opt-in).
	Activation Purpose = 'a'
	// OptOut lets the customer leave promotions; it works for as long as the mail that carries it exists.
	OptOut Purpose = 'b'
	// Click leads on to URL and notes that a link of the mail MessageID was followed.
	Click Purpose = 'c'
	// Reason lets who has left say why (seed 001).
	Reason Purpose = 'm'
	// Pixel is the picture whose fetching tells that the mail MessageID was opened.
	Pixel Purpose = 'o'
	// Preferences lets the customer choose what he hears of.
	Preferences Purpose = 'p'
	// Once leads on to URL, one time only (seed 003: a link to a new password instead of a password).
	Once Purpose = 'u'
)

// Claims is what a token says. Fields that a purpose has no use for are empty.
type Claims struct {
	Purpose      Purpose
	CustomerID   string
	ActivationID string
	// Code is the 4-digit short code, to be shown only once the customer has accepted.
	Code      string
	FirstName string
	// Language is the customer's (BCP 47).
	Language string
	// TextID names the wording of the policy that the customer is asked to accept.
	TextID string
	// Expires is to the second; zero means never.
	Expires time.Time
	// MessageID is the id of the mail's row in the outbox.
	MessageID string
	// URL is where a link leads on to, of at most MaxURL bytes. A longer one is left out.
	URL string
	// Left are the topics and channels ("channel:email") that the customer had left when the token was sealed,
	// separated by commas; Seen is the web act that the store had taken over last by then.
	Left string
	Seen uint64
	// Sealed is when the token was made, to the second; zero when the purpose has no use for it.
	Sealed time.Time
}

var (
	// ErrInvalid is returned for anything that this store did not seal for this purpose.
	ErrInvalid = errors.New("token: not valid")
	// ErrExpired comes together with the claims, so that the page can say so in the customer's language.
	ErrExpired = errors.New("token: expired")
)

const (
	version = 1
	header  = 2
	// maxToken bounds the work that a stranger can ask for. A token is about 200 characters; the longest has a URL of
	// MaxURL bytes and many topics in it.
	maxToken = 4096
	info     = "mostrador/consent/token/v1"
)

// MaxURL is the longest address that a token carries, in bytes: beyond it mail programs and proxies cut links short.
const MaxURL = 1500

// Seal makes a token of the claims with the store's master key (32 bytes). Two tokens of the same claims
// differ and both open.
func Seal(key []byte, c Claims) string {
	aead := sealer(key)
	buf := make([]byte, header+chacha20poly1305.NonceSizeX, 256)
	buf[0], buf[1] = version, byte(c.Purpose)
	nonce := buf[header:]
	rand.Read(nonce) // never fails (crypto/rand)
	buf = aead.Seal(buf, nonce, c.encode(), buf[:header])
	return base64.RawURLEncoding.EncodeToString(buf)
}

// Open returns the claims of a token of the given purpose. The error is ErrInvalid, or, together with the
// claims, ErrExpired.
func Open(key []byte, purpose Purpose, token string, now time.Time) (Claims, error) {
	if len(token) > maxToken {
		return Claims{}, ErrInvalid
	}
	buf, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(buf) < header+chacha20poly1305.NonceSizeX ||
		buf[0] != version || buf[1] != byte(purpose) {
		return Claims{}, ErrInvalid
	}
	nonce := buf[header : header+chacha20poly1305.NonceSizeX]
	plain, err := sealer(key).Open(nil, nonce, buf[header+len(nonce):], buf[:header])
	if err != nil {
		return Claims{}, ErrInvalid
	}
	c, err := decode(plain)
	if err != nil {
		return Claims{}, fmt.Errorf("%w: %v", ErrInvalid, err)
	}
	c.Purpose = purpose
	if !c.Expires.IsZero() && !now.Before(c.Expires) {
		return c, ErrExpired
	}
	return c, nil
}

// sealer derives the key of tokens. HKDF refuses only lengths that no SHA-256 can give, and the cipher only
// a key of another length than the one asked for here, so neither can fail.
func sealer(master []byte) cipher.AEAD {
	key, _ := hkdf.Key(sha256.New, master, nil, info, chacha20poly1305.KeySize)
	aead, _ := chacha20poly1305.NewX(key)
	return aead
}
