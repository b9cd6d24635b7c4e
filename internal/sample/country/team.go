package country

import "time"

func team() Team {
	return Team{
		Name: "CERT.XV",
		FullNames: map[string]string{
			"en": "National CSIRT of Valmora", "pt": "CSIRT nacional de Valmora", "fr": "CSIRT national de Valmora",
			"nl": "Nationaal CSIRT van Valmora", "de": "Nationales CSIRT von Valmora",
		},
		Authority: map[string]string{
			"en": "National Cybersecurity Centre · Ministry of Internal Affairs", "pt": "Centro Nacional de Cibersegurança · Ministério da Administração Interna",
			"fr": "Centre national de cybersécurité · Ministère de l’Intérieur", "nl": "Nationaal Centrum voor Cyberveiligheid · Ministerie van Binnenlandse Zaken",
			"de": "Nationales Zentrum für Cybersicherheit · Ministerium des Innern",
		},
		Host: "cert.valmora.example", Intake: "report@cert.valmora.example", Suspicious: "suspicious@cert.valmora.example", Phone: "+999 210 497 400",
		Address: "Rua do Sino 4, 1200-081 Porto Valmor, Valmora", Zone: "Europe/Lisbon", Lang: "en",
	}
}

func people() []Person {
	return []Person{
		{Key: "marta", Name: "Marta Silva", Email: "marta.silva@cert.valmora.example", Role: "duty", Lang: "en", Phone: "+999 910 000 101"},
		{Key: "ana", Name: "Ana Duarte", Email: "ana.duarte@cert.valmora.example", Role: "analyst", Lang: "en", Phone: "+999 910 000 102"},
		{Key: "joao", Name: "João Freitas", Email: "joao.freitas@cert.valmora.example", Role: "analyst", Lang: "pt", Phone: "+999 910 000 103"},
		{Key: "lena", Name: "Lena Vogt", Email: "lena.vogt@cert.valmora.example", Role: "analyst", Lang: "de", Phone: "+999 910 000 104"},
		{Key: "helena", Name: "Helena Prado", Email: "helena.prado@cert.valmora.example", Role: "lead", Lang: "en", Phone: "+999 910 000 105"},
		{Key: "tiago", Name: "Tiago Brandt", Email: "tiago.brandt@cert.valmora.example", Role: "admin", Lang: "en", Phone: "+999 910 000 106"},
		{Key: "claire", Name: "Claire Aubert", Email: "claire.aubert@tribunal-contas.valmora.example", Role: "auditor", Lang: "fr", Phone: "+999 910 000 107"},
		{Key: "ruben", Name: "Ruben de Wit", Email: "ruben.dewit@centrodecrise.valmora.example", Role: "liaison", Lang: "nl", Phone: "+999 910 000 108", Organisation: "centro-crise"},
		{Key: "rui", Name: "Rui Tavares", Email: "rui.tavares@aguasdovale.example", Role: "constituent", Lang: "en", Phone: "+999 231 400 112", Organisation: "aguas-do-vale"},
		{Key: "carla", Name: "Carla Nunes", Email: "carla.nunes@aguasdovale.example", Role: "constituent_admin", Lang: "pt", Phone: "+999 231 400 100", Organisation: "aguas-do-vale"},
		{Key: "sofia", Name: "Sofia Meireles", Email: "sofia.meireles@hospitalsaobraz.example", Role: "constituent", Lang: "pt", Phone: "+999 232 118 204", Organisation: "hospital-sao-braz"},
		{Key: "ingrid", Name: "Ingrid Holm", Email: "ingrid.holm@cert-norlund.example", Role: "peer", Lang: "en", Phone: "+999 880 112 233", Organisation: "cert-norlund"},
		{Key: "paulo", Name: "Paulo Reis", Email: "paulo.reis@correio.example", Role: "reporter", Lang: "pt", Phone: "+999 960 221 870"},
	}
}

func peers() []Peer {
	return []Peer{
		{Key: "cert-norlund", Name: "CERT Norlund", Country: "Norlund", Contact: "Ingrid Holm", Email: "cert@cert-norlund.example", Phone: "+999 880 112 200", Lang: "en"},
		{Key: "csirt-ostmark", Name: "CSIRT Ostermark", Country: "Ostermark", Contact: "Jonas Reuter", Email: "meldestelle@csirt-ostermark.example", Phone: "+999 870 500 500", Lang: "de"},
		{Key: "cert-azur", Name: "CERT Côte d’Azuline", Country: "Azuline", Contact: "Maëlle Perrin", Email: "incident@cert-azuline.example", Phone: "+999 860 330 011", Lang: "fr"},
	}
}

// communities in the order in which the team answers when it cannot answer all at once.
func communities() []string {
	return []string{
		"critical_infrastructure", "essential_services", "public_administration", "essential_public_services", "digital_service_providers", "businesses",
		"general_public", "national_cyberspace",
	}
}

func services() []string {
	return []string{"incident_response", "coordination", "alerts", "vulnerability", "advice", "audit", "training"}
}

// entitlements is the fixed table. The columns follow services; a level is full (F), advice (A), pointer (P) or none (-).
func entitlements() []Entitlement {
	levels := map[byte]string{'F': "full", 'A': "advice", 'P': "pointer", '-': "none"}
	const work = 24 * time.Hour
	rows := []struct {
		community string
		levels    string
		answer    time.Duration // first answer of a person in incident response and coordination
		slower    time.Duration // in vulnerability and advice
		priority  int
	}{
		{"critical_infrastructure", "FFFFFFF", time.Hour, 4 * time.Hour, 1},
		{"essential_services", "FFFFFAF", 2 * time.Hour, 8 * time.Hour, 2},
		{"public_administration", "FFFFFFF", 4 * time.Hour, work, 3},
		{"essential_public_services", "FFFFFAF", 4 * time.Hour, work, 3},
		{"digital_service_providers", "FFFFAAA", 8 * time.Hour, 2 * work, 4},
		{"businesses", "AAFAA-A", work, 3 * work, 5},
		{"general_public", "PPFPP-P", 0, 0, 7},
		{"national_cyberspace", "PPFP---", 0, 0, 8},
	}
	var out []Entitlement
	for _, r := range rows {
		for i, s := range services() {
			e := Entitlement{Community: r.community, Service: s, Level: levels[r.levels[i]], Priority: r.priority}
			switch s {
			case "incident_response", "coordination":
				e.FirstAnswer = r.answer
			case "vulnerability", "advice":
				e.FirstAnswer = r.slower
			}
			if e.Level == "none" {
				e.FirstAnswer = 0
			}
			out = append(out, e)
		}
	}
	return out
}
