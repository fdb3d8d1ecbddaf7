package main

import (
	"context"
	"strconv"
	"strings"

	"connectrpc.com/connect"

	"mostrador/host/api/mostradorv1"
)

type tagListCmd struct{}

type tagPutCmd struct {
	Tag         string  `arg:""`
	Rename      string  `placeholder:"NAME"`
	Description *string `placeholder:"TEXT"`
	Color       string  `placeholder:"#RRGGBB"`
}

type tagDeleteCmd struct {
	Tag        string `arg:""`
	Background bool
}

type tagApplyCmd struct {
	Customers  []string `arg:"" optional:""`
	Add        []string `placeholder:"TAG" sep:"none"`
	Remove     []string `placeholder:"TAG" sep:"none"`
	Everybody  bool
	Query      string   `placeholder:"TEXT"`
	WithTag    []string `placeholder:"TAG" sep:"none"`
	WithoutTag []string `placeholder:"TAG" sep:"none"`
	Segment    []string `placeholder:"NAME" sep:"none"`
	Background bool
}

func (c *tagListCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.tag.List(ctx, connect.NewRequest(&mostradorv1.ListTagsRequest{}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		rows := s.table("id", "name", "customers", "color", "description")
		for _, t := range resp.Msg.GetTags() {
			rows.add(strconv.Itoa(int(t.GetId())), t.GetName(), strconv.FormatUint(t.GetCustomers(), 10), t.GetColor(), t.GetDescription())
		}
		rows.print()
	})
}

// Run makes a tag, or changes the one of that name or id; what is not given stays as it is.
func (c *tagPutCmd) Run(ctx context.Context, s *session) error {
	t, err := s.findTag(ctx, c.Tag)
	if err != nil {
		return err
	}
	if t == nil {
		t = &mostradorv1.Tag{Name: c.Tag}
	}
	if c.Rename != "" {
		t.Name = c.Rename
	}
	if c.Description != nil {
		t.Description = *c.Description
	}
	if c.Color != "" {
		t.Color = c.Color
	}
	resp, err := s.api.tag.Put(ctx, connect.NewRequest(&mostradorv1.PutTagRequest{Tag: t}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		t := resp.Msg.GetTag()
		rows := s.pairs()
		rows.add(s.say("col_id"), strconv.Itoa(int(t.GetId())))
		rows.add(s.say("col_name"), t.GetName())
		rows.addIf(s.say("col_description"), t.GetDescription())
		rows.add(s.say("col_color"), t.GetColor())
		rows.add(s.say("col_customers"), strconv.FormatUint(t.GetCustomers(), 10))
		rows.print()
	})
}

func (c *tagDeleteCmd) Run(ctx context.Context, s *session) error {
	t, err := s.findTag(ctx, c.Tag)
	if err != nil {
		return err
	}
	if t == nil {
		return s.fault("no_tag", "name", c.Tag)
	}
	resp, err := s.api.tag.Delete(ctx, connect.NewRequest(&mostradorv1.DeleteTagRequest{Id: t.GetId()}))
	if err != nil {
		return err
	}
	return s.taskAnswer(ctx, resp.Msg.GetTask(), !c.Background)
}

func (c *tagApplyCmd) Run(ctx context.Context, s *session) error {
	sel, err := c.selection(ctx, s)
	if err != nil {
		return err
	}
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.tag.Apply(ctx, connect.NewRequest(&mostradorv1.ApplyTagsRequest{Selection: sel, Add: c.Add, Remove: c.Remove}))
	if err != nil {
		return err
	}
	if t := resp.Msg.GetTask(); t != nil {
		return s.taskAnswer(ctx, t, !c.Background)
	}
	return s.answer(resp.Msg, func() { s.print("tag_applied", "n", resp.Msg.GetChanged()) })
}

// selection is whom the command means: the customers that are named, or all whom the search finds. Everybody is
// meant only when that was said.
func (c *tagApplyCmd) selection(ctx context.Context, s *session) (*mostradorv1.Selection, error) {
	searched := c.Query != "" || len(c.WithTag)+len(c.WithoutTag)+len(c.Segment) > 0
	if n := len(c.Customers); (n > 0) == (searched || c.Everybody) {
		return nil, misused(s.say("misuse_selection"))
	}
	sel := new(mostradorv1.Selection)
	for _, key := range c.Customers {
		id, err := s.customerID(ctx, key)
		if err != nil {
			return nil, err
		}
		sel.Ids = append(sel.Ids, id)
	}
	if len(sel.Ids) > 0 {
		return sel, nil
	}
	sel.All, sel.Query = true, c.Query
	sel.Filter = &mostradorv1.Filter{Tags: c.WithTag, WithoutTags: c.WithoutTag}
	for _, name := range c.Segment {
		segment, err := s.segment(ctx, name)
		if err != nil {
			return nil, err
		}
		sel.Filter.Segments = append(sel.Filter.Segments, segment.GetId())
	}
	return sel, nil
}

// findTag finds a tag by its name, as people compare names, or by its id; nil when there is none.
func (s *session) findTag(ctx context.Context, key string) (*mostradorv1.Tag, error) {
	api, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := api.tag.List(ctx, connect.NewRequest(&mostradorv1.ListTagsRequest{}))
	if err != nil {
		return nil, err
	}
	var byID *mostradorv1.Tag
	for _, t := range resp.Msg.GetTags() {
		if strings.EqualFold(t.GetName(), strings.TrimSpace(key)) {
			return t, nil
		}
		if strconv.Itoa(int(t.GetId())) == key {
			byID = t
		}
	}
	return byID, nil
}
