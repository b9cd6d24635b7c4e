-- A crime is suspected: its reporter said so, or one of the team marked it. The next letter to the reporter says how to go to the police.
ALTER TABLE intake_report ADD COLUMN crime {bool} NOT NULL DEFAULT FALSE;
