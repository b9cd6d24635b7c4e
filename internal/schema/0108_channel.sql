-- By which road a mail came: "smtp", "lmtp" or "imap", so that one that is silent is noticed. What came before this is of none.
ALTER TABLE correspondence_arrival ADD COLUMN road {text} NOT NULL DEFAULT '';
CREATE INDEX correspondence_arrival_road ON correspondence_arrival (road, received_at) WHERE road <> '';

-- The same for reports that come by form or API.
CREATE INDEX intake_report_came ON intake_report (channel, received_at) WHERE channel <> 'mail';
