-- Who reports for an organisation that is not his: what the organisation's known contact was asked, and said.
CREATE TABLE intake_vouch (
  id {id},
  uid {text} NOT NULL,
  report {int} NOT NULL REFERENCES object (id),
  organisation {int} NOT NULL,
  thread {int} NOT NULL REFERENCES object (id),
  message {text} NOT NULL,
  asked_at {time} NOT NULL,
  asked_by {int} NOT NULL DEFAULT 0,
  said {int} NOT NULL DEFAULT 0,
  said_at {time},
  said_by {int} NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX intake_vouch_uid ON intake_vouch (uid);
CREATE INDEX intake_vouch_report ON intake_vouch (report, id);
CREATE INDEX intake_vouch_organisation ON intake_vouch (organisation, id);
CREATE INDEX intake_vouch_thread ON intake_vouch (thread);
