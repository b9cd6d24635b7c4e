package mail

import (
	"slices"
	"strings"
	"testing"
)

// What a text names is read however people write it, and what only looks like it is not.
func TestNamed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"From 198[.]51[.]100[.]7:443 to 198.51.100.8, then 198.51.100.7.":                                                  {"198.51.100.7:443", "198.51.100.8", "198.51.100.7"},
		"hxxps://Login.Bank[.]example/a/b?user=eva@water.example#x and (see http://bank.example:8080/p).":                  {"https://login.bank.example/a/b", "http://bank.example:8080/p"},
		"written to eva@Water.example;rui[@]water[.]example mailto:x@y.example":                                            {"eva@water.example", "rui@water.example", "x@y.example"},
		"https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fbad.example%2Fl&data=05":                        {"https://bad.example/l"},
		"src=2001:db8::7 [2001:db8::8] [2001:db8::9]:25 ::ffff:192.0.2.1 http://[2001:db8::a]/x":                           {"2001:db8::7", "2001:db8::8", "[2001:db8::9]:25", "192.0.2.1", "http://[2001:db8::a]/x"},
		"the network 192.0.2.77/24, not 10.0.0.0/8, 0.0.0.0/0 or 127.0.0.1":                                                {"192.0.2.0/24"},
		"hosts www.água.example and mail.bank.example:25, bank.example/login":                                              {"www.água.example", "mail.bank.example", "http://bank.example/login"},
		"invoice.pdf, e.g. this, v1.2.3, 12.05.2026, Dr.Who? a..b.example -x.example .example @x user@ http:///x http://a": {"dr.who"},
		"http://user:secret@bank.example/eva@water.example/reset":                                                          {"http://bank.example/"},
		"javascript://bank.example/%0aalert(1) ftp://bank.example/x":                                                       nil,
	} {
		if got, more := Named(text, 20); more || !slices.Equal(got, want) {
			t.Errorf("%q:\n got %q\nwant %q", text, got, want)
		}
	}
	got, more := Named(strings.Repeat("a.example b.example c.example ", 3), 2)
	if !more || len(got) != 2 {
		t.Errorf("more than two: %q %v", got, more)
	}
	if _, more := Named(strings.Repeat("x ", 64<<10), 2); !more {
		t.Error("a text of 128 KiB is read whole")
	}
	deep := "http://bad.example/"
	for range 9 {
		deep = "https://urldefense.com/v3/__" + deep + "__;!!x"
	}
	if got, _ := Named(deep, 5); len(got) != 1 || !strings.HasPrefix(got[0], "https://urldefense.com/") {
		t.Errorf("wrapped nine times: %q", got)
	}
}

func FuzzNamed(f *testing.F) {
	f.Add("hxxp://a[.]example/x?y=z@q.example 198.51.100.7/24 [::1]:5 http://[::ffff:1.2.3.4%25x]/")
	f.Fuzz(func(t *testing.T, s string) {
		list, _ := Named(s, 10)
		if len(list) > 10 {
			t.Error("more than asked for")
		}
		for _, x := range list {
			if len(x) > 1000 || strings.ContainsAny(x, "\n\r\t \x00") {
				t.Errorf("%q", x)
			}
		}
	})
}
