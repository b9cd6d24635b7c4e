package i18n

import "strings"

// cities are the names of zones where a language says another city than the zone database does: en, pt, fr, nl, de.
var cities = map[string][5]string{
	"Atlantic/Azores":    {"Azores", "Açores", "Açores", "Azoren", "Azoren"},
	"Atlantic/Canary":    {"Canary Islands", "Canárias", "Canaries", "Canarische Eilanden", "Kanarische Inseln"},
	"Atlantic/Faroe":     {"Faroe Islands", "Ilhas Faroé", "Îles Féroé", "Faeröer", "Färöer"},
	"Atlantic/Madeira":   {"Madeira", "Madeira", "Madère", "Madeira", "Madeira"},
	"Atlantic/Reykjavik": {"Reykjavik", "Reiquiavique", "Reykjavik", "Reykjavik", "Reykjavik"},
	"Asia/Nicosia":       {"Nicosia", "Nicósia", "Nicosie", "Nicosia", "Nikosia"},
	"Asia/Tbilisi":       {"Tbilisi", "Tbilissi", "Tbilissi", "Tbilisi", "Tiflis"},
	"Asia/Yerevan":       {"Yerevan", "Erevã", "Erevan", "Jerevan", "Eriwan"},
	"Europe/Amsterdam":   {"Amsterdam", "Amesterdão", "Amsterdam", "Amsterdam", "Amsterdam"},
	"Europe/Athens":      {"Athens", "Atenas", "Athènes", "Athene", "Athen"},
	"Europe/Belgrade":    {"Belgrade", "Belgrado", "Belgrade", "Belgrado", "Belgrad"},
	"Europe/Berlin":      {"Berlin", "Berlim", "Berlin", "Berlijn", "Berlin"},
	"Europe/Brussels":    {"Brussels", "Bruxelas", "Bruxelles", "Brussel", "Brüssel"},
	"Europe/Bucharest":   {"Bucharest", "Bucareste", "Bucarest", "Boekarest", "Bukarest"},
	"Europe/Budapest":    {"Budapest", "Budapeste", "Budapest", "Boedapest", "Budapest"},
	"Europe/Chisinau":    {"Chisinau", "Quixinau", "Chisinau", "Chisinau", "Chișinău"},
	"Europe/Copenhagen":  {"Copenhagen", "Copenhaga", "Copenhague", "Kopenhagen", "Kopenhagen"},
	"Europe/Dublin":      {"Dublin", "Dublim", "Dublin", "Dublin", "Dublin"},
	"Europe/Helsinki":    {"Helsinki", "Helsínquia", "Helsinki", "Helsinki", "Helsinki"},
	"Europe/Istanbul":    {"Istanbul", "Istambul", "Istanbul", "Istanbul", "Istanbul"},
	"Europe/Kiev":        {"Kyiv", "Kiev", "Kyiv", "Kyiv", "Kyjiw"},
	"Europe/Kyiv":        {"Kyiv", "Kiev", "Kyiv", "Kyiv", "Kyjiw"},
	"Europe/Lisbon":      {"Lisbon", "Lisboa", "Lisbonne", "Lissabon", "Lissabon"},
	"Europe/Ljubljana":   {"Ljubljana", "Liubliana", "Ljubljana", "Ljubljana", "Ljubljana"},
	"Europe/London":      {"London", "Londres", "Londres", "Londen", "London"},
	"Europe/Luxembourg":  {"Luxembourg", "Luxemburgo", "Luxembourg", "Luxemburg", "Luxemburg"},
	"Europe/Malta":       {"Malta", "Malta", "Malte", "Malta", "Malta"},
	"Europe/Monaco":      {"Monaco", "Mónaco", "Monaco", "Monaco", "Monaco"},
	"Europe/Paris":       {"Paris", "Paris", "Paris", "Parijs", "Paris"},
	"Europe/Podgorica":   {"Podgorica", "Podgoritsa", "Podgorica", "Podgorica", "Podgorica"},
	"Europe/Prague":      {"Prague", "Praga", "Prague", "Praag", "Prag"},
	"Europe/Rome":        {"Rome", "Roma", "Rome", "Rome", "Rom"},
	"Europe/Skopje":      {"Skopje", "Escópia", "Skopje", "Skopje", "Skopje"},
	"Europe/Sofia":       {"Sofia", "Sófia", "Sofia", "Sofia", "Sofia"},
	"Europe/Stockholm":   {"Stockholm", "Estocolmo", "Stockholm", "Stockholm", "Stockholm"},
	"Europe/Tallinn":     {"Tallinn", "Taline", "Tallinn", "Tallinn", "Tallinn"},
	"Europe/Tirane":      {"Tirana", "Tirana", "Tirana", "Tirana", "Tirana"},
	"Europe/Vienna":      {"Vienna", "Viena", "Vienne", "Wenen", "Wien"},
	"Europe/Vilnius":     {"Vilnius", "Vílnius", "Vilnius", "Vilnius", "Vilnius"},
	"Europe/Warsaw":      {"Warsaw", "Varsóvia", "Varsovie", "Warschau", "Warschau"},
	"Europe/Zagreb":      {"Zagreb", "Zagrebe", "Zagreb", "Zagreb", "Zagreb"},
	"Europe/Zurich":      {"Zurich", "Zurique", "Zurich", "Zürich", "Zürich"},
}

var cityPlace = map[Lang]int{"en": 0, "pt": 1, "fr": 2, "nl": 3, "de": 4}

// ZoneName writes the zone as people of the language say it: the city, or UTC. A zone that is not in the table has the name of the zone database.
func (p *Printer) ZoneName() string {
	name := p.zone.String()
	if c, ok := cities[name]; ok {
		return c[cityPlace[p.lang]]
	}
	return strings.ReplaceAll(name[strings.LastIndexByte(name, '/')+1:], "_", " ")
}
