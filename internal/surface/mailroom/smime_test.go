package mailroom

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/mailtest"
)

// S/MIME as OpenSSL writes it: what is signed is read and proves nothing, in one piece too; what is encrypted is kept closed and said to be so, and its thread
// is one that was encrypted (P10); text around it is not mixed with it (P1).
func TestSMIMEIsReadAndProvesNothing(t *testing.T) {
	dir := t.TempDir()
	openssl := func(in string, args ...string) string {
		t.Helper()
		cmd := exec.Command(mailtest.Need(t, "openssl"), args...)
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(in)
		out, err := cmd.Output()
		must(t, err)
		return string(out)
	}
	openssl("", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj", "/CN=Rui/emailAddress=rui@hospital.example")
	const text = "The gateway at 192.0.2.77."
	inner := crlf("Content-Type: text/plain; charset=utf-8\n\n" + text + "\n")
	sign := []string{"cms", "-sign", "-signer", "cert.pem", "-inkey", "key.pem"}
	opaque := openssl(inner, append(sign, "-nodetach")...)
	sealed := openssl(inner, "cms", "-encrypt", "-aes256", "cert.pem")
	_, body, _ := strings.Cut(opaque, "\n\n")
	damaged := strings.Replace(opaque, body, body[:len(body)/3], 1)
	engines(t, func(h *house) {
		send := func(subject, raw string) {
			raw = strings.TrimPrefix(raw, "MIME-Version: 1.0\n")
			h.mail("x@nowhere.example", "report@cert.example", h.head("eve@nowhere.example", subject)+raw)
		}
		send("detached", openssl(inner, sign...))
		send("opaque", opaque)
		send("sealed", sealed)
		send("damaged", damaged)
		send("words around", "Content-Type: multipart/mixed; boundary=zz\n\n--zz\nContent-Type: text/html\n\n<img src=\"http://eve.example/\n--zz\n"+strings.Replace(opaque, "MIME-Version: 1.0\n", "", 1)+"\n--zz\nContent-Type: text/html\n\n\">\n--zz--\n")
		h.sort()
		got := map[string]correspondence.Message{}
		for _, l := range h.reports() {
			m := h.messages(l.Thread, h.ana)[0]
			got[l.Body.Summary] = m
			if l.Proof.Proved() || m.Body.Signature != nil {
				t.Errorf("%s proves something: %v", l.Body.Summary, l.Proof)
			}
			if enc := h.thread(l.Thread).Encrypted; enc != (l.Body.Summary == "sealed") {
				t.Errorf("%s: the thread is encrypted: %v", l.Body.Summary, enc)
			}
		}
		for subject, want := range map[string]struct {
			text, closed string
			odd          bool
		}{
			"detached": {text, "", true}, "opaque": {text, "", true}, "sealed": {"", "desk.unreadable.smime", false},
			"damaged": {"", "desk.unreadable.smime_damaged", false}, "words around": {"", "", false},
		} {
			m, ok := got[subject]
			odd := strings.Contains(strings.Join(m.Body.Oddities, " "), "desk.odd.smime_unchecked")
			if !ok || strings.Contains(m.Body.Text, text) != (want.text != "") || m.Body.Unreadable != want.closed || odd != want.odd {
				t.Errorf("%s: %q, %q, %v", subject, m.Body.Text, m.Body.Unreadable, m.Body.Oddities)
			}
		}
	})
}
