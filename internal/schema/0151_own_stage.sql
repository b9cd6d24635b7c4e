-- What an affected organisation handed in itself, on a report that somebody else made: 0 is the reporter, or the team for it. Shared says whether the
-- organisations affected read the words of the reporter, or the other answers alone.
ALTER TABLE intake_submission ADD COLUMN organisation {int} NOT NULL DEFAULT 0;
ALTER TABLE intake_submission ADD COLUMN shared {bool} NOT NULL DEFAULT FALSE;
