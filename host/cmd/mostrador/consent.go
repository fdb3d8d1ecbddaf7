package main

import (
	"context"
	"encoding/hex"
	"strconv"
	"strings"

	"connectrpc.com/connect"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

func (c *consentShowCmd) Run(ctx context.Context, s *session) error {
	id, err := s.customerID(ctx, c.Customer)
	if err != nil {
		return err
	}
	resp, err := s.api.consent.Show(ctx, connect.NewRequest(&mostradorv1.ShowConsentRequest{CustomerId: id}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.consent(resp.Msg) })
}

func (c *consentVerifyCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.consent.Verify(ctx, connect.NewRequest(&mostradorv1.VerifyConsentRequest{}))
	if err != nil {
		return err
	}
	if err := s.answer(resp.Msg, func() {
		if resp.Msg.GetOk() {
			s.print("chain_ok", "entries", resp.Msg.GetEntries())
		} else {
			s.print("chain_broken", "entry", resp.Msg.GetBrokenAt(), "reason", resp.Msg.GetReason())
		}
	}); err != nil {
		return err
	}
	if !resp.Msg.GetOk() {
		return errSaid
	}
	return nil
}

// consent prints the state per purpose and the evidence behind it.
func (s *session) consent(show *mostradorv1.ShowConsentResponse) {
	rows := s.pairs()
	rows.add(s.say("col_programme"), s.consentState(show.GetConsent().GetProgramme()))
	rows.add(s.say("col_mailing"), s.consentState(show.GetConsent().GetPromotions()))
	if a := show.GetActivation(); a != nil {
		state := s.say("activation_open", "until", s.time(a.GetExpires()), "tries", a.GetTriesLeft())
		if a.GetLocked() {
			state = s.say("activation_locked")
		}
		rows.add(s.say("col_activation"), state)
	}
	rows.print()
	entries := s.table("entry", "time", "act", "purposes", "means", "by", "text", "hash")
	for _, e := range show.GetEntries() {
		var purposes []string
		for _, p := range e.GetPurposes() {
			purposes = append(purposes, s.say("purpose_"+enum(p.String(), "PURPOSE_")))
		}
		act := s.say("act_" + enum(e.GetAct().String(), "CONSENT_ACT_"))
		if e.GetReason() != "" {
			act += " (" + e.GetReason() + ")"
		}
		means := ""
		if e.GetMeans() != plgv1.Means_MEANS_UNSPECIFIED {
			means = s.say("means_" + enum(e.GetMeans().String(), "MEANS_"))
		}
		by := nonEmpty(e.GetActor().GetOperator(), e.GetActor().GetTill(), e.GetActor().GetIp())
		text := ""
		if e.GetText().GetId() != "" {
			text = e.GetText().GetId() + " v" + strconv.Itoa(int(e.GetText().GetVersion())) + " " + e.GetText().GetLanguage()
		}
		entries.add(strconv.FormatUint(e.GetSequence(), 10), s.time(e.GetTime()), act, strings.Join(purposes, ", "),
			means, strings.Join(by, " · "), text, hex.EncodeToString(e.GetHash())[:min(12, 2*len(e.GetHash()))])
	}
	entries.print()
}
