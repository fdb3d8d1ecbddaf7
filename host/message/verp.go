package message

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"strings"

	"github.com/google/uuid"
)

// Variable envelope return paths: each mail's envelope sender names the mail, so that whatever comes back tells which one
// it is about, however the other side words it. A short code made with the store's key keeps others from inventing
// bounces.

// returnCode writes what must survive a server that changes the case of letters.
var returnCode = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

const (
	returnIDLength  = 26 // 128 bits
	returnMACLength = 8  // 40 bits
)

// ReturnPath is the envelope sender of a message: rebotes+<id and code>@tienda.es, with "rebotes@tienda.es" in
// Settings.Returns. It is Returns itself where the id is no UUID or the result would be too long (RFC 5321 4.5.3.1),
// and "" while Returns is not set.
func ReturnPath(set Settings, id string) string {
	local, domain, found := strings.Cut(set.Returns, "@")
	parsed, err := uuid.Parse(id)
	if !found || err != nil || len(id) != 36 {
		return set.Returns
	}
	local += "+" + returnCode.EncodeToString(parsed[:]) + returnMAC(set, parsed)
	if len(local) > 64 {
		return set.Returns
	}
	return local + "@" + domain
}

// IDOfReturnPath is the id of the message whose ReturnPath an envelope's recipient is; it reports false for any other
// address, and for one that this store did not make.
func IDOfReturnPath(set Settings, recipient string) (id string, ok bool) {
	local, domain, found := strings.Cut(strings.ToLower(set.Returns), "@")
	if !found {
		return "", false
	}
	code, ok := strings.CutPrefix(strings.ToLower(recipient), local+"+")
	if !ok {
		return "", false
	}
	if code, ok = strings.CutSuffix(code, "@"+domain); !ok || len(code) != returnIDLength+returnMACLength {
		return "", false
	}
	raw, err := returnCode.DecodeString(code[:returnIDLength])
	if err != nil {
		return "", false
	}
	parsed, err := uuid.FromBytes(raw)
	if err != nil || subtle.ConstantTimeCompare([]byte(returnMAC(set, parsed)), []byte(code[returnIDLength:])) != 1 {
		return "", false
	}
	return parsed.String(), true
}

func returnMAC(set Settings, id uuid.UUID) string {
	mac := hmac.New(sha256.New, set.ReturnKey)
	mac.Write([]byte("return path\x00"))
	mac.Write(id[:])
	return returnCode.EncodeToString(mac.Sum(nil))[:returnMACLength]
}
