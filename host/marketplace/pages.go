package marketplace

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"strings"
)

//go:embed pages
var pageFiles embed.FS

// pages are the parsed templates. Each is one plain file; what people read in them comes from translations.
type pages struct {
	all *template.Template
	// policy is the Content-Security-Policy: nothing but the one style sheet within the page.
	policy string
}

func newPages(text Text) (*pages, error) {
	style, err := pageFiles.ReadFile("pages/style.css")
	if err != nil {
		return nil, fmt.Errorf("read the pages: %w", err)
	}
	style = bytes.TrimSpace(style)
	all, err := template.New("pages").Funcs(template.FuncMap{
		"style": func() template.CSS { return template.CSS(style) },
		// t is a sentence in the page's language, with its arguments by name.
		"t": func(d pageData, key string, args ...any) string {
			args = append(args, "name", d.Name, "store", d.Store)
			return text(d.Lang, "marketplace."+key, args...)
		},
	}).ParseFS(pageFiles, "pages/*.html")
	if err != nil {
		return nil, fmt.Errorf("read the pages: %w", err)
	}
	sum := sha256.Sum256(style)
	return &pages{
		all: all,
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
			"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	}, nil
}

// pageData is what a page shows.
type pageData struct {
	Lang, Store, Name string
	// Page names the page, Message the sentences of one that only says something.
	Page, Message string
	// Action is where the button posts to, Confirm the hidden value.
	Action, Confirm string
	Policy          []string
	PolicyLang      string
	Code            []string
	// OptOut, Back, Preferences and Reason are addresses of other pages; empty when there is no way there.
	OptOut, Back, Preferences, Reason string
	// Topics are the boxes of a form, Mail the one for all promotional mail.
	Topics []topicData
	Mail   topicData
	// Host is where a link leads on to.
	Host string
}

// page answers with one of the pages.
func (s *Server) page(w http.ResponseWriter, v *visit, status int, name string, d pageData) {
	d.Page, d.Lang, d.Name = name, v.lang, v.claims.FirstName
	if v.profile != nil {
		d.Store = v.profile.StoreName
	}
	var out bytes.Buffer
	if err := s.pages.all.ExecuteTemplate(&out, name+".html", d); err != nil {
		s.log.Error("a page cannot be rendered", "page", name, "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes())
}

// message answers with a page that only says something: KEY_heading and KEY_text.
func (s *Server) message(w http.ResponseWriter, v *visit, status int, key string) {
	s.page(w, v, status, "message", pageData{Message: key})
}

// paragraphs of a plain text, which blank lines part.
func paragraphs(text string) []string {
	var all []string
	for part := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n") {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}

// digits of the short code, one by one, for the page to set apart.
func digits(code string) []string {
	if code == "" {
		return nil
	}
	return strings.Split(code, "")
}
