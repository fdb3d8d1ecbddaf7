package library

import (
	"context"
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/locale"
	"mostrador/host/message"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// language is a BCP 47 tag as templates have them: a language, and perhaps a region.
var language = regexp.MustCompile(`^[a-z]{2,3}(-[A-Z]{2}|-[0-9]{3})?$`)

// Put keeps a template: a new one of the library when wish has no id, else new versions of the texts that differ. The
// languages that wish does not name stay as they are, and those of remove go. restore takes back what was changed of a
// plug-in's template. The check list of the texts comes beside the template; an error in it refuses them. What a person
// can mend is a *customer.Refused.
func (s *Service) Put(ctx context.Context, actor *plgv1.Actor, wish *mostradorv1.Template, remove []string, restore bool) (*mostradorv1.Template, []*mostradorv1.TemplateCheck, error) {
	lang := locale.FromContext(ctx)
	id := wish.GetId()
	var known *mostradorv1.Template
	if id != "" {
		var err error
		if known, err = s.Get(id, lang); err != nil {
			return nil, nil, err
		}
		if known.GetSetting() != "" {
			return nil, nil, s.refuse(lang, "id", "in_guide", "setting", known.GetSetting())
		}
	}
	if restore {
		return s.restore(ctx, known, lang)
	}
	wish, checks, err := s.proper(wish, known, lang)
	if err != nil {
		return nil, checks, err
	}
	err = s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		next, err := s.next(tx, wish, lang)
		if err != nil {
			return err
		}
		id = next.Id
		for _, text := range wish.Texts {
			if err := s.version(tx, actor, next, text); err != nil {
				return err
			}
		}
		next.Texts = slices.DeleteFunc(next.Texts, func(t *mostradorv1.TemplateText) bool { return slices.Contains(remove, t.Language) })
		switch {
		case len(next.Texts) > maxLanguages:
			return s.refuse(lang, "texts", "too_many_languages", "most", maxLanguages)
		case len(next.Texts) == 0 && next.Plugin == "":
			return s.refuse(lang, "texts", "no_text")
		}
		next.Updated = timestamppb.New(s.cfg.Now())
		next.Changed = next.Plugin != ""
		return s.keep(tx, id, next)
	})
	if err != nil {
		return nil, checks, err
	}
	kept, err := s.Get(id, lang)
	return kept, checks, err
}

func (s *Service) refuse(lang, path, key string, args ...any) error {
	return customer.Refuse(path, "template_"+key, s.text(lang, key, args...))
}

// restore puts what a plug-in brings in force again. The versions stay.
func (s *Service) restore(ctx context.Context, known *mostradorv1.Template, lang string) (*mostradorv1.Template, []*mostradorv1.TemplateCheck, error) {
	if known.GetPlugin() == "" {
		return nil, nil, s.refuse(lang, "id", "not_a_plugins")
	}
	err := s.cfg.Store.Update(ctx, func(tx *store.Tx) error { return s.keep(tx, known.Id, nil) })
	if err != nil {
		return nil, nil, err
	}
	kept, err := s.Get(known.Id, lang)
	return kept, nil, err
}

// proper is a wish with clean texts, if they may be kept.
func (s *Service) proper(wish, known *mostradorv1.Template, lang string) (*mostradorv1.Template, []*mostradorv1.TemplateCheck, error) {
	wish = proto.CloneOf(wish)
	wish.Name, wish.Theme = line(wish.Name), line(wish.Theme)
	if wish.Name == "" {
		wish.Name = known.GetName()
	}
	if wish.Theme == "" {
		wish.Theme = known.GetTheme()
	}
	if wish.Theme == "" {
		wish.Theme = s.text(s.cfg.Language(), "own_theme")
	}
	if wish.Kind == plgv1.MessageKind_MESSAGE_KIND_UNSPECIFIED {
		wish.Kind = kindOf(known.GetKind())
	}
	switch {
	case wish.Name == "":
		return nil, nil, s.refuse(lang, "name", "no_name")
	case len(wish.Name) > maxName || len(wish.Theme) > maxName:
		return nil, nil, s.refuse(lang, "name", "long_name", "most", maxName)
	}
	texts := wish.Texts
	if wish.Kind != kindOf(known.GetKind()) && known != nil {
		// A text that was right for one kind may not be for another.
		for _, old := range known.Texts {
			if !slices.ContainsFunc(texts, func(t *mostradorv1.TemplateText) bool { return t.Language == old.Language }) {
				texts = append(texts, proto.CloneOf(old))
			}
		}
	}
	var all []*mostradorv1.TemplateCheck
	for _, t := range texts {
		if !language.MatchString(t.Language) {
			return nil, nil, s.refuse(lang, "texts", "bad_language", "language", t.Language)
		}
		t.Html = strings.ReplaceAll(t.Html, "\r\n", "\n")
		t.Text = strings.ReplaceAll(t.Text, "\r\n", "\n")
		d := message.Draft{Source: message.NewSource(t.Html, t.Text), Kind: wish.Kind, Language: t.Language}
		_, _, checks, err := s.cfg.Messages.Checks(d, lang)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, checks...)
	}
	if refusal := refusalOf(all); refusal != nil {
		return nil, all, &customer.Refused{Refusal: refusal}
	}
	for _, t := range wish.Texts {
		t.Html = message.Sanitize(t.Html)
		t.Subject = message.Subject(t.Html)
	}
	return wish, all, nil
}

// refusalOf is what forbids the texts of a check list; nil for nothing.
func refusalOf(checks []*mostradorv1.TemplateCheck) *mostradorv1.Refusal {
	var refusal *mostradorv1.Refusal
	for _, c := range checks {
		if c.GetSeverity() != plgv1.Severity_SEVERITY_ERROR {
			continue
		}
		if refusal == nil {
			refusal = &mostradorv1.Refusal{}
		}
		refusal.Diagnostics = append(refusal.Diagnostics, &plgv1.Diagnostic{
			Severity: c.GetSeverity(), Summary: c.GetWords(), Path: "texts", Code: "template_" + c.GetCheck(),
		})
	}
	return refusal
}

// next is a template as it is kept now, with the wish's name, theme and kind.
func (s *Service) next(tx *store.Tx, wish *mostradorv1.Template, lang string) (*mostradorv1.Template, error) {
	next := new(mostradorv1.Template)
	id := wish.Id
	found := false
	if id != "" {
		var err error
		if found, err = store.GetProto(tx, bucketTemplate, []byte(id), next); err != nil {
			return nil, err
		}
		if !found && strings.HasPrefix(id, Prefix) {
			return nil, ErrNotFound // taken away meanwhile
		}
	}
	if !found {
		count := 0
		for range tx.Scan(bucketTemplate, nil, nil) {
			count++
		}
		if count >= maxTemplates {
			return nil, s.refuse(lang, "", "too_many", "most", maxTemplates)
		}
		next = &mostradorv1.Template{Id: id}
		if id == "" {
			next.Id = newID(tx, wish.Name)
		} else {
			next.Plugin, _, _ = strings.Cut(id, "/")
		}
	}
	next.Name, next.Theme, next.Kind = wish.Name, wish.Theme, wish.Kind
	return next, nil
}

// newID is an id that was never given: "biblioteca/" and the name.
func newID(tx *store.Tx, name string) string {
	var slug strings.Builder
	for _, r := range customer.Fold(name) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			slug.WriteRune(r)
		case slug.Len() > 0 && !strings.HasSuffix(slug.String(), "-"):
			slug.WriteByte('-')
		}
	}
	base := strings.Trim(slug.String(), "-")
	if base == "" {
		base = "plantilla"
	}
	for n := 1; ; n++ {
		id := Prefix + base
		if n > 1 {
			id += "-" + strconv.Itoa(n)
		}
		used := tx.Get(bucketTemplate, []byte(id)) != nil
		for range tx.Scan(bucketVersion, []byte(id+"\x00"), nil) {
			used = true // by one that was taken away, whose messages remember it
			break
		}
		if !used {
			return id
		}
	}
}

// version puts a text into force, and keeps it, unless it is in force already.
func (s *Service) version(tx *store.Tx, actor *plgv1.Actor, t *mostradorv1.Template, text *mostradorv1.TemplateText) error {
	at := slices.IndexFunc(t.Texts, func(old *mostradorv1.TemplateText) bool { return old.Language == text.Language })
	if at >= 0 && t.Texts[at].Html == text.Html && t.Texts[at].Text == text.Text {
		return nil
	}
	text = proto.CloneOf(text)
	text.Version = 1
	for key := range tx.ScanReverse(bucketVersion, versionPrefix(t.Id, text.Language), nil) {
		text.Version = binary.BigEndian.Uint32(key[len(key)-4:]) + 1
		break
	}
	if at >= 0 {
		t.Texts[at] = text
	} else {
		t.Texts = append(t.Texts, text)
	}
	v := &mostradorv1.TemplateVersion{
		Version: text.Version, Language: text.Language, Time: timestamppb.New(s.cfg.Now()), Actor: actor, Html: text.Html, Text: text.Text,
	}
	if err := store.PutProto(tx, bucketVersion, versionKey(t.Id, text.Language, text.Version), v); err != nil {
		return fmt.Errorf("a version of %s: %w", t.Id, err)
	}
	return nil
}

// Delete takes a template of the library away that nothing uses. Its versions stay for the messages that left with
// them.
func (s *Service) Delete(ctx context.Context, id string) error {
	lang := locale.FromContext(ctx)
	t, err := s.Get(id, lang)
	if err != nil {
		return err
	}
	switch {
	case t.GetPlugin() != "":
		return s.refuse(lang, "id", "a_plugins", "plugin", t.GetPlugin())
	case len(t.GetUsedBy()) > 0:
		return s.refuse(lang, "id", "used", "by", strings.Join(t.GetUsedBy(), ", "))
	}
	return s.cfg.Store.Update(ctx, func(tx *store.Tx) error { return s.keep(tx, id, nil) })
}

// line makes one line of what was typed.
func line(text string) string { return strings.Join(strings.Fields(text), " ") }
