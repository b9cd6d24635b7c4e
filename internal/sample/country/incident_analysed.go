package country

import "github.com/tocsin-csirt/tocsin/internal/format/tlp"

// analysed gives cases that the team still takes apart.
func analysed() []Incident {
	return []Incident{
		{
			Key: "netport", Title: "NetPort 7 exploitation (CVE-2026-41877)", Type: "intrusion-attempts:ids-alert",
			Summary:  "Edge gateways NetPort 7 up to 7.2.1 run code without login; exploited in the country since four days. 83 instances found, 51 patched.",
			Severity: "high", TLP: tlp.Amber, PAP: tlp.PAPGreen, State: "analysing", Handler: "lena", Started: 6 * day, Opened: 4*day + 6*hour,
			Reasons: []string{"severity.spread.organisations", "severity.control.active", "severity.data.unknown"},
			Entries: []Entry{
				{Kind: "event", Happened: 6 * day, Learnt: 5 * day, By: "lena", Text: "Vendor publishes 7.2.2 with a note that names no exploitation."},
				{Kind: "attack_event", Happened: 4*day + 10*hour, Learnt: 4 * day, By: "lena", Text: "First exploitation seen in the country, from 203.0.113.210; a webshell status_.jsp is written."},
				{Kind: "note", Happened: 2 * day, Learnt: 2 * day, By: "lena", Text: "The vendor's check script misses shells whose name ends with an underscore. Told them; they confirm."},
			},
			Tasks: []Task{{Title: "List exposed instances by owner", Done: 3 * day, Assignee: "lena"}, {Title: "Correct the check script with the vendor", Due: 5 * hour, Assignee: "lena"}, {Title: "Second alert with signs of compromise", Due: -7 * hour, Assignee: "ana"}},
			Parties: []Party{
				{
					Organisation: "netport", Role: "vendor", Why: "makes the product", Added: 4 * day,
					Requests: []Request{{State: "asked", Asked: 2 * day, Due: 5 * hour, Text: "Bitte berichtigen Sie das Prüfskript und nennen Sie uns die Zeichenfolge, an der Ihre Kunden die Webshell erkennen."}},
					Messages: []Message{{At: 30 * hour, Channel: "mail", Text: "Wir bestätigen den Fehler im Skript. Neue Fassung in Prüfung, Termin folgt."}},
				},
				{Organisation: "nordheim-chemie", Role: "affected", Why: "exposed instance at 203.0.113.226", Added: 3 * day, Measures: []Measure{
					{Recommendation: "rec-patch-product", State: "done", Given: 3 * day, Due: 2 * day, Steps: []Step{{At: 2*day + 6*hour, To: "done", Note: "7.2.2 auf beiden Geräten, vorher gesichert."}}},
					{Recommendation: "rec-close-admin-interfaces", State: "planned", Given: 3 * day, Due: -4 * day, Steps: []Step{{At: 2 * day, To: "planned", PlannedFor: -3 * day}}},
				}},
				{Organisation: "universiteit-oosterdam", Role: "affected", Why: "exposed instance at 203.0.113.131", Added: 3 * day, Measures: []Measure{{Recommendation: "rec-patch-product", State: "proposed", Given: 3 * day, Due: 1 * day}}},
				{Peer: "csirt-ostmark", Role: "peer", Why: "the vendor's home country", Added: 3 * day, Messages: []Message{{At: 3 * day, Out: true, By: "lena", Channel: "mail", Text: "Wir sehen Ausnutzung seit gestern und stimmen uns gern über die Warnung ab. Indikatoren folgen mit TLP:AMBER."}, {At: 2*day + 20*hour, Channel: "mail", Text: "Danke. Bei uns bisher elf Fälle. Wir warnen morgen früh und nennen Ihre Kennung nicht."}}},
			},
		},
		{
			Key: "vpn-sold", Title: "VPN configuration of a port offered for sale", Type: "information-content-security:data-leak",
			Summary:  "A configuration of Portos do Sul with account names is on offer. The certificates are renewed; how it left the house is not known yet.",
			Severity: "medium", TLP: tlp.Amber, PAP: tlp.PAPRed, State: "analysing", Handler: "joao", Started: 21 * day, Opened: 2*day + 5*hour,
			Reasons: []string{"severity.data.credentials", "severity.sector.essential"}, Reports: []string{"vpn-config-sold"},
			Entries: []Entry{{Kind: "note", Happened: 10 * minute, Learnt: 10 * minute, By: "joao", Text: "The export was made with svc-hidrotec. Same account as in the water case: ask Ana whether to join them in a campaign."}},
			Tasks:   []Task{{Title: "Read the export logs", Due: -2 * hour, Assignee: "joao"}, {Title: "Keep a copy of the offer", Done: 2 * day, Assignee: "marta"}},
			Parties: []Party{{
				Organisation: "portos-do-sul", Role: "affected", Why: "report", Added: 2*day + 5*hour,
				Requests: []Request{{State: "answered", Asked: 2*day + 2*hour, Due: 12 * hour, Text: "Pedimos os registos de exportação de configuração dos dois equipamentos.", At: 12 * minute, Answer: "Registos em anexo. Há uma exportação que ninguém fez, pela conta svc-hidrotec."}},
				Measures: []Measure{{Recommendation: "rec-rotate-keys", State: "verified", Given: 2*day + 2*hour, Due: 1 * day, Steps: []Step{{At: 2 * day, To: "done", Note: "Certificados e chaves partilhadas substituídos nos dois equipamentos."}, {At: 1 * day, To: "verified", By: "joao", Note: "Impressões digitais novas confirmadas por telefone."}}}},
			}},
		},
		{
			Key: "powershell", Title: "Suspicious PowerShell on two workstations", Type: "malicious-code:infected-system",
			Summary:  "Two workstations of Energia Central ran an encoded command from a partner's document; the second stage did not answer. Operation network not connected.",
			Severity: "medium", TLP: tlp.Amber, PAP: tlp.PAPAmber, State: "analysing", Handler: "ana", Started: 4*day + 6*hour, Opened: 4*day + 2*hour,
			Reasons: []string{"severity.sector.essential", "severity.spread.several"}, Reports: []string{"powershell"},
			Entries: []Entry{
				{Kind: "attack_event", Happened: 4*day + 6*hour, Learnt: 4*day + 3*hour, By: "ana", Text: "Document opened; PowerShell asks 203.0.113.88 for a second stage and gets no answer."},
				{Kind: "note", Happened: 40 * minute, Learnt: 40 * minute, By: "ana", Text: "The partner is Hidrotec. Third case in a week with that name."},
			},
			Tasks: []Task{{Title: "Take the document apart", Done: 3 * day, Assignee: "joao"}, {Title: "Ask the partner for its mail logs", Assignee: "ana", Due: -1 * hour}},
			Parties: []Party{
				{Organisation: "energia-central", Role: "affected", Why: "report", Added: 4*day + 2*hour, Measures: []Measure{
					{Recommendation: "rec-isolate-hosts", State: "verified", Given: 4 * day, Due: 3 * day, Steps: []Step{{At: 4*day - 1*hour, To: "done", Note: "Dois postos isolados e ligados."}, {At: 3 * day, To: "verified", By: "ana", Note: "Memória recebida, os dois nomes conferem."}}},
					{Recommendation: "rec-search-indicators", State: "done", Given: 4 * day, Due: 1 * day, Steps: []Step{{At: 3 * day, To: "acknowledged"}, {At: 44 * minute, To: "done", Note: "2 310 postos pesquisados, o documento chegou a mais três pessoas, nenhuma o abriu."}}},
				}},
				{Organisation: "telval", Role: "provider", Why: "can see who else asked 203.0.113.88", Added: 3 * day, Requests: []Request{{State: "withdrawn", Asked: 3 * day, Due: 2 * day, Text: "Que clientes tentaram contactar 203.0.113.88?"}}},
			},
		},
		{
			Key: "feira24", Title: "Customer database of a marketplace offered for sale", Type: "information-content-security:data-leak",
			Summary:  "An offer shows 50 lines that look like customers of Feira24. Opened at our own initiative; the company has not been told yet.",
			Severity: "medium", TLP: tlp.AmberStrict, PAP: tlp.PAPRed, State: "open", Handler: "marta", Started: 0, Opened: 3*hour + 30*minute,
			Reasons: []string{"severity.data.read", "severity.people.more"},
			Entries: []Entry{{Kind: "note", Happened: 3*hour + 20*minute, Learnt: 3*hour + 20*minute, By: "marta", Text: "Seller is new, no history. Check three of the fifty lines with the company before anybody calls it a breach."}},
			Tasks:   []Task{{Title: "Telephone the security contact", Due: -30 * minute, Assignee: "marta"}},
			Parties: []Party{{Organisation: "feira24", Role: "affected", Why: "named in the offer", Added: 3 * hour, Requests: []Request{{State: "draft", Due: -1 * day, Text: "Pedimos que verifiquem se as três linhas em anexo correspondem a clientes vossos e, em caso afirmativo, quando foram alteradas pela última vez."}}}},
		},
	}
}

// closed gives cases that ended.
func closed() []Incident {
	return []Incident{
		{
			Key: "belmont", Title: "Mailbox of a procurement office sends phishing", Type: "intrusions:unprivileged-account-compromise",
			Summary:  "A mailbox of the city of Belmont was used for nine days; an application with consent read on after the password had changed.",
			Severity: "low", TLP: tlp.Amber, PAP: tlp.PAPGreen, State: "closed", Handler: "lena", Started: 24 * day, Opened: 21 * day, Closed: 11 * day,
			Reasons: []string{"severity.data.read"}, Reports: []string{"belmont-mail"},
			Entries: []Entry{{Kind: "attack_event", Happened: 24 * day, Learnt: 20 * day, By: "lena", Text: "Password entered on a false page; an application called \"Mail Sync Pro\" got consent 40 seconds later."}},
			Tasks:   []Task{{Title: "Explain how to list application consents", Done: 20 * day, Assignee: "lena"}},
			Parties: []Party{{Organisation: "ville-belmont", Role: "affected", Why: "report", Added: 21 * day, Measures: []Measure{
				{Recommendation: "rec-clean-mailboxes", State: "verified", Given: 21 * day, Due: 18 * day, Steps: []Step{{At: 20 * day, To: "acknowledged"}, {At: 18 * day, To: "done", Note: "Deux règles et une application supprimées, export joint."}, {At: 17 * day, To: "verified", By: "lena", Note: "Deux jours de journaux ne montrent que le titulaire."}}},
				{Recommendation: "rec-enforce-mfa", State: "verified", Given: 21 * day, Due: 12 * day, Steps: []Step{{At: 19 * day, To: "planned", PlannedFor: 13 * day}, {At: 13 * day, To: "done", Note: "Second facteur pour tous les agents."}, {At: 12 * day, To: "verified", By: "lena", Note: "Essai avec deux comptes."}}},
			}}},
			Closing: &Closing{
				Outcome: "resolved", RootCause: "malicious_action", Impact: "minor", Affected: 1, CrossBorder: "no", TellReporter: true,
				Report: "A staff member entered the password on a false page. The attacker gave an application the right to read mail, so that a new password alone did not help. Application and rules removed, second factor introduced for all staff. 320 suppliers were told; two had paid nothing.",
			},
		},
		{
			Key: "klinikum", Title: "Laboratory system of a hospital down", Type: "availability:misconfiguration",
			Summary:  "Reported as a suspected attack. A log rotation that had been switched off during an upgrade filled the disks.",
			Severity: "high", TLP: tlp.AmberStrict, PAP: tlp.PAPGreen, State: "closed", Handler: "lena", Started: 33*day + 3*hour, Opened: 33 * day, Closed: 31 * day,
			Reasons: []string{"severity.floor.life", "severity.service.partly", "severity.sector.essential"}, Reports: []string{"klinikum-lab"},
			Answers: map[string]string{"service": "partly", "data": "none", "spread": "several", "people": "thousand", "sector": "essential", "control": "unknown", "recovery": "hours", "border": "no", "life": "yes"},
			Entries: []Entry{{Kind: "event", Happened: 32*day + 18*hour, Learnt: 32*day + 18*hour, By: "lena", Text: "Vendor found 1.9 TB of trace files; rotation off since the upgrade. No sign of a third party."}},
			Tasks:   []Task{{Title: "Bring the vendor to the telephone", Done: 33*day - 1*hour, Assignee: "lena"}},
			Parties: []Party{
				{Organisation: "klinikum-nordheim", Role: "affected", Why: "report", Added: 33 * day, Requests: []Request{{State: "accepted", Asked: 32 * day, Due: 31 * day, Text: "Bitte bestätigen Sie die Ursache und den Zeitpunkt des Normalbetriebs.", At: 31*day + 6*hour, Answer: "Normalbetrieb seit gestern 14 Uhr. Ursache ist die abgeschaltete Protokollrotation."}}},
				{Organisation: "centro-crise", Role: "authority", Why: "told because of the emergency room", Added: 33 * day, Messages: []Message{{At: 33*day - 1*hour, Out: true, By: "lena", Channel: "phone", Text: "Told by telephone: emergency room diverted, cause not known."}, {At: 32 * day, Out: true, By: "lena", Channel: "mail", Text: "Situação normalizada. Não foi um ataque."}}},
			},
			Closing: &Closing{
				Outcome: "no_incident", RootCause: "system_failure", Impact: "significant", Affected: 1, CrossBorder: "no", TellReporter: true,
				Note:   "No attack, so no notification is owed; the authority agrees.",
				Report: "No attack. After an upgrade the rotation of trace files stayed switched off and filled the disks of both laboratory servers. The emergency room was diverted for five hours. The vendor changed its upgrade check list.",
			},
		},
		{
			Key: "false-bank-app", Title: "False banking app in the name of Crédit Valmorien", Type: "fraud:masquerade",
			Summary:  "An app outside the stores took sign-in data of about forty customers. Removed with the help of the host's national team; the police goes on.",
			Severity: "medium", TLP: tlp.Green, PAP: tlp.PAPGreen, State: "closed", Handler: "marta", Started: 47 * day, Opened: 44 * day, Closed: 36 * day,
			Reasons: []string{"severity.data.credentials", "severity.border.yes"},
			Entries: []Entry{{Kind: "event", Happened: 41 * day, Learnt: 41 * day, By: "marta", Text: "Download page gone after CERT Azuline spoke with the host."}},
			Tasks:   []Task{{Title: "Hand over to the police", Done: 37 * day, Assignee: "marta"}},
			Parties: []Party{
				{Organisation: "credit-valmorien", Role: "affected", Why: "its name is used", Added: 44 * day, Measures: []Measure{{Recommendation: "rec-contact-police", State: "verified", Given: 44 * day, Due: 40 * day, Steps: []Step{{At: 42 * day, To: "done", Note: "Plainte 2207/26."}, {At: 41 * day, To: "verified", By: "marta", Note: "Numéro confirmé par l’unité."}}}}},
				{Peer: "cert-azur", Role: "peer", Why: "the host is in its country", Added: 44 * day, Requests: []Request{{State: "accepted", Asked: 44 * day, Due: 42 * day, Text: "Pouvez-vous demander à l’hébergeur de retirer la page et de conserver les journaux ?", At: 41 * day, Answer: "Page retirée, journaux conservés quatre-vingt-dix jours."}}},
				{Organisation: "policia", Role: "authority", Why: "criminal case", Added: 40 * day, Messages: []Message{{At: 37 * day, Out: true, By: "marta", Channel: "mail", Text: "Segue o resumo técnico, com o acordo do banco."}, {At: 36 * day, Channel: "mail", Text: "Recebido, processo 2207/26."}}},
			},
			Closing: &Closing{
				Outcome: "handed_over", RootCause: "malicious_action", Impact: "minor", Affected: 1, CrossBorder: "yes",
				Report: "About forty customers entered their sign-in data in a false app; the bank stopped all transfers. The page is gone, the logs are kept abroad. The police has the case.",
			},
		},
	}
}
