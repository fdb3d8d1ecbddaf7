package api

import (
	"context"
	"errors"

	"connectrpc.com/connect"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/host/subscription"
)

// subscriptionServer serves what customers want to hear of.
type subscriptionServer struct{ *server }

// Topics returns the topics, the general one first.
func (s subscriptionServer) Topics(context.Context, *connect.Request[mostradorv1.ListTopicsRequest]) (*connect.Response[mostradorv1.ListTopicsResponse], error) {
	resp := &mostradorv1.ListTopicsResponse{}
	err := s.Store.View(func(tx *store.Tx) (err error) {
		resp.Topics, err = s.Subscriptions.Topics(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(resp), nil
}

// PutTopic creates a topic or changes one.
func (s subscriptionServer) PutTopic(ctx context.Context, req *connect.Request[mostradorv1.PutTopicRequest]) (*connect.Response[mostradorv1.PutTopicResponse], error) {
	kept, err := s.Subscriptions.PutTopic(ctx, actorOf(ctx), req.Msg.GetTopic(), req.Msg.GetCreate())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.PutTopicResponse{Topic: kept}), nil
}

// DeleteTopic forgets a topic.
func (s subscriptionServer) DeleteTopic(ctx context.Context, req *connect.Request[mostradorv1.DeleteTopicRequest]) (*connect.Response[mostradorv1.DeleteTopicResponse], error) {
	if err := s.Subscriptions.DeleteTopic(ctx, actorOf(ctx), req.Msg.GetId()); err != nil {
		return nil, s.topicError(ctx, err)
	}
	return connect.NewResponse(&mostradorv1.DeleteTopicResponse{}), nil
}

// Show returns what a customer hears of.
func (s subscriptionServer) Show(ctx context.Context, req *connect.Request[mostradorv1.ShowSubscriptionsRequest]) (*connect.Response[mostradorv1.ShowSubscriptionsResponse], error) {
	var shown *mostradorv1.ShowSubscriptionsResponse
	err := s.Store.View(func(tx *store.Tx) (err error) {
		shown, err = s.Subscriptions.Show(tx, req.Msg.GetCustomerId(), s.lang(ctx))
		return err
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(shown), nil
}

// Change takes a customer off a topic or channel, or up again.
func (s subscriptionServer) Change(ctx context.Context, req *connect.Request[mostradorv1.ChangeSubscriptionRequest]) (*connect.Response[mostradorv1.ChangeSubscriptionResponse], error) {
	now, err := s.Subscriptions.Change(ctx, actorOf(ctx), req.Msg)
	if err != nil {
		return nil, s.topicError(ctx, err)
	}
	return connect.NewResponse(&mostradorv1.ChangeSubscriptionResponse{Now: now}), nil
}

func (s *server) topicError(ctx context.Context, err error) error {
	if errors.Is(err, subscription.ErrNotFound) {
		return sentence(connect.CodeNotFound, "no_topic", s.Text.Text(locale.FromContext(ctx), "subscription.not_found"))
	}
	return err
}
