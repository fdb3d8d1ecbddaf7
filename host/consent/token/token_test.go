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
		"click":           {Purpose: Click, MessageID: claims.ActivationID, URL: "https://tienda.example/oferta?id=1&n=ñ", Sealed: now},
		"open":            {Purpose: Pixel, MessageID: claims.ActivationID, Sealed: now},
		"preferences":     {Purpose: Preferences, CustomerID: claims.CustomerID, FirstName: "Ana", Left: "novedades,channel:email", Seen: 1e15},
		"once":            {Purpose: Once, CustomerID: claims.CustomerID, URL: "https://tienda.example/" + strings.Repeat("x", MaxURL-23), Expires: now.Add(time.Hour)},
	} {
		got, err := Open(key, c.Purpose, Seal(key, c), now)
		if err != nil || got != c {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c)
		}
	}
}

func TestATokenFitsIntoALineOfMail(t *testing.T) {
	click := Claims{Purpose: Click, MessageID: claims.ActivationID, URL: "https://tienda.example/ofertas/verano?articulo=12345", Sealed: now}
	for _, c := range []Claims{claims, click} {
		if n := len(Seal(key, c)); n > 200 {
			t.Errorf("%c: %d characters", c.Purpose, n)
		}
	}
}

// TestOldLinksStillOpen opens what the program sealed before tokens had extras: such links are in mails of years.
func TestOldLinksStillOpen(t *testing.T) {
	for sealed, want := range map[string]Claims{
		"AWF-U70Nk1_cHll4ManlBlD9sOYpDE8zrcFljT6ETPRTveQtCkpkwkhoOmkIb7mV6YPHv0HwgONI4O2ho5hrAmI3nHCs_uRf-HdeKAJZb7tyM72-ED-14U3DvX8XxHIJbO6M4JIYIJWO0BBUnbiWNM9r": claims,
		"AWLFo13PpRNSeyR17jo07_JoAcmOzZ5FtRCNH7RCXEf4qG4g7BVZkvAa-H1zhE2L_4TRIvkSc4__m6vcMepx0BqUEw":                                                               {Purpose: OptOut, CustomerID: claims.CustomerID, Language: "en"},
	} {
		if got, err := Open(key, want.Purpose, sealed, now); err != nil || got != want {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

func TestWhatIsTooLongForATokenIsLeftOut(t *testing.T) {
	long := Claims{Purpose: Preferences, URL: strings.Repeat("x", MaxURL+1), Left: strings.Repeat("novedades,", 150) + "ofertas"}
	got, err := Open(key, Preferences, Seal(key, long), now)
	if err != nil || got.URL != "" || len(got.Left) > maxLeft || !strings.HasSuffix(got.Left, ",novedades") {
		t.Errorf("%d bytes of URL, topics %q, %v", len(got.URL), got.Left, err)
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
	f.Add(Seal(key, Claims{Purpose: Click, MessageID: claims.ActivationID, URL: "https://tienda.example/"}))
	f.Add(Seal(key, Claims{Purpose: Preferences, Left: "novedades", Seen: 1}))
	f.Add("")
	f.Add("AWE")
	f.Fuzz(func(t *testing.T, s string) {
		for _, purpose := range []Purpose{Activation, OptOut, Click, Reason, Pixel, Preferences, Once} {
			c, err := Open(key, purpose, s, now)
			if err != nil {
				continue
			}
			if again, err := Open(key, purpose, Seal(key, c), now); err != nil || again != c {
				t.Errorf("%+v became %+v, %v", c, again, err)
			}
		}
	})
}

// FuzzClaims feeds the decoder what a stranger without the key cannot: it must hold nevertheless.
func FuzzClaims(f *testing.F) {
	f.Add(claims.encode())
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{uuidMark})
	f.Add(Claims{MessageID: claims.ActivationID, URL: "https://tienda.example/", Left: "novedades", Seen: 7, Sealed: now}.encode())
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, extraURL, 0xff, 0xff, 0x03})
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
