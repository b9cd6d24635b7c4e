-- A signed receipt can be asked for in other languages: the first row of a submission is the one that it was given, and the only one that codes open.
DROP INDEX intake_sheet_of;
CREATE UNIQUE INDEX intake_sheet_of ON intake_sheet (report, number, lang);
