package token

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"
)

var (
	key    = bytes.Repeat([]byte{7}, 32)
	now    = time.Date(2026, 5, 20, 10, 0, 0, 0, time.UTC)
	claims = Claims{
		Purpose:      Activation,
		CustomerID:   "0190f5a4-7d1e-7c3a-9b0e-0123456789ab",
		ActivationID: "0190f5a4-7d1e-7c3a-9b0e-ba9876543210",
		Code:         "0042",
		FirstName:    "Íñigo",
		Language:     "es",
		TextID:       "9f86d081884c7d65",
		Expires:      now.Add(time.Hour),
	}
)

func TestATokenOpensToItsClaims(t *testing.T) {
	for name, c := range map[string]Claims{
		"activation":      claims,
		"opt-out":         {Purpose: OptOut, CustomerID: claims.CustomerID, Language: "en"},
		"ids of any form": {Purpose: OptOut, CustomerID: "c-1", ActivationID: "0190F5A4-7D1E-7C3A-9B0E-BA9876543210"},
		"nothing":         {Purpose: OptOut},
	} {
		got, err := Open(key, c.Purpose, Seal(key, c), now)
		if err != nil || got != c {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c)
		}
	}
}

func TestATokenFitsIntoALineOfMail(t *testing.T) {
	if n := len(Seal(key, claims)); n > 200 {
		t.Errorf("%d characters", n)
	}
}

func TestALongNameIsCutAtACharacter(t *testing.T) {
	c := claims
	c.FirstName = strings.Repeat("ñ", 300)
	got, err := Open(key, Activation, Seal(key, c), now)
	if err != nil || got.FirstName != strings.Repeat("ñ", maxField/2) {
		t.Errorf("%d bytes, %v", len(got.FirstName), err)
	}
}

func TestATokenOpensNoOtherPage(t *testing.T) {
	sealed := Seal(key, claims)
	if _, err := Open(key, OptOut, sealed, now); !errors.Is(err, ErrInvalid) {
		t.Errorf("an activation opened the opt-out page: %v", err)
	}
	raw, _ := base64.RawURLEncoding.DecodeString(sealed)
	raw[1] = byte(OptOut) // relabelled by hand
	if _, err := Open(key, OptOut, base64.RawURLEncoding.EncodeToString(raw), now); !errors.Is(err, ErrInvalid) {
		t.Errorf("a relabelled token opened: %v", err)
	}
}

func TestNoByteOfATokenCanBeChanged(t *testing.T) {
	raw, _ := base64.RawURLEncoding.DecodeString(Seal(key, claims))
	for i := range raw {
		raw[i] ^= 1
		if _, err := Open(key, Activation, base64.RawURLEncoding.EncodeToString(raw), now); err == nil {
			t.Errorf("byte %d may be changed", i)
		}
		raw[i] ^= 1
	}
}

func TestAnotherStoresTokenDoesNotOpen(t *testing.T) {
	other := bytes.Repeat([]byte{8}, 32)
	if _, err := Open(other, Activation, Seal(key, claims), now); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
}

func TestAnExpiredTokenStillSaysWhoseItIs(t *testing.T) {
	got, err := Open(key, Activation, Seal(key, claims), claims.Expires)
	if !errors.Is(err, ErrExpired) || got != claims {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestTheCodeCannotBeReadFromAToken(t *testing.T) {
	raw, _ := base64.RawURLEncoding.DecodeString(Seal(key, claims))
	if bytes.Contains(raw, []byte(claims.Code)) || bytes.Contains(raw, []byte(claims.FirstName)) {
		t.Error("claims in the clear")
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(Seal(key, claims))
	f.Add(Seal(key, Claims{Purpose: OptOut}))
	f.Add("")
	f.Add("AWE")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := Open(key, Activation, s, now)
		if err != nil {
			return
		}
		if again, err := Open(key, Activation, Seal(key, c), now); err != nil || again != c {
			t.Errorf("%+v became %+v, %v", c, again, err)
		}
	})
}

// FuzzClaims feeds the decoder what a stranger without the key cannot: it must hold nevertheless.
func FuzzClaims(f *testing.F) {
	f.Add(claims.encode())
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{uuidMark})
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := decode(data)
		if err != nil {
			return
		}
		if again, err := decode(c.encode()); err != nil || again != c {
			t.Errorf("%+v became %+v, %v", c, again, err)
		}
	})
}
