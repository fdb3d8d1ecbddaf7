package uitest

import (
	"context"
	"fmt"
	"slices"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// someRows are what becomes of the rows of the fixed store's file.
func someRows() []*mostradorv1.ImportRow {
	rows := []*mostradorv1.ImportRow{
		{Line: 2, Outcome: mostradorv1.RowOutcome_ROW_OUTCOME_NEW, Customer: &plgv1.Customer{Name: "Íñigo Etxeberria", Phone: "+34600111222", Email: "inigo@example.com"}},
		{Line: 3, Outcome: mostradorv1.RowOutcome_ROW_OUTCOME_CHANGED, Customer: &plgv1.Customer{Name: "Lucía Fernández Soto"}, Changes: []*plgv1.FieldChange{{Field: "fields.city", From: "", To: "Bilbao"}}},
		{Line: 4, Outcome: mostradorv1.RowOutcome_ROW_OUTCOME_REFUSED, Customer: &plgv1.Customer{Name: "Nuria"}, Diagnostics: []*plgv1.Diagnostic{wrong("phone", "phone_short", "Al teléfono «6001» le faltan cifras.")}},
	}
	for line := uint64(5); line <= 240; line++ {
		rows = append(rows, &mostradorv1.ImportRow{Line: line, Outcome: mostradorv1.RowOutcome_ROW_OUTCOME_NEW, Customer: &plgv1.Customer{Name: fmt.Sprint("Cliente ", line), Phone: fmt.Sprintf("+34600%06d", line)}})
	}
	return rows
}

func (h transfers) find(id uint64) (*mostradorv1.Import, error) {
	for _, i := range h.s.Imports {
		if i.Id == id {
			return i, nil
		}
	}
	return nil, connect.NewError(connect.CodeNotFound, fmt.Errorf("no import %d", id))
}

// Upload keeps the name of the file and has four columns for it, whatever it holds.
func (h transfers) Upload(_ context.Context, stream *connect.ClientStream[mostradorv1.UploadRequest]) (*connect.Response[mostradorv1.UploadResponse], error) {
	name, size := "", int64(0)
	for stream.Receive() {
		if stream.Msg().FileName != "" {
			name = stream.Msg().FileName
		}
		size += int64(len(stream.Msg().Data))
	}
	if err := stream.Err(); err != nil {
		return nil, err
	}
	h.s.Lock()
	defer h.s.Unlock()
	h.s.called(fmt.Sprintf("upload %s %d", name, size))
	heading := true
	i := &mostradorv1.Import{
		Id: uint64(len(h.s.Imports) + 1), FileName: name, Size: size, Created: at(0), Actor: &plgv1.Actor{Operator: "Marta Ruiz"},
		Reading: &mostradorv1.Reading{Format: mostradorv1.FileFormat_FILE_FORMAT_CSV, Encoding: "windows-1252", Separator: ";", Heading: &heading},
		Columns: []*mostradorv1.Column{
			{Name: "Nombre y apellidos", Target: "name", Guessed: "name", Samples: []string{"Íñigo Etxeberria", "Lucía Fernández Soto", "Nuria"}},
			{Name: "Móvil", Target: "phone", Guessed: "name", Samples: []string{"600 111 222", "600 22 33 44", "6001"}},
			{Name: "Contacto", Target: "email", Guessed: "values", Samples: []string{"inigo@example.com", "lucia@example.com"}},
			{Name: "Observaciones", Samples: []string{"llamar por la tarde"}},
		},
	}
	h.s.Imports = append([]*mostradorv1.Import{i}, h.s.Imports...)
	return connect.NewResponse(&mostradorv1.UploadResponse{Import: proto.CloneOf(i)}), nil
}

func (h transfers) Read(_ context.Context, req *connect.Request[mostradorv1.ReadRequest]) (*connect.Response[mostradorv1.ReadResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	i, err := h.find(req.Msg.Id)
	if err != nil {
		return nil, err
	}
	h.s.called(fmt.Sprintf("read %s %q", req.Msg.Reading.GetEncoding(), req.Msg.Reading.GetSeparator()))
	i.Reading = req.Msg.Reading
	return connect.NewResponse(&mostradorv1.ReadResponse{Import: proto.CloneOf(i)}), nil
}

func (h transfers) Plan(_ context.Context, req *connect.Request[mostradorv1.PlanRequest]) (*connect.Response[mostradorv1.PlanResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	i, err := h.find(req.Msg.Import.GetId())
	if err != nil {
		return nil, err
	}
	targets := ""
	for _, c := range req.Msg.Import.Columns {
		targets += c.Target + "|"
	}
	if !slices.ContainsFunc(req.Msg.Import.Columns, func(c *mostradorv1.Column) bool { return c.Target == "name" }) {
		return nil, refuse(connect.CodeInvalidArgument, &mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{wrong("columns", "name_missing", "Diga qué columna tiene el nombre.")}})
	}
	h.s.called(fmt.Sprintf("plan %s %s tags=%v announce=%t", targets, req.Msg.Import.Duplicates, req.Msg.Import.Tags, req.Msg.Import.Announce))
	t := &mostradorv1.Task{Id: uint64(len(h.s.Tasks) + 1), Kind: "import_plan", Title: "Comprobar " + i.FileName, State: mostradorv1.TaskState_TASK_STATE_RUNNING, Done: 60, Total: 239, Created: at(1)}
	h.s.Tasks = append([]*mostradorv1.Task{t}, h.s.Tasks...)
	i.Task, i.Announce, i.Tags = t.Id, req.Msg.Import.Announce, req.Msg.Import.Tags
	return connect.NewResponse(&mostradorv1.PlanResponse{Import: proto.CloneOf(i), Task: t}), nil
}

// PlanDone has the dry run of an import end, and tells the screens; ImportDone the import itself.
func (s *Store) PlanDone(id uint64) {
	s.Lock()
	i, err := transfers{s: s}.find(id)
	if err == nil {
		i.Planned, i.Rows, i.New, i.Changed, i.Refused = true, 239, 237, 1, 1
		id = i.Task
	}
	s.Unlock()
	s.EndTask(id, mostradorv1.TaskState_TASK_STATE_DONE, 0)
}

// ImportDone has an import end, and tells the screens.
func (s *Store) ImportDone(id uint64) {
	s.Lock()
	i, err := transfers{s: s}.find(id)
	if err == nil {
		i.Applied = true
		id = i.Task
	}
	for _, t := range s.Tasks {
		t.Undoable = t.Undoable || t.Id == id
	}
	s.Unlock()
	s.EndTask(id, mostradorv1.TaskState_TASK_STATE_DONE, 238)
}

func (h transfers) Rows(_ context.Context, req *connect.Request[mostradorv1.RowsRequest]) (*connect.Response[mostradorv1.RowsResponse], error) {
	res := &mostradorv1.RowsResponse{}
	for _, row := range someRows() {
		if row.Line > req.Msg.AfterLine && (len(req.Msg.Outcomes) == 0 || slices.Contains(req.Msg.Outcomes, row.Outcome)) && len(res.Rows) < int(req.Msg.Limit) {
			res.Rows = append(res.Rows, row)
		}
	}
	return connect.NewResponse(res), nil
}

func (h transfers) Apply(_ context.Context, req *connect.Request[mostradorv1.ApplyImportRequest]) (*connect.Response[mostradorv1.ApplyImportResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	i, err := h.find(req.Msg.Id)
	if err != nil {
		return nil, err
	}
	h.s.called(fmt.Sprintf("apply %d", i.Id))
	t := &mostradorv1.Task{Id: uint64(len(h.s.Tasks) + 1), Kind: "import", Title: "Importar " + i.FileName, State: mostradorv1.TaskState_TASK_STATE_RUNNING, Done: 80, Total: 238, Created: at(2)}
	h.s.Tasks = append([]*mostradorv1.Task{t}, h.s.Tasks...)
	i.Task = t.Id
	return connect.NewResponse(&mostradorv1.ApplyImportResponse{Task: t}), nil
}

func (h transfers) Get(_ context.Context, req *connect.Request[mostradorv1.GetImportRequest]) (*connect.Response[mostradorv1.GetImportResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	i, err := h.find(req.Msg.Id)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.GetImportResponse{Import: proto.CloneOf(i)}), nil
}

func (h transfers) List(context.Context, *connect.Request[mostradorv1.ListImportsRequest]) (*connect.Response[mostradorv1.ListImportsResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	res := &mostradorv1.ListImportsResponse{}
	for _, i := range h.s.Imports {
		res.Imports = append(res.Imports, proto.CloneOf(i))
	}
	return connect.NewResponse(res), nil
}

// Refused answers with a small file.
func (h transfers) Refused(_ context.Context, _ *connect.Request[mostradorv1.RefusedRequest], stream *connect.ServerStream[mostradorv1.FileChunk]) error {
	return stream.Send(&mostradorv1.FileChunk{FileName: "rechazados.csv", Data: []byte("Nombre;Motivo\nNuria;Al teléfono le faltan cifras.\n")})
}
