package country

import "github.com/tocsin-csirt/tocsin/internal/format/tlp"

// linked gives reports that belong to an incident; on three of them an answer came back.
func linked() []Report {
	return []Report{
		{
			Key: "ransom-early-warning", Received: 106 * minute, Channel: "form", Lang: "en", TLP: tlp.Amber, Organisation: "aguas-do-vale",
			Name: "Rui Tavares", Email: "rui.tavares@aguasdovale.example", Phone: "+999 231 400 112", OrgText: "Águas do Vale, E.M.", Proof: "signed_in", Seal: "none",
			Kind: "mandatory", Stage: "early_warning", Type: "information-content-security:unauthorised-information-modification", Ongoing: "yes",
			Occurred: 12 * hour, Detected: 7 * hour, Aware: 6*hour + 32*minute, State: "linked", Handler: "ana", Incident: "ransomware",
			Summary: "Ransomware on billing and SCADA historian servers",
			Description: `Billing and two SCADA historian servers encrypted overnight. Water supply is not affected: the plants run on local control. The VPN account of a supplier (svc-hidrotec) was used. Ransom note attached.

We found it when the morning shift could not open yesterday's reports. Customers cannot see invoices; nobody is without water. Backups of billing are from Thursday, offline. We do not know yet about the historian.`,
			Observables: []Observable{{"host", "hist-02.aguasdovale.example"}, {"ip", "203.0.113.77"}, {"sha256", "9f2c4e1d5a7b3c8e0f6d2a4b9c1e7f305d8a6b2c4e0f1a3d5c7b9e2fb81d07aa"}, {"email", "gull-support@onion-mail.example"}, {"account", "svc-hidrotec"}},
			Files: []File{
				{"ransom-note.txt", "text/plain", "YOUR NETWORK IS LOCKED BY BLACKGULL\n\nWe have copied your customer data before. You have 5 days.\nWrite to gull-support@onion-mail.example and quote VALE-77.\n"},
				{"fw-export.csv", "text/csv", "time,src,dst,port,action\n02:13:07,203.0.113.77,192.0.2.4,443,vpn-login svc-hidrotec\n02:21:40,192.0.2.4,192.0.2.9,445,allow\n02:58:12,192.0.2.9,192.0.2.11,3389,allow\n"},
			},
			Messages: []Message{
				{At: 80 * minute, Out: true, By: "ana", Channel: "mail", Text: "Keep the affected servers powered but isolated. Disable svc-hidrotec and every session it opened. Send us the VPN log of the last fourteen days.", Seen: 74 * minute},
				{At: 41 * minute, Channel: "portal", Text: "svc-hidrotec is disabled and its sessions are closed. Both historian servers isolated and still powered. The VPN log is being exported; it is large, you will have it this afternoon."},
			},
		},
		{
			Key: "hidrotec-call", Received: 97 * minute, Channel: "phone", Lang: "pt", TLP: tlp.Amber, Organisation: "hidrotec", Name: "Vasco Pimenta", Phone: "+999 210 891 140",
			OrgText: "Hidrotec Automação", Proof: "by_hand", Seal: "none", Kind: "voluntary", Type: "intrusions:unprivileged-account-compromise", Ongoing: "unknown", Occurred: 3 * day,
			State: "linked", Handler: "ana", Incident: "ransomware",
			Summary: "Conta de manutenção da Hidrotec usada por terceiros",
			Description: `Chamada recebida, 11 minutos. Vasco Pimenta, suporte da Hidrotec.

As Águas do Vale ligaram-lhes de manhã. A conta svc-hidrotec é a mesma em nove clientes, com a mesma palavra-passe, guardada num ficheiro partilhado. Um portátil de um técnico portou-se de forma estranha na quarta-feira. Não têm registos centrais. Concordam em mudar tudo, mas pedem ajuda para avisar os clientes.

Clientes referidos: Águas do Vale, Portos do Sul, Energia Central, Câmara de Ribeira Alta, Nordheim Chemie; manda a lista completa por correio.`,
			Observables: []Observable{{"account", "svc-hidrotec"}},
		},
		{
			Key: "ribeira-ransom", Received: 9*day + 4*hour, Channel: "mail", Lang: "pt", TLP: tlp.Amber, Organisation: "camara-ribeira", Name: "Hugo Barata", Email: "hugo.barata@cm-ribeiraalta.example",
			OrgText: "Câmara Municipal de Ribeira Alta", Proof: "signed_by_key", Seal: "signed_encrypted", Kind: "mandatory", Stage: "notification",
			Type: "information-content-security:unauthorised-information-modification", Ongoing: "contained", Occurred: 10 * day, Aware: 9*day + 20*hour, State: "linked", Handler: "joao", Incident: "blackgull",
			Summary: "Servidores da câmara cifrados após atualização do software municipal",
			Description: `Na madrugada de quinta-feira foram cifrados onze servidores da câmara, entre eles o das taxas e licenças. A nota fala de "Blackgull".

Na véspera tinha sido instalada uma atualização do software da Munivia, a partir de uma ligação recebida por correio. O balcão trabalha em papel. As cópias em fita parecem boas.

Pedimos confirmação de que podemos repor.`,
			Observables: []Observable{{"ip", "203.0.113.84"}, {"domain", "munivia-suporte.example"}, {"sha256", "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9"}},
			Mail:        &Mail{MessageID: "<ransom.1@cm-ribeiraalta.example>"},
			Messages: []Message{
				{At: 9*day + 1*hour, Out: true, By: "joao", Channel: "mail", Text: "Não reponham ainda: precisamos de saber desde quando lá estavam. Guardem as imagens de dois servidores e os registos da firewall. Liguem-nos antes de qualquer contacto com os autores."},
				{At: 8 * day, Channel: "mail", Text: "Imagens guardadas em dois discos, com resumos SHA-256. A firewall só guarda três dias, mas cobre a noite do ataque."},
			},
		},
		{
			Key: "munivia-notice", Received: 8*day + 6*hour, Channel: "mail", Lang: "pt", TLP: tlp.AmberStrict, Organisation: "munivia", Name: "Raquel Torres", Email: "raquel.torres@munivia.example",
			OrgText: "Munivia Software", Proof: "signed_by_key", Seal: "signed", Kind: "mandatory", Stage: "early_warning", Type: "intrusions:system-compromise", Ongoing: "unknown", Aware: 8*day + 20*hour,
			State: "linked", Handler: "joao", Incident: "blackgull",
			Summary: "Servidor de correio da Munivia usado para enviar falsa atualização",
			Description: `TLP:AMBER+STRICT

Confirmamos que a mensagem com a falsa atualização saiu do nosso servidor de correio, de uma conta de apoio a clientes. A conta foi usada a partir de 203.0.113.84 entre terça e quinta-feira. Foi enviada a 46 municípios. O nosso processo de compilação não parece tocado; estamos a verificar.

Ainda não avisámos os clientes. Pedimos orientação sobre o texto.`,
			Observables: []Observable{{"ip", "203.0.113.84"}, {"email", "apoio@munivia.example"}},
			Mail:        &Mail{MessageID: "<aviso.confidencial@munivia.example>"},
		},
		{
			Key: "vpn-config-sold", Received: 2*day + 7*hour, Channel: "mail", Lang: "pt", TLP: tlp.Amber, Organisation: "portos-do-sul", Name: "Inês Barradas", Email: "ines.barradas@portosdosul.example",
			OrgText: "Portos do Sul", Proof: "signed_by_key", Seal: "signed_encrypted", Kind: "voluntary", Type: "information-content-security:data-leak", Ongoing: "yes", Detected: 2*day + 9*hour,
			State: "linked", Handler: "joao", Incident: "vpn-sold",
			Summary: "Configuração de VPN roubada posta à venda",
			Description: `Um serviço de vigilância avisou-nos de que alguém vende "acesso VPN, porto no sul da Europa, admin, 4 mil". A imagem de amostra é a nossa configuração, com nomes de contas verdadeiros, de há cerca de três semanas.

Rodámos os certificados esta noite. Falta saber de onde saiu o ficheiro: ele só existe em dois equipamentos e no computador do fornecedor de manutenção.`,
			Observables: []Observable{{"url", "https://market.example/t/88213"}, {"filename", "ps-vpn-full.conf"}},
			Mail:        &Mail{MessageID: "<vpn-venda@portosdosul.example>"},
			Messages: []Message{
				{At: 2*day + 2*hour, Out: true, By: "joao", Channel: "mail", Text: "Que contas aparecem na imagem, e qual delas é do fornecedor de manutenção? Enviem-nos os registos de exportação de configuração dos dois equipamentos."},
				{At: 12 * minute, Channel: "mail", Text: "Registos em anexo. Há uma exportação que ninguém fez, às 02:40, há três semanas, pela conta svc-hidrotec. É a conta da Hidrotec, a empresa que mantém os pórticos."},
			},
		},
		{
			Key: "powershell", Received: 4*day + 3*hour, Channel: "form", Lang: "pt", TLP: tlp.Amber, Organisation: "energia-central", Name: "Nuno Valadares", Email: "nuno.valadares@energiacentral.example",
			Phone: "+999 231 448 101", OrgText: "Energia Central", Proof: "signed_in", Seal: "none", Kind: "voluntary", Type: "malicious-code:infected-system", Ongoing: "contained", Detected: 4*day + 5*hour,
			State: "linked", Handler: "ana", Incident: "powershell",
			Summary: "PowerShell suspeito em dois postos de trabalho",
			Description: `O nosso centro de operações viu dois postos do departamento de compras executar PowerShell codificado às 08:02, logo após a abertura de um documento recebido de um parceiro. O comando descarrega um segundo estádio de 203.0.113.88, que não respondeu. Postos isolados, memória guardada.

A rede de operação não tem ligação a estes postos. Juntamos o comando.`,
			Observables: []Observable{{"ip", "203.0.113.88"}, {"sha256", "e3b98a4da31a127d4bde6e43033f66ba274cab0eb7eb1c70ec41402bf6273dd8"}},
			Files:       []File{{"comando.txt", "text/plain", "(neutralizado) powershell -enc [removido] -> hxxp://203[.]0[.]113[.]88/a\n"}},
			Messages: []Message{
				{At: 4 * day, Out: true, By: "ana", Channel: "mail", Text: "Obrigada. Procurem por favor o resumo do documento nos outros postos e no correio, e digam-nos qual é o parceiro.", Seen: 4*day - 20*minute},
				{At: 44 * minute, Channel: "portal", Text: "Procurámos em 2 310 postos: o documento chegou a mais três pessoas, ninguém o abriu. O parceiro é a Hidrotec; a caixa de correio deles enviou-o."},
			},
		},
		{
			Key: "parcel-company", Received: 3*day + 5*hour, Channel: "portal", Lang: "pt", TLP: tlp.Green, Organisation: "correio-expresso", Name: "Daniela Cruz", Email: "daniela.cruz@correioexpresso.example",
			OrgText: "Correio Expresso", Proof: "signed_in", Seal: "none", Kind: "voluntary", Type: "fraud:phishing", Ongoing: "yes", Detected: 3*day + 9*hour, State: "linked", Handler: "marta", Incident: "parcels",
			Summary: "Mensagens falsas em nosso nome pedem taxa de entrega",
			Description: `Desde segunda-feira a nossa linha de apoio recebeu mais de 1 900 chamadas sobre mensagens que pedem 1,99 EUR de taxa. As páginas copiam a nossa e pedem o cartão e depois o código do banco. Algumas pedem a instalação de uma aplicação de controlo remoto.

Contámos quatro domínios até agora. Pedimos o encerramento e um aviso público.`,
			Observables: []Observable{{"domain", "correio-taxa.example"}, {"domain", "entrega-correio.example"}, {"domain", "ce-pagamento.example"}, {"domain", "correio-expresso-vm.example"}, {"ip", "198.51.100.42"}},
			Messages: []Message{
				{At: 3*day + 3*hour, Out: true, By: "marta", Channel: "mail", Text: "Estamos a tratar do encerramento com os alojadores e com o registo de domínios. O aviso público sai hoje; enviamos-lhe o texto antes.", Seen: 3*day + 2*hour},
				{At: 72 * minute, Channel: "portal", Text: "Três dos quatro domínios já não respondem. O correio-taxa.example voltou hoje de manhã noutro endereço, 198.51.100.42."},
			},
		},
		{
			Key: "belmont-mail", Received: 21 * day, Channel: "mail", Lang: "fr", TLP: tlp.Amber, Organisation: "ville-belmont", Name: "Julien Faure", Email: "julien.faure@ville-belmont.example",
			OrgText: "Ville de Belmont", Proof: "aligned", Seal: "none", Kind: "mandatory", Type: "intrusions:unprivileged-account-compromise", Ongoing: "contained", Occurred: 24 * day, Aware: 21*day + 5*hour,
			State: "linked", Handler: "lena", Incident: "belmont",
			Summary: "Boîte aux lettres du service des marchés compromise",
			Description: `Bonjour,

La boîte du service des marchés a envoyé hier 320 messages d'hameçonnage à nos fournisseurs. L'agent avait saisi son mot de passe sur une fausse page il y a trois jours. Le mot de passe est changé, mais des fournisseurs nous disent recevoir encore des réponses.

Que devons-nous vérifier d'autre ?

Julien Faure
Ville de Belmont`,
			Observables: []Observable{{"ip", "203.0.113.95"}, {"url", "https://belmont-documents.example/partage"}},
			Mail:        &Mail{MessageID: "<marches@ville-belmont.example>"},
		},
		{
			Key: "klinikum-lab", Received: 33 * day, Channel: "phone", Lang: "de", TLP: tlp.AmberStrict, Organisation: "klinikum-nordheim", Name: "Dr. Katrin Seidel", Phone: "+999 236 633 106",
			OrgText: "Klinikum Nordheim", Proof: "by_hand", Seal: "none", Kind: "mandatory", Stage: "early_warning", Type: "availability:outage", Ongoing: "yes", Occurred: 33*day + 3*hour, Aware: 33*day + 2*hour,
			State: "linked", Handler: "lena", Incident: "klinikum",
			Summary: "Laborsystem ausgefallen, Verdacht auf Angriff",
			Description: `Anruf um 05:40, 9 Minuten. Dr. Seidel, Informationssicherheit.

Das Laborsystem ist seit etwa drei Stunden nicht erreichbar, auf zwei Servern laufen die Platten voll. Die Notaufnahme ist abgemeldet, Proben gehen per Boten in die Uniklinik. Erpresserschreiben gibt es keins. Der Dienstleister sucht.

Zugesagt: Rückruf in 30 Minuten, Kontakt zum Hersteller vermitteln.`,
		},
		{
			Key: "kustnet-reflectors", Received: 16 * day, Channel: "mail", Lang: "nl", TLP: tlp.Green, Organisation: "kustnet", Name: "Abusedesk Kustnet", Email: "abuse@kustnet.example",
			OrgText: "Kustnet", Proof: "signed_by_key", Seal: "signed", Kind: "voluntary", Type: "vulnerable:ddos-amplifier", Ongoing: "yes", State: "linked", Handler: "joao", Incident: "reflectors",
			Summary: "Klantrouters misbruikt als DNS-reflector",
			Description: `Goedemorgen,

Sinds een firmware-update van vorige week antwoorden ongeveer 1.200 van onze klantrouters op DNS-vragen van buitenaf. Ze zijn vannacht gebruikt in een aanval op een doel in het buitenland. Wij rollen vanaf morgen een nieuw profiel uit, in vier delen.

Kunt u meekijken of het werkt? Een scan van buitenaf na elk deel zou helpen.

Abusedesk Kustnet`,
			Observables: []Observable{{"ip", "192.0.2.228"}, {"ip", "192.0.2.231"}, {"asn", "AS64497"}},
			Mail:        &Mail{MessageID: "<refl.221@kustnet.example>"},
		},
	}
}

// concluded gives reports that needed no incident.
func concluded() []Report {
	return []Report{
		{
			Key: "league-question", Received: 5*day + 2*hour, Channel: "mail", Lang: "pt", TLP: tlp.Clear, Organisation: "liga-consumidores", Name: "Linha de apoio", Email: "apoio@ligaconsumidores.example",
			OrgText: "Liga dos Consumidores", Proof: "aligned", Seal: "none", Kind: "question", State: "answered", Handler: "marta",
			Summary:     "Podemos publicar o vosso aviso sobre encomendas?",
			Description: "Boa tarde,\n\nGostávamos de incluir o vosso aviso sobre as falsas encomendas na nossa revista. Há algum limite à partilha? Podemos traduzir?\n\nObrigado,\nLinha de apoio",
			Mail:        &Mail{MessageID: "<revista@ligaconsumidores.example>"},
			Messages:    []Message{{At: 5 * day, Out: true, By: "marta", Channel: "mail", Text: "Podem publicar e traduzir: o aviso é TLP:CLEAR. Pedimos apenas que indiquem a data e a ligação para a página, porque a atualizamos. Obrigada pela divulgação."}},
		},
		{
			Key: "newsletter", Received: 26 * hour, Channel: "mail", Lang: "en", Name: "Cyber Growth Summit", Email: "news@growth-summit.example", Proof: "aligned", Seal: "none", State: "rejected", Reason: "spam", Handler: "marta",
			Summary:     "Last seats: meet 300 CISOs in one day",
			Description: "Hi there,\n\nOnly 12 seats left for the Cyber Growth Summit. Use code EARLY26 for 30 % off.\n\nYou get this because your address is public. Unsubscribe below.",
			Mail:        &Mail{MessageID: "<mass-99120@growth-summit.example>", NoReceipt: true, Headers: [][2]string{{"List-Id", "<news.growth-summit.example>"}, {"List-Unsubscribe", "<mailto:out@growth-summit.example>"}, {"Precedence", "bulk"}}},
		},
		{
			Key: "form-test", Received: 2*day + 1*hour, Channel: "form", Lang: "nl", TLP: tlp.Clear, Organisation: "gemeente-oosterdam", Name: "Marieke Smit", Email: "marieke.smit@oosterdam.example",
			OrgText: "Gemeente Oosterdam", Proof: "claimed", Seal: "none", Kind: "voluntary", State: "rejected", Reason: "test", Handler: "joao",
			Summary:     "Test van ons meldproces, graag negeren",
			Description: "Wij oefenen vandaag ons interne meldproces. Dit is een proefmelding; u hoeft niets te doen. Wel fijn als u de ontvangst bevestigt.",
		},
		{
			Key: "photo-blackmail", Received: 30 * hour, Channel: "mail", Lang: "fr", TLP: tlp.Red, Name: "Anonyme", Email: "b.t.1987@courriel.example", Proof: "claimed", Seal: "none", Kind: "voluntary", Ongoing: "yes",
			State: "passed_on", Reason: "policia", Handler: "marta",
			Summary:     "Chantage avec des photos privées",
			Description: "Bonjour, une personne rencontrée en ligne menace d'envoyer des photos de moi à mon employeur si je ne paie pas 800 euros avant vendredi. J'ai déjà payé 200. Je ne sais pas à qui m'adresser.",
			Observables: []Observable{{"account", "laura_belle_22"}},
			Mail:        &Mail{MessageID: "<aide@courriel.example>"},
			Messages:    []Message{{At: 29 * hour, Out: true, By: "marta", Channel: "mail", Text: "Vous avez bien fait de nous écrire. Ne payez plus et ne supprimez rien : gardez les messages et les reçus. C'est une infraction pénale ; l'unité de cybercriminalité de la police prend le relais et vous contactera aujourd'hui. Vous pouvez aussi l'appeler vous-même, de jour comme de nuit."}},
		},
	}
}
