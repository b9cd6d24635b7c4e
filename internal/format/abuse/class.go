package abuse

import "strings"

// classes are the RSIT codes for the words of the formats, in lower case and without hyphens, underscores and blanks. The first that is found counts:
// of the type, then of the category.
var classes = map[string]string{
	"spam": "abusive-content:spam", "bulkmessaging": "abusive-content:spam", "spamvertised": "abusive-content:spam", "abuse": "abusive-content:spam", "harvesting": "abusive-content:spam",
	"optout": "abusive-content:spam", "optoutlist": "abusive-content:spam", "unsolicited": "abusive-content:spam", "messaging": "abusive-content:spam",
	"harassment": "abusive-content:harmful-speech", "childabuse": "abusive-content:violence", "csam": "abusive-content:violence", "csem": "abusive-content:violence",
	"virus": "malicious-code:malware-distribution", "malware": "malicious-code:malware-distribution", "malwareattack": "malicious-code:malware-distribution",
	"botnet": "malicious-code:infected-system", "bot": "malicious-code:infected-system", "infectedhost": "malicious-code:infected-system", "botinfection": "malicious-code:infected-system",
	"portscan": "information-gathering:scanner", "reconnaissance": "information-gathering:scanner", "scraping": "information-gathering:scanner",
	"vulnerabilityscan": "information-gathering:scanner", "scan": "information-gathering:scanner",
	"loginattack": "intrusion-attempts:brute-force", "bruteforce": "intrusion-attempts:brute-force", "authfailure": "intrusion-attempts:brute-force",
	"exploit": "intrusion-attempts:exploit", "sqlinjection": "intrusion-attempts:exploit",
	"compromisedserver": "intrusions:system-compromise", "remotecompromise": "intrusions:application-compromise", "hackedwebsite": "intrusions:application-compromise",
	"compromisedwebsite": "intrusions:application-compromise", "webhack": "intrusions:application-compromise", "defacement": "intrusions:application-compromise",
	"compromisedmicrosoftexchange": "intrusions:system-compromise", "compromisedaccount": "intrusions:unprivileged-account-compromise",
	"potentiallycompromisedaccount": "intrusions:unprivileged-account-compromise", "potentiallycompromisedattacker": "intrusions:unprivileged-account-compromise",
	"ddos": "availability:ddos", "ddosamplification": "availability:ddos", "dos": "availability:dos",
	"exposeddata": "information-content-security:data-leak",
	"copyright":   "fraud:copyright", "p2p": "fraud:copyright", "cyberlocker": "fraud:copyright", "linksite": "fraud:copyright", "ugcplatform": "fraud:copyright", "usenet": "fraud:copyright",
	"trademark": "fraud:masquerade", "brandinfringement": "fraud:masquerade", "counterfeit": "fraud:masquerade", "suspiciousregistration": "fraud:masquerade",
	"phishing": "fraud:phishing", "phishingsite": "fraud:phishing", "fraud": "fraud:phishing",
	"openservice": "vulnerable:potentially-unwanted-accessible", "misconfiguration": "vulnerable:information-disclosure", "cve": "vulnerable:vulnerable-system",
	"vulnerability": "vulnerable:vulnerable-system",
}

// class proposes an RSIT code; "" where the words of the report allow none. A failed check of a mail's sender (RFC 6591) is somebody writing under
// another's name.
func class(r *Report) string {
	if r.Format == ARF && r.Type == "auth-failure" {
		return "fraud:masquerade"
	}
	if r.Format == ARF && r.Type == "not-spam" {
		return ""
	}
	squeeze := strings.NewReplacer("-", "", "_", "", " ", "")
	for _, word := range []string{r.Type, r.Category} {
		if c := classes[squeeze.Replace(strings.ToLower(word))]; c != "" {
			return c
		}
	}
	return ""
}
