package country

// Target is something on the network that is to end, in an incident.
type Target struct {
	Incident, By string // key of the incident, of somebody of the team
	What, Kind   string
	Words        string // evidence, as providers read it
	Seen, Added  Ago
	Providers    []string // keys of who is told by one letter
	Stands       []Stand  // oldest first
}

// Stand is how a target stood when somebody looked.
type Stand struct {
	At         Ago
	State, Why string
}

// TargetProvider is an organisation as the directory of providers has it.
type TargetProvider struct{ Organisation, Role, Form, Wants string }

// TakeDown is when the letters to providers of an incident were sent.
type TakeDown struct {
	Incident, By string
	At           Ago
}

func takeDowns() []TakeDown {
	return []TakeDown{{"parcels", "marta", 3*day - 30*minute}, {"parcels", "marta", 65 * minute}}
}

func providers() []TargetProvider {
	return []TargetProvider{
		{"registry", "registry", "xarf", "The domain, when it was seen, and a copy of the page as text."},
		{"porto-host", "host", "letter", "Address, full URL and time with its zone."},
	}
}

func targets() []Target {
	const gone, checked = "The name is suspended.", "Seen from outside, by telephone network and by line."
	return []Target{
		{
			Incident: "parcels", By: "marta", What: "correio-taxa.example", Kind: "phishing", Words: "Asks for 1.99 in the name of Correio Expresso and takes card and bank code.", Seen: 3 * day, Added: 3*day - 10*minute, Providers: []string{"registry"},
			Stands: []Stand{{3*day - 20*minute, "up", checked}, {2 * day, "down", gone}, {71 * minute, "up", "Answers again, now at 198.51.100.42."}},
		},
		{
			Incident: "parcels", By: "marta", What: "correio-entrega.example", Kind: "phishing", Words: "The same kit as correio-taxa.example.", Seen: 3 * day, Added: 3*day - 12*minute, Providers: []string{"registry"},
			Stands: []Stand{{3*day - 20*minute, "up", checked}, {2*day + 4*hour, "down", gone}},
		},
		{
			Incident: "parcels", By: "marta", What: "rastreio-expresso.example", Kind: "phishing", Words: "The same kit; leads on to the page that takes cards.", Seen: 3 * day, Added: 3*day - 14*minute, Providers: []string{"registry"},
			Stands: []Stand{{3*day - 20*minute, "up", checked}, {2*day + 4*hour, "down", gone}},
		},
		{
			Incident: "parcels", By: "marta", What: "http://app.correio-taxa.example/correio.apk", Kind: "malware", Words: "A remote-control app that asks for the accessibility service.", Seen: 80 * minute, Added: 69 * minute, Providers: []string{"porto-host"},
			Stands: []Stand{{66 * minute, "up", checked}},
		},
	}
}
