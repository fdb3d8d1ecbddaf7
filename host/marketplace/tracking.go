package marketplace

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/consent/token"
)

// What is noted of an opening or a click is the mail, the link, when, and whether a machine seems to have done it: not
// from where, nor with what. It is for orientation, not proof, so it is gathered for a moment and kept many at a time: a
// mailing that a thousand people open at once costs one write of the disk a second. A crash loses that moment.

// maxFetches bounds what is gathered; more is not noted. Links lead on all the same.
const maxFetches = 20_000

// fetches gathers openings and clicks until it can be told who made them, and hands them to the engine.
type fetches struct {
	engine Engine
	log    hclog.Logger
	now    func() time.Time

	mu sync.Mutex
	// pending are the fetches of each mail, oldest first; count is how many there are of all.
	pending map[string][]fetch
	count   int
	lost    int
}

func newFetches(engine Engine, log hclog.Logger, now func() time.Time) *fetches {
	return &fetches{engine: engine, log: log, now: now, pending: map[string][]fetch{}}
}

func (g *fetches) add(f fetch) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.count == maxFetches {
		g.lost++
		return
	}
	g.pending[f.message] = append(g.pending[f.message], f)
	g.count++
}

// run hands over what is settled once a second until ctx ends, and then the rest.
func (g *fetches) run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			g.flush(ctx, g.now().Add(-burstWindow))
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
			defer cancel()
			g.flush(last, g.now().Add(time.Hour))
			return
		}
	}
}

// flush hands over what happened before a time: nothing that comes later can change what it is taken for. What happened
// after it stays, and is looked at as well.
func (g *fetches) flush(ctx context.Context, before time.Time) {
	acts, lost := g.settled(before)
	if lost > 0 {
		g.log.Warn("more openings and clicks than can be noted", "lost", lost)
	}
	if len(acts) == 0 {
		return
	}
	if err := g.engine.Note(ctx, acts); err != nil {
		g.log.Error("openings and clicks are lost", "acts", len(acts), "error", err)
	}
}

func (g *fetches) settled(before time.Time) (acts []*mostradorv1.WebAct, lost int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for message, all := range g.pending {
		var left []fetch
		kept := map[noted]bool{}
		for _, f := range all {
			if !f.at.Before(before) {
				left = append(left, f)
				continue
			}
			if !f.at.Before(before.Add(-burstWindow)) { // it is evidence about what comes within the window
				handed := f
				handed.handed = true
				left = append(left, handed)
			} else {
				g.count--
			}
			if f.handed {
				continue
			}
			n := noted{url: f.url, machine: byMachine(f, all)}
			if kept[n] { // pressed twice, or loaded again at once
				continue
			}
			kept[n] = true
			act := &mostradorv1.WebAct{
				Kind: mostradorv1.WebAct_KIND_OPEN, MessageId: message, Url: f.url, Machine: n.machine, Time: timestamppb.New(f.at),
			}
			if f.url != "" {
				act.Kind = mostradorv1.WebAct_KIND_CLICK
			}
			acts = append(acts, act)
		}
		if len(left) == 0 {
			delete(g.pending, message)
		} else {
			g.pending[message] = left
		}
	}
	lost, g.lost = g.lost, 0
	return acts, lost
}

// noted is what tells two acts of one mail apart.
type noted struct {
	url     string
	machine bool
}

// pixel is a transparent picture of one point (GIF89a).
var pixel = []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")

// click leads on to where the store sealed the link to, and nowhere else. It works whatever becomes of the note.
func (s *Server) click(w http.ResponseWriter, r *http.Request) {
	claims, err := token.Open(s.cfg.Key, token.Click, r.PathValue("token"), s.cfg.Now())
	to, ok := Target(claims.URL, "http", "https")
	if err != nil || !ok {
		s.invalid(w, r)
		return
	}
	s.note(r, claims)
	w.Header().Set("Location", to.String())
	w.WriteHeader(http.StatusFound)
}

// open is the picture by whose fetching an opening is noted.
func (s *Server) open(w http.ResponseWriter, r *http.Request) {
	name, isGIF := strings.CutSuffix(r.PathValue("picture"), ".gif")
	claims, err := token.Open(s.cfg.Key, token.Pixel, name, s.cfg.Now())
	if err != nil || !isGIF {
		s.invalid(w, r)
		return
	}
	s.note(r, claims)
	w.Header().Set("Content-Type", "image/gif")
	_, _ = w.Write(pixel)
}

func (s *Server) note(r *http.Request, claims token.Claims) {
	s.fetches.add(fetch{
		message: claims.MessageID, url: claims.URL, sealed: claims.Sealed, at: s.cfg.Now(), declared: declares(r.Method, r.Header),
	})
}

// invalid answers a link that is none of this store's, and counts it against who tries more.
func (s *Server) invalid(w http.ResponseWriter, r *http.Request) {
	if !s.limiter.allow(clientAddr(r, s.cfg.TrustedProxies), badCost, s.cfg.Now()) {
		s.tooMany(w, r)
		return
	}
	s.message(w, &visit{lang: s.language(r, "", "")}, http.StatusNotFound, "invalid")
}
