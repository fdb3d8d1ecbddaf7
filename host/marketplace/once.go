package marketplace

import (
	"crypto/sha256"
	"net/http"
	"net/url"
	"strings"
)

// A link that opens once leads to the address that the store sealed, after a press of the button: mail scanners that
// follow it use nothing up (seed 003: a password is never mailed, a link to make a new one is).

// once opens what the link leads to, or answers.
func (s *Server) once(w http.ResponseWriter, v *visit) (to *url.URL, ok bool) {
	to, ok = Target(v.claims.URL, "https")
	if !ok {
		s.message(w, v, http.StatusNotFound, "invalid")
	}
	return to, ok
}

func (s *Server) showOnce(w http.ResponseWriter, _ *http.Request, v *visit) {
	s.askOnce(w, v, http.StatusOK)
}

func (s *Server) askOnce(w http.ResponseWriter, v *visit, status int) {
	to, ok := s.once(w, v)
	if !ok {
		return
	}
	action := "/u/" + v.token
	// A browser holds where a form leads on to against the policy too.
	w.Header().Set("Content-Security-Policy", strings.Replace(s.pages.policy, "form-action 'self'", "form-action 'self' https://"+to.Host, 1))
	s.page(w, v, status, "once", pageData{Action: action, Confirm: s.confirmation(action), Host: to.Hostname()})
}

// useOnce is the press of the button. Of two presses one leads on.
func (s *Server) useOnce(w http.ResponseWriter, r *http.Request, v *visit) {
	to, ok := s.once(w, v)
	if !ok || !s.confirmed(w, r, v, "/u/"+v.token, func() { s.askOnce(w, v, http.StatusUnprocessableEntity) }) {
		return
	}
	id := sha256.Sum256([]byte(v.token))
	switch first, err := s.cfg.Engine.Use(r.Context(), id[:], v.claims.Expires); {
	case err != nil:
		s.fault(w, v, err)
	case !first:
		s.message(w, v, http.StatusGone, "used")
	default:
		w.Header().Set("Location", to.String())
		w.WriteHeader(http.StatusSeeOther)
	}
}
