package main

import (
	"context"
	"fmt"
	"strconv"

	"connectrpc.com/connect"

	"mostrador/host/api/mostradorv1"
)

// messageStates are the states by the names that --state takes.
var messageStates = map[string]mostradorv1.MessageState{
	"queued":     mostradorv1.MessageState_MESSAGE_STATE_QUEUED,
	"sent":       mostradorv1.MessageState_MESSAGE_STATE_SENT,
	"spooled":    mostradorv1.MessageState_MESSAGE_STATE_SPOOLED,
	"failed":     mostradorv1.MessageState_MESSAGE_STATE_FAILED,
	"suppressed": mostradorv1.MessageState_MESSAGE_STATE_SUPPRESSED,
}

func (c *messageListCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	req := &mostradorv1.ListMessagesRequest{State: messageStates[c.State], Limit: c.Limit, Page: c.Page}
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

func (c *messageRetryCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.message.Retry(ctx, connect.NewRequest(&mostradorv1.RetryMessageRequest{Id: c.Message}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.message(resp.Msg.GetMessage()) })
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
