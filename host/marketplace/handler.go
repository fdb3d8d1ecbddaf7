package marketplace

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/text/language"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/consent/token"
	"mostrador/sdk/plgv1"
)

const (
	// maxBody is enough for the pages' forms and for RFC 8058.
	maxBody = 16 << 10
	// backWindow is how long after an opt-out its page offers the way back, and how long after an acceptance
	// its link shows the code again.
	backWindow = 24 * time.Hour
	// formField is the hidden field that every button sends along.
	formField = "confirm"
	// maxUserAgent is how much of a browser's name is kept as evidence.
	maxUserAgent = 300
)

// subKey derives a key for one use from the store's master key.
func subKey(master []byte, info string) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, master, nil, info, 32)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	return key, nil
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /a/{token}", s.visit(token.Activation, s.showAccept))
	mux.HandleFunc("POST /a/{token}", s.visit(token.Activation, s.accept))
	mux.HandleFunc("GET /b/{token}", s.visit(token.OptOut, s.showOptOut))
	mux.HandleFunc("POST /b/{token}", s.visit(token.OptOut, s.optOut))
	mux.HandleFunc("GET /b/{token}/volver", s.visit(token.OptOut, s.showBack))
	mux.HandleFunc("POST /b/{token}/volver", s.visit(token.OptOut, s.back))
	mux.HandleFunc("GET /p/{token}", s.visit(token.Preferences, s.showPreferences))
	mux.HandleFunc("POST /p/{token}", s.visit(token.Preferences, s.choose))
	mux.HandleFunc("GET /m/{token}", s.visit(token.Reason, s.showReason))
	mux.HandleFunc("POST /m/{token}", s.visit(token.Reason, s.explain))
	mux.HandleFunc("GET /u/{token}", s.visit(token.Once, s.showOnce))
	mux.HandleFunc("POST /u/{token}", s.visit(token.Once, s.useOnce))
	mux.HandleFunc("GET /c/{token}", s.click)
	mux.HandleFunc("GET /o/{picture}", s.open)
	mux.HandleFunc("GET /robots.txt", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("User-agent: *\nDisallow: /\n"))
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		s.message(w, &visit{lang: s.language(r, "", "")}, http.StatusNotFound, "invalid")
	})
	return s.guard(mux)
}

// guard sets the headers that every answer has and holds back who asks too much.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", s.pages.policy)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Robots-Tag", "noindex, nofollow")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "browsing-topics=()")
		if !s.limiter.allow(clientAddr(r, s.cfg.TrustedProxies), 1, s.cfg.Now()) {
			s.tooMany(w, r)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

func (s *Server) tooMany(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", "60")
	s.message(w, &visit{lang: s.language(r, "", "")}, http.StatusTooManyRequests, "too_many")
}

// visit is one request with a good link.
type visit struct {
	token   string
	claims  token.Claims
	profile *Profile
	lang    string
	client  netip.Addr
}

// visit opens the link and refuses, in words, what is no link of this store or is no more.
func (s *Server) visit(purpose token.Purpose, handle func(http.ResponseWriter, *http.Request, *visit)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := &visit{token: r.PathValue("token"), client: clientAddr(r, s.cfg.TrustedProxies)}
		claims, err := token.Open(s.cfg.Key, purpose, v.token, s.cfg.Now())
		if err != nil && !errors.Is(err, token.ErrExpired) {
			s.invalid(w, r)
			return
		}
		v.claims = claims
		profile, profileErr := s.cfg.Engine.Profile(r.Context())
		if profileErr != nil {
			v.lang = s.language(r, claims.Language, "")
			s.fault(w, v, profileErr)
			return
		}
		v.profile = profile
		v.lang = s.language(r, claims.Language, profile.Language)
		if err != nil {
			s.message(w, v, http.StatusGone, expiredKey(purpose))
			return
		}
		handle(w, r, v)
	}
}

// expiredKey is what to say of a link whose time is over.
func expiredKey(purpose token.Purpose) string {
	if purpose == token.Once {
		return "once_expired"
	}
	return "expired"
}

// language is the customer's own, else what his browser asks for, else the store's.
func (s *Server) language(r *http.Request, own, store string) string {
	tags := make([]language.Tag, len(s.cfg.Languages))
	for i, name := range s.cfg.Languages {
		tags[i] = language.Make(name)
	}
	matcher := language.NewMatcher(tags)
	accept := r.Header.Get("Accept-Language")
	if len(accept) > 200 {
		accept = ""
	}
	for _, wish := range []string{own, accept, store} {
		wishes, _, err := language.ParseAcceptLanguage(wish)
		if err != nil || len(wishes) == 0 {
			continue
		}
		if _, i, confidence := matcher.Match(wishes...); confidence > language.No {
			return s.cfg.Languages[i]
		}
	}
	return s.cfg.Languages[0]
}

// latest returns the customer's latest act when it is of a kind and recent enough to speak of, or nil.
func (s *Server) latest(ctx context.Context, v *visit, kind mostradorv1.WebAct_Kind) (*mostradorv1.WebAct, error) {
	act, err := s.cfg.Engine.Latest(ctx, v.claims.CustomerID)
	if err != nil || act.GetKind() != kind || s.cfg.Now().Sub(act.Time.AsTime()) > backWindow {
		return nil, err
	}
	return act, nil
}

// showAccept is the page with the button; who has pressed it lately sees what he saw then.
func (s *Server) showAccept(w http.ResponseWriter, r *http.Request, v *visit) {
	act, err := s.latest(r.Context(), v, mostradorv1.WebAct_KIND_ACCEPT)
	switch {
	case err != nil:
		s.fault(w, v, err)
	case act.GetActivationId() == v.claims.ActivationID && act != nil:
		s.accepted(w, v)
	default:
		s.askAccept(w, v, http.StatusOK, "/a/"+v.token)
	}
}

func (s *Server) askAccept(w http.ResponseWriter, v *visit, status int, action string) {
	text, _ := v.profile.find(v.claims.TextID, v.lang)
	s.page(w, v, status, "accept", pageData{
		Action: action, Confirm: s.confirmation(action), Policy: paragraphs(text.Text), PolicyLang: base(text.Language),
		OptOut: s.linkTo(v, token.OptOut),
	})
}

// accept is the press of the button: seed 000's Opt-In.
func (s *Server) accept(w http.ResponseWriter, r *http.Request, v *visit) {
	action := "/a/" + v.token
	if !s.confirmed(w, r, v, action, func() { s.askAccept(w, v, http.StatusUnprocessableEntity, action) }) {
		return
	}
	if s.keep(w, r, v, s.act(r, v, mostradorv1.WebAct_KIND_ACCEPT, plgv1.Means_MEANS_LINK)) {
		s.accepted(w, v)
	}
}

func (s *Server) accepted(w http.ResponseWriter, v *visit) {
	s.page(w, v, http.StatusOK, "accepted", pageData{Code: digits(v.claims.Code), OptOut: s.linkTo(v, token.OptOut)})
}

// linkTo is the address of another page of the customer of a link.
func (s *Server) linkTo(v *visit, purpose token.Purpose) string {
	path := map[token.Purpose]string{token.OptOut: "/b/", token.Preferences: "/p/", token.Reason: "/m/"}[purpose]
	if v.claims.Purpose == purpose {
		return path + v.token
	}
	claims := v.claims
	claims.Purpose, claims.Code, claims.Expires = purpose, "", time.Time{}
	return path + token.Seal(s.cfg.Key, claims)
}

// showOptOut always shows the button, even to who has left already: in the store he may have come back since.
func (s *Server) showOptOut(w http.ResponseWriter, _ *http.Request, v *visit) {
	s.askOptOut(w, v, http.StatusOK)
}

func (s *Server) askOptOut(w http.ResponseWriter, v *visit, status int) {
	action := "/b/" + v.token
	s.page(w, v, status, "optout", pageData{
		Action: action, Confirm: s.confirmation(action), Preferences: s.linkTo(v, token.Preferences),
	})
}

// optOut is the press of the button, or a mail program's one-click request (RFC 8058), which has no form of
// ours, gets no redirect and needs no page.
func (s *Server) optOut(w http.ResponseWriter, r *http.Request, v *visit) {
	action := "/b/" + v.token
	if !s.parse(w, r, v) {
		return
	}
	if r.PostForm.Get("List-Unsubscribe") == "One-Click" {
		if s.keep(w, r, v, s.act(r, v, mostradorv1.WebAct_KIND_OPT_OUT, plgv1.Means_MEANS_ONE_CLICK)) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = fmt.Fprintln(w, s.cfg.Text(v.lang, "marketplace.optedout_heading"))
		}
		return
	}
	if !s.confirmed(w, r, v, action, func() { s.askOptOut(w, v, http.StatusUnprocessableEntity) }) {
		return
	}
	if s.keep(w, r, v, s.act(r, v, mostradorv1.WebAct_KIND_OPT_OUT, plgv1.Means_MEANS_LINK)) {
		s.page(w, v, http.StatusOK, "optedout", pageData{Back: action + "/volver", Reason: s.linkTo(v, token.Reason)})
	}
}

// showBack is the page on which a customer who has just left can accept again. It asks for the same
// acceptance as the first time, because it is one.
func (s *Server) showBack(w http.ResponseWriter, r *http.Request, v *visit) {
	s.ifLeft(w, r, v, func(action string) { s.askAccept(w, v, http.StatusOK, action) })
}

func (s *Server) back(w http.ResponseWriter, r *http.Request, v *visit) {
	s.ifLeft(w, r, v, func(action string) {
		if !s.confirmed(w, r, v, action, func() { s.askAccept(w, v, http.StatusUnprocessableEntity, action) }) {
			return
		}
		if s.keep(w, r, v, s.act(r, v, mostradorv1.WebAct_KIND_ACCEPT, plgv1.Means_MEANS_LINK)) {
			s.accepted(w, v)
		}
	})
}

// ifLeft goes on for a customer who has left lately by these pages; an opt-out link is in every mail, lives
// long and may be forwarded, so it alone does not let anybody accept.
func (s *Server) ifLeft(w http.ResponseWriter, r *http.Request, v *visit, next func(action string)) {
	left, err := s.latest(r.Context(), v, mostradorv1.WebAct_KIND_OPT_OUT)
	switch {
	case err != nil:
		s.fault(w, v, err)
	case left != nil:
		next("/b/" + v.token + "/volver")
	default:
		again, err := s.latest(r.Context(), v, mostradorv1.WebAct_KIND_ACCEPT)
		if err == nil && again != nil && r.Method == http.MethodPost {
			s.accepted(w, v) // the same press once more
			return
		}
		s.message(w, v, http.StatusGone, "back_gone")
	}
}

// act is what the customer of a link does with this request.
func (s *Server) act(r *http.Request, v *visit, kind mostradorv1.WebAct_Kind, means plgv1.Means) *mostradorv1.WebAct {
	act := &mostradorv1.WebAct{
		Kind:         kind,
		CustomerId:   v.claims.CustomerID,
		ActivationId: v.claims.ActivationID,
		Means:        means,
		UserAgent:    visible(r.UserAgent(), maxUserAgent),
	}
	if v.client.IsValid() {
		act.Ip = v.client.String()
	}
	if text, ok := v.profile.find(v.claims.TextID, v.lang); ok && kind == mostradorv1.WebAct_KIND_ACCEPT {
		act.Text = text.Evidence()
	}
	return act
}

// keep hands the act to the engine and answers for it when that fails.
func (s *Server) keep(w http.ResponseWriter, r *http.Request, v *visit, act *mostradorv1.WebAct) bool {
	kept, repeated, err := s.cfg.Engine.Act(r.Context(), act)
	if err != nil {
		s.fault(w, v, err)
		return false
	}
	s.log.Info("a customer acted", "kind", kept.Kind.String(), "sequence", kept.Sequence, "repeated", repeated)
	return true
}

// parse reads the form, URL-encoded or multipart (RFC 8058 allows both).
func (s *Server) parse(w http.ResponseWriter, r *http.Request, v *visit) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && kind == "multipart/form-data" {
		err = r.ParseMultipartForm(maxBody)
		if r.MultipartForm != nil {
			defer r.MultipartForm.RemoveAll()
		}
	} else {
		err = r.ParseForm()
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		s.message(w, v, http.StatusRequestEntityTooLarge, "invalid")
		return false
	case err != nil:
		s.message(w, v, http.StatusBadRequest, "invalid")
		return false
	}
	return true
}

// confirmation is the value that the form at an address carries. Only who was shown the form can send it
// back: a POST of a program that follows links does not have it, nor does a page of somebody else.
func (s *Server) confirmation(action string) string {
	mac := hmac.New(sha256.New, s.formKey)
	mac.Write([]byte(action))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// confirmed reports whether the form's value came along; otherwise the form is shown again.
func (s *Server) confirmed(w http.ResponseWriter, r *http.Request, v *visit, action string, again func()) bool {
	if r.PostForm == nil && !s.parse(w, r, v) {
		return false
	}
	if subtle.ConstantTimeCompare([]byte(r.PostForm.Get(formField)), []byte(s.confirmation(action))) != 1 {
		again()
		return false
	}
	return true
}

// fault answers when the tier itself fails. The customer's link is good, so he is asked to come back.
func (s *Server) fault(w http.ResponseWriter, v *visit, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	s.log.Error("a page cannot be answered", "error", err)
	w.Header().Set("Retry-After", "120")
	s.message(w, v, http.StatusServiceUnavailable, "fault")
}

// visible keeps the printable part of what a stranger sent.
func visible(text string, most int) string {
	return visibleLines(strings.NewReplacer("\n", "", "\r", "").Replace(text), most)
}

// visibleLines is visible with the ends of lines kept.
func visibleLines(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f || r == '\ufffd' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return text
}
