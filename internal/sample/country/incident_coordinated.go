package country

import "github.com/tocsin-csirt/tocsin/internal/format/tlp"

// coordinated gives cases in which others have to act.
func coordinated() []Incident {
	return []Incident{
		{
			Key: "blackgull", Title: "Blackgull: false update to municipal suppliers", Type: "malicious-code:malware-distribution",
			Summary:  "A support account of Munivia sent a false software update to 46 municipalities. One is encrypted, others found the package in time.",
			Severity: "high", TLP: tlp.AmberStrict, PAP: tlp.PAPAmber, State: "coordinating", Handler: "joao", Started: 12 * day, Opened: 9*day + 3*hour,
			Reasons: []string{"severity.spread.organisations", "severity.data.altered", "severity.control.unknown"},
			Answers: map[string]string{"service": "partly", "data": "altered", "spread": "organisations", "people": "hundred_thousand", "sector": "important", "control": "unknown", "recovery": "days", "border": "no", "life": "no"},
			Reports: []string{"ribeira-ransom", "munivia-notice"},
			Entries: []Entry{
				{Kind: "attack_event", Happened: 12 * day, Learnt: 8 * day, By: "joao", Text: "First sign-in to the Munivia support account from 203.0.113.84. Password correct, no second factor."},
				{Kind: "attack_event", Happened: 11 * day, Learnt: 8 * day, By: "joao", Text: "False update announced to 46 municipalities from the genuine mail server."},
				{Kind: "attack_event", Happened: 10 * day, Learnt: 9 * day, By: "joao", Text: "Eleven servers of Ribeira Alta encrypted."},
				{Kind: "note", Happened: 8 * day, Learnt: 8 * day, By: "joao", Text: "Munivia has not told its customers. We agreed that it writes today and we follow with the technical part."},
				{Kind: "event", Happened: 7 * day, Learnt: 7 * day, By: "joao", Text: "46 municipalities told. By now 44 answered: 5 had opened the link, 1 was encrypted, 38 had not."},
			},
			Tasks: []Task{
				{Title: "Compare signing certificates of the packages", Done: 6 * day, Assignee: "joao"},
				{Title: "Telephone the two silent municipalities", Due: 2 * hour, Assignee: "joao"},
				{Title: "Draft advisory: five checks for municipalities", Due: -26 * hour, Assignee: "lena"},
			},
			Parties: []Party{
				{
					Organisation: "camara-ribeira", Role: "affected", Why: "report", Added: 9*day + 3*hour,
					Requests: []Request{{State: "accepted", Asked: 9*day + 1*hour, Due: 8 * day, Text: "Pedimos a imagem de dois servidores e os registos da firewall da noite do ataque.", At: 8 * day, Answer: "Imagens guardadas em dois discos, com resumos SHA-256. A firewall cobre a noite do ataque."}},
					Measures: []Measure{
						{Recommendation: "rec-isolate-hosts", State: "verified", Given: 9*day + 1*hour, Due: 9 * day, Steps: []Step{{At: 9 * day, To: "done", Note: "Onze servidores isolados."}, {At: 8 * day, To: "verified", By: "joao", Note: "Visto na consola por videochamada."}}},
						{Recommendation: "rec-restore-backups", State: "planned", Given: 8 * day, Due: -3 * day, Steps: []Step{
							{At: 7 * day, To: "done", Note: "Reposto o servidor de taxas."},
							{At: 6 * day, To: "planned", By: "joao", Note: "A cópia usada é posterior ao primeiro acesso; repor a da semana anterior.", PlannedFor: -2 * day},
						}},
						{Recommendation: "rec-contact-police", State: "done", Given: 9 * day, Due: 7 * day, Steps: []Step{{At: 8 * day, To: "done", Note: "Queixa 1184/26, unidade de cibercrime."}}},
					},
				},
				{
					Organisation: "munivia", Role: "source", Why: "report", Added: 8*day + 5*hour,
					Requests: []Request{{State: "answered", Asked: 8 * day, Due: 6 * day, Text: "Pedimos o resultado da verificação do processo de compilação e a data desde a qual podem excluir alterações.", At: 5 * day, Answer: "Compilámos de novo as três últimas versões a partir do repositório: são idênticas às publicadas."}},
					Measures: []Measure{
						{Recommendation: "rec-reset-credentials", State: "verified", Given: 8 * day, Due: 7 * day, Steps: []Step{{At: 7*day + 12*hour, To: "done", Note: "Todas as contas de apoio repostas, sessões terminadas."}, {At: 6 * day, To: "verified", By: "joao", Note: "Exportação de acessos revista."}}},
						{Recommendation: "rec-enforce-mfa", State: "done", Given: 8 * day, Due: 2 * day, Steps: []Step{{At: 7 * day, To: "planned", PlannedFor: 3 * day}, {At: 2 * day, To: "done", Note: "Política aplicada a 212 contas; exportação em anexo."}}},
						{Recommendation: "rec-rotate-keys", State: "expired", Given: 8 * day, Due: 1 * day, Steps: []Step{{At: 7 * day, To: "acknowledged"}, {At: 1 * day, To: "expired", By: "joao"}}},
					},
				},
				{
					Organisation: "camara-alvor", Role: "affected", Why: "opened the link in the false update", Added: 7 * day,
					Requests: []Request{{State: "asked", Asked: 7 * day, Due: 2 * day, Text: "O pacote foi executado? Pedimos o nome da máquina e a hora."}},
					Measures: []Measure{{Recommendation: "rec-search-indicators", State: "proposed", Given: 7 * day, Due: 2 * day}},
				},
				{
					Organisation: "gemeente-oosterdam", Role: "affected", Why: "customer of the supplier", Added: 7 * day,
					Requests: []Request{{State: "answered", Asked: 7 * day, Due: 4 * day, Text: "Heeft u de valse update ontvangen of uitgevoerd?", At: 6 * day, Answer: "Ontvangen op drie adressen, tegengehouden door de mailgateway. Niet uitgevoerd."}},
					Measures: []Measure{{Recommendation: "rec-block-indicators", State: "withdrawn", Given: 7 * day, Due: 5 * day, Steps: []Step{{At: 6 * day, To: "withdrawn", By: "joao", Note: "Niet meer nodig: de gateway houdt de berichten al tegen."}}}},
				},
			},
		},
		{
			Key: "blackgull-reach", Title: "Blackgull: who fetched the false update", Type: "malicious-code:malware-distribution",
			Summary:  "The download server of Munivia names 500 organisations whose update client asked for the false package. Each is asked what it runs and what it found.",
			Severity: "high", TLP: tlp.Green, PAP: tlp.PAPGreen, State: "coordinating", Handler: "joao", Started: 12 * day, Opened: 5*day + 2*hour,
			Reasons: []string{"severity.spread.organisations", "severity.sector.essential", "severity.control.unknown"},
			Answers: map[string]string{"service": "none", "data": "unknown", "spread": "organisations", "people": "none", "sector": "essential", "control": "unknown", "recovery": "days", "border": "no", "life": "no"},
			Entries: []Entry{
				{Kind: "event", Happened: 5*day + 2*hour, Learnt: 5*day + 2*hour, By: "joao", Text: "Munivia gave us the log of its download server under TLP:GREEN: 500 of ours asked for the package within five days."},
			},
			Tasks: []Task{{Title: "Call those who are silent and essential", Due: -20 * hour, Assignee: "joao"}},
		},
		{
			Key: "parcels", Title: "Fake parcel messages lead to remote-control apps", Type: "fraud:phishing",
			Summary:  "Messages in the name of Correio Expresso ask for 1.99 and take card and bank code; some install a remote-control app. Four domains so far, one of them back.",
			Severity: "medium", TLP: tlp.Green, PAP: tlp.PAPGreen, State: "coordinating", Handler: "marta", Started: 5 * day, Opened: 3*day + 4*hour,
			Reasons: []string{"severity.people.hundred_thousand", "severity.data.read", "severity.control.active"},
			Reports: []string{"parcel-company"},
			Entries: []Entry{
				{Kind: "attack_event", Happened: 5 * day, Learnt: 3 * day, By: "marta", Text: "First of four domains registered; the kit is the same in all."},
				{Kind: "event", Happened: 2 * day, Learnt: 2 * day, By: "marta", Text: "Three domains suspended by the registry, two pages removed by the host."},
				{Kind: "attack_event", Happened: 5 * hour, Learnt: 72 * minute, By: "marta", Text: "correio-taxa.example is back at 198.51.100.42 (Porto Host)."},
			},
			Tasks: []Task{
				{Title: "Ask the registry about the fourth domain", Done: 2 * day, Assignee: "marta"},
				{Title: "Public warning, text agreed with the company", Done: 3 * day, Assignee: "lena"},
				{Title: "Send card numbers found in the kit to the banks", Due: -4 * hour, Assignee: "marta"},
			},
			Parties: []Party{
				{Organisation: "correio-expresso", Role: "affected", Why: "report", Added: 3*day + 4*hour, Measures: []Measure{{Recommendation: "rec-static-page", State: "verified", Given: 3 * day, Due: 2 * day, Steps: []Step{{At: 2*day + 12*hour, To: "done", Note: "Aviso na página inicial e na linha de apoio."}, {At: 2 * day, To: "verified", By: "marta", Note: "Visto de fora."}}}}},
				{
					Organisation: "porto-host", Role: "provider", Why: "hosts 198.51.100.42", Added: 70 * minute,
					Requests: []Request{{State: "asked", Asked: 68 * minute, Due: -150 * minute, Text: "Pedimos o nome de quem alugou o espaço, guardado e não divulgado, e os registos de acesso desde ontem."}},
					Measures: []Measure{{Recommendation: "rec-take-down-phishing", State: "acknowledged", Given: 68 * minute, Due: -150 * minute, Steps: []Step{{At: 25 * minute, To: "acknowledged"}}}},
				},
				{Organisation: "registry", Role: "provider", Why: "registry of the domains", Added: 3 * day, Measures: []Measure{{Recommendation: "rec-take-down-phishing", State: "done", Given: 3 * day, Due: 2 * day, Steps: []Step{{At: 2 * day, To: "done", Note: "Three domains suspended. The fourth is re-delegated; suspended again today."}}}}},
				{Organisation: "banco-mercante", Role: "affected", Why: "most cards are from this bank", Added: 2 * day, Requests: []Request{{State: "accepted", Asked: 2 * day, Due: 1 * day, Text: "Por que via preferem receber os números de cartão encontrados?", At: 40 * hour, Answer: "Ficheiro cifrado para a chave da equipa antifraude."}}},
			},
		},
		{
			Key: "tax-ddos", Title: "DDoS on the tax portal, first wave", Type: "availability:ddos",
			Summary:  "Five hours of reflection traffic, up to 95 Gbit/s, claimed by a hacktivist group. Filtered upstream; watching for the next wave.",
			Severity: "high", TLP: tlp.Green, PAP: tlp.PAPGreen, State: "monitoring", Handler: "joao", Started: 6*day + 9*hour, Opened: 6*day + 8*hour,
			Reasons: []string{"severity.service.partly", "severity.people.more", "severity.sector.essential"},
			Entries: []Entry{
				{Kind: "attack_event", Happened: 6*day + 9*hour, Learnt: 6*day + 8*hour, By: "joao", Text: "Traffic to 198.51.100.114 rises to 95 Gbit/s within six minutes; DNS and NTP reflection."},
				{Kind: "event", Happened: 6*day + 5*hour, Learnt: 6*day + 5*hour, By: "joao", Text: "Telval filters by protocol; the portal answers again."},
				{Kind: "note", Happened: 6 * day, Learnt: 6 * day, By: "joao", Text: "Opened at our own initiative from the providers' alarms. The filing deadline is the likely reason for the date; expect a second wave before it."},
			},
			Tasks: []Task{{Title: "Agree a standing filter with the operator", Done: 5 * day, Assignee: "joao"}, {Title: "Watch the group's channel until the filing deadline", Due: -2 * day, Assignee: "marta"}},
			Parties: []Party{
				{Organisation: "autoridade-tributaria", Role: "affected", Why: "target", Added: 6*day + 8*hour, Measures: []Measure{
					{Recommendation: "rec-filter-ddos-upstream", State: "verified", Given: 6*day + 7*hour, Due: 6*day + 3*hour, Steps: []Step{{At: 6*day + 5*hour, To: "done", Note: "Filtro ativo, pedido 88213 na Telval."}, {At: 6 * day, To: "verified", By: "joao", Note: "Duas horas sem perda com o ataque em curso."}}},
					{Recommendation: "rec-static-page", State: "planned", Given: 6 * day, Due: -1 * day, Steps: []Step{{At: 5 * day, To: "planned", PlannedFor: -1 * day, Note: "Alojamento fora da nossa rede em contratação."}}},
				}},
				{Organisation: "telval", Role: "provider", Why: "carries the target", Added: 6*day + 8*hour, Requests: []Request{{State: "accepted", Asked: 6 * day, Due: 5 * day, Text: "Pedimos a lista dos refletores na vossa rede que tomaram parte no ataque.", At: 5*day + 6*hour, Answer: "Lista enviada: 31 endereços de clientes, em correção."}}},
				{Organisation: "val-ix", Role: "provider", Why: "sees the traffic of all members", Added: 6 * day, Messages: []Message{{At: 6 * day, Out: true, By: "joao", Channel: "mail", Text: "Could you share flow figures of the attack ports for the five hours, without customer addresses?"}, {At: 5 * day, Channel: "mail", Text: "Attached. Peak at the exchange was 61 Gbit/s, four fifths of it from abroad."}}},
			},
		},
		{
			Key: "reflectors", Title: "Customer routers abused as DNS reflectors", Type: "vulnerable:ddos-amplifier",
			Summary:  "A firmware update opened DNS on about 1,200 customer routers of Kustnet. A new profile is being rolled out in four parts; three are verified from outside.",
			Severity: "low", TLP: tlp.Green, PAP: tlp.PAPClear, State: "monitoring", Handler: "joao", Started: 19 * day, Opened: 16 * day,
			Reasons: []string{"severity.spread.wide", "severity.border.yes"}, Reports: []string{"kustnet-reflectors"},
			Entries: []Entry{{Kind: "event", Happened: 9 * day, Learnt: 9 * day, By: "joao", Text: "Outside scan after part three: 41 of 1,200 still answer."}},
			Tasks:   []Task{{Title: "Scan again after part four", Due: -3 * day, Assignee: "joao"}},
			Parties: []Party{{Organisation: "kustnet", Role: "affected", Why: "report", Added: 16 * day, Measures: []Measure{{Recommendation: "rec-fix-open-resolver", State: "verified", Given: 16 * day, Due: 9 * day, Steps: []Step{
				{At: 15 * day, To: "planned", PlannedFor: 10 * day},
				{At: 12 * day, To: "done", Note: "Deel één en twee uitgerold."},
				{At: 11 * day, To: "planned", By: "joao", Note: "Van buitenaf antwoorden nog 480 routers.", PlannedFor: 9 * day},
				{At: 10 * day, To: "done", Note: "Deel drie uitgerold."},
				{At: 9 * day, To: "verified", By: "joao", Note: "41 over, in deel vier; aanvaard."},
			}}}}},
		},
	}
}
