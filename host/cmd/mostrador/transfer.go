package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"connectrpc.com/connect"

	"mostrador/host/api"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

type customerImportCmd struct {
	Spreadsheet string   `arg:"" name:"spreadsheet"`
	DryRun      bool     `name:"dry-run"`
	Map         []string `placeholder:"COLUMN=TARGET" sep:"none"`
	Policy      string   `enum:"update,fill,skip,refuse" default:"update" placeholder:"update|fill|skip|refuse"`
	Match       []string `placeholder:"TARGET"`
	Tags        []string `placeholder:"TAG"`
	Country     string   `placeholder:"ES"`
	Announce    bool
	Sheet       string `placeholder:"SHEET"`
	Encoding    string `placeholder:"ENCODING"`
	Separator   string `placeholder:"CHARACTER"`
	NoHeading   bool   `name:"no-heading"`
	Refused     string `placeholder:"FILE"`
}

type customerExportCmd struct {
	Words     []string `arg:"" optional:""`
	To        string   `placeholder:"FILE"`
	Columns   []string `placeholder:"COLUMN"`
	Tags      []string `placeholder:"TAG"`
	Segment   []string `placeholder:"NAME" sep:"none"`
	Separator string   `placeholder:"CHARACTER"`
}

// Run brings a file in: it uploads it, has every row judged, and carries that out unless it is only to be shown.
func (c *customerImportCmd) Run(ctx context.Context, s *session) error {
	client, err := s.connect(ctx)
	if err != nil {
		return err
	}
	i, err := c.upload(ctx, s)
	if err != nil {
		return err
	}
	kept := false
	defer func() {
		if !kept {
			_, _ = client.transfer.Discard(context.WithoutCancel(ctx), connect.NewRequest(&mostradorv1.DiscardImportRequest{Id: i.GetId()}))
		}
	}()
	if c.Sheet+c.Encoding+c.Separator != "" || c.NoHeading {
		reading := &mostradorv1.Reading{Sheet: c.Sheet, Encoding: c.Encoding, Separator: c.Separator}
		if c.NoHeading {
			reading.Heading = new(bool)
		}
		read, err := client.transfer.Read(ctx, connect.NewRequest(&mostradorv1.ReadRequest{Id: i.GetId(), Reading: reading}))
		if err != nil {
			return err
		}
		i = read.Msg.GetImport()
	}
	if err := c.assign(s, i); err != nil {
		return err
	}
	policy := mostradorv1.DuplicatePolicy_value["DUPLICATE_POLICY_"+strings.ToUpper(c.Policy)]
	i.Duplicates, i.Match, i.Tags, i.Country, i.Announce = mostradorv1.DuplicatePolicy(policy), c.Match, c.Tags, c.Country, c.Announce
	planned, err := client.transfer.Plan(ctx, connect.NewRequest(&mostradorv1.PlanRequest{Import: i}))
	if err != nil {
		return err
	}
	task, err := s.awaitTask(ctx, planned.Msg.GetTask())
	if err != nil {
		return err
	}
	if task.GetState() != mostradorv1.TaskState_TASK_STATE_DONE {
		return s.taskAnswer(ctx, task, true)
	}
	if i, err = c.get(ctx, s, i.GetId()); err != nil {
		return err
	}
	if i.GetNew()+i.GetChanged() > 0 && !c.DryRun {
		kept = true
		applied, err := client.transfer.Apply(ctx, connect.NewRequest(&mostradorv1.ApplyImportRequest{Id: i.GetId()}))
		if err != nil {
			return err
		}
		if task, err = s.awaitTask(ctx, applied.Msg.GetTask()); err != nil {
			return err
		}
	}
	if c.Refused != "" {
		if err := c.refused(ctx, s, i.GetId()); err != nil {
			return err
		}
	}
	rows, err := client.transfer.Rows(ctx, connect.NewRequest(&mostradorv1.RowsRequest{
		Id: i.GetId(), Limit: shownRows,
		Outcomes: []mostradorv1.RowOutcome{mostradorv1.RowOutcome_ROW_OUTCOME_REFUSED, mostradorv1.RowOutcome_ROW_OUTCOME_CHANGED},
	}))
	if err != nil {
		return err
	}
	if err := s.answer(i, func() { s.showImport(i, rows.Msg.GetRows()) }); err != nil {
		return err
	}
	if kept && !s.JSON {
		s.showTask(task)
	}
	if task.GetState() == mostradorv1.TaskState_TASK_STATE_FAILED {
		return errSaid
	}
	return nil
}

// shownRows is how many of the refused and changed rows are shown.
const shownRows = 20

// upload sends the file.
func (c *customerImportCmd) upload(ctx context.Context, s *session) (i *mostradorv1.Import, err error) {
	file, err := os.Open(c.Spreadsheet)
	if err != nil {
		return nil, s.fault("file_unreadable", "file", c.Spreadsheet, "problem", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	stream := s.api.transfer.Upload(ctx)
	s.streamHeaders(stream.RequestHeader())
	name := filepath.Base(c.Spreadsheet)
	buf := make([]byte, 256<<10)
	for {
		n, err := file.Read(buf)
		if n > 0 || name != "" {
			// What goes wrong on the way is told by the answer.
			if stream.Send(&mostradorv1.UploadRequest{FileName: name, Data: buf[:n]}) != nil {
				break
			}
			name = ""
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, s.fault("file_unreadable", "file", c.Spreadsheet, "problem", err)
		}
	}
	resp, err := stream.CloseAndReceive()
	if err != nil {
		return nil, err
	}
	return resp.Msg.GetImport(), nil
}

// assign maps the columns that the command line names: COLUMN=TARGET, without a target to leave it out.
func (c *customerImportCmd) assign(s *session, i *mostradorv1.Import) error {
	for _, assignment := range c.Map {
		name, target, found := strings.Cut(assignment, "=")
		at := slices.IndexFunc(i.Columns, func(column *mostradorv1.Column) bool { return strings.EqualFold(column.Name, strings.TrimSpace(name)) })
		if !found || at < 0 {
			var names []string
			for _, column := range i.Columns {
				names = append(names, column.Name)
			}
			return misused(s.say("import_no_column", "column", name, "columns", strings.Join(names, ", ")))
		}
		i.Columns[at].Target, i.Columns[at].Guessed = strings.TrimSpace(target), ""
	}
	return nil
}

func (c *customerImportCmd) get(ctx context.Context, s *session, id uint64) (*mostradorv1.Import, error) {
	resp, err := s.api.transfer.Get(ctx, connect.NewRequest(&mostradorv1.GetImportRequest{Id: id}))
	if err != nil {
		return nil, err
	}
	return resp.Msg.GetImport(), nil
}

// refused writes the refused rows to a file.
func (c *customerImportCmd) refused(ctx context.Context, s *session, id uint64) error {
	req := connect.NewRequest(&mostradorv1.RefusedRequest{Id: id, Format: formatOf(c.Refused)})
	s.streamHeaders(req.Header())
	stream, err := s.api.transfer.Refused(ctx, req)
	if err != nil {
		return err
	}
	return s.receive(stream, c.Refused)
}

// Run writes customers to a file.
func (c *customerExportCmd) Run(ctx context.Context, s *session) error {
	client, err := s.connect(ctx)
	if err != nil {
		return err
	}
	filter := &mostradorv1.Filter{Tags: c.Tags}
	for _, name := range c.Segment {
		segment, err := s.segment(ctx, name)
		if err != nil {
			return err
		}
		filter.Segments = append(filter.Segments, segment.GetId())
	}
	req := connect.NewRequest(&mostradorv1.ExportCustomersRequest{
		Selection: &mostradorv1.Selection{All: true, Query: strings.Join(c.Words, " "), Filter: filter},
		Format:    formatOf(c.To), Columns: c.Columns, Separator: c.Separator,
	})
	s.streamHeaders(req.Header())
	stream, err := client.transfer.Export(ctx, req)
	if err != nil {
		return err
	}
	return s.receive(stream, c.To)
}

// streamHeaders sets the headers of a stream, which the interceptor of plain calls does not see.
func (s *session) streamHeaders(header interface{ Set(key, value string) }) {
	header.Set(api.HeaderLanguage, s.lang)
	if s.Till != "" {
		header.Set(api.HeaderTill, s.Till)
	}
}

// formatOf is the format that a file's name asks for.
func formatOf(name string) mostradorv1.FileFormat {
	if strings.EqualFold(filepath.Ext(name), ".xlsx") {
		return mostradorv1.FileFormat_FILE_FORMAT_XLSX
	}
	return mostradorv1.FileFormat_FILE_FORMAT_CSV
}

// receive writes a file that comes in parts; without a name to standard output.
func (s *session) receive(stream *connect.ServerStreamForClient[mostradorv1.FileChunk], name string) (err error) {
	defer func() { err = errors.Join(err, stream.Close()) }()
	out := bufio.NewWriter(s.out)
	if name != "" {
		file, err := os.Create(name)
		if err != nil {
			return s.fault("file_unwritable", "file", name, "problem", err)
		}
		defer func() {
			if closed := file.Close(); err == nil {
				err = closed
			}
		}()
		out = bufio.NewWriter(file)
	}
	for stream.Receive() {
		if _, err := out.Write(stream.Msg().GetData()); err != nil {
			return s.fault("file_unwritable", "file", name, "problem", err)
		}
	}
	if err := stream.Err(); err != nil {
		if name != "" {
			return errors.Join(err, os.Remove(name))
		}
		return err
	}
	return out.Flush()
}

// showImport prints what a file would do or did.
func (s *session) showImport(i *mostradorv1.Import, rows []*mostradorv1.ImportRow) {
	columns := s.table("column", "target", "guessed")
	for _, c := range i.GetColumns() {
		guessed := ""
		if c.GetGuessed() != "" {
			guessed = s.say("guessed_" + c.GetGuessed())
		}
		columns.add(c.GetName(), c.GetTarget(), guessed)
	}
	columns.print()
	counts := s.pairs()
	for _, count := range []struct {
		key string
		n   uint64
	}{
		{"col_rows", i.GetRows()}, {"col_new", i.GetNew()}, {"col_changed", i.GetChanged()}, {"col_same", i.GetSame()},
		{"col_skipped", i.GetSkipped()}, {"col_refused", i.GetRefused()},
	} {
		counts.add(s.say(count.key), strconv.FormatUint(count.n, 10))
	}
	counts.print()
	if len(rows) == 0 {
		return
	}
	list := s.table("line", "outcome", "name", "detail")
	for _, row := range rows {
		list.add(strconv.FormatUint(row.GetLine(), 10), s.say("outcome_"+enum(row.GetOutcome().String(), "ROW_OUTCOME_")), row.GetCustomer().GetName(), rowWords(row))
	}
	list.print()
}

// rowWords is what is said of a row: why it is refused, or what it changes.
func rowWords(row *mostradorv1.ImportRow) string {
	var words []string
	for _, d := range row.GetDiagnostics() {
		if d.GetSeverity() == plgv1.Severity_SEVERITY_ERROR {
			words = append(words, d.GetSummary())
		}
	}
	for _, c := range row.GetChanges() {
		words = append(words, c.GetField()+": "+c.GetFrom()+" → "+c.GetTo())
	}
	return strings.Join(words, " ")
}
