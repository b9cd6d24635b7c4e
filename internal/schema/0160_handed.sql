-- Which reports a letter passed on that no law asks for. There, obligation of intake_forward names the first of the reports, and recipient is empty.
CREATE TABLE intake_handed (
  id {id},
  forward {text} NOT NULL,
  report {int} NOT NULL REFERENCES object (id)
);
CREATE UNIQUE INDEX intake_handed_report ON intake_handed (report, forward);
CREATE INDEX intake_handed_forward ON intake_handed (forward, report);

ALTER TABLE intake_run ADD COLUMN forward {text} NOT NULL DEFAULT '';
CREATE INDEX intake_run_forward ON intake_run (forward);
CREATE INDEX intake_run_lead ON intake_run (lead);
