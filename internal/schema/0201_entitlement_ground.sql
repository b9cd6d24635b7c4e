-- On what law or mandate a row of the table of entitlements stands, and to whom we point who is not entitled, by language (JSON).
ALTER TABLE constituency_entitlement ADD COLUMN ground {text} NOT NULL DEFAULT '';
ALTER TABLE constituency_entitlement ADD COLUMN pointers {text} NOT NULL DEFAULT '';
