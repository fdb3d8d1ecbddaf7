package uitest

import (
	"context"
	"fmt"
	"slices"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/api/mostradorv1/mostradorv1connect"
)

type tasks struct {
	mostradorv1connect.UnimplementedTaskServiceHandler
	s *Store
}

func (h tasks) List(context.Context, *connect.Request[mostradorv1.ListTasksRequest]) (*connect.Response[mostradorv1.ListTasksResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	res := &mostradorv1.ListTasksResponse{}
	for _, t := range h.s.Tasks {
		res.Tasks = append(res.Tasks, proto.CloneOf(t))
	}
	return connect.NewResponse(res), nil
}

// set has a task be in another state, and tells the screens.
func (h tasks) set(what string, id uint64, state mostradorv1.TaskState) (*mostradorv1.Task, error) {
	h.s.Lock()
	defer h.s.Unlock()
	h.s.called(fmt.Sprintf("task %s %d", what, id))
	i := slices.IndexFunc(h.s.Tasks, func(t *mostradorv1.Task) bool { return t.Id == id })
	if i < 0 {
		return nil, connect.NewError(connect.CodeNotFound, fmt.Errorf("no task %d", id))
	}
	h.s.Tasks[i].State = state
	h.s.tell(mostradorv1.WatchResponse_KIND_TASK, fmt.Sprint(id), nil)
	return proto.CloneOf(h.s.Tasks[i]), nil
}

func (h tasks) Pause(_ context.Context, req *connect.Request[mostradorv1.PauseTaskRequest]) (*connect.Response[mostradorv1.PauseTaskResponse], error) {
	t, err := h.set("pause", req.Msg.Id, mostradorv1.TaskState_TASK_STATE_PAUSED)
	return connect.NewResponse(&mostradorv1.PauseTaskResponse{Task: t}), err
}

func (h tasks) Resume(_ context.Context, req *connect.Request[mostradorv1.ResumeTaskRequest]) (*connect.Response[mostradorv1.ResumeTaskResponse], error) {
	t, err := h.set("resume", req.Msg.Id, mostradorv1.TaskState_TASK_STATE_RUNNING)
	return connect.NewResponse(&mostradorv1.ResumeTaskResponse{Task: t}), err
}

func (h tasks) Cancel(_ context.Context, req *connect.Request[mostradorv1.CancelTaskRequest]) (*connect.Response[mostradorv1.CancelTaskResponse], error) {
	t, err := h.set("cancel", req.Msg.Id, mostradorv1.TaskState_TASK_STATE_CANCELLED)
	return connect.NewResponse(&mostradorv1.CancelTaskResponse{Task: t}), err
}

func (h tasks) Undo(_ context.Context, req *connect.Request[mostradorv1.UndoTaskRequest]) (*connect.Response[mostradorv1.UndoTaskResponse], error) {
	t, err := h.set("undo", req.Msg.Id, mostradorv1.TaskState_TASK_STATE_UNDONE)
	return connect.NewResponse(&mostradorv1.UndoTaskResponse{Task: t}), err
}

// EndTask has a task end, and tells the screens.
func (s *Store) EndTask(id uint64, state mostradorv1.TaskState, changed uint64) {
	s.Lock()
	defer s.Unlock()
	for _, t := range s.Tasks {
		if t.Id == id {
			t.State, t.Changed, t.Done = state, changed, t.Total
		}
	}
	s.tell(mostradorv1.WatchResponse_KIND_TASK, fmt.Sprint(id), nil)
}

func (h tasks) Get(_ context.Context, req *connect.Request[mostradorv1.GetTaskRequest]) (*connect.Response[mostradorv1.GetTaskResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	for _, t := range h.s.Tasks {
		if t.Id == req.Msg.Id {
			return connect.NewResponse(&mostradorv1.GetTaskResponse{Task: proto.CloneOf(t)}), nil
		}
	}
	return nil, connect.NewError(connect.CodeNotFound, fmt.Errorf("no task %d", req.Msg.Id))
}
