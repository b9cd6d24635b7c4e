package country

import "github.com/tocsin-csirt/tocsin/internal/format/tlp"

// waiting gives what the duty officer finds in the queue with a clock running, or from people who need an answer first.
func waiting() []Report {
	return []Report{
		{
			Key: "mailbox-director", Received: 52 * minute, Channel: "form", Lang: "pt", TLP: tlp.Amber, Organisation: "hospital-sao-braz",
			Name: "Sofia Meireles", Email: "sofia.meireles@hospitalsaobraz.example", Phone: "+999 232 118 204", OrgText: "Hospital de São Braz", Proof: "claimed", Seal: "none",
			Kind: "mandatory", Stage: "notification", Type: "intrusions:unprivileged-account-compromise", Ongoing: "contained",
			Occurred: 9 * day, Detected: 27 * hour, Aware: 26 * hour, State: "new",
			Summary: "Caixa de correio do diretor financeiro tomada, faturas alteradas",
			Description: `A caixa de correio do nosso diretor financeiro esteve acessível a terceiros durante pelo menos oito dias. Demos por isso ontem de manhã, quando um fornecedor de material clínico telefonou a perguntar por que motivo mudámos de IBAN.

Encontrámos uma regra que movia para a pasta "RSS" todas as mensagens com as palavras "fatura", "IBAN" e "pagamento". O primeiro acesso estranho vem de 203.0.113.91, às 23:48 de há nove dias, com a palavra-passe certa e sem segundo fator.

Sabemos de três faturas reenviadas com outro IBAN, no total de 184 300 euros. Uma foi paga. O banco já foi avisado. A conta está bloqueada e as sessões terminadas. Na caixa há relatórios com dados de cerca de 600 doentes.

Pedimos ajuda para perceber se outras caixas foram tocadas.`,
			Observables: []Observable{{"ip", "203.0.113.91"}, {"domain", "hospitalsaobraz-faturas.example"}, {"email", "tesouraria@hospitalsaobraz-faturas.example"}},
			Files:       []File{{"regras-caixa.txt", "text/plain", "Nome: .\nCondição: assunto contém fatura; IBAN; pagamento\nAção: mover para RSS, marcar como lida\nCriada: 23:53\n"}},
		},
		{
			Key: "mailbox-director-again", Received: 31 * minute, Channel: "mail", Lang: "pt", Organisation: "hospital-sao-braz",
			Name: "Serviço de informática", Email: "informatica@hospitalsaobraz.example", OrgText: "Hospital de São Braz", Proof: "aligned", Seal: "none", State: "new",
			Summary: "Conta do diretor financeiro comprometida - logs",
			Description: `Boa tarde,

A nossa responsável de segurança já preencheu o vosso formulário sobre a conta do diretor financeiro. Junto os registos de acesso que ela prometeu.

Além de 203.0.113.91 aparece também 203.0.113.92 três vezes, sempre de noite.

Cumprimentos,
Serviço de informática
Hospital de São Braz`,
			Observables: []Observable{{"ip", "203.0.113.91"}, {"ip", "203.0.113.92"}},
			Files:       []File{{"acessos.csv", "text/csv", "hora,conta,origem,resultado\n23:48:10,dir.financeiro,203.0.113.91,ok\n01:12:44,dir.financeiro,203.0.113.92,ok\n02:30:02,dir.financeiro,203.0.113.92,ok\n03:05:51,dir.financeiro,203.0.113.92,ok\n"}},
			Mail:        &Mail{MessageID: "<20311.acessos@hospitalsaobraz.example>"},
		},
		{
			Key: "ddos-second-wave", Received: 74 * minute, Channel: "mail", Lang: "pt", TLP: tlp.Green, Organisation: "autoridade-tributaria",
			Name: "Beatriz Falcão", Email: "beatriz.falcao@impostos.valmora.example", Phone: "+999 252 225 122", OrgText: "Autoridade Tributária", Proof: "signed_by_key", Seal: "signed", State: "new",
			Kind: "mandatory", Type: "availability:ddos", Ongoing: "yes", Occurred: 95 * minute, Aware: 90 * minute,
			Summary: "DDoS ao portal das finanças, segunda vaga, 180 Gbit/s",
			Description: `TLP:GREEN

Nova vaga contra o portal das finanças desde há hora e meia. Pico de 180 Gbit/s, sobretudo respostas DNS e CLDAP, para 198.51.100.114 e 198.51.100.115. A Telval está a filtrar, mas o portal responde devagar e a entrega de declarações está a falhar para cerca de um terço das pessoas. O prazo legal termina depois de amanhã.

É o mesmo grupo da semana passada: reivindicou o ataque com o mesmo texto e anunciou a bolsa e os caminhos de ferro como próximos alvos.

Podem pedir aos operadores que fechem os refletores do país? Segue a lista dos vinte endereços nacionais que mais contribuem.`,
			Observables: []Observable{{"ip", "198.51.100.114"}, {"ip", "198.51.100.115"}, {"ip", "192.0.2.201"}, {"ip", "192.0.2.228"}, {"ip", "198.51.100.38"}},
			Files:       []File{{"refletores.csv", "text/csv", "endereco,protocolo,mbit_s\n192.0.2.201,dns,940\n192.0.2.228,cldap,870\n198.51.100.38,dns,610\n"}},
			Mail:        &Mail{MessageID: "<vaga2.7731@impostos.valmora.example>"},
		},
		{
			Key: "netport-webshell", Received: 2*hour + 5*minute, Channel: "form", Lang: "pt", TLP: tlp.Amber, Organisation: "metalurgica-azeda",
			Name: "Patrícia Rocha", Email: "patricia.rocha@azeda.example", Phone: "+999 213 000 411", OrgText: "Metalúrgica Azeda, S.A.", Proof: "claimed", Seal: "none", State: "new",
			Kind: "mandatory", Stage: "early_warning", Type: "intrusions:application-compromise", Ongoing: "unknown", Occurred: 4 * day, Detected: 8 * hour, Aware: 7 * hour,
			Summary: "Página de gestão NetPort 7 exposta, com webshell",
			Description: `Depois do vosso alerta sobre o NetPort 7 fomos ver o nosso. A página de gestão estava aberta à Internet e encontrámos um ficheiro que não é nosso: /ui/help/status_.jsp, criado há quatro dias às 03:20. Quando se abre pede uma palavra-passe.

A versão é a 7.2.1, a vulnerável (CVE-2026-41877). Retirámos o equipamento da Internet mas não o desligámos. Não sabemos se alguém passou dali para a rede da fábrica. A produção continua.

O que fazemos primeiro: atualizar ou guardar provas?`,
			Observables: []Observable{{"ip", "203.0.113.210"}, {"cve", "CVE-2026-41877"}, {"sha256", "3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8551"}, {"filename", "status_.jsp"}},
		},
		{
			Key: "defaced-alvor", Received: 91 * minute, Channel: "phone", Lang: "pt", Organisation: "camara-alvor",
			Name: "Susana Ventura", Phone: "+999 255 336 125", OrgText: "Câmara Municipal de Alvor", Proof: "by_hand", Seal: "none", Handler: "", State: "new",
			Kind: "voluntary", Type: "information-content-security:unauthorised-information-modification", Ongoing: "yes", Detected: 2 * hour,
			Summary: "Sítio da câmara de Alvor desfigurado",
			Description: `Chamada às linhas de serviço, 6 minutos.

Susana Ventura, informática da câmara: desde o meio da manhã a página inicial mostra uma bandeira e música. O resto do sítio parece normal. O sítio é alojado na Porto Host e feito por uma empresa local. Não tem acesso ao alojamento, só o fornecedor. Pergunta se deve pedir para desligar tudo.

Dito: pedir ao alojador que guarde registos e ficheiros e mostre uma página simples; não apagar nada. Prometi resposta escrita hoje. Endereço de correio para resposta: ver contactos.`,
			Observables: []Observable{{"url", "https://www.cm-alvor.example/"}, {"ip", "198.51.100.37"}},
		},
		{
			Key: "phish-students", Received: 11 * minute, Channel: "mail", Lang: "pt", TLP: tlp.Green, Organisation: "universidade-norte",
			Name: "Ricardo Sampaio", Email: "ricardo.sampaio@uninorte.example", OrgText: "Universidade do Norte", Proof: "aligned", Seal: "none", State: "new",
			Kind: "voluntary", Type: "fraud:phishing", Ongoing: "yes",
			Summary: "Phishing de credenciais contra estudantes, página de login clonada",
			Description: `Olá,

Desde ontem à noite os nossos estudantes recebem mensagens sobre "confirmação de matrícula". Levam a uma cópia da nossa página de autenticação, que pede também o código do segundo fator e o usa logo a seguir. Contámos 214 que abriram e 37 que escreveram a palavra-passe; essas contas já foram repostas.

As páginas estão em dois domínios registados ontem e alojadas na Wolkenheim. Pedimos que tratem do encerramento.

TLP:GREEN, podem avisar as outras universidades.`,
			Observables: []Observable{
				{"url", "https://login-uninorte.example/cas/login"},
				{"url", "https://matricula-uninorte.example/cas/login"},
				{"domain", "login-uninorte.example"},
				{"domain", "matricula-uninorte.example"},
				{"ip", "198.51.100.21"},
				{"ip", "198.51.100.22"},
				{"email", "secretaria@matricula-uninorte.example"},
				{"ip", "203.0.113.70"},
				{"ip", "203.0.113.71"},
				{"ip", "203.0.113.72"},
				{"subject", "Confirmação de matrícula pendente"},
				{"sha256", "a591a6d40bf420404a011733cfb7b190d62c65bf0bcda32b57b277d9ad9f146e"},
			},
			Mail: &Mail{MessageID: "<e77a41@uninorte.example>"},
		},
		{
			Key: "peer-c2", Received: 24 * minute, Channel: "mail", Lang: "en", TLP: tlp.Red, Name: "Ingrid Holm", Email: "cert@cert-norlund.example", OrgText: "CERT Norlund",
			Proof: "aligned", Seal: "signed", State: "new", Kind: "voluntary", Type: "malicious-code:c2-server", Ongoing: "yes",
			Summary: "Request: C2 server hosted in your country, please preserve",
			Description: `TLP:RED - for the recipients only

Dear colleagues,

In a current case at a ministry of ours we see beacons every 61 seconds to 198.51.100.27, port 8443, which is in your country (Wolkenheim). The certificate names "update-telemetry". The operators rented the machine eleven days ago.

We ask you, please:
- not to take it down yet: our victim is not ready;
- to ask the provider to preserve the disk and the billing data, if you can do so without the customer noticing;
- to tell us whether flow data show other victims.

The prosecutor's request follows through the usual channel. Our reference is NOR-26-3391. You can reach me on the direct line at any hour.

Ingrid Holm
CERT Norlund`,
			Observables: []Observable{{"ip", "198.51.100.27"}, {"port", "8443/tcp"}, {"sha256", "9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab"}},
			Mail:        &Mail{MessageID: "<NOR-26-3391.1@cert-norlund.example>"},
		},
		{
			Key: "vpn-attempts-haven", Received: 2*hour + 40*minute, Channel: "mail", Lang: "nl", TLP: tlp.Amber, Organisation: "haven-oosterdam",
			Name: "Pieter Hoekstra", Email: "pieter.hoekstra@havenoosterdam.example", OrgText: "Havenbedrijf Oosterdam", Proof: "signed_by_key", Seal: "signed_encrypted", State: "new",
			Kind: "near_miss", Type: "intrusion-attempts:brute-force", Ongoing: "yes", Occurred: 14 * hour,
			Summary: "Inlogpogingen op onze VPN met bestaande accountnamen",
			Description: `Goedemiddag,

Sinds afgelopen nacht zien wij op onze VPN ongeveer 4.000 inlogpogingen per uur, vanaf wisselende adressen. Opvallend: de accountnamen bestaan echt en zijn die van medewerkers en van twee leveranciers, waaronder een account "svc-hidrotec" dat wij vorig jaar hebben opgeheven.

Er is niemand binnengekomen; de tweede factor houdt het tegen. Wij vragen ons af waar die namen vandaan komen en of andere havens hetzelfde zien.

De dienstverlening aan schepen loopt normaal door.

Met vriendelijke groet,
Pieter Hoekstra
Havenbedrijf Oosterdam`,
			Observables: []Observable{{"ip", "203.0.113.77"}, {"ip", "203.0.113.78"}, {"account", "svc-hidrotec"}},
			Mail:        &Mail{MessageID: "<4f1c.vpn@havenoosterdam.example>"},
		},
	}
}
