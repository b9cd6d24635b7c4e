package tongue

import "testing"

// Languages are named in words of others, and what is no text of one is not named.
func TestOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Hola, hemos recibido un correo electrónico sospechoso que pide las contraseñas de nuestros empleados.":  "es",
		"Buongiorno, il nostro sito è stato compromesso questa notte e non riusciamo più ad accedere.":           "it",
		"Dzień dobry, od rana nasz serwer wysyła niechciane wiadomości i nie wiemy, co robić.":                   "pl",
		"Здравствуйте, с вашего адреса идёт атака на наш сервер, примите меры как можно скорее.":                 "ru",
		"Доброго дня, з вашої мережі йде атака на наші сервери, будь ласка, вживіть заходів.":                    "uk",
		"您好，我们的服务器受到来自贵国网络的攻击，请协助处理。":                                                                            "zh",
		"お世話になっております。貴国のネットワークから攻撃を受けています。":                                                                      "ja",
		"안녕하세요, 귀국의 네트워크에서 공격을 받고 있습니다.":                                                                         "ko",
		"Καλημέρα, ο διακομιστής μας δέχεται επίθεση από το δίκτυό σας.":                                         "el",
		"Merhaba, sunucularımız bu sabahtan beri ağınızdan gelen bir saldırı altında, yardım eder misiniz?":      "tr",
		"Good morning, our web server has been attacked from your network since last night, can you help us?":    "en",
		"Guten Morgen, unser Server wird seit gestern Abend aus Ihrem Netz angegriffen, können Sie uns helfen?":  "de",
		"Goedemorgen, onze server wordt sinds gisteravond vanuit uw netwerk aangevallen, kunt u ons helpen?":     "nl",
		"Bonjour, notre serveur est attaqué depuis hier soir depuis votre réseau, pouvez-vous nous aider ?":      "fr",
		"Bom dia, o nosso servidor está a ser atacado desde ontem à noite a partir da vossa rede, podem ajudar?": "pt",
		"log4j 203.0.113.77 GET /index.html HTTP/1.1 200 0x7f 5d41402abc4b2a76b9719d911017c592":                  "",
		"": "", "ok": "", "Help!": "",
		"> Good morning, our web server has been attacked from your network since last night": "",
	} {
		if got := Of(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestName(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{{"es", "de", "Spanisch"}, {"pl", "nl", "Pools"}, {"zh", "fr", "chinois"}, {"ru", "pt", "russo"}, {"uk", "en", "Ukrainian"}, {"xx1", "en", "xx1"}} {
		if got := Name(c[0], c[1]); got != c[2] {
			t.Errorf("%s in %s: %q, want %q", c[0], c[1], got, c[2])
		}
	}
	if Known("") || Known("english") || Known("q1") || !Known("es") || !Known("tlh") {
		t.Error("what is a language?")
	}
}

func FuzzOf(f *testing.F) {
	f.Add("Hola amigo")
	f.Fuzz(func(t *testing.T, s string) {
		if c := Of(s); len(c) > 3 {
			t.Error(c)
		}
	})
}
