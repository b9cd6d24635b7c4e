-- Objects whose content stays whatever their period says, until a lead ends the hold. The reason is sealed under the object's own key.
CREATE TABLE retain_hold (
  object {int} NOT NULL PRIMARY KEY REFERENCES object (id),
  kind {int} NOT NULL,
  set_by {int} NOT NULL,
  set_at {time} NOT NULL,
  reason {blob} NOT NULL
);

-- Since when a report needs nothing more and belongs to no incident: its period runs from there. NULL while it is worked on or linked, and when
-- its content was destroyed.
ALTER TABLE intake_report ADD COLUMN settled_at {time};
UPDATE intake_report SET settled_at = (SELECT o.updated_at FROM object o WHERE o.id = intake_report.id) WHERE state IN ('rejected', 'answered', 'passed_on');
CREATE INDEX intake_report_settled ON intake_report (state, settled_at, id) WHERE settled_at IS NOT NULL;

-- What the daily work looks for.
CREATE INDEX intake_code_ends ON intake_code (ends_at) WHERE ends_at IS NOT NULL;
CREATE INDEX intake_shown_ends ON intake_shown (ends_at) WHERE ends_at IS NOT NULL;
CREATE INDEX intake_drop_aside ON intake_drop (aside_at) WHERE aside_at IS NOT NULL;
CREATE INDEX draft_text_saved ON draft_text (saved_at);
CREATE INDEX draft_text_object ON draft_text (object);
CREATE INDEX account_device_seen ON account_device (seen_at);
CREATE INDEX correspondence_file_thread ON correspondence_file (thread) WHERE thread <> 0;
CREATE INDEX correspondence_file_owner ON correspondence_file (owner);
CREATE INDEX correspondence_arrival_blob ON correspondence_arrival (blob) WHERE blob <> '';
