-- Whom we asked by letter whether its entry is still right, once for each year: since is when that year began (the last confirmation, or the entry).
CREATE TABLE constituency_asked (
  organisation {int} NOT NULL REFERENCES constituency_organisation (id),
  since {time} NOT NULL,
  asked_at {time} NOT NULL,
  letters {int} NOT NULL,
  reminded_at {time},
  reminders {int} NOT NULL DEFAULT 0,
  PRIMARY KEY (organisation, since)
);
