package country

// Call is a call with parties of an incident.
type Call struct {
	Incident, By    string // keys
	Title, How      string
	Planned, Starts Ago
	Minutes         int
	Parties         []string // keys of organisations, who learn of one another
	Coming          map[string]string
	Written         Ago // when its minutes were finished; 0: it is still to come
	People          []Present
	Said            string
	Task            Task    // that was agreed
	Measures        []Given // that were agreed
}

// Present is somebody who came to a call.
type Present struct{ Organisation, Name, Function string }

// Given is what a party was asked to do in a call.
type Given struct {
	Organisation, Title, Text string
	Due                       Ago
}

// Situation is one that is shared with other authorities.
type Situation struct {
	Incident, By string
	Opened       Ago
	Ground       string
	Reasons      string
	Leader       string   // key; "" is the team
	Members      []string // keys
	Tellings     []Telling
	Decisions    []Decision
}

// Telling is who tells whom.
type Telling struct {
	Who, Circle, What string
	Due, Done         Ago // Done 0 is open
}

// Decision is one of a shared situation.
type Decision struct {
	At, Due Ago // Due of a joint one
	Text    string
	Agreed  []Agreed
}

// Agreed is what an authority said of a joint decision on the telephone.
type Agreed struct {
	At           Ago
	Organisation string
	Who, Note    string
}

// Share is what one party answered, given to others without its name.
type Share struct {
	Incident, By string
	At           Ago
	From         string
	To           []string
	Text, Note   string
}

// Telephone is a number of the first contact of an organisation, checked, so that codes can be told there.
type Telephone struct {
	Organisation, By, How string
	At                    Ago
}

// CodeTold is a call in which the codes of a party's files were told.
type CodeTold struct {
	Incident, Organisation, By string
	At                         Ago
}

func calls() []Call {
	return []Call{
		{
			Incident: "ransomware", By: "ana", Title: "Closing the supplier's account", How: "+999 210 497 480, conference 4471#",
			Planned: 57 * minute, Starts: 46 * minute, Minutes: 15, Parties: []string{"aguas-do-vale", "hidrotec"},
			Coming: map[string]string{"hidrotec": "Vasco Pimenta"}, Written: 28 * minute,
			People: []Present{{"aguas-do-vale", "Rui Tavares", "security"}, {"hidrotec", "Vasco Pimenta", "technician on call"}, {"", "Ana Duarte", "case handler"}},
			Said: "svc-hidrotec was made in 2019 for remote maintenance and never changed since; its password is the same at all customers. " +
				"Hidrotec closes it everywhere and names one person for each customer. Águas do Vale lets nobody of Hidrotec in until both have read the list of accounts together.",
			Task:     Task{Title: "Read the list of supplier accounts with both", Due: -22 * hour},
			Measures: []Given{{"aguas-do-vale", "List every account of a supplier", "Read the list together with Hidrotec: who uses it, from where, with which second factor. Close what nobody claims.", -3 * day}},
		},
		{
			Incident: "ransomware", By: "ana", Title: "State of the supplier's customers", How: "+999 210 497 480, conference 4472#",
			Planned: 18 * minute, Starts: -20 * hour, Minutes: 30, Parties: []string{"energia-central", "portos-do-sul"},
		},
	}
}

func situations() []Situation {
	return []Situation{{
		Incident: "ransomware", By: "helena", Opened: 55 * minute, Ground: "need", Leader: "centro-crise", Members: []string{"centro-crise", "regulador-agua"},
		Reasons: "One supplier account at nine operators in four sectors. What the public hears, and who asks the operators for what, has to come from one place.",
		Tellings: []Telling{
			{"centro-crise", "The public", "The water is safe, bills will be late.", -1 * hour, 0},
			{"regulador-agua", "The other water companies", "Close the account, look for sign-ins, answer the national team.", 30 * minute, 33 * minute},
			{"", "The other operators with the account", "By letter, each for itself.", 50 * minute, 54 * minute},
		},
		Decisions: []Decision{
			{At: 55 * minute, Text: "The supplier is not named in public until the account is closed at all nine."},
			{
				At: 54 * minute, Due: -2 * hour, Text: "Only the crisis centre speaks to the press. The regulator asks no water company for a report of its own before tomorrow noon.",
				Agreed: []Agreed{{40 * minute, "regulador-agua", "Fernanda Godinho", "Wants the first list of companies tonight."}},
			},
		},
	}}
}

func shares() []Share {
	return []Share{{
		Incident: "ransomware", By: "ana", At: 18 * minute, From: "energia-central", To: []string{"portos-do-sul"},
		Text: "A conta existe, mas só na rede de testes. Um acesso, há três semanas, de um endereço do próprio fornecedor. Desativada.",
		Note: "Outro cliente do mesmo fornecedor encontrou isto. Procurem também nas redes de testes.",
	}}
}

func telephones() []Telephone {
	return []Telephone{
		{"hidrotec", "marta", "the number in the commercial register, and the reporter's", 58 * minute},
	}
}

func codesTold() []CodeTold {
	return []CodeTold{
		{"ransomware", "hidrotec", "marta", 50 * minute},
	}
}
