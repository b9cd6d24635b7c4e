-- The database user of the public process. Run this once, as the owner of the database, after the first start of the house:
--   psql "$TOCSIN_DATABASE" -f public-role.sql
-- and give the user a password or a certificate of its own. It may read who the team is and what was sealed to the code of a reporter, a letter or a registration, and put
-- sealed reports into the box. It reads no report, case, letter, account or key. Run it again after a restore.
DO $$ BEGIN CREATE ROLE tocsin_public LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;

GRANT SELECT ON setting_value, intake_shown, intake_sheet_shown, coordination_shown, registration_shown TO tocsin_public;
GRANT SELECT, INSERT ON intake_reference TO tocsin_public;
GRANT INSERT ON intake_drop TO tocsin_public;
-- Forms that were sent twice, and files of a form that was shown again: both under a key made with the form's code, which nobody stores.
GRANT SELECT, INSERT, DELETE ON intake_taken TO tocsin_public;
GRANT SELECT, INSERT, UPDATE, DELETE ON intake_kept, intake_draft, intake_upload, intake_upload_part TO tocsin_public;

ALTER TABLE setting_value ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS public_pages ON setting_value;
CREATE POLICY public_pages ON setting_value FOR SELECT TO tocsin_public
  USING (name IN ('team.profile', 'team.keys', 'team.smime', 'suspicion.address', 'team.security_txt', 'team.documents', 'intake.drop_key'));
