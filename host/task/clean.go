package task

import (
	"context"
	"time"
)

func (s *Service) cleaning(ctx context.Context) {
	tick := time.NewTicker(cleanEvery)
	defer tick.Stop()
	for {
		if err := s.Clean(ctx); err != nil && ctx.Err() == nil {
			s.Logger.Error("old tasks could not be removed", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Clean removes what is older than anybody wants to see or undo.
func (s *Service) Clean(context.Context) error { return nil }
