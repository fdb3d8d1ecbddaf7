package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"connectrpc.com/connect"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

func (c *segmentListCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.segment.List(ctx, connect.NewRequest(&mostradorv1.ListSegmentsRequest{}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		rows := s.table("id", "name", "customers", "state", "expression")
		for _, segment := range resp.Msg.GetSegments() {
			rows.add(strconv.Itoa(int(segment.GetId())), segment.GetName(), strconv.FormatUint(segment.GetCustomers(), 10),
				s.segmentState(segment), segment.GetExpression())
		}
		rows.print()
	})
}

// Run shows a segment and the first of its members.
func (c *segmentShowCmd) Run(ctx context.Context, s *session) error {
	segment, err := s.segment(ctx, c.Segment)
	if err != nil {
		return err
	}
	resp, err := s.api.customer.Search(ctx, connect.NewRequest(&mostradorv1.SearchRequest{
		Filter: &mostradorv1.Filter{Segments: []uint32{segment.GetId()}}, Order: mostradorv1.Order_ORDER_NAME, Limit: c.Limit,
	}))
	if err != nil {
		return err
	}
	return s.answer(segment, func() {
		s.showSegment(segment)
		fmt.Fprintln(s.out)
		s.members(resp.Msg.GetCustomers())
	})
}

// Run makes a segment, or changes the one of that name or id; what is not given stays as it is.
func (c *segmentPutCmd) Run(ctx context.Context, s *session) error {
	segment, err := s.findSegment(ctx, c.Segment)
	if err != nil {
		return err
	}
	if segment == nil {
		segment = &mostradorv1.Segment{Name: c.Segment}
	}
	if c.Expression != "" {
		segment.Condition, segment.Expression = nil, c.Expression
		if segment.Expression == "-" {
			if segment.Expression, err = s.readFile("-"); err != nil {
				return err
			}
		}
	}
	if c.Description != nil {
		segment.Description = *c.Description
	}
	if c.Rename != "" {
		segment.Name = c.Rename
	}
	resp, err := s.api.segment.Put(ctx, connect.NewRequest(&mostradorv1.PutSegmentRequest{Segment: segment}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.showSegment(resp.Msg.GetSegment()) })
}

func (c *segmentDeleteCmd) Run(ctx context.Context, s *session) error {
	segment, err := s.segment(ctx, c.Segment)
	if err != nil {
		return err
	}
	resp, err := s.api.segment.Delete(ctx, connect.NewRequest(&mostradorv1.DeleteSegmentRequest{Id: segment.GetId()}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.print("segment_deleted", "name", segment.GetName()) })
}

// Run counts who would belong. A condition that is wrong is a refusal.
func (c *segmentPreviewCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.segment.Preview(ctx, connect.NewRequest(&mostradorv1.PreviewSegmentRequest{
		Segment: &mostradorv1.Segment{Expression: c.Expression}, Limit: c.Limit,
	}))
	if err != nil {
		return err
	}
	if wrong := resp.Msg.GetDiagnostics(); len(wrong) > 0 {
		return &refusal{&mostradorv1.Refusal{Diagnostics: wrong}}
	}
	return s.answer(resp.Msg, func() {
		s.print("segment_would", "n", resp.Msg.GetCustomers())
		s.members(resp.Msg.GetFirst())
	})
}

// segment finds a segment by its name, as people compare names, or by its id.
func (s *session) segment(ctx context.Context, key string) (*mostradorv1.Segment, error) {
	found, err := s.findSegment(ctx, key)
	if err == nil && found == nil {
		err = s.fault("no_segment", "name", key)
	}
	return found, err
}

// findSegment is segment, but nil when there is none.
func (s *session) findSegment(ctx context.Context, key string) (*mostradorv1.Segment, error) {
	api, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := api.segment.List(ctx, connect.NewRequest(&mostradorv1.ListSegmentsRequest{}))
	if err != nil {
		return nil, err
	}
	var byID *mostradorv1.Segment
	for _, segment := range resp.Msg.GetSegments() {
		if strings.EqualFold(segment.GetName(), strings.TrimSpace(key)) {
			return segment, nil
		}
		if strconv.Itoa(int(segment.GetId())) == key {
			byID = segment
		}
	}
	return byID, nil
}

func (s *session) showSegment(segment *mostradorv1.Segment) {
	rows := s.pairs()
	rows.add(s.say("col_id"), strconv.Itoa(int(segment.GetId())))
	rows.add(s.say("col_name"), segment.GetName())
	rows.addIf(s.say("col_description"), segment.GetDescription())
	rows.addIf(s.say("col_condition"), segment.GetWords())
	rows.add(s.say("col_expression"), segment.GetExpression())
	rows.add(s.say("col_customers"), strconv.FormatUint(segment.GetCustomers(), 10))
	rows.addIf(s.say("col_state"), s.segmentState(segment))
	rows.print()
}

func (s *session) segmentState(segment *mostradorv1.Segment) string {
	if segment.GetCounting() {
		return s.say("segment_counting", "percent", segment.GetPercent())
	}
	return segment.GetProblem()
}

func (s *session) members(customers []*plgv1.Customer) {
	rows := s.table("id", "name", "phone", "email")
	for _, c := range customers {
		rows.add(c.GetId(), c.GetName(), c.GetPhone(), c.GetEmail())
	}
	rows.print()
}
