-- Clocks as data. Plain codes and times only: nothing a person wrote.
CREATE TABLE deadline_clock (
  id {id},
  uid {text} NOT NULL,
  about {int} NOT NULL REFERENCES object (id),
  about_kind {int} NOT NULL,
  strip {int} NOT NULL REFERENCES object (id),
  strip_kind {int} NOT NULL,
  compartment {int} NOT NULL DEFAULT 0,
  kind {text} NOT NULL,
  owed_by {text} NOT NULL,
  law {text} NOT NULL DEFAULT '',
  started_at {time} NOT NULL,
  target_at {time},
  due_at {time} NOT NULL,
  met_at {time},
  stopped_at {time},
  remind_at {time},
  reminded_at {time},
  escalated_at {time}
);
CREATE UNIQUE INDEX deadline_clock_uid ON deadline_clock (uid);
CREATE INDEX deadline_clock_about ON deadline_clock (about, kind);
CREATE INDEX deadline_clock_strip ON deadline_clock (strip, due_at);
CREATE INDEX deadline_clock_due ON deadline_clock (about_kind, due_at, id) WHERE met_at IS NULL AND stopped_at IS NULL;
CREATE INDEX deadline_clock_party ON deadline_clock (about_kind, compartment, due_at, id) WHERE met_at IS NULL AND stopped_at IS NULL AND compartment <> 0;
CREATE INDEX deadline_clock_remind ON deadline_clock (remind_at, id) WHERE remind_at IS NOT NULL AND reminded_at IS NULL AND met_at IS NULL AND stopped_at IS NULL;
CREATE INDEX deadline_clock_escalate ON deadline_clock (due_at, id) WHERE escalated_at IS NULL AND met_at IS NULL AND stopped_at IS NULL;
