package main

import (
	"context"
	"strconv"
	"time"

	"connectrpc.com/connect"

	"mostrador/host/api/mostradorv1"
)

type taskListCmd struct {
	Active bool
	Kind   string `placeholder:"KIND"`
	Limit  int32  `default:"50" placeholder:"N"`
}

type taskShowCmd struct {
	Task uint64 `arg:""`
	Wait bool
}

type taskPauseCmd struct {
	Task uint64 `arg:""`
}

type taskResumeCmd struct {
	Task uint64 `arg:""`
	Wait bool
}

type taskCancelCmd struct {
	Task uint64 `arg:""`
}

type taskUndoCmd struct {
	Task       uint64 `arg:""`
	Background bool
}

func (c *taskListCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.task.List(ctx, connect.NewRequest(&mostradorv1.ListTasksRequest{Active: c.Active, Kind: c.Kind, Limit: c.Limit}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		rows := s.table("id", "title", "state", "done", "changed", "operator", "time")
		for _, t := range resp.Msg.GetTasks() {
			rows.add(strconv.FormatUint(t.GetId(), 10), t.GetTitle(), s.taskState(t), progress(t),
				strconv.FormatUint(t.GetChanged(), 10), t.GetActor().GetOperator(), s.time(t.GetCreated()))
		}
		rows.print()
	})
}

func (c *taskShowCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.task.Get(ctx, connect.NewRequest(&mostradorv1.GetTaskRequest{Id: c.Task}))
	if err != nil {
		return err
	}
	return s.taskAnswer(ctx, resp.Msg.GetTask(), c.Wait)
}

func (c *taskPauseCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.task.Pause(ctx, connect.NewRequest(&mostradorv1.PauseTaskRequest{Id: c.Task}))
	if err != nil {
		return err
	}
	return s.taskAnswer(ctx, resp.Msg.GetTask(), false)
}

func (c *taskResumeCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.task.Resume(ctx, connect.NewRequest(&mostradorv1.ResumeTaskRequest{Id: c.Task}))
	if err != nil {
		return err
	}
	return s.taskAnswer(ctx, resp.Msg.GetTask(), c.Wait)
}

func (c *taskCancelCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.task.Cancel(ctx, connect.NewRequest(&mostradorv1.CancelTaskRequest{Id: c.Task}))
	if err != nil {
		return err
	}
	return s.taskAnswer(ctx, resp.Msg.GetTask(), false)
}

func (c *taskUndoCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.task.Undo(ctx, connect.NewRequest(&mostradorv1.UndoTaskRequest{Id: c.Task}))
	if err != nil {
		return err
	}
	return s.taskAnswer(ctx, resp.Msg.GetTask(), !c.Background)
}

// taskAnswer shows a task, when asked for once it stands still. One that failed fails the command.
func (s *session) taskAnswer(ctx context.Context, t *mostradorv1.Task, wait bool) error {
	if wait {
		var err error
		if t, err = s.awaitTask(ctx, t); err != nil {
			return err
		}
	}
	if err := s.answer(t, func() { s.showTask(t) }); err != nil {
		return err
	}
	if wait && t.GetState() == mostradorv1.TaskState_TASK_STATE_FAILED {
		return errSaid
	}
	return nil
}

// taskPause is how long to wait before a task is looked at again.
const taskPause = 100 * time.Millisecond

// awaitTask returns a task once it has ended or was paused. The command may be interrupted: the task goes on, now when
// a host runs, else with the next one.
func (s *session) awaitTask(ctx context.Context, t *mostradorv1.Task) (*mostradorv1.Task, error) {
	for {
		switch t.GetState() {
		case mostradorv1.TaskState_TASK_STATE_WAITING, mostradorv1.TaskState_TASK_STATE_RUNNING:
		default:
			return t, nil
		}
		select {
		case <-time.After(taskPause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		resp, err := s.api.task.Get(ctx, connect.NewRequest(&mostradorv1.GetTaskRequest{Id: t.GetId()}))
		if err != nil {
			return nil, err
		}
		t = resp.Msg.GetTask()
	}
}

func (s *session) showTask(t *mostradorv1.Task) {
	number := func(n uint64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatUint(n, 10)
	}
	rows := s.pairs()
	rows.add(s.say("col_task"), strconv.FormatUint(t.GetId(), 10))
	rows.add(s.say("col_title"), t.GetTitle())
	rows.add(s.say("col_state"), s.taskState(t))
	rows.addIf(s.say("col_error"), t.GetError())
	rows.add(s.say("col_done"), progress(t))
	rows.add(s.say("col_changed"), strconv.FormatUint(t.GetChanged(), 10))
	rows.addIf(s.say("col_refused"), number(t.GetFailed()))
	rows.addIf(s.say("col_operator"), t.GetActor().GetOperator())
	rows.add(s.say("col_time"), s.time(t.GetCreated()))
	rows.addIf(s.say("col_undone_by"), number(t.GetUndoneBy()))
	rows.print()
	if t.GetUndoable() && t.GetUndoneBy() == 0 {
		s.print("task_undoable", "task", t.GetId())
	}
}

func (s *session) taskState(t *mostradorv1.Task) string {
	return s.say("task_" + enum(t.GetState().String(), "TASK_STATE_"))
}

// progress is how much of a task is done: "300/1000".
func progress(t *mostradorv1.Task) string {
	done := strconv.FormatUint(t.GetDone(), 10)
	if t.GetTotal() == 0 {
		return done
	}
	return done + "/" + strconv.FormatUint(t.GetTotal(), 10)
}
