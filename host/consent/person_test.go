package consent

import (
	"bytes"
	"testing"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

func TestTheStricterConsentHolds(t *testing.T) {
	for _, test := range []struct{ a, b, want plgv1.ConsentState }{
		{given, given, given},
		{given, pending, pending},
		{given, withdrawn, withdrawn},
		{pending, withdrawn, withdrawn},
		{pending, pending, pending},
		{plgv1.ConsentState_CONSENT_STATE_UNSPECIFIED, given, pending},
	} {
		for _, turned := range []bool{false, true} {
			a, b := test.a, test.b
			if turned {
				a, b = b, a
			}
			got := Stricter(&plgv1.Consent{Programme: given, Promotions: a}, &plgv1.Consent{Programme: given, Promotions: b})
			if got.Promotions != test.want || got.Programme != given {
				t.Errorf("%v and %v are %v", a, b, got)
			}
		}
	}
}

// webAct is an act on the web pages from an address that must not stay for ever.
func (s *shop) webAct(kind mostradorv1.WebAct_Kind, id, activation string) {
	s.t.Helper()
	s.feed++
	if err := s.Record(ctx, &mostradorv1.WebAct{
		Sequence: s.feed, Kind: kind, CustomerId: id, ActivationId: activation, Round: 1,
		Means: plgv1.Means_MEANS_LINK, Time: stamp(s.now), Ip: "203.0.113.77", UserAgent: "Lynx-Rareza",
	}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) verified(want bool) {
	s.t.Helper()
	v, err := s.Verify(ctx)
	if err != nil || v.Ok != want {
		s.t.Errorf("the ledger verifies: %v, %v; want %v", v, err, want)
	}
}

func TestTheLedgerForgetsThePersonAndStillVerifies(t *testing.T) {
	s := newShop(t)
	ana, bea := s.register(), s.register()
	for _, c := range []*plgv1.Customer{ana, bea} {
		claims := s.invite(c.Id)
		s.webAct(mostradorv1.WebAct_KIND_ACCEPT, c.Id, claims.ActivationID)
	}
	s.webAct(mostradorv1.WebAct_KIND_OPT_OUT, ana.Id, "")
	s.invite(ana.Id)
	s.verified(true)
	ledger := func() (has int, rows map[string][]byte) {
		rows = map[string][]byte{}
		if err := s.Store.View(func(tx *store.Tx) error {
			for key, value := range tx.Scan(bucketLedger, nil, nil) {
				rows[string(key)] = bytes.Clone(value)
				if bytes.Contains(value, []byte("203.0.113.77")) || bytes.Contains(value, []byte("Lynx-Rareza")) {
					has++
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return has, rows
	}
	if has, _ := ledger(); has != 3 {
		t.Fatalf("%d entries have an address", has)
	}
	forget := func() {
		t.Helper()
		s.update(func(tx *store.Tx) error { return s.Forget(tx, actor, ana.Id, "request") })
	}
	forget()
	has, rows := ledger()
	if has != 1 { // Bea's
		t.Errorf("%d entries have an address", has)
	}
	s.verified(true)
	s.update(func(tx *store.Tx) error {
		entries, err := s.history(tx, ana.Id)
		if err != nil {
			return err
		}
		var acts []mostradorv1.ConsentAct
		for _, e := range entries {
			acts = append(acts, e.Act)
		}
		if len(acts) != 5 || acts[1] != mostradorv1.ConsentAct_CONSENT_ACT_GIVEN || acts[2] != mostradorv1.ConsentAct_CONSENT_ACT_WITHDRAWN ||
			acts[4] != mostradorv1.ConsentAct_CONSENT_ACT_ERASED || entries[4].Reason != "request" {
			t.Errorf("the proof is %v", entries)
		}
		if a, err := s.activation(tx, ana.Id); a != nil || err != nil {
			t.Errorf("an invitation is still there: %v %v", a, err)
		}
		return nil
	})
	forget() // twice is no harm
	s.verified(true)

	// Whoever does not have the store's key cannot pass off a change as a redaction.
	for key, value := range rows {
		forged := bytes.Clone(value)
		forged[len(forged)-40] ^= 1
		s.update(func(tx *store.Tx) error { tx.Put(bucketLedger, []byte(key), forged); return nil })
		s.verified(false)
		s.update(func(tx *store.Tx) error { tx.Put(bucketLedger, []byte(key), value); return nil })
	}
}

func TestAMergeSaysHowConsentStandsFromThereOn(t *testing.T) {
	s := newShop(t)
	ana, bea := s.register(), s.register()
	claims := s.invite(bea.Id)
	s.webAct(mostradorv1.WebAct_KIND_ACCEPT, ana.Id, s.invite(ana.Id).ActivationID)
	state := &plgv1.Consent{Programme: pending, Promotions: withdrawn}
	s.update(func(tx *store.Tx) error { return s.Merged(tx, actor, ana.Id, bea.Id, state) })
	stands := func(programme, promotions plgv1.ConsentState) {
		t.Helper()
		s.update(func(tx *store.Tx) error {
			st, err := s.standing(tx, ana.Id)
			if st.programme != programme || st.promotions != promotions {
				t.Errorf("it stands %v and %v", st.programme, st.promotions)
			}
			return err
		})
	}
	stands(pending, withdrawn)
	// An acceptance from before the merge that comes late does not overrule it; a later one does.
	s.now = s.now.Add(-1)
	s.webAct(mostradorv1.WebAct_KIND_ACCEPT, ana.Id, claims.ActivationID)
	stands(given, withdrawn)
	s.now = s.now.Add(1e9)
	s.webAct(mostradorv1.WebAct_KIND_ACCEPT, ana.Id, s.invite(ana.Id).ActivationID)
	stands(given, given)
	s.verified(true)
}
