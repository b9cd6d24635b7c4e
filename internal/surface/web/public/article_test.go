package public

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/smime"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page/pagetest"
)

func site(t *testing.T, lang text.Lang) (*Public, text.Printer) {
	t.Helper()
	f := frame(t, lang, "", "")
	return &Public{Site: f.Site, URL: "https://cert.ex", Zone: f.P.Zone()}, *f.P
}

// open reads an article as a visitor does.
func open(t *testing.T, lang text.Lang, path string) *httptest.ResponseRecorder {
	t.Helper()
	x, p := site(t, lang)
	w := httptest.NewRecorder()
	v := &page.Visit{W: w, R: httptest.NewRequest(http.MethodGet, path, nil), P: &p, Now: noon}
	for _, r := range x.Routes() {
		if r.Pattern == "GET "+path {
			if err := r.Serve(v); err != nil {
				t.Fatal(err)
			}
			return w
		}
	}
	t.Fatalf("there is no page %s", path)
	return nil
}

// A team with a certificate gives it as a file and says how to compare it; one whose certificate has ended, or that has none, says nothing of it.
func TestTheTeamsCertificate(t *testing.T) {
	t.Parallel()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	visit := func(path string, ends time.Time) (*httptest.ResponseRecorder, error) {
		like := x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "An authority\u202e <b>"}, NotBefore: noon.AddDate(-2, 0, 0), NotAfter: ends, EmailAddresses: []string{"report@cert.ex"}}
		der, err := x509.CreateCertificate(rand.Reader, &like, &like, &secret.PublicKey, secret)
		if err != nil {
			t.Fatal(err)
		}
		own, err := smime.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		x, p := site(t, text.EN)
		x.Certificates = func(context.Context) ([]smime.Certificate, error) { return []smime.Certificate{own}, nil }
		w := httptest.NewRecorder()
		v := &page.Visit{W: w, R: httptest.NewRequest(http.MethodGet, path, nil), P: &p, Now: noon}
		for _, r := range x.Routes() {
			if r.Pattern == "GET "+path {
				err = r.Serve(v)
			}
		}
		if err == nil && path != "/contact" && !bytes.Equal(w.Body.Bytes(), own.PEM()) {
			t.Errorf("the file is %q", w.Body)
		}
		if shown := strings.Contains(w.Body.String(), id.Grouped(own.Fingerprint())); path == "/contact" && (shown != ends.After(noon) || strings.Contains(w.Body.String(), "<b>") || strings.Contains(w.Body.String(), "\u202e")) {
			t.Errorf("the page shows it: %v", shown)
		}
		return w, err
	}
	for _, path := range []string{"/contact", "/smime-certificate.pem"} {
		if _, err := visit(path, noon.AddDate(1, 0, 0)); err != nil {
			t.Error(path, err)
		}
	}
	if _, err := visit("/contact", noon.Add(-time.Hour)); err != nil {
		t.Error(err)
	}
	if _, err := visit("/smime-certificate.pem", noon.Add(-time.Hour)); !errs.Is(err, errs.NotFound) {
		t.Errorf("one that has ended: %v", err)
	}
	if strings.Contains(open(t, text.EN, "/contact").Body.String(), "S/MIME") {
		t.Error("a team without one speaks of it")
	}
}

var articles = []string{"/about", "/contact", "/privacy", "/accessibility", "/rfc2350"}

func TestArticlesSpeakEveryLanguage(t *testing.T) {
	t.Parallel()
	for _, lang := range text.Langs() {
		seen := map[string]string{}
		for _, path := range append(articles, "/rfc2350.txt") {
			body := open(t, lang, path).Body.String()
			if strings.Contains(body, "⟦") {
				t.Errorf("%s in %s lacks a text: …%s…", path, lang, around(body, "⟦"))
			}
			if other, ok := seen[body]; ok {
				t.Errorf("%s and %s are the same", path, other)
			}
			seen[body] = path
		}
	}
}

func around(s, what string) string {
	i := strings.Index(s, what)
	return s[i:min(len(s), i+60)]
}

func TestTheDescriptionHasWhatRFC2350AsksFor(t *testing.T) {
	t.Parallel()
	w := open(t, text.EN, "/rfc2350.txt")
	if got := w.Header().Get("Content-Type"); got != "text/plain; charset=utf-8" {
		t.Errorf("it is sent as %s", got)
	}
	body := w.Body.String()
	at := 0
	for _, head := range []string{
		"1 Document", "1.1 Date", "1.2 Dist", "1.3 Where", "2 Contact", "2.1 Name", "2.3 Time zone", "2.4 Tele", "2.7 Electronic", "2.8 Public keys", "2.11 Points",
		"3 Charter", "3.1 Mission", "3.2 Constituency", "3.3 Spons", "3.4 Authority", "4 Policies", "4.1 Types", "4.2 Co-op", "4.3 Comm", "5 Services", "5.1 Incident response", "5.2 Proactive", "6 Incident", "7 Disclaimers",
	} {
		i := strings.Index(body[at:], head)
		if i < 0 {
			t.Errorf("%q is missing after %d bytes", head, at)
			continue
		}
		at += i
	}
	for _, fact := range []string{"CERT.EX", "report@cert.ex", "+999 210 497 400", "4C1E 98A0", "https://cert.ex/report", "Europe/Lisbon"} {
		if !strings.Contains(body, fact) {
			t.Errorf("%q is missing", fact)
		}
	}
	for _, line := range strings.Split(body, "\n") {
		if utf8.RuneCountInString(line) > columns && strings.Contains(strings.TrimSpace(line), " ") {
			t.Errorf("a line of %d columns: %q", utf8.RuneCountInString(line), line)
		}
	}
}

func TestEachDoorAsksOnlyWhatItNeeds(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string][2][]string{
		"":           {{`name="ongoing"`, `name="aware-day"`, `name="summary"`, `name="tlp"`}, nil},
		"suspicious": {{`name="description"`, `name="files"`, `name="email"`, `action="/suspicious"`}, {`name="ongoing"`, `name="aware-day"`, `name="tlp"`, `name="phone"`}},
	} {
		x, p := site(t, text.EN)
		v := &page.Visit{R: httptest.NewRequest(http.MethodGet, reportPath(kind), nil), P: &p, Now: noon}
		var b bytes.Buffer
		if err := Report(x.reportView(v, ReportValues{TLP: "AMBER"}, id.NewCode(), kind)).Render(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		for _, s := range want[0] {
			if !strings.Contains(b.String(), s) {
				t.Errorf("the form for %q does not ask %s", kind, s)
			}
		}
		for _, s := range want[1] {
			if strings.Contains(b.String(), s) {
				t.Errorf("the form for %q asks %s", kind, s)
			}
		}
	}
}

func view(t *testing.T, lang text.Lang, path string) ArticleView {
	t.Helper()
	x, p := site(t, lang)
	v := &page.Visit{R: httptest.NewRequest(http.MethodGet, path, nil), P: &p, Now: noon}
	return ArticleView{PublicView: frame(t, lang, strings.TrimPrefix(path, "/"), p.T("public.rfc.title")), Heading: p.T("public.rfc.title"), Lead: p.T("public.rfc.lead", "team", "CERT.EX"), Sections: x.rfc2350(v)}
}

func TestBrowserDescription(t *testing.T) {
	pagetest.Look(t, "rfc2350", pagetest.Public, Article(view(t, text.EN, "/rfc2350")))
	pagetest.Glance(t, "rfc2350-de", pagetest.Public, Article(view(t, text.DE, "/rfc2350")))
}

func TestBrowserArticles(t *testing.T) {
	for _, lang := range []text.Lang{text.EN, text.DE} {
		for _, path := range articles[:4] {
			pagetest.Glance(t, strings.TrimPrefix(path, "/")+"-"+string(lang), pagetest.Public, templ.Raw(open(t, lang, path).Body.String()))
		}
	}
}

func TestBrowserKinds(t *testing.T) {
	for _, kind := range []string{suspicious} {
		v := report(t, text.EN)
		v.Kind, v.Values = kind, ReportValues{TLP: "AMBER"}
		pagetest.Glance(t, "report-"+kind, pagetest.Public, Report(v))
		v = report(t, text.DE)
		v.Kind, v.Values = kind, ReportValues{TLP: "AMBER"}
		v.Problems = []page.Problem{{Field: "description", Text: v.P.T("public.wrong.suspicious")}}
		pagetest.Glance(t, "report-"+kind+"-de", pagetest.Public, Report(v))
	}
}
