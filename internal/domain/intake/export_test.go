package intake

import "context"

// RunSome does one batch of a run, as a job that is killed after it.
func (s *Service) RunSome(ctx context.Context, run int64) (bool, error) { return s.runSome(ctx, run) }
