package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"connectrpc.com/connect"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

type templateListCmd struct {
	Words []string `arg:"" optional:""`
}

type templateShowCmd struct {
	Template string `arg:""`
	In       string `placeholder:"es|en"`
	HTML     bool   `name:"html" xor:"form"`
	Text     bool   `xor:"form"`
}

type templatePutCmd struct {
	Template string   `arg:"" optional:""`
	Name     string   `placeholder:"NAME"`
	Theme    string   `placeholder:"NAME"`
	Sort     string   `enum:"transactional,promotional," default:"" placeholder:"transactional|promotional"`
	In       string   `default:"es" placeholder:"es|en"`
	HTMLFile string   `name:"html-file" placeholder:"FILE"`
	TextFile string   `placeholder:"FILE"`
	Without  []string `placeholder:"es|en" sep:"none"`
}

type templateDeleteCmd struct {
	Template string `arg:""`
}

type templatePreviewCmd struct {
	Template string `arg:"" optional:""`
	In       string `placeholder:"es|en"`
	Customer string `placeholder:"CUSTOMER"`
	HTMLFile string `name:"html-file" placeholder:"FILE"`
	HTML     bool   `name:"html" xor:"form"`
	Text     bool   `xor:"form"`
}

type templateVersionsCmd struct {
	Template string `arg:""`
	In       string `placeholder:"es|en"`
}

type templateRestoreCmd struct {
	Template string `arg:""`
	Version  uint32 `arg:"" optional:""`
	In       string `default:"es" placeholder:"es|en"`
}

type templateTestCmd struct {
	Template string `arg:""`
	To       string `arg:""`
	In       string `placeholder:"es|en"`
	Customer string `placeholder:"CUSTOMER"`
}

type templateVariablesCmd struct{}

func (c *templateListCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.template.List(ctx, connect.NewRequest(&mostradorv1.ListTemplatesRequest{Text: strings.Join(c.Words, " ")}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		rows := s.table("theme", "name", "template", "sort", "languages", "used_by")
		for _, t := range resp.Msg.GetTemplates() {
			var languages []string
			for _, text := range t.GetTexts() {
				languages = append(languages, text.GetLanguage())
			}
			rows.add(t.GetTheme(), t.GetName(), t.GetId(), s.templateSort(t), strings.Join(languages, " "), strings.Join(t.GetUsedBy(), ", "))
		}
		rows.print()
	})
}

// Run prints what there is of a template, or with --html or --text only that text, as it is.
func (c *templateShowCmd) Run(ctx context.Context, s *session) error {
	t, err := s.template(ctx, c.Template)
	if err != nil {
		return err
	}
	text := t.GetTexts()[:min(len(t.GetTexts()), 1)]
	for i, one := range t.GetTexts() {
		if one.GetLanguage() == c.In || c.In == "" && one.GetLanguage() == s.lang {
			text = t.GetTexts()[i : i+1]
		}
	}
	switch {
	case c.HTML && len(text) > 0:
		fmt.Fprintln(s.out, text[0].GetHtml())
		return nil
	case c.Text && len(text) > 0:
		fmt.Fprintln(s.out, text[0].GetText())
		return nil
	}
	return s.answer(t, func() { s.showTemplate(t) })
}

func (c *templatePutCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	t := &mostradorv1.Template{Id: c.Template, Name: c.Name, Theme: c.Theme, Kind: kindsByName[c.Sort]}
	if c.HTMLFile != "" || c.TextFile != "" {
		text := &mostradorv1.TemplateText{Language: c.In}
		if c.Template != "" && (c.HTMLFile == "" || c.TextFile == "") {
			// The one that no file is given for stays.
			now, err := s.template(ctx, c.Template)
			if err != nil {
				return err
			}
			for _, one := range now.GetTexts() {
				if one.GetLanguage() == c.In {
					text.Html, text.Text = one.GetHtml(), one.GetText()
				}
			}
		}
		if err := s.fromFile(&text.Html, c.HTMLFile); err != nil {
			return err
		}
		if err := s.fromFile(&text.Text, c.TextFile); err != nil {
			return err
		}
		t.Texts = append(t.Texts, text)
	}
	resp, err := api.template.Put(ctx, connect.NewRequest(&mostradorv1.PutTemplateRequest{Template: t, Remove: c.Without}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		s.showTemplate(resp.Msg.GetTemplate())
		s.checks(resp.Msg.GetChecks())
	})
}

// fromFile replaces a text by what a file holds, when one is named.
func (s *session) fromFile(text *string, name string) error {
	if name == "" {
		return nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return s.fault("unreadable_file", "file", name)
	}
	*text = string(data)
	return nil
}

func (c *templateDeleteCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.template.Delete(ctx, connect.NewRequest(&mostradorv1.DeleteTemplateRequest{Id: c.Template}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.print("template_deleted") })
}

func (c *templatePreviewCmd) Run(ctx context.Context, s *session) error {
	req, err := s.templatePreview(ctx, c.Template, c.In, c.Customer)
	if err != nil {
		return err
	}
	if err := s.fromFile(&req.Html, c.HTMLFile); err != nil {
		return err
	}
	if c.Template == "" && c.HTMLFile == "" {
		return misused(s.say("misuse_missing_arguments", "what", "<template>"))
	}
	resp, err := s.api.template.Preview(ctx, connect.NewRequest(req))
	if err != nil {
		return err
	}
	mail := resp.Msg.GetMail()
	switch {
	case c.HTML && mail != nil:
		fmt.Fprintln(s.out, mail.GetHtml())
		return nil
	case c.Text && mail != nil:
		fmt.Fprintln(s.out, mail.GetText())
		return nil
	}
	return s.answer(resp.Msg, func() {
		if mail != nil {
			rows := s.pairs()
			rows.add(s.say("col_to"), mail.GetTo())
			rows.add(s.say("col_subject"), mail.GetSubject())
			rows.add(s.say("col_size"), strconv.FormatInt((resp.Msg.GetSize()+1023)>>10, 10)+" KB")
			rows.print()
			fmt.Fprintf(s.out, "\n%s\n", mail.GetText())
		}
		s.checks(resp.Msg.GetChecks())
	})
}

// templatePreview is what a preview and a test mail are asked for with.
func (s *session) templatePreview(ctx context.Context, id, lang, customer string) (*mostradorv1.PreviewTemplateRequest, error) {
	if _, err := s.connect(ctx); err != nil {
		return nil, err
	}
	req := &mostradorv1.PreviewTemplateRequest{Id: id, Language: lang}
	var err error
	if customer != "" {
		req.CustomerId, err = s.customerID(ctx, customer)
	}
	return req, err
}

func (c *templateVersionsCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.template.Versions(ctx, connect.NewRequest(&mostradorv1.ListTemplateVersionsRequest{Id: c.Template, Language: c.In}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		rows := s.table("version", "language", "time", "operator", "messages")
		for _, v := range resp.Msg.GetVersions() {
			rows.add(strconv.Itoa(int(v.GetVersion())), v.GetLanguage(), s.time(v.GetTime()), v.GetActor().GetOperator(), strconv.FormatUint(v.GetMessages(), 10))
		}
		rows.print()
	})
}

// Run puts an earlier version in force again, or what the plug-in brings when none is named.
func (c *templateRestoreCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	req := &mostradorv1.PutTemplateRequest{Template: &mostradorv1.Template{Id: c.Template}, Restore: c.Version == 0}
	if c.Version > 0 {
		versions, err := api.template.Versions(ctx, connect.NewRequest(&mostradorv1.ListTemplateVersionsRequest{Id: c.Template, Language: c.In}))
		if err != nil {
			return err
		}
		for _, v := range versions.Msg.GetVersions() {
			if v.GetVersion() == c.Version {
				req.Template.Texts = []*mostradorv1.TemplateText{{Language: v.GetLanguage(), Html: v.GetHtml(), Text: v.GetText()}}
			}
		}
		if req.Template.Texts == nil {
			return s.fault("no_template_version", "version", c.Version, "language", c.In)
		}
	}
	resp, err := api.template.Put(ctx, connect.NewRequest(req))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.showTemplate(resp.Msg.GetTemplate()) })
}

func (c *templateTestCmd) Run(ctx context.Context, s *session) error {
	req, err := s.templatePreview(ctx, c.Template, c.In, c.Customer)
	if err != nil {
		return err
	}
	resp, err := s.api.template.SendTest(ctx, connect.NewRequest(&mostradorv1.SendTestTemplateRequest{Preview: req, To: c.To}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { fmt.Fprintln(s.out, resp.Msg.GetWords()) })
}

func (c *templateVariablesCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.template.Variables(ctx, connect.NewRequest(&mostradorv1.ListVariablesRequest{}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		rows := s.pairs()
		for _, v := range resp.Msg.GetVariables() {
			rows.add(v.GetWritten(), v.GetWords(), v.GetExample())
		}
		rows.print()
	})
}

// template reads a template with its texts.
func (s *session) template(ctx context.Context, id string) (*mostradorv1.Template, error) {
	api, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := api.template.Get(ctx, connect.NewRequest(&mostradorv1.GetTemplateRequest{Id: id}))
	if err != nil {
		return nil, err
	}
	return resp.Msg.GetTemplate(), nil
}

func (s *session) showTemplate(t *mostradorv1.Template) {
	rows := s.pairs()
	rows.add(s.say("col_template"), t.GetId())
	rows.add(s.say("col_name"), t.GetName())
	rows.add(s.say("col_theme"), t.GetTheme())
	rows.add(s.say("col_sort"), s.templateSort(t))
	for _, text := range t.GetTexts() {
		version := ""
		if text.GetVersion() > 0 {
			version = " (" + s.say("template_version", "n", text.GetVersion()) + ")"
		}
		rows.add(text.GetLanguage(), text.GetSubject()+version)
	}
	rows.addIf(s.say("col_setting"), t.GetSetting())
	rows.addIf(s.say("col_used_by"), strings.Join(t.GetUsedBy(), ", "))
	rows.print()
}

// checks prints what of a check list is not all well.
func (s *session) checks(checks []*mostradorv1.TemplateCheck) {
	for _, c := range checks {
		if c.GetSeverity() != plgv1.Severity_SEVERITY_INFO {
			fmt.Fprintln(s.out, "- "+c.GetWords())
		}
	}
}

var kindsByName = map[string]plgv1.MessageKind{
	"transactional": plgv1.MessageKind_MESSAGE_KIND_TRANSACTIONAL,
	"promotional":   plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL,
}

func (s *session) templateSort(t *mostradorv1.Template) string {
	return s.say("template_" + enum(t.GetKind().String(), "MESSAGE_KIND_"))
}
