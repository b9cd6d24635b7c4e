-- What was passed on to a recipient by law: the letter and its thread with the recipient's organisation, and when it was confirmed.
CREATE TABLE intake_forward (
  id {id},
  uid {text} NOT NULL,
  obligation {int} NOT NULL REFERENCES object (id),
  recipient {text} NOT NULL,
  organisation {int} NOT NULL,
  thread {int} NOT NULL REFERENCES object (id),
  message {text} NOT NULL,
  at {time} NOT NULL,
  sent_by {int} NOT NULL DEFAULT 0,
  stopped_at {time},
  confirmed_at {time},
  confirmed_by {text} NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX intake_forward_uid ON intake_forward (uid);
CREATE UNIQUE INDEX intake_forward_message ON intake_forward (message);
CREATE INDEX intake_forward_obligation ON intake_forward (obligation, id);
CREATE INDEX intake_forward_thread ON intake_forward (thread, id);

-- What a law asks in a sealed report lies under its seal.
UPDATE object SET sealed = TRUE, sealed_under = COALESCE((SELECT CASE WHEN r.sealed_under <> 0 THEN r.sealed_under ELSE r.id END
  FROM intake_obligation b JOIN object r ON r.id = b.report WHERE b.id = object.id), 0)
WHERE sealed = FALSE AND id IN (SELECT b.id FROM intake_obligation b JOIN object r ON r.id = b.report WHERE r.sealed = TRUE);
