package correspondence

import "testing"

// Our own people read letters without the codes in them, and everything else as it was sent.
func TestLettersAreReadWithoutTheirCodes(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Answer: https://cert.example/a/00abcdefghjkmnpqrstvwxyz00\nStatus: https://cert.example/r/0123456789abcdefghjkmnpqrs.": "Answer: https://cert.example/a/•••\nStatus: https://cert.example/r/•••.",
		"> https://cert.example/A/00abcdefghjkmnpqrstvwxyz00 quoted, /a/short and /report/x":                                    "> https://cert.example/A/00abcdefghjkmnpqrstvwxyz00 quoted, /a/short and /report/x",
	} {
		if got := WithoutCodes(in); got != want {
			t.Errorf("%q is read as %q", in, got)
		}
	}
}
