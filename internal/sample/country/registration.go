package country

// Registration is what an entity says of itself on the public pages.
type Registration struct {
	Received Ago
	Lang     string
	Boxes    map[string]string // by the codes of the questions
	Asked    Ago               // when one of the team asked back; 0: not yet
	By       string            // who of the team
	Question string
}

func registrations() []Registration {
	entity := func(name, domain, sector, kind, staff, network, contact, phone string) map[string]string {
		return map[string]string{
			"sector": sector, "kind": kind, "staff": staff, "name": name, "identifier": "VM " + staff + "40 551", "address": "Cais do Norte 12, Porto Claro", "country": "Valmora", "security_name": contact,
			"security_email": "security@" + domain, "security_phone": phone, "signer": contact, "signer_role": "Managing director", "basis": "legal", "statement": "I represent the entity by law.",
			"admin_name": contact, "admin_email": "admin@" + domain, "networks": network + "\n" + domain,
		}
	}
	return []Registration{
		{Received: 26 * hour, Lang: "pt", Boxes: entity("Carrega Valmora, S.A.", "carrega.example", "energy", "charging_points", "140", "198.51.100.176/29", "Inês Prata", "+999 234 559 117")},
		{
			Received: 6 * day, Lang: "de", Boxes: entity("Kirchberger Ladepark GmbH", "ladepark.example", "energy", "charging_points", "62", "198.51.100.184/29", "Jonas Reuter", "+999 234 559 130"), Asked: 4 * day, By: "lena",
			Question: "Ist die Adresse 198.51.100.184/29 Ihre eigene, oder gehört sie Ihrem Anbieter?",
		},
	}
}
