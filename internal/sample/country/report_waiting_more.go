package country

import "github.com/tocsin-csirt/tocsin/internal/format/tlp"

// parcel is the mail that thousands of people got; several forward it.
const parcel = `From: "Correio Expresso" <entregas@correio-taxa.example>
To: paulo.reis@correio.example
Subject: A sua encomenda aguarda pagamento (1,99)
Message-ID: <8812.enc@correio-taxa.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Caro cliente,

A sua encomenda CE-4471-VM foi retida. Falta pagar uma taxa de 1,99 EUR.
Pague nas proximas 12 horas para evitar a devolucao:

https://correio-taxa.example/p/CE-4471-VM

Correio Expresso
`

// locked is encrypted to an old intake key that the team no longer holds.
const locked = `-----BEGIN PGP MESSAGE-----

hF4DWJ5MgzidQbYSAQdAOquSifxRFPCVuGrJc+KNBgCz+PF7t5+EMwSChhnCHFYw
383lbWYtbz9FjWlwZuRp97gbn/G9hl6na8r5Feu2YnBhZePob/iVOULH3Zd3w76n
0nsB56C4K4BoYoRM3I2d5KJsXSpsKlLVFfwbpehghhVArLAkUMF6/+agWHAV8jZe
pl9G8dJDL8D3xn0bcaUVy7LbPloMf8nxbeAGljgwJG/WpLQGUN5YsubxXc/9umZo
GLWEVjG0CnkBaW5GH7nn8kO/+oROIpAZ2kai720=
=9VYa
-----END PGP MESSAGE-----
`

// waitingMore gives the rest of the queue: the public, researchers, lists, questions, noise.
func waitingMore() []Report {
	return []Report{
		{
			Key: "parcel-paulo", Received: 38 * minute, Channel: "mail", Lang: "pt", TLP: tlp.Clear, Name: "Paulo Reis", Email: "paulo.reis@correio.example",
			Proof: "aligned", Seal: "none", State: "new",
			Summary:     "Fwd: A sua encomenda aguarda pagamento (1,99)",
			Description: "Boa tarde, recebi isto e não estou à espera de nada. É verdadeiro? Não cliquei.\n\nPaulo Reis\n",
			Observables: []Observable{{"url", "https://correio-taxa.example/p/CE-4471-VM"}, {"email", "entregas@correio-taxa.example"}},
			Mail:        &Mail{MessageID: "<fwd-1@correio.example>", Forwarded: parcel},
		},
		{
			Key: "parcel-odile", Received: 35 * minute, Channel: "mail", Lang: "fr", TLP: tlp.Clear, Name: "Odile Renard", Email: "odile.renard@courriel.example",
			Proof: "aligned", Seal: "none", State: "new",
			Summary:     "TR: A sua encomenda aguarda pagamento (1,99)",
			Description: "Bonjour,\n\nJ'ai reçu ce message et, malheureusement, j'ai saisi ma carte. Ma banque l'a bloquée. Je vous le transmets pour que d'autres ne se fassent pas avoir.\n\nOdile Renard\n",
			Observables: []Observable{{"url", "https://correio-taxa.example/p/CE-4471-VM"}},
			Mail:        &Mail{MessageID: "<tr-77@courriel.example>", Forwarded: parcel},
		},
		{
			Key: "citizen-card", Received: 52 * minute, Channel: "mail", Lang: "en", TLP: tlp.Red, Name: "K. Aldous", Email: "k.aldous@inkwell.example",
			OrgText: "independent researcher", Proof: "claimed", Seal: "encrypted", State: "new", Kind: "voluntary", Type: "vulnerable:vulnerable-system",
			Summary: "Vulnerability in the citizen-card middleware, proof of concept",
			Description: `Hello,

I found a flaw in the citizen-card middleware, versions 4.0 to 4.3.2, all platforms. A web page that the user merely opens can ask the local service to sign, and the confirmation window does not show what is signed. I can show it with a test card; I have not used it on anybody's card.

I have told nobody else. I would like you to coordinate with the institute that publishes the middleware. I am willing to wait 90 days, and I do not wish to be named.

A description and the proof of concept are ready; tell me where to upload them.

K. A.`,
			Observables: []Observable{{"product", "citizen-card middleware 4.3.2"}},
			Mail:        &Mail{MessageID: "<c9.disclosure@inkwell.example>"},
		},
		{
			Key: "open-resolvers", Received: 64 * minute, Channel: "api", Lang: "en", TLP: tlp.Green, Organisation: "harbour-observatory",
			Name: "Scan reports", Email: "reports@harbour-observatory.example", OrgText: "Harbour Internet Observatory", Proof: "signed_in", Seal: "none", State: "new",
			Kind: "threat", Type: "vulnerable:ddos-amplifier",
			Summary:     "Open DNS resolvers seen in 192.0.2.192/27",
			Description: "Weekly scan. Eleven addresses in 192.0.2.192/27 answer recursive DNS queries from anywhere; average amplification 41. Nine of them were in last week's report. First seen and last seen are in the attached list. We will scan again in seven days.",
			Observables: []Observable{{"ip", "192.0.2.201"}, {"ip", "192.0.2.204"}, {"ip", "192.0.2.209"}},
			Files:       []File{{"resolvers.csv", "text/csv", "address,first_seen,last_seen,amplification\n192.0.2.201,21 days,today,44\n192.0.2.204,14 days,today,39\n192.0.2.209,today,today,41\n"}},
		},
		{
			Key: "lost-laptop", Received: 2*hour + 10*minute, Channel: "mail", Lang: "pt", TLP: tlp.Clear, Organisation: "transportes-lima",
			Name: "Vera Pacheco", Email: "vera.pacheco@transporteslima.example", OrgText: "Transportes Lima", Proof: "aligned", Seal: "none", State: "new", Kind: "question",
			Summary: "Pergunta: temos de comunicar um portátil perdido?",
			Description: `Bom dia,

Um motorista deixou o portátil de serviço numa área de repouso. O disco está cifrado e a conta já foi bloqueada. No portátil só há planos de rota e o correio dele.

A lei obriga-nos a notificar isto? E se sim, a quem e até quando?

Obrigada,
Vera Pacheco`,
			Mail: &Mail{MessageID: "<portatil@transporteslima.example>"},
		},
		{
			Key: "undecryptable", Received: 3*hour + 2*minute, Channel: "mail", Lang: "pt", Name: "Hugo Barata", Email: "hugo.barata@cm-ribeiraalta.example", Organisation: "camara-ribeira",
			OrgText: "Câmara Municipal de Ribeira Alta", Proof: "aligned", Seal: "encrypted", State: "new",
			Summary: "...", Description: "",
			Mail: &Mail{MessageID: "<cifrada.2@cm-ribeiraalta.example>", Sealed: locked},
		},
		{
			Key: "nordheim-macros", Received: 3*hour + 20*minute, Channel: "form", Lang: "de", TLP: tlp.Amber, Organisation: "stadt-nordheim",
			Name: "Anke Lorenz", Email: "anke.lorenz@stadt-nordheim.example", Phone: "+999 259 484 129", OrgText: "Stadt Nordheim", Proof: "claimed", Seal: "none", State: "new",
			Kind: "voluntary", Type: "malicious-code:malware-distribution", Ongoing: "contained", Detected: 6 * hour, Aware: 5 * hour,
			Summary: "E-Mails mit angeblicher Munivia-Aktualisierung, zwei Rechner betroffen",
			Description: `Heute Morgen gingen bei uns 63 E-Mails ein, die zu einer dringenden Aktualisierung der Munivia-Fachanwendung auffordern. Absender ist eine echte Adresse des Herstellers, die Nachricht ist gültig signiert (DKIM). Der Link führt auf ein Installationspaket mit gültigem, aber uns unbekanntem Zertifikat.

Zwei Kolleginnen haben das Paket ausgeführt. Beide Rechner sind getrennt und eingeschaltet. Der Virenschutz hat nichts gemeldet. Wir sehen Verbindungen zu 203.0.113.84.

Ist das der Fall, von dem Ribeira Alta betroffen war?`,
			Observables: []Observable{{"ip", "203.0.113.84"}, {"url", "https://update.munivia-suporte.example/setup.msi"}, {"domain", "munivia-suporte.example"}, {"sha256", "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9"}},
		},
		{
			Key: "beg-bounty", Received: 4*hour + 15*minute, Channel: "mail", Lang: "en", Name: "Security Expert", Email: "bughunter2291@freemail.example", Proof: "unknown", Seal: "none", State: "new",
			Summary: "URGENT!!! Critical Vulnerability in your website // bounty",
			Description: `Dear Sir/Madam,

I am ethical hacker and I find CRITICAL vulnerability in your website: missing DMARC reject policy and missing header X-XSS-Protection. Attacker can destroy your company.

Kindly confirm reward so I send full report. I accept crypto.

Regards`,
			Mail: &Mail{MessageID: "<x1@freemail.example>"},
		},
	}
}
