package main

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"connectrpc.com/connect"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

type subscriptionTopicsCmd struct{}

type subscriptionPutCmd struct {
	Topic         string  `arg:""`
	Name          string  `placeholder:"NAME"`
	NameEn        *string `placeholder:"NAME"`
	Description   *string `placeholder:"TEXT"`
	DescriptionEn *string `placeholder:"TEXT"`
}

type subscriptionDeleteCmd struct {
	Topic string `arg:""`
}

type subscriptionShowCmd struct {
	Customer string `arg:""`
}

type subscriptionChangeCmd struct {
	Customer string `arg:""`
	Topic    string `placeholder:"TOPIC"`
	Channel  string `placeholder:"email"`
	On       bool   `xor:"on" required:""`
	Off      bool   `xor:"on" required:""`
	Note     string `placeholder:"TEXT"`
	Yes      bool
}

func (c *subscriptionTopicsCmd) Run(ctx context.Context, s *session) error {
	topics, err := s.topics(ctx)
	if err != nil {
		return err
	}
	return s.answer(&mostradorv1.ListTopicsResponse{Topics: topics}, func() {
		rows := s.table("topic", "name", "left", "description")
		for _, t := range topics {
			rows.add(t.GetId(), s.inOwn(t.GetName(), t.GetNameEn()), strconv.FormatUint(t.GetLeft(), 10), s.inOwn(t.GetDescription(), t.GetDescriptionEn()))
		}
		rows.print()
	})
}

// Run makes a topic, or changes the one that there is; what is not given stays as it is.
func (c *subscriptionPutCmd) Run(ctx context.Context, s *session) error {
	topics, err := s.topics(ctx)
	if err != nil {
		return err
	}
	t := &mostradorv1.Topic{Id: c.Topic, Name: c.Name}
	i := slices.IndexFunc(topics, func(t *mostradorv1.Topic) bool { return t.GetId() == c.Topic })
	if i >= 0 {
		t = topics[i]
		t.Name = cmp.Or(c.Name, t.Name)
	}
	for _, f := range []struct {
		given *string
		field *string
	}{{c.NameEn, &t.NameEn}, {c.Description, &t.Description}, {c.DescriptionEn, &t.DescriptionEn}} {
		if f.given != nil {
			*f.field = *f.given
		}
	}
	resp, err := s.api.subscription.PutTopic(ctx, connect.NewRequest(&mostradorv1.PutTopicRequest{Topic: t, Create: i < 0}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.print("topic_put", "topic", resp.Msg.GetTopic().GetName()) })
}

func (c *subscriptionDeleteCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.subscription.DeleteTopic(ctx, connect.NewRequest(&mostradorv1.DeleteTopicRequest{Id: c.Topic}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.print("topic_deleted", "topic", c.Topic) })
}

func (c *subscriptionShowCmd) Run(ctx context.Context, s *session) error {
	id, err := s.customerID(ctx, c.Customer)
	if err != nil {
		return err
	}
	resp, err := s.api.subscription.Show(ctx, connect.NewRequest(&mostradorv1.ShowSubscriptionsRequest{CustomerId: id}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.subscriptions(resp.Msg) })
}

func (c *subscriptionChangeCmd) Run(ctx context.Context, s *session) error {
	id, err := s.customerID(ctx, c.Customer)
	if err != nil {
		return err
	}
	resp, err := s.api.subscription.Change(ctx, connect.NewRequest(&mostradorv1.ChangeSubscriptionRequest{
		CustomerId: id, Topic: c.Topic, Channel: c.Channel, On: c.On, Note: c.Note, Confirmed: c.Yes,
	}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.subscriptions(resp.Msg.GetNow()) })
}

func (s *session) topics(ctx context.Context) ([]*mostradorv1.Topic, error) {
	api, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := api.subscription.Topics(ctx, connect.NewRequest(&mostradorv1.ListTopicsRequest{}))
	if err != nil {
		return nil, err
	}
	return resp.Msg.GetTopics(), nil
}

// inOwn is the text in the language of the command.
func (s *session) inOwn(es, en string) string {
	if strings.HasPrefix(s.lang, "en") {
		return cmp.Or(en, es)
	}
	return es
}

// subscriptions prints how a customer stands, and what led to that.
func (s *session) subscriptions(show *mostradorv1.ShowSubscriptionsResponse) {
	if show.GetNotice() != "" {
		s.print("subscription_notice", "notice", show.GetNotice())
	}
	row := func(sub *mostradorv1.Subscription) []string {
		what, state, means, since := sub.GetTopic(), "subscription_off", "", ""
		if what == "" {
			what = sub.GetChannel()
		}
		if sub.GetOn() {
			state = "subscription_on"
		}
		if sub.GetSince() != nil {
			since = s.time(sub.GetSince())
			means = s.say("means_merge")
			if sub.GetMeans() != plgv1.Means_MEANS_UNSPECIFIED {
				means = s.say("means_" + enum(sub.GetMeans().String(), "MEANS_"))
			}
		}
		return []string{what, s.say(state), since, means, sub.GetActor().GetOperator(), sub.GetNote()}
	}
	now := s.table("topic", "state", "since", "means", "by", "note")
	for _, sub := range show.GetSubscriptions() {
		now.add(row(sub)...)
	}
	now.print()
	if len(show.GetHistory()) > 0 {
		s.print("subscription_history")
		history := s.table("topic", "state", "since", "means", "by", "note")
		for _, sub := range show.GetHistory() {
			history.add(row(sub)...)
		}
		history.print()
	}
	if len(show.GetReasons()) > 0 {
		s.print("subscription_reasons")
		reasons := s.table("time", "reason", "text")
		for _, r := range show.GetReasons() {
			reasons.add(s.time(r.GetTime()), s.catalog.Text(s.lang, "subscription.reason_"+r.GetReason()), r.GetWords())
		}
		reasons.print()
	}
}
