package country

import "github.com/tocsin-csirt/tocsin/internal/format/tlp"

// ransomware is the case of the day, with nine parties: a water company is locked through the account of its supplier.
func ransomware() Incident {
	ask := func(state string, asked, due Ago, text string) Request {
		return Request{State: state, Asked: asked, Due: due, Text: text}
	}
	proposed := func(code string, given, due Ago) Measure {
		return Measure{Recommendation: code, State: "proposed", Given: given, Due: due}
	}
	return Incident{
		Key: "ransomware", Title: "Ransomware on billing and SCADA historian servers", Type: "information-content-security:unauthorised-information-modification",
		Summary: "Billing and two SCADA historian servers of Águas do Vale were encrypted overnight through the VPN account of a supplier, which is the same at nine customers. " +
			"Water supply is not affected. The locker and one address link the case to Blackgull.",
		Severity: "critical", National: true, TLP: tlp.Amber, PAP: tlp.PAPAmber, State: "coordinating", Handler: "ana",
		Reasons: []string{"severity.data.altered", "severity.spread.organisations", "severity.sector.essential", "severity.control.active", "Raised by the lead: the same supplier account exists at nine operators"},
		Answers: map[string]string{
			"service": "degraded", "data": "altered", "spread": "organisations", "people": "none", "sector": "essential", "control": "active", "recovery": "days", "border": "unknown", "life": "no",
		},
		Started: 12*hour + 1*minute, Opened: 101 * minute, Reports: []string{"ransom-early-warning", "hidrotec-call"},
		Entries: []Entry{
			{Kind: "attack_event", Happened: 3*day + 5*hour, Learnt: 95 * minute, By: "ana", Text: "A laptop of a Hidrotec technician ran a document from an unknown sender. First sign that we know of."},
			{Kind: "attack_event", Happened: 12*hour + 1*minute, Learnt: 101 * minute, By: "ana", Text: "Attacker logged in over VPN with account svc-hidrotec from 203.0.113.77."},
			{Kind: "attack_event", Happened: 11*hour + 52*minute, Learnt: 88 * minute, By: "ana", Text: "From the jump host 192.0.2.4 to the file server 192.0.2.9 over SMB; directory listing of the billing share."},
			{Kind: "attack_event", Happened: 11*hour + 16*minute, Learnt: 88 * minute, By: "ana", Text: "Remote desktop to hist-02 (192.0.2.11). Endpoint protection was switched off with the local administrator."},
			{Kind: "attack_event", Happened: 10*hour + 30*minute, Learnt: 70 * minute, By: "joao", Text: "About 38 GB left for 198.51.100.24 (Wolkenheim) over two hours; contents not known, the share held customer master data."},
			{Kind: "attack_event", Happened: 8*hour + 4*minute, Learnt: 88 * minute, By: "ana", Text: "Encryption began on billing-01, then hist-01 and hist-02; finished within 40 minutes. File suffix .gull7."},
			{Kind: "event", Happened: 7 * hour, Learnt: 106 * minute, By: "marta", Text: "Águas do Vale noticed when the morning shift opened yesterday's reports. Plants went to local control; no customer without water."},
			{Kind: "note", Happened: 99 * minute, Learnt: 99 * minute, By: "marta", Text: "Called Rui Tavares on the number we know. It is really them. He is calm, has two people, needs to know first whether to switch off. Told him: isolate, keep powered."},
			{Kind: "note", Happened: 96 * minute, Learnt: 96 * minute, By: "ana", Text: "Locker hash and 203.0.113.84's neighbour 203.0.113.77: the same certificate as in Blackgull. I would treat them as one hand until shown otherwise."},
			{Kind: "event", Happened: 60 * minute, Learnt: 60 * minute, By: "helena", Text: "Declared of national reach: one supplier account, nine operators in four sectors. The crisis centre was told by telephone."},
			{Kind: "note", Happened: 35 * minute, Learnt: 35 * minute, By: "joao", Text: "Sample runs in the sandbox, no network needed. It stops on hosts without a Portuguese keyboard layout, so it was built for us. No flaw in the key handling so far."},
		},
		Tasks: []Task{
			{Title: "Call the reporter", Done: 99 * minute, Assignee: "ana"},
			{Title: "Send first advice", Done: 80 * minute, Assignee: "ana"},
			{Title: "Tell the sector authority", Done: 66 * minute, Assignee: "marta"},
			{Title: "Get VPN logs", Due: -108 * minute, Assignee: "ana"},
			{Title: "Analyse locker sample", Due: -5 * hour, Assignee: "joao"},
			{Title: "Decide on sector alert", Due: -3 * hour},
		},
		Parties: []Party{
			{
				Organisation: "aguas-do-vale", Role: "affected", Why: "report", Added: 101 * minute,
				Requests: []Request{
					{State: "answered", Asked: 80 * minute, Due: 20 * minute, Text: "Confirm that svc-hidrotec and its sessions are closed, and tell us which machines it reached.", At: 41 * minute, Answer: "Closed. It reached the jump host, the file server, billing-01, hist-01 and hist-02. Nothing in the plant network answers from there, we tested three addresses."},
					ask("asked", 80*minute, -108*minute, "Send us the VPN log of the last fourteen days: original files, with the time zone."),
				},
				Measures: []Measure{
					{Recommendation: "rec-isolate-hosts", State: "verified", Given: 80 * minute, Due: 40 * minute, Steps: []Step{
						{At: 72 * minute, To: "acknowledged"},
						{At: 41 * minute, To: "done", Note: "billing-01, hist-01 and hist-02 in a closed VLAN and powered. Switch log attached."},
						{At: 28 * minute, To: "verified", By: "ana", Note: "Switch log shows no frame from the three ports since then."},
					}},
					{Recommendation: "rec-preserve-logs", State: "planned", Given: 80 * minute, Due: -108 * minute, Steps: []Step{
						{At: 72 * minute, To: "acknowledged"}, {At: 41 * minute, To: "planned", PlannedFor: -90 * minute, Note: "Export is running."},
					}},
					{Recommendation: "rec-reset-credentials", State: "acknowledged", Given: 80 * minute, Due: -22 * hour, Steps: []Step{{At: 72 * minute, To: "acknowledged"}}},
					{Recommendation: "rec-check-domain-controllers", State: "proposed", Given: 30 * minute, Due: -24 * hour},
				},
			},
			{
				Organisation: "hidrotec", Role: "source", Why: "report: the account belongs to it", Added: 95 * minute,
				Requests: []Request{
					{State: "accepted", Asked: 90 * minute, Due: 30 * minute, Text: "Pedimos a lista completa dos clientes em que existe a conta svc-hidrotec, com um contacto técnico para cada um.", At: 62 * minute, Answer: "Segue a lista: nove clientes. Em dois a conta já não devia existir."},
					ask("asked", 14*minute, -4*hour, "Pedimos que guardem o portátil do técnico, ligado e sem rede, e nos digam que documento foi aberto na quarta-feira."),
				},
				Measures: []Measure{
					{Recommendation: "rec-reset-credentials", State: "done", Given: 90 * minute, Due: 10 * minute, Steps: []Step{
						{At: 84 * minute, To: "planned", PlannedFor: 20 * minute}, {At: 18 * minute, To: "done", Note: "Conta alterada ou desativada nos nove clientes, confirmada por telefone em sete."},
					}},
					{Recommendation: "rec-enforce-mfa", State: "declined", Given: 90 * minute, Due: -6 * day, Steps: []Step{{At: 55 * minute, To: "declined", Note: "Os equipamentos de três clientes não permitem segundo fator; só depois da substituição, em março."}}},
				},
			},
			{
				Organisation: "portos-do-sul", Role: "affected", Why: "on the supplier's list of customers", Added: 58 * minute,
				Requests: []Request{ask("asked", 55*minute, -3*hour, "Existe a conta svc-hidrotec nos vossos sistemas? Houve acessos com ela nos últimos trinta dias, e de onde?")},
				Measures: []Measure{
					{Recommendation: "rec-search-indicators", State: "acknowledged", Given: 55 * minute, Due: -7 * hour, Steps: []Step{{At: 33 * minute, To: "acknowledged"}}},
					{Recommendation: "rec-verify-supplier-access", State: "planned", Given: 55 * minute, Due: -2 * day, Steps: []Step{{At: 33 * minute, To: "planned", PlannedFor: -20 * hour}}},
				},
			},
			{
				Organisation: "energia-central", Role: "affected", Why: "on the supplier's list of customers", Added: 58 * minute,
				Requests: []Request{{State: "answered", Asked: 55 * minute, Due: -3 * hour, Text: "Existe a conta svc-hidrotec nos vossos sistemas? Houve acessos com ela nos últimos trinta dias, e de onde?", At: 22 * minute, Answer: "Existe, mas só na rede de testes. Um acesso, há três semanas, de um endereço da própria Hidrotec. Desativada."}},
				Measures: []Measure{{Recommendation: "rec-search-indicators", State: "done", Given: 55 * minute, Due: -7 * hour, Steps: []Step{{At: 40 * minute, To: "acknowledged"}, {At: 22 * minute, To: "done", Note: "Nenhum indicador encontrado em 90 dias de registos de VPN, DNS e proxy."}}}},
			},
			{
				Organisation: "nordheim-chemie", Role: "affected", Why: "on the supplier's list of customers", Added: 57 * minute,
				Requests: []Request{ask("asked", 54*minute, -3*hour, "Besteht bei Ihnen das Konto svc-hidrotec? Gab es damit in den letzten dreißig Tagen Anmeldungen, und von wo?")},
				Measures: []Measure{proposed("rec-verify-supplier-access", 54*minute, -2*day), proposed("rec-search-indicators", 54*minute, -7*hour)},
			},
			{
				Organisation: "wolkenheim", Role: "provider", Why: "hosts 198.51.100.24, where the data went", Added: 65 * minute,
				Requests: []Request{{State: "answered", Asked: 64 * minute, Due: 4 * minute, Text: "Bitte sichern Sie den Datenträger hinter 198.51.100.24 und die Bestandsdaten, ohne den Kunden zu benachrichtigen, und bestätigen Sie uns den Zeitpunkt.", At: 26 * minute, Answer: "Snapshot mit Arbeitsspeicher liegt vor, Kunde nicht benachrichtigt. Herausgabe nur auf Anordnung."}},
			},
			{
				Organisation: "regulador-agua", Role: "authority", Why: "sector authority named by law", Added: 66 * minute,
				Messages: []Message{
					{At: 66 * minute, Out: true, By: "marta", Channel: "mail", Text: "Informamos, nos termos da lei, de um incidente num operador do setor da água. O abastecimento não está afetado. Enviaremos nova informação até ao fim do dia.", Seen: 50 * minute},
					{At: 47 * minute, Channel: "mail", Text: "Recebido. Pedimos que nos digam se outros operadores de água usam o mesmo fornecedor."},
				},
			},
			{Organisation: "centro-crise", Role: "authority", Why: "of national reach", Added: 60 * minute},
			{
				Peer: "cert-norlund", Role: "peer", Why: "knows the locker from a case of its own", Added: 45 * minute,
				Requests: []Request{ask("asked", 44*minute, -20*hour, "Do you know a Blackgull locker with the suffix .gull7, and has anybody a decryptor? The hash is in the signed attachment; please treat it as TLP:AMBER.")},
			},
		},
	}
}
