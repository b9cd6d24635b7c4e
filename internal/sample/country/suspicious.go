package country

import "time"

// Suspicious is an attack that the public hands on to the team's address for it.
type Suspicious struct {
	Subject, From, Text string // of the message inside; From is "Name <address>", and %d in the text is another number in each
	Words               []string
	File                *File
	Messages, Senders   int // how many mails, from how many people
	First, Last         Ago
	Judged, By          string // "known" or "harmless", and by whom; "" leaves it open
}

func suspicious() []Suspicious {
	return []Suspicious{
		{
			Subject: "A sua encomenda aguarda pagamento", From: "Correios de Valmora <entregas@correio-entrega.example>",
			Text: "Caro cliente,\n\na sua encomenda VM%dXV está retida no centro de distribuição. Falta o pagamento de 1,99 para a alfândega.\n\n" +
				"Pague nas próximas 24 horas: https://correio-entrega.example/pagar?encomenda=%d\n\nDepois desse prazo a encomenda é devolvida ao remetente.\n",
			Words:    []string{"Recebi isto no telemóvel.", "É verdadeiro?", "Não encomendei nada.", "A minha mãe ia carregar.", "Chegou três vezes hoje."},
			Messages: 68, Senders: 57, First: 40 * time.Hour, Last: 6 * time.Minute,
		},
		{
			Subject: "Acesso à sua conta suspenso", From: "Banco Mercante <seguranca@bancomercante.example>",
			Text:  "Estimado cliente,\n\no acesso à sua conta foi suspenso por razões de segurança. Confirme a sua identidade em\nhttps://bancomercante-acesso.example/confirmar/%d\n\nBanco Mercante\n",
			Words: []string{"Sou cliente deste banco.", "Já carreguei e pus o número do cartão.", "O banco diz que não foi ele."}, Messages: 9, Senders: 8, First: 48 * time.Minute, Last: 9 * time.Minute,
		},
		{
			Subject: "Ihre Steuererstattung liegt bereit", From: "Finanzamt Valmora <erstattung@steuer-portal.example>",
			Text:  "Sehr geehrte Damen und Herren,\n\nfür das vergangene Jahr steht Ihnen eine Erstattung von 214,80 zu. Bitte bestätigen Sie Ihre Bankverbindung:\nhttps://steuer-portal.example/erstattung/%d\n",
			Words: []string{"Ist das echt?", "So schreibt das Finanzamt nicht."}, Messages: 11, Senders: 10, First: 70 * time.Hour, Last: 3 * time.Hour,
		},
		{
			Subject: "Facture impayée", From: "Service comptable <compta@factures-pro.example>",
			Text: "Bonjour,\n\nvous trouverez ci-joint la facture %d, impayée à ce jour.\nhttps://factures-pro.example/voir/%d\n", Words: []string{"La pièce jointe est bizarre."},
			File: &File{Name: "facture.html", Type: "text/html", Text: "<html><body><form action=\"https://factures-pro.example/login\">mot de passe</form></body></html>"}, Messages: 14, Senders: 13, First: 5 * 24 * time.Hour, Last: 26 * time.Hour,
			Judged: "known", By: "ana",
		},
		{
			Subject: "Uw mening telt: win een cadeaubon", From: "Klantonderzoek <enquete@klanten-panel.example>", Text: "Beste klant,\n\nvul onze korte vragenlijst in: https://enquete-klanten.example/start\nOnder de deelnemers verloten wij twintig cadeaubonnen.\n",
			Words: []string{"Is dit echt van Telval?"}, Messages: 5, Senders: 5, First: 30 * time.Hour, Last: 9 * time.Hour, Judged: "harmless", By: "lena",
		},
		{
			Subject: "Tenho acesso ao seu dispositivo", From: "Desconhecido <anon@correio-livre.example>", Messages: 1, Senders: 1, First: 7 * time.Hour, Last: 7 * time.Hour,
			Text: "Gravei-o com a sua câmara. Pague 900 em moeda digital dentro de 48 horas.\n", Words: []string{"Já paguei. O que faço agora?"},
		},
		{
			Subject: "You have inherited", From: "Barrister Cole <cole@chambers-cole.example>", Messages: 1, Senders: 1, First: 11 * time.Hour, Last: 11 * time.Hour,
			Text: "Dear friend, a late client of mine left 4.2 million without an heir. Write to me in confidence.\n", Words: []string{"For your collection."},
		},
		{
			Subject: "Password of your mailbox ends today", From: "IT <helpdesk@mail-verify.example>", Messages: 1, Senders: 1, First: 90 * time.Minute, Last: 90 * time.Minute,
			Text: "Keep your password: https://mail-verify.example/keep\n", Words: []string{"Our whole office got something like it."},
		},
	}
}
