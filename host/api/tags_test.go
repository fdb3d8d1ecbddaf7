package api_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"connectrpc.com/connect"

	"mostrador/host/api"
	pb "mostrador/host/api/mostradorv1"
)

func TestTagsAndTasksAreSeenByAllAndChangedByOperators(t *testing.T) {
	w := newWorld(t)
	cashier := w.as(t, pb.Role_ROLE_CASHIER)
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"list": func() error { _, err := cashier.tags.List(ctx, connect.NewRequest(&pb.ListTagsRequest{})); return err },
		"tasks": func() error {
			_, err := cashier.tasks.List(ctx, connect.NewRequest(&pb.ListTasksRequest{}))
			return err
		},
	} {
		if err := call(); err != nil {
			t.Errorf("%s: a cashier may not: %v", name, err)
		}
	}
	for name, call := range map[string]func() error{
		"put": func() error { _, err := cashier.tags.Put(ctx, connect.NewRequest(&pb.PutTagRequest{})); return err },
		"delete": func() error {
			_, err := cashier.tags.Delete(ctx, connect.NewRequest(&pb.DeleteTagRequest{}))
			return err
		},
		"apply": func() error {
			_, err := cashier.tags.Apply(ctx, connect.NewRequest(&pb.ApplyTagsRequest{}))
			return err
		},
		"pause": func() error {
			_, err := cashier.tasks.Pause(ctx, connect.NewRequest(&pb.PauseTaskRequest{}))
			return err
		},
		"resume": func() error {
			_, err := cashier.tasks.Resume(ctx, connect.NewRequest(&pb.ResumeTaskRequest{}))
			return err
		},
		"cancel": func() error {
			_, err := cashier.tasks.Cancel(ctx, connect.NewRequest(&pb.CancelTaskRequest{}))
			return err
		},
		"undo": func() error { _, err := cashier.tasks.Undo(ctx, connect.NewRequest(&pb.UndoTaskRequest{})); return err },
	} {
		if err := call(); connect.CodeOf(err) != connect.CodePermissionDenied {
			t.Errorf("%s: a cashier is answered %v", name, err)
		}
	}
}

func TestAnOperatorTagsEverybodyAndTakesItBack(t *testing.T) {
	w := newWorld(t)
	operator := w.as(t, pb.Role_ROLE_OPERATOR, api.HeaderLanguage, "es")
	ctx := t.Context()
	const customers = 250
	for i := range customers {
		operator.register(t, fmt.Sprint("Cliente ", i), fmt.Sprintf("6001%05d", i), "")
	}
	put, err := operator.tags.Put(ctx, connect.NewRequest(&pb.PutTagRequest{Tag: &pb.Tag{Name: "VIP", Color: "#101010"}}))
	if err != nil || put.Msg.GetTag().GetTextColor() != "#ffffff" {
		t.Fatalf("put: %v %v", put, err)
	}
	if _, err := operator.tags.Put(ctx, connect.NewRequest(&pb.PutTagRequest{Tag: &pb.Tag{Name: "víp"}})); connect.CodeOf(err) != connect.CodeInvalidArgument {
		t.Errorf("the same name again: %v", err)
	}
	applied, err := operator.tags.Apply(ctx, connect.NewRequest(&pb.ApplyTagsRequest{Selection: &pb.Selection{All: true}, Add: []string{"VIP"}}))
	if err != nil {
		t.Fatal(err)
	}
	begun := applied.Msg.GetTask()
	if begun.GetTitle() != "Poner «VIP» a 250 clientes" || begun.GetData() != nil || begun.GetActor().GetTill() != "3" {
		t.Errorf("the task is %v", begun)
	}
	if r := operator.ended(t, begun.GetId()); r.GetState() != pb.TaskState_TASK_STATE_DONE || r.GetChanged() != customers || !r.GetUndoable() {
		t.Errorf("it ended as %v", r)
	}
	count := func() uint64 {
		list, err := operator.tags.List(ctx, connect.NewRequest(&pb.ListTagsRequest{}))
		if err != nil || len(list.Msg.GetTags()) != 1 {
			t.Fatalf("the list is %v: %v", list, err)
		}
		return list.Msg.GetTags()[0].GetCustomers()
	}
	if n := count(); n != customers {
		t.Errorf("%d have it", n)
	}
	undo, err := operator.tasks.Undo(ctx, connect.NewRequest(&pb.UndoTaskRequest{Id: begun.GetId()}))
	if err != nil {
		t.Fatal(err)
	}
	if title := undo.Msg.GetTask().GetTitle(); title != "Deshacer: Poner «VIP» a 250 clientes" {
		t.Errorf("the undo is called %q", title)
	}
	operator.ended(t, undo.Msg.GetTask().GetId())
	if n := count(); n != 0 {
		t.Errorf("%d have it after the undo", n)
	}

	// What cannot be done is said, by the code that screens go by.
	for name, c := range map[string]struct {
		call func() error
		want connect.Code
	}{
		"undo twice": {func() error {
			_, err := operator.tasks.Undo(ctx, connect.NewRequest(&pb.UndoTaskRequest{Id: begun.GetId()}))
			return err
		}, connect.CodeFailedPrecondition},
		"cancel ended": {func() error {
			_, err := operator.tasks.Cancel(ctx, connect.NewRequest(&pb.CancelTaskRequest{Id: begun.GetId()}))
			return err
		}, connect.CodeFailedPrecondition},
		"no task": {func() error {
			_, err := operator.tasks.Get(ctx, connect.NewRequest(&pb.GetTaskRequest{Id: 99}))
			return err
		}, connect.CodeNotFound},
		"pause none": {func() error {
			_, err := operator.tasks.Pause(ctx, connect.NewRequest(&pb.PauseTaskRequest{Id: 99}))
			return err
		}, connect.CodeNotFound},
		"resume none": {func() error {
			_, err := operator.tasks.Resume(ctx, connect.NewRequest(&pb.ResumeTaskRequest{Id: 99}))
			return err
		}, connect.CodeNotFound},
		"no tag": {func() error {
			_, err := operator.tags.Delete(ctx, connect.NewRequest(&pb.DeleteTagRequest{Id: 99}))
			return err
		}, connect.CodeNotFound},
		"unknown tag": {func() error {
			_, err := operator.tags.Apply(ctx, connect.NewRequest(&pb.ApplyTagsRequest{Selection: &pb.Selection{All: true}, Add: []string{"Oro"}}))
			return err
		}, connect.CodeInvalidArgument},
	} {
		if err := c.call(); connect.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	list, err := operator.tasks.List(ctx, connect.NewRequest(&pb.ListTasksRequest{}))
	if err != nil {
		t.Fatal(err)
	}
	var states []pb.TaskState
	for _, r := range list.Msg.GetTasks() {
		states = append(states, r.GetState())
	}
	if want := []pb.TaskState{pb.TaskState_TASK_STATE_DONE, pb.TaskState_TASK_STATE_UNDONE}; !slices.Equal(states, want) {
		t.Errorf("the tasks are %v, want %v", states, want)
	}
}

// ended waits until a task has ended.
func (c *caller) ended(t *testing.T, id uint64) *pb.Task {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		resp, err := c.tasks.Get(ctx, connect.NewRequest(&pb.GetTaskRequest{Id: id}))
		if err != nil {
			t.Fatal(err)
		}
		if resp.Msg.GetTask().GetEnded() != nil {
			return resp.Msg.GetTask()
		}
		time.Sleep(time.Millisecond)
	}
}
