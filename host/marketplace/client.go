package marketplace

import (
	"context"
	"net/http"

	"mostrador/host/api/mostradorv1"
)

// FeedClient reads the feed of a web tier in another place, by HTTPS from the store outwards.
type FeedClient struct {
	url  string
	key  string
	http *http.Client
}

// NewFeedClient returns the feed at url, where FeedHandler answers; key is the store's master key.
func NewFeedClient(url string, key []byte, client *http.Client) (*FeedClient, error) {
	return &FeedClient{url: url, http: client}, nil
}

// Read implements Feed.
func (c *FeedClient) Read(ctx context.Context, after uint64, limit int) ([]*mostradorv1.WebAct, error) {
	return nil, nil
}

// Publish implements Feed.
func (c *FeedClient) Publish(ctx context.Context, p *Profile) error { return nil }
