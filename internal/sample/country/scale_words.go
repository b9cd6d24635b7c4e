package country

import (
	"math/rand/v2"
	"strconv"
	"strings"
)

var fold = strings.NewReplacer("á", "a", "ã", "a", "â", "a", "à", "a", "ç", "c", "é", "e", "è", "e", "ê", "e", "ë", "e", "í", "i", "ï", "i", "ó", "o", "õ", "o", "ô", "o", "ö", "o", "ú", "u", "ü", "u", "É", "e", "Á", "a", " ", "", "ß", "ss", "'", "")

var places = []string{
	"Porto Valmor", "Ribeira Alta", "Alvor", "Nordheim", "Oosterdam", "Belmont", "Sainte-Claire", "Vila Branca", "Monte Novo", "Kirchberg", "Zandhoek", "Port-Lune", "Fonte Velha", "Lindental",
	"Westerhaven", "Clairval", "Serra Clara", "Altenau", "Molenwijk", "Rochefleur",
}

var firsts = []string{"Rui", "Ana", "Marta", "João", "Sofia", "Nuno", "Inês", "Pieter", "Femke", "Joris", "Lotte", "Katrin", "Stefan", "Anke", "Jürgen", "Élodie", "Julien", "Mathilde", "Denis", "Camille", "Helen", "Owen"}

var lasts = []string{"Tavares", "Duarte", "Silva", "Freitas", "Barradas", "Lobo", "Hoekstra", "de Boer", "Bakker", "Visser", "Seidel", "Brückner", "Lorenz", "Köhler", "Faure", "Garnier", "Morel", "Renard", "Ferry", "Thorne"}

var branches = []struct {
	word, sector, class, community string
	names                          map[string]string
}{
	{"agua", "drinking_water", "essential", "essential_services", map[string]string{"en": "Water Company", "pt": "Águas de", "fr": "Eaux de", "nl": "Waterbedrijf", "de": "Wasserwerke"}},
	{"energia", "electricity", "essential", "critical_infrastructure", map[string]string{"en": "Power Grid", "pt": "Energia de", "fr": "Énergie", "nl": "Energie", "de": "Stadtwerke"}},
	{"saude", "health", "essential", "essential_public_services", map[string]string{"en": "Hospital", "pt": "Hospital de", "fr": "Hôpital de", "nl": "Ziekenhuis", "de": "Klinikum"}},
	{"camara", "public_administration", "important", "public_administration", map[string]string{"en": "Municipality of", "pt": "Câmara Municipal de", "fr": "Ville de", "nl": "Gemeente", "de": "Stadt"}},
	{"escola", "education", "", "essential_public_services", map[string]string{"en": "School Board", "pt": "Agrupamento de Escolas de", "fr": "Lycée de", "nl": "Scholengroep", "de": "Schulverband"}},
	{"transporte", "road", "important", "essential_services", map[string]string{"en": "Transport", "pt": "Transportes de", "fr": "Transports de", "nl": "Vervoer", "de": "Verkehrsbetriebe"}},
	{"banco", "banking", "essential", "essential_services", map[string]string{"en": "Savings Bank", "pt": "Caixa de", "fr": "Banque de", "nl": "Spaarbank", "de": "Sparkasse"}},
	{"rede", "digital_infrastructure", "essential", "digital_service_providers", map[string]string{"en": "Networks", "pt": "Redes de", "fr": "Réseaux", "nl": "Netwerken", "de": "Netze"}},
	{"fabrica", "manufacturing", "important", "businesses", map[string]string{"en": "Works", "pt": "Fábrica de", "fr": "Manufacture de", "nl": "Fabriek", "de": "Werke"}},
	{"loja", "digital_providers", "", "businesses", map[string]string{"en": "Trading", "pt": "Comércio de", "fr": "Commerce de", "nl": "Handel", "de": "Handelshaus"}},
}

// kinds are what happens, with a title in each language. Holes are filled from the scene.
var kinds = []struct {
	code   string
	titles map[string]string
}{
	{"information-content-security:unauthorised-information-modification", map[string]string{"en": "Ransomware on {system} at {place}", "pt": "Ransomware em {system}, {place}", "fr": "Rançongiciel sur {system}, {place}", "nl": "Ransomware op {system} in {place}", "de": "Ransomware auf {system} in {place}"}},
	{"intrusions:unprivileged-account-compromise", map[string]string{"en": "Mailbox taken over, {count} messages sent", "pt": "Caixa de correio tomada, {count} mensagens enviadas", "fr": "Boîte compromise, {count} messages envoyés", "nl": "Postvak overgenomen, {count} berichten verstuurd", "de": "Postfach übernommen, {count} Nachrichten versandt"}},
	{"availability:ddos", map[string]string{"en": "DDoS on {domain}, {count} Gbit/s", "pt": "DDoS contra {domain}, {count} Gbit/s", "fr": "DDoS contre {domain}, {count} Gbit/s", "nl": "DDoS op {domain}, {count} Gbit/s", "de": "DDoS auf {domain}, {count} Gbit/s"}},
	{"fraud:phishing", map[string]string{"en": "Phishing page at {domain}", "pt": "Página de phishing em {domain}", "fr": "Page d’hameçonnage sur {domain}", "nl": "Phishingpagina op {domain}", "de": "Phishing-Seite auf {domain}"}},
	{"malicious-code:infected-system", map[string]string{"en": "{host} connects to {address} every {days} minutes", "pt": "{host} liga-se a {address} a cada {days} minutos", "fr": "{host} se connecte à {address} toutes les {days} minutes", "nl": "{host} maakt elke {days} minuten verbinding met {address}", "de": "{host} verbindet sich alle {days} Minuten mit {address}"}},
	{"vulnerable:vulnerable-system", map[string]string{"en": "{product} unpatched ({cve}) at {place}", "pt": "{product} por corrigir ({cve}), {place}", "fr": "{product} non corrigé ({cve}), {place}", "nl": "{product} niet bijgewerkt ({cve}) in {place}", "de": "{product} ohne Korrektur ({cve}) in {place}"}},
	{"vulnerable:potentially-unwanted-accessible", map[string]string{"en": "Remote desktop open at {address}", "pt": "Ambiente de trabalho remoto aberto em {address}", "fr": "Bureau à distance ouvert sur {address}", "nl": "Extern bureaublad open op {address}", "de": "Offener Remotedesktop auf {address}"}},
	{"intrusion-attempts:brute-force", map[string]string{"en": "{count} sign-in attempts on VPN of {place}", "pt": "{count} tentativas de acesso à VPN de {place}", "fr": "{count} tentatives de connexion au VPN de {place}", "nl": "{count} inlogpogingen op VPN van {place}", "de": "{count} Anmeldeversuche am VPN von {place}"}},
	{"information-content-security:data-leak", map[string]string{"en": "{count} records of customers offered for sale", "pt": "{count} registos de clientes à venda", "fr": "{count} fiches clients en vente", "nl": "{count} klantgegevens te koop", "de": "{count} Kundendatensätze zum Verkauf"}},
	{"intrusions:application-compromise", map[string]string{"en": "Webshell on {host}, {product}", "pt": "Webshell em {host}, {product}", "fr": "Webshell sur {host}, {product}", "nl": "Webshell op {host}, {product}", "de": "Webshell auf {host}, {product}"}},
}

// sentences make a story; each language has its own.
var sentences = map[string][]string{
	"en": {"We noticed it {days} days ago on {host}.", "Traffic goes to {address} and {domain}.", "The {system} are isolated and powered.", "No customer is without service.", "The product is {product}; see {cve}.", "About {count} accounts are concerned.", "The supplier has been told by telephone.", "Backups exist and are offline.", "We ask for advice on what to keep."},
	"pt": {"Demos por isso há {days} dias em {host}.", "O tráfego vai para {address} e {domain}.", "As máquinas ({system}) estão isoladas e ligadas.", "Nenhum cliente está sem serviço.", "O produto é {product}; ver {cve}.", "Estão em causa cerca de {count} contas.", "O fornecedor foi avisado por telefone.", "Existem cópias de segurança fora da rede.", "Pedimos conselho sobre o que guardar."},
	"fr": {"Nous l’avons remarqué il y a {days} jours sur {host}.", "Le trafic va vers {address} et {domain}.", "Les machines ({system}) sont isolées et sous tension.", "Aucun client n’est privé de service.", "Le produit est {product} ; voir {cve}.", "Environ {count} comptes sont concernés.", "Le fournisseur a été prévenu par téléphone.", "Des sauvegardes hors ligne existent.", "Que devons-nous conserver ?"},
	"nl": {"Wij merkten het {days} dagen geleden op {host}.", "Het verkeer gaat naar {address} en {domain}.", "De machines ({system}) zijn geïsoleerd en staan aan.", "Geen klant zit zonder dienst.", "Het product is {product}; zie {cve}.", "Het gaat om ongeveer {count} accounts.", "De leverancier is telefonisch gewaarschuwd.", "Er zijn offline back-ups.", "Wat moeten wij bewaren?"},
	"de": {"Aufgefallen ist es vor {days} Tagen auf {host}.", "Der Verkehr geht zu {address} und {domain}.", "Die Systeme ({system}) sind isoliert und eingeschaltet.", "Kein Kunde ist ohne Versorgung.", "Das Produkt ist {product}; siehe {cve}.", "Betroffen sind etwa {count} Konten.", "Der Lieferant ist telefonisch informiert.", "Es gibt Sicherungen ohne Netzanschluss.", "Was sollen wir aufbewahren?"},
}

var entries = []string{
	"First connection from {host} to {address}.", "Sign-in from {address} without a second factor.", "Called the contact; {system} are isolated.", "{domain} was registered {days} days ago.",
	"Sample taken from {host}; nothing new against last week.", "{product} updated on all instances.", "Provider filters {address}.", "Looked at {count} lines of log, no further host.",
}

var tasks = []string{"Get the logs of {host}", "Ask the provider about {address}", "Check who else saw {domain}", "Confirm the version of {product}", "Call back the reporter"}

var (
	reasons = []string{"severity.service.degraded", "severity.data.read", "severity.spread.several", "severity.control.unknown", "severity.sector.important"}
	causes  = []string{"malicious_action", "malicious_action", "human_error", "system_failure", "third_party", "unknown"}
	advice  = []string{"rec-isolate-hosts", "rec-search-indicators", "rec-patch-product", "rec-reset-credentials", "rec-preserve-logs", "rec-close-admin-interfaces", "rec-fix-open-resolver", "rec-block-indicators"}
)

// scene holds the facts of one case, so that title, story and entries agree.
type scene struct {
	address, domain, place, system, product, cve, host, count, days string
}

func newScene(r *rand.Rand) scene {
	return scene{
		address: "203.0.113." + strconv.Itoa(64+r.IntN(64)),
		domain: pick(r, []string{"login", "update", "secure", "portal", "mail", "cdn", "pay"}) + "-" + pick(r, []string{"valmora", "bank", "post", "tax", "cloud", "health"}) +
			strconv.Itoa(r.IntN(10_000)) + ".example",
		place:   pick(r, places),
		system:  pick(r, []string{"billing servers", "file servers", "SCADA historian", "mail servers", "virtual machines"}),
		product: pick(r, []string{"NetPort 7", "Munivia Desk", "Wolken Mail 11", "GateKeep SSL", "FileDrop 3"}),
		cve:     "CVE-2026-" + strconv.Itoa(10_000+r.IntN(50_000)),
		host:    pick(r, []string{"srv", "ws", "db", "hist", "vpn", "dc"}) + "-" + strconv.Itoa(10+r.IntN(90)),
		count:   strconv.Itoa(2 + r.IntN(900)),
		days:    strconv.Itoa(2 + r.IntN(28)),
	}
}

func (s scene) value(hole string) string {
	switch hole {
	case "address":
		return s.address
	case "domain":
		return s.domain
	case "place":
		return s.place
	case "system":
		return s.system
	case "product":
		return s.product
	case "cve":
		return s.cve
	case "host":
		return s.host
	case "count":
		return s.count
	case "days":
		return s.days
	}
	return "{" + hole + "}" // the test finds it
}

// fill is written out because it is called ten times for each of a hundred thousand incidents: a strings.Replacer costs more to make than to use.
func (s scene) fill(text string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		hole, after, _ := strings.Cut(rest, "}")
		b.WriteString(s.value(hole))
		text = after
	}
}

// story puts three to six sentences together, in an order of its own.
func (s scene) story(r *rand.Rand, lang string) string {
	from := sentences[lang]
	var out []string
	for _, i := range r.Perm(len(from))[:3+r.IntN(4)] {
		out = append(out, s.fill(from[i]))
	}
	return strings.Join(out, " ")
}
