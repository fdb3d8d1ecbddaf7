package marketplace

import (
	"net/http"
	"slices"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/consent/token"
	"mostrador/sdk/plgv1"
)

const (
	fieldReason = "reason"
	fieldWords  = "words"
	// maxWords is the longest reason in somebody's own words, in bytes; the field of the page takes 500 characters.
	maxWords = 1500
)

// reasons are the ways to say why one leaves (seed 001), in the order of the page.
var reasons = []string{"too_many", "not_interesting", "never_asked", "other"}

func (s *Server) showReason(w http.ResponseWriter, r *http.Request, v *visit) {
	s.askReason(w, r, v, http.StatusOK)
}

func (s *Server) askReason(w http.ResponseWriter, r *http.Request, v *visit, status int) {
	action := "/m/" + v.token
	d := pageData{Action: action, Confirm: s.confirmation(action), Preferences: s.linkTo(v, token.Preferences)}
	for _, reason := range reasons {
		d.Topics = append(d.Topics, topicData{ID: reason, Name: s.cfg.Text(v.lang, "marketplace.reason_"+reason), On: r.PostForm.Get(fieldReason) == reason})
	}
	d.Back = s.wayBack(r, v)
	s.page(w, v, status, "reason", d)
}

// explain is the press of the button.
func (s *Server) explain(w http.ResponseWriter, r *http.Request, v *visit) {
	again := func() { s.askReason(w, r, v, http.StatusUnprocessableEntity) }
	if !s.confirmed(w, r, v, "/m/"+v.token, again) {
		return
	}
	act := s.act(r, v, mostradorv1.WebAct_KIND_REASON, plgv1.Means_MEANS_LINK)
	act.Reason, act.Words = r.PostForm.Get(fieldReason), visibleLines(r.PostForm.Get(fieldWords), maxWords)
	if !slices.Contains(reasons, act.Reason) {
		if act.Words == "" { // nothing was said
			again()
			return
		}
		act.Reason = "other"
	}
	if s.keep(w, r, v, act) {
		s.page(w, v, http.StatusOK, "explained", pageData{Back: s.wayBack(r, v), Preferences: s.linkTo(v, token.Preferences)})
	}
}

// wayBack is the page on which who has just left can accept again, or "" when that is over: then the store can send him
// the invitation again.
func (s *Server) wayBack(r *http.Request, v *visit) string {
	left, err := s.latest(r.Context(), v, mostradorv1.WebAct_KIND_OPT_OUT)
	if err != nil || left == nil {
		return ""
	}
	return s.linkTo(v, token.OptOut) + "/volver"
}
