package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// messageStates are the states by the names that --state takes.
var messageStates = map[string]mostradorv1.MessageState{
	"queued":     mostradorv1.MessageState_MESSAGE_STATE_QUEUED,
	"sent":       mostradorv1.MessageState_MESSAGE_STATE_SENT,
	"spooled":    mostradorv1.MessageState_MESSAGE_STATE_SPOOLED,
	"failed":     mostradorv1.MessageState_MESSAGE_STATE_FAILED,
	"suppressed": mostradorv1.MessageState_MESSAGE_STATE_SUPPRESSED,
	"cancelled":  mostradorv1.MessageState_MESSAGE_STATE_CANCELLED,
}

func (c *messageListCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	req := &mostradorv1.ListMessagesRequest{
		State: messageStates[c.State], Limit: c.Limit, Page: c.Page,
		Plugin: c.Plugin, Template: c.Template, Rule: c.ByRule, Troubled: c.Troubled,
	}
	if c.Customer != "" {
		if req.CustomerId, err = s.customerID(ctx, c.Customer); err != nil {
			return err
		}
	}
	resp, err := api.message.List(ctx, connect.NewRequest(req))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		rows := s.table("message", "queued", "state", "to", "subject", "answer")
		for _, m := range resp.Msg.GetMessages() {
			rows.add(m.GetId(), s.time(m.GetQueued()), s.messageState(m), m.GetTo(), m.GetSubject(), m.GetLastAnswer())
		}
		rows.print()
		s.nextPage(resp.Msg.GetNextPage())
	})
}

// Run prints a message, or with --eml, --html or --text only that form of its mail, as it is.
func (c *messageShowCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.message.Get(ctx, connect.NewRequest(&mostradorv1.GetMessageRequest{Id: c.Message, Eml: c.Eml}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		mail := resp.Msg.GetMail()
		switch {
		case c.Eml:
			_, _ = s.out.Write(resp.Msg.GetEml())
		case c.HTML:
			fmt.Fprintln(s.out, mail.GetHtml())
		case c.Text:
			fmt.Fprintln(s.out, mail.GetText())
		default:
			s.message(resp.Msg.GetMessage())
			fmt.Fprintf(s.out, "\n%s\n", mail.GetText())
		}
	})
}

// Run sends one message again, or all that failed.
func (c *messageRetryCmd) Run(ctx context.Context, s *session) error {
	if (c.Message == "") != c.Failed {
		return misused(s.say("misuse_message_retry_which"))
	}
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	if c.Failed {
		req := &mostradorv1.RetryFailedRequest{Plugin: c.Plugin, Template: c.Template, Rule: c.ByRule, DryRun: c.DryRun}
		if c.Within > 0 {
			req.Since = timestamppb.New(time.Now().Add(-c.Within))
		}
		resp, err := api.message.RetryFailed(ctx, connect.NewRequest(req))
		if err != nil {
			return err
		}
		return s.answer(resp.Msg, func() {
			fmt.Fprintln(s.out, s.say("message_retried", "n", resp.Msg.GetMessages()))
		})
	}
	resp, err := api.message.Retry(ctx, connect.NewRequest(&mostradorv1.RetryMessageRequest{Id: c.Message}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.message(resp.Msg.GetMessage()) })
}

func (c *messageCancelCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.message.Cancel(ctx, connect.NewRequest(&mostradorv1.CancelMessageRequest{Id: c.Message}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.message(resp.Msg.GetMessage()) })
}

// Run says why a message was or was not sent, or whether a customer would get one now.
func (c *messageWhyCmd) Run(ctx context.Context, s *session) error {
	if (c.Message == "") == (c.Customer == "") {
		return misused(s.say("misuse_message_why_which"))
	}
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	req := &mostradorv1.WhyMessageRequest{Id: c.Message, Topic: c.Topic, Kind: plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL}
	if c.Transactional {
		req.Kind = plgv1.MessageKind_MESSAGE_KIND_TRANSACTIONAL
	}
	if c.Customer != "" {
		if req.CustomerId, err = s.customerID(ctx, c.Customer); err != nil {
			return err
		}
	}
	resp, err := api.message.Why(ctx, connect.NewRequest(req))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		fmt.Fprintln(s.out, resp.Msg.GetWords())
		rows := s.table("check", "passed", "found", "time")
		for _, check := range resp.Msg.GetChecks() {
			passed := s.say("passed_yes")
			if !check.GetPassed() {
				passed = s.say("passed_no")
			}
			rows.add(s.say("checked_"+check.GetCheck()), passed, check.GetWords(), s.time(check.GetTime()))
		}
		rows.print()
	})
}

func (s *session) message(m *mostradorv1.Message) {
	rows := s.pairs()
	rows.add(s.say("col_message"), m.GetId())
	rows.add("Message-ID", m.GetMessageId())
	rows.add(s.say("col_to"), m.GetTo())
	rows.add(s.say("col_subject"), m.GetSubject())
	rows.add(s.say("col_state"), s.messageState(m))
	rows.add(s.say("col_queued"), s.time(m.GetQueued()))
	rows.addIf(s.say("col_sent"), s.time(m.GetSent()))
	rows.add(s.say("col_attempts"), strconv.Itoa(int(m.GetAttempts())))
	rows.addIf(s.say("col_next_attempt"), s.time(m.GetNextAttempt()))
	rows.addIf(s.say("col_answer"), m.GetLastAnswer())
	rows.addIf(s.say("col_plugin"), m.GetPlugin())
	rows.print()
}

func (s *session) messageState(m *mostradorv1.Message) string {
	return s.say("message_" + enum(m.GetState().String(), "MESSAGE_STATE_"))
}
