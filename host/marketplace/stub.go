package marketplace

import "net/http"

type Rate struct{}

var DefaultRate Rate

type limiter struct{}

func newLimiter(Rate) *limiter { return nil }

type pages struct{}

func newPages(Text) (*pages, error)                  { return nil, nil }
func subKey(key []byte, info string) ([]byte, error) { return nil, nil }
func (s *Server) routes() http.Handler               { return http.NotFoundHandler() }

// FeedHandler serves a feed to its store (see FeedClient).
func FeedHandler(feed Feed, key []byte) (http.Handler, error) { return http.NotFoundHandler(), nil }
