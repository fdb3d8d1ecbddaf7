package marketplace

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protodelim"

	"mostrador/host/api/mostradorv1"
)

// The feed between a store and a web tier in another place is two requests, both from the store outwards:
//
//	GET  /feed?after=SEQUENCE&limit=N   acts in protobuf, each behind its length; waits up to feedWait
//	PUT  /profile                       the profile in JSON
//
// with "Authorization: Bearer" and a key that both sides derive from the store's master key.
const (
	feedInfo   = "mostrador/marketplace/feed/v1"
	feedWait   = 25 * time.Second
	feedLimit  = 1000
	maxProfile = 4 << 20
)

func feedKey(master []byte) (string, error) {
	key, err := subKey(master, feedInfo)
	if err != nil {
		return "", err
	}
	return "Bearer " + base64.RawURLEncoding.EncodeToString(key), nil
}

// FeedHandler serves a feed to its store (see FeedClient); key is the store's master key. Mount it with its
// prefix stripped, behind TLS.
func FeedHandler(feed Feed, key []byte) (http.Handler, error) {
	bearer, err := feedKey(key)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /feed", func(w http.ResponseWriter, r *http.Request) { serveFeed(feed, w, r) })
	mux.HandleFunc("PUT /profile", func(w http.ResponseWriter, r *http.Request) {
		p := &Profile{}
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxProfile)).Decode(p); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err := feed.Publish(r.Context(), p); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte(bearer)) != 1 {
			http.Error(w, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	}), nil
}

func serveFeed(feed Feed, w http.ResponseWriter, r *http.Request) {
	after, err := strconv.ParseUint(r.FormValue("after"), 10, 64)
	limit, limitErr := strconv.Atoi(r.FormValue("limit"))
	if err != nil || limitErr != nil || limit < 1 {
		http.Error(w, "after and limit are numbers", http.StatusBadRequest)
		return
	}
	// A wait for customers may last longer than a server gives to strangers.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(feedWait + 20*time.Second))
	ctx, cancel := context.WithTimeout(r.Context(), feedWait)
	defer cancel()
	acts, err := feed.Read(ctx, after, min(limit, feedLimit))
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	w.Header().Set("Cache-Control", "no-store")
	for _, act := range acts {
		if _, err := protodelim.MarshalTo(w, act); err != nil {
			return // the store asks again
		}
	}
}

// FeedClient is the feed of a web tier in another place. It is safe for concurrent use.
type FeedClient struct {
	url    string
	bearer string
	http   *http.Client
}

var _ Feed = (*FeedClient)(nil)

// NewFeedClient returns the feed at url, where FeedHandler answers; key is the store's master key. A nil client
// means one with sensible time limits.
func NewFeedClient(url string, key []byte, client *http.Client) (*FeedClient, error) {
	bearer, err := feedKey(key)
	if err != nil {
		return nil, err
	}
	if client == nil {
		client = &http.Client{Timeout: feedWait + 20*time.Second}
	}
	return &FeedClient{url: strings.TrimRight(url, "/"), bearer: bearer, http: client}, nil
}

// Read implements Feed.
func (c *FeedClient) Read(ctx context.Context, after uint64, limit int) ([]*mostradorv1.WebAct, error) {
	query := url.Values{"after": {strconv.FormatUint(after, 10)}, "limit": {strconv.Itoa(max(limit, 1))}}
	for {
		acts, err := c.read(ctx, query)
		if err != nil && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil || len(acts) > 0 {
			return acts, err
		}
	}
}

// read is one request; no act means that nothing happened for a while. When the line breaks within the answer
// what was whole is returned.
func (c *FeedClient) read(ctx context.Context, query url.Values) ([]*mostradorv1.WebAct, error) {
	response, err := c.do(ctx, http.MethodGet, "/feed?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, readErr := io.ReadAll(response.Body)
	reader := bytes.NewReader(body)
	var acts []*mostradorv1.WebAct
	for {
		act := &mostradorv1.WebAct{}
		if err := protodelim.UnmarshalFrom(reader, act); err != nil {
			if len(acts) == 0 && (readErr != nil || !errors.Is(err, io.EOF)) {
				return nil, fmt.Errorf("read the web feed: %w", errors.Join(readErr, err))
			}
			return acts, nil
		}
		acts = append(acts, act)
	}
}

// Publish implements Feed.
func (c *FeedClient) Publish(ctx context.Context, p *Profile) error {
	body, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("publish the store's profile: %w", err)
	}
	response, err := c.do(ctx, http.MethodPut, "/profile", body)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

func (c *FeedClient) do(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask the web tier: %w", err)
	}
	request.Header.Set("Authorization", c.bearer)
	response, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask the web tier: %w", err)
	}
	if response.StatusCode/100 != 2 {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 500))
		response.Body.Close()
		return nil, fmt.Errorf("ask the web tier: %s: %s", response.Status, bytes.TrimSpace(text))
	}
	return response, nil
}
