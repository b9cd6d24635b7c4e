CREATE TABLE incident_incident (
  id {int} NOT NULL PRIMARY KEY REFERENCES object (id),
  state {text} NOT NULL,
  type {text} NOT NULL DEFAULT '',
  severity {int} NOT NULL DEFAULT 0,
  national {bool} NOT NULL DEFAULT FALSE,
  opened_at {time} NOT NULL,
  started_at {time},
  closed_at {time},
  body {blob} NOT NULL
);
CREATE INDEX incident_open ON incident_incident (id) WHERE state <> 'closed';

CREATE TABLE incident_entry (
  id {id},
  uid {text} NOT NULL UNIQUE,
  incident {int} NOT NULL REFERENCES incident_incident (id),
  kind {text} NOT NULL,
  happened_at {time} NOT NULL,
  learnt_at {time} NOT NULL,
  author {int} NOT NULL,
  withdrawn_at {time},
  version {int} NOT NULL DEFAULT 1,
  body {blob} NOT NULL
);
CREATE INDEX incident_entry_of ON incident_entry (incident, happened_at, id);

CREATE TABLE incident_task (
  id {id},
  uid {text} NOT NULL UNIQUE,
  incident {int} NOT NULL REFERENCES incident_incident (id),
  due_at {time},
  done_at {time},
  assignee {int} NOT NULL DEFAULT 0,
  version {int} NOT NULL DEFAULT 1,
  body {blob} NOT NULL
);
CREATE INDEX incident_task_of ON incident_task (incident, id);
CREATE INDEX incident_task_mine ON incident_task (assignee, due_at) WHERE done_at IS NULL;
