package public

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Who does not know whether an incident is significant is led through the questions, in any language, and finds what was chosen again; nothing is kept of it.
func TestIsItSignificant(t *testing.T) {
	engines(t, func(h *house) {
		v := h.visitor()
		rows := func() int {
			n, err := db.One(t.Context(), h.DB, func(r *db.Rows) (n int, err error) { return n, r.Scan(&n) }, `SELECT (SELECT COUNT(*) FROM intake_draft) + (SELECT COUNT(*) FROM intake_drop)`)
			h.must(err)
			return n
		}
		sees := func(a answer, status int, words ...string) {
			t.Helper()
			if a.status != status {
				t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
			}
			for _, w := range words {
				if not := strings.TrimPrefix(w, "!"); a.says(not) == (not != w) {
					t.Errorf("%q: %s", w, a.body)
				}
			}
		}
		sees(v.get("/report"), http.StatusOK, "/report/significance")
		sees(v.get("/report/significance"), http.StatusOK, "eu-2024-2690", "be-ccb-guide")
		at := "/report/significance/eu-2024-2690"
		sees(v.get(at), http.StatusOK, "Nothing of what you answer here is kept", "!Because")
		sees(v.plain(at, "q-planned", "yes"), http.StatusOK, "planned interruptions and maintenance do not count", "Start a report")
		wrong := v.plain(at, "q-loss_eur", "<b>many")
		sees(wrong, http.StatusUnprocessableEntity, "Error: ")
		if strings.Contains(wrong.body, "<b>many") {
			t.Error("what was typed is not escaped")
		}
		sees(v.post(at, nil, "q-loss_eur", "600 000"), http.StatusOK, "Because", "Art. 3")
		if rows() != 0 {
			t.Errorf("something is kept: %d rows", rows())
		}
		sees(v.get(at+"?lang=de"), http.StatusOK, "Ist er erheblich?", "Durchführungsverordnung (EU) 2024/2690", "in der gelesenen Abschrift fehlten sie", "!was cut off")
		sees(v.get("/report/significance/nothing"), http.StatusNotFound)
	})
}
