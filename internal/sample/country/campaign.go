package country

import (
	"fmt"
	"strings"
)

// Campaign is one question to many, in an incident: who is asked, why, and what each says by the link of its letter.
type Campaign struct {
	Incident     string // key
	By, Approver string // people of the team
	Asked, Due   Ago
	Chased       Ago // when who was silent is written to once more
	Words        map[string]CampaignWords
	Questions    string // code of a set of typed questions
	Customers    []Customer
}

// CampaignWords are the letters in one language.
type CampaignWords struct{ Text, Request, Chase string }

// Customer is one of those that are asked.
type Customer struct {
	Organisation
	Seen      Ago // when it fetched what it ought not to have
	Line      string
	Answered  Ago               // 0: silent
	Concerned bool              // else it says that the question does not concern it
	Answers   map[string]string // by the codes of the questions; "" is not looked yet
	Act       string            // what it says of the letter beside, "" for nothing
	Note      string
}

// Blackgull is the campaign of the false update: n organisations that fetched the package of the supplier are asked what they run.
func Blackgull(n int) Campaign {
	c := Campaign{
		Incident: "blackgull-reach", By: "joao", Approver: "helena", Asked: 5 * day, Due: -1 * day, Chased: 30 * hour, Questions: "exposure",
		Words: map[string]CampaignWords{
			"en": {"A program of Munivia was offered with a false update. {name} asked for the package; the table below says from where and when.", "Look at these hosts, and tell us what you found.", "We have not heard from {name} yet. \"Not looked yet\" and \"does not concern us\" are answers too."},
			"pt": {"Um programa da Munivia foi oferecido com uma atualização falsa. {name} pediu o pacote; o quadro abaixo diz de onde e quando.", "Verifiquem estas máquinas e digam-nos o que encontraram.", "Ainda não temos resposta de {name}. «Ainda não verificámos» e «não nos diz respeito» também são respostas."},
			"fr": {"Un programme de Munivia a été proposé avec une fausse mise à jour. {name} a demandé le paquet ; le tableau ci-dessous dit d’où et quand.", "Vérifiez ces machines et dites-nous ce que vous avez trouvé.", "Nous n’avons pas encore de réponse de {name}. « Pas encore vérifié » et « ne nous concerne pas » sont aussi des réponses."},
			"nl": {"Een programma van Munivia werd aangeboden met een valse update. {name} vroeg het pakket op; de tabel hieronder zegt vanwaar en wanneer.", "Kijk naar deze machines en zeg ons wat u vond.", "Wij hoorden nog niets van {name}. \"Nog niet gekeken\" en \"gaat ons niet aan\" zijn ook antwoorden."},
			"de": {"Ein Programm von Munivia wurde mit einer falschen Aktualisierung angeboten. {name} hat das Paket abgerufen; die Tabelle unten sagt, von wo und wann.", "Sehen Sie diese Rechner an und sagen Sie uns, was Sie gefunden haben.", "Von {name} haben wir noch nichts gehört. „Noch nicht geprüft“ und „betrifft uns nicht“ sind auch Antworten."},
		},
	}
	named := map[string]bool{}
	for i := range n {
		c.Customers = append(c.Customers, customer(i, named))
	}
	return c
}

const campaignSeed = 2026

// customer is the i-th: one in eight is silent, one in eight does not run the product any more, one in ten who do found something.
func customer(i int, named map[string]bool) Customer {
	r := dice(campaignSeed, 7, i)
	o := scaledOrganisation(i, campaignSeed)
	if short := o.Name[:strings.LastIndexByte(o.Name, ' ')]; !named[short] {
		o.Name = short
	}
	named[o.Name] = true
	o.Assets = o.Assets[:1]
	o.Contacts = o.Contacts[:1]
	c := Customer{Organisation: o, Seen: 6*day + Ago(r.IntN(5*24*60))*minute, Concerned: true}
	c.Line = fmt.Sprintf("update client asked for the package, build %d", 4100+r.IntN(40))
	if r.IntN(8) == 0 {
		return c
	}
	// Most answer on the first two days, some when they are written to again.
	c.Answered = 5*day - Ago(30+r.IntN(40*60))*minute
	if r.IntN(6) == 0 {
		c.Answered = 28*hour - Ago(r.IntN(26*60))*minute
	}
	switch r.IntN(16) {
	case 0, 1:
		c.Concerned = false
		return c
	case 2:
		c.Answers = map[string]string{"runs": ""}
		return c
	case 3:
		c.Act, c.Note = "not_ours", map[string]string{"pt": "Este nome é de outra entidade.", "fr": "Ce nom appartient à un autre.", "nl": "Deze naam is niet van ons.", "de": "Dieser Name gehört uns nicht.", "en": "This name is not ours."}[o.Lang]
		return c
	case 4, 5, 6:
		c.Answers = map[string]string{"runs": "no"}
		return c
	}
	c.Answers = map[string]string{"runs": "yes", "version": pick(r, []string{"4.2", "4.3", "4.3.1"}), "count": fmt.Sprint(1 + r.IntN(60)), "compromised": "none", "help": "no"}
	switch r.IntN(12) {
	case 0:
		c.Answers["compromised"], c.Answers["help"] = "suspected", "yes"
	case 1, 2:
		c.Answers["compromised"] = ""
	}
	return c
}
