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

type customerHistoryCmd struct {
	Customer string   `arg:""`
	About    []string `placeholder:"KIND"`
	Change   string   `placeholder:"FIELD"`
	Limit    int32    `default:"50" placeholder:"N"`
	Page     string   `placeholder:"PAGE"`
}

type customerDuplicatesCmd struct {
	Customer string `arg:"" optional:""`
	Dismiss  string `placeholder:"CUSTOMER"`
	Limit    int32  `default:"50" placeholder:"N"`
}

type customerMergeCmd struct {
	Keep    string   `arg:""`
	Gone    string   `arg:""`
	Take    []string `placeholder:"FIELD"`
	Preview bool
}

type customerUnmergeCmd struct {
	Merge uint64 `arg:""`
}

type customerDiscloseCmd struct {
	Customer string `arg:""`
	File     string `arg:"" placeholder:"FILE.zip"`
}

type customerEraseCmd struct {
	Customer string `arg:""`
	Reason   string `placeholder:"TEXT"`
	Yes      bool
}

func (c *customerHistoryCmd) Run(ctx context.Context, s *session) error {
	id, err := s.customerID(ctx, c.Customer)
	if err != nil {
		return err
	}
	resp, err := s.api.record.History(ctx, connect.NewRequest(&mostradorv1.HistoryRequest{
		CustomerId: id, Limit: c.Limit, Page: c.Page, Field: c.Change, Kinds: c.About,
	}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		rows := s.table("time", "by", "way", "what")
		for _, e := range resp.Msg.GetEntries() {
			rows.add(s.time(e.GetTime()), e.GetActor().GetOperator(), e.GetWay(), e.GetSummary())
			for _, change := range e.GetChanges() {
				rows.add("", "", "", "  "+s.say("change_line", "label", change.GetLabel(), "from", change.GetFrom(), "to", change.GetTo()))
			}
		}
		rows.print()
		s.nextPage(resp.Msg.GetNextPage())
	})
}

// Run lists pairs that may be one person, or says that two are not.
func (c *customerDuplicatesCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	req := &mostradorv1.DuplicatesRequest{Limit: c.Limit}
	if c.Customer != "" {
		if req.CustomerId, err = s.customerID(ctx, c.Customer); err != nil {
			return err
		}
	}
	if c.Dismiss != "" {
		if c.Customer == "" {
			return misused(s.say("dismiss_two"))
		}
		other, err := s.customerID(ctx, c.Dismiss)
		if err != nil {
			return err
		}
		resp, err := api.record.Dismiss(ctx, connect.NewRequest(&mostradorv1.DismissRequest{A: req.CustomerId, B: other}))
		if err != nil {
			return err
		}
		return s.answer(resp.Msg, func() { s.print("dismissed") })
	}
	resp, err := api.record.Duplicates(ctx, connect.NewRequest(req))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		rows := s.table("likely", "customer", "other", "reasons")
		for _, p := range resp.Msg.GetPairs() {
			rows.add(strconv.Itoa(int(p.GetScore())), s.named(p.GetA()), s.named(p.GetB()), strings.Join(p.GetReasons(), "; "))
		}
		rows.print()
		if resp.Msg.GetPercent() < 100 {
			s.print("searching_duplicates", "percent", resp.Msg.GetPercent())
		}
	})
}

// named is a customer's number and name.
func (s *session) named(c *plgv1.Customer) string {
	return fmt.Sprintf("%d %s", c.GetNumber(), c.GetName())
}

func (c *customerMergeCmd) Run(ctx context.Context, s *session) error {
	keep, err := s.customerID(ctx, c.Keep)
	if err != nil {
		return err
	}
	gone, err := s.customerID(ctx, c.Gone)
	if err != nil {
		return err
	}
	resp, err := s.api.record.Merge(ctx, connect.NewRequest(&mostradorv1.MergeRequest{Keep: keep, Gone: gone, Take: c.Take, Preview: c.Preview}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		rows := s.table("field", "stays", "goes", "result", "reason")
		for _, f := range resp.Msg.GetFields() {
			reason := f.GetReason()
			if f.GetChoice() {
				reason = s.say("merge_choice", "path", f.GetPath())
			}
			if f.GetKeep() != "" || f.GetGone() != "" {
				rows.add(f.GetLabel(), f.GetKeep(), f.GetGone(), f.GetResult(), reason)
			}
		}
		rows.print()
		s.lines(resp.Msg.GetNotes())
		if merge := resp.Msg.GetMerge(); merge != 0 {
			s.print("merged", "merge", merge)
		} else {
			s.print("merge_preview")
		}
	})
}

func (s *session) lines(sentences []string) {
	for _, sentence := range sentences {
		fmt.Fprintln(s.out, "· "+sentence)
	}
}

func (c *customerUnmergeCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.record.Unmerge(ctx, connect.NewRequest(&mostradorv1.UnmergeRequest{Merge: c.Merge}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		s.print("unmerged", "keep", s.named(resp.Msg.GetKeep()), "gone", s.named(resp.Msg.GetGone()))
		s.lines(resp.Msg.GetNotes())
	})
}

func (c *customerDiscloseCmd) Run(ctx context.Context, s *session) error {
	id, err := s.customerID(ctx, c.Customer)
	if err != nil {
		return err
	}
	stream, err := s.api.record.Disclose(ctx, connect.NewRequest(&mostradorv1.DiscloseRequest{CustomerId: id}))
	if err != nil {
		return err
	}
	if err := s.receive(stream, c.File); err != nil {
		return err
	}
	return s.answer(&mostradorv1.DiscloseRequest{CustomerId: id}, func() { s.print("disclosed_to", "file", c.File) })
}

// Run says what goes and what stays, asks, and erases.
func (c *customerEraseCmd) Run(ctx context.Context, s *session) error {
	id, err := s.customerID(ctx, c.Customer)
	if err != nil {
		return err
	}
	if !c.Yes {
		preview, err := s.api.record.Erase(ctx, connect.NewRequest(&mostradorv1.EraseRequest{CustomerId: id, Preview: true}))
		if err != nil {
			return err
		}
		s.erased(preview.Msg)
		if !s.confirm("erase_question") {
			return misused(s.say("not_confirmed"))
		}
	}
	resp, err := s.api.record.Erase(ctx, connect.NewRequest(&mostradorv1.EraseRequest{CustomerId: id, Reason: c.Reason}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		if c.Yes {
			s.erased(resp.Msg)
		}
		s.print("erased")
	})
}

func (s *session) erased(r *mostradorv1.EraseResponse) {
	if s.JSON {
		return
	}
	s.print("erase_goes")
	s.lines(r.GetErased())
	s.print("erase_stays")
	s.lines(r.GetKept())
}
