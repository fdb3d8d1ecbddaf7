package api

import (
	"context"
	"errors"

	"connectrpc.com/connect"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/host/task"
)

// taskServer serves the background tasks.
type taskServer struct{ *server }

// List returns the tasks, newest first.
func (s taskServer) List(ctx context.Context, req *connect.Request[mostradorv1.ListTasksRequest]) (*connect.Response[mostradorv1.ListTasksResponse], error) {
	resp := new(mostradorv1.ListTasksResponse)
	err := s.Store.View(func(tx *store.Tx) error {
		list, err := s.Tasks.List(tx, task.Query{Active: req.Msg.GetActive(), Kind: req.Msg.GetKind(), Limit: bound(req.Msg.GetLimit())})
		for _, t := range list {
			resp.Tasks = append(resp.Tasks, s.Tasks.Show(s.lang(ctx), t))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(resp), nil
}

// Get returns one task.
func (s taskServer) Get(ctx context.Context, req *connect.Request[mostradorv1.GetTaskRequest]) (*connect.Response[mostradorv1.GetTaskResponse], error) {
	t, err := s.task(ctx, req.Msg.GetId(), nil)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.GetTaskResponse{Task: t}), nil
}

// Pause has a task stand still.
func (s taskServer) Pause(ctx context.Context, req *connect.Request[mostradorv1.PauseTaskRequest]) (*connect.Response[mostradorv1.PauseTaskResponse], error) {
	t, err := s.task(ctx, req.Msg.GetId(), s.Tasks.Pause(ctx, req.Msg.GetId()))
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.PauseTaskResponse{Task: t}), nil
}

// Resume has a paused task go on.
func (s taskServer) Resume(ctx context.Context, req *connect.Request[mostradorv1.ResumeTaskRequest]) (*connect.Response[mostradorv1.ResumeTaskResponse], error) {
	t, err := s.task(ctx, req.Msg.GetId(), s.Tasks.Resume(ctx, req.Msg.GetId()))
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.ResumeTaskResponse{Task: t}), nil
}

// Cancel ends a task where it is.
func (s taskServer) Cancel(ctx context.Context, req *connect.Request[mostradorv1.CancelTaskRequest]) (*connect.Response[mostradorv1.CancelTaskResponse], error) {
	t, err := s.task(ctx, req.Msg.GetId(), s.Tasks.Cancel(ctx, actorOf(ctx), req.Msg.GetId()))
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.CancelTaskResponse{Task: t}), nil
}

// Undo takes back what a task did.
func (s taskServer) Undo(ctx context.Context, req *connect.Request[mostradorv1.UndoTaskRequest]) (*connect.Response[mostradorv1.UndoTaskResponse], error) {
	undo, err := s.Tasks.Undo(ctx, actorOf(ctx), req.Msg.GetId())
	if err != nil {
		return nil, s.taskError(ctx, err)
	}
	return connect.NewResponse(&mostradorv1.UndoTaskResponse{Task: s.Tasks.Show(s.lang(ctx), undo)}), nil
}

// task returns a task as it is after something was done to it, unless that went wrong.
func (s taskServer) task(ctx context.Context, id uint64, err error) (*mostradorv1.Task, error) {
	if err != nil {
		return nil, s.taskError(ctx, err)
	}
	var t *mostradorv1.Task
	if err := s.Store.View(func(tx *store.Tx) (err error) { t, err = s.Tasks.Get(tx, id); return err }); err != nil {
		return nil, s.taskError(ctx, err)
	}
	return s.Tasks.Show(s.lang(ctx), t), nil
}

// taskError says in words what stands against what is asked of a task.
func (s *server) taskError(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, task.ErrNotFound):
		return sentence(connect.CodeNotFound, "no_task", s.Text.Text(locale.FromContext(ctx), "task.not_found"))
	case errors.Is(err, task.ErrState):
		return sentence(connect.CodeFailedPrecondition, "task_state", s.Text.Text(locale.FromContext(ctx), "task.not_now"))
	}
	return err
}
