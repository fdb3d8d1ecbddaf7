package marketplace

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/consent/token"
	"mostrador/sdk/plgv1"
)

// The preferences page shows how the customer stands as far as the web tier can know: what he had left when the store
// sealed the link, and on top of that what he chose on these pages by acts that the store had not taken over by then
// (token.Claims.Left and Seen; Engine.Choices). What changed in the store since, the page cannot show. So an act says of
// each topic that is not ticked that he does not want it, but only of those that he ticked himself that he wants them: a
// box that was ticked already is no wish, and brings back nothing that he left at the counter meanwhile.

const (
	// keyEmail stands for all promotional mail among topics.
	keyEmail = "channel:email"
	// fieldTopic is sent for every box that is ticked, fieldNone when no mail at all is wanted, fieldSeen for every box
	// that the page had, with "1" behind it when it was ticked.
	fieldTopic = "topic"
	fieldNone  = "none"
	fieldSeen  = "seen"
)

// topicData is one box of the page.
type topicData struct {
	ID, Name, Description string
	On                    bool
	// Seen is what fieldSeen carries.
	Seen string
}

func newTopicData(id, name, description string, on bool) topicData {
	d := topicData{ID: id, Name: name, Description: description, On: on, Seen: id + ":0"}
	if on {
		d.Seen = id + ":1"
	}
	return d
}

// inLanguage is a text of a topic in a language, or in any when it has none.
func inLanguage(texts map[string]string, langs ...string) string {
	for _, lang := range langs {
		if text := texts[base(lang)]; text != "" {
			return text
		}
	}
	return ""
}

// standing is how the customer of a link stands to every topic, and whether he wants mail at all.
func (s *Server) standing(r *http.Request, v *visit) (topics []topicData, mail topicData, err error) {
	choices, err := s.cfg.Engine.Choices(r.Context(), v.claims.CustomerID, v.claims.Seen)
	if err != nil {
		return nil, mail, err
	}
	left := strings.Split(v.claims.Left, ",")
	on := func(key string) bool {
		if chosen, ok := choices[key]; ok {
			return chosen
		}
		return !slices.Contains(left, key)
	}
	for _, t := range v.profile.Topics {
		name := inLanguage(t.Name, v.lang, v.profile.Language, "es")
		topics = append(topics, newTopicData(t.ID, name, inLanguage(t.Description, v.lang, v.profile.Language, "es"), on(t.ID)))
	}
	return topics, newTopicData(keyEmail, "", "", on(keyEmail)), nil
}

func (s *Server) showPreferences(w http.ResponseWriter, r *http.Request, v *visit) {
	s.askPreferences(w, r, v, http.StatusOK)
}

func (s *Server) askPreferences(w http.ResponseWriter, r *http.Request, v *visit, status int) {
	topics, mail, err := s.standing(r, v)
	if err != nil {
		s.fault(w, v, err)
		return
	}
	left, err := s.latest(r.Context(), v, mostradorv1.WebAct_KIND_OPT_OUT)
	if err != nil {
		s.fault(w, v, err)
		return
	}
	action := "/p/" + v.token
	d := pageData{Action: action, Confirm: s.confirmation(action), Topics: topics, Mail: mail, OptOut: s.linkTo(v, token.OptOut)}
	if left != nil {
		d.Back = d.OptOut + "/volver"
	}
	s.page(w, v, status, "preferences", d)
}

// choose is the press of the button.
func (s *Server) choose(w http.ResponseWriter, r *http.Request, v *visit) {
	if !s.confirmed(w, r, v, "/p/"+v.token, func() { s.askPreferences(w, r, v, http.StatusUnprocessableEntity) }) {
		return
	}
	act := s.act(r, v, mostradorv1.WebAct_KIND_PREFERENCES, plgv1.Means_MEANS_LINK)
	act.Topics = chosen(r.PostForm, v.profile.Topics)
	if !s.keep(w, r, v, act) {
		return
	}
	topics, mail, err := s.standing(r, v)
	if err != nil {
		s.fault(w, v, err)
		return
	}
	// What he ticked, he ticked; the rest he does not want.
	topics = slices.DeleteFunc(topics, func(t topicData) bool { return !slices.Contains(r.PostForm[fieldTopic], t.ID) })
	mail.On = r.PostForm.Get(fieldNone) == ""
	s.page(w, v, http.StatusOK, "chosen", pageData{Topics: topics, Mail: mail, Back: "/p/" + v.token})
}

// chosen reads the form: of what the page had, everything that is not wanted, and what is wanted that was not before.
func chosen(form url.Values, topics []Topic) map[string]bool {
	wanted := map[string]bool{keyEmail: form.Get(fieldNone) == ""}
	for _, t := range topics {
		wanted[t.ID] = slices.Contains(form[fieldTopic], t.ID)
	}
	choices := map[string]bool{}
	for _, seen := range form[fieldSeen] {
		key, was := seen[:max(strings.LastIndexByte(seen, ':'), 0)], strings.HasSuffix(seen, ":1")
		if on, known := wanted[key]; known && !(on && was) {
			choices[key] = on
		}
	}
	return choices
}
