package internal

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// unscoped are the statements that read the object table without the reader's scope, by file and function, with why that is right. Each names
// what it reads by an inner id that came from a row the caller already read under its scope, or belongs to the house alone. A list never stands
// here.
var unscoped = map[string]string{
	"core/access/object.go Locked":                 "locks what Find gave",
	"core/access/many.go Remove":                   "rows that end by their age, named by the duty whose kind it is",
	"domain/registration/list.go byID":             "the registration that was found under the scope, or by the code in the applicant's hand",
	"domain/registration/entity.go Own":            "what the reader's own organisation sent from the portal: a registration is in no party's scope",
	"domain/registration/entity.go own":            "what the reader's own organisation sent from the portal: a registration is in no party's scope",
	"domain/suspicion/line.go lock":                "the campaign that was found under the scope, or whose job runs",
	"core/access/seal.go Unseen":                   "breaking glass: the right is asked and the alarm raised",
	"core/access/whose.go WhoseTx":                 "number, handler and seal of what a notice is about, for the house",
	"domain/intake/spam.go rejectedLike":           "counts what people rejected as spam, without what is sealed, for the house that files",
	"core/account/create.go Get":                   "accounts are in no realm: rights of their own",
	"core/account/create.go List":                  "accounts are in no realm: rights of their own",
	"core/account/create.go organisation":          "the organisation of an account, named by who manages accounts",
	"core/account/create.go staff":                 "accounts are in no realm: rights of their own",
	"core/account/find.go ByEmail":                 "accounts are in no realm: rights of their own",
	"core/account/invite.go invitee":               "accounts are in no realm: rights of their own",
	"core/account/own.go OwnPeople":                "accounts are in no realm: rights of their own",
	"core/account/own.go Activity":                 "accounts are in no realm: rights of their own",
	"core/account/news.go NewsTx":                  "the compartment of a letter that left, to find whose people are told",
	"core/account/role.go Waiting":                 "accounts are in no realm: rights of their own",
	"core/account/store.go byID":                   "accounts are in no realm: rights of their own",
	"core/account/store.go locked":                 "accounts are in no realm: rights of their own",
	"core/audit/list.go Find":                      "the record: seals are asked here, details are withheld row by row",
	"core/audit/list.go readable":                  "kinds only, to ask the scope for each",
	"domain/incident/within.go SealedNumbers":      "numbers alone, for the encrypted bundle that the house writes",
	"core/egress/pass.go kept":                     "the object of a stored pass, at the moment of sending",
	"domain/constituency/ask.go AskAll":            "the clock asks every organisation, whoever reads it",
	"domain/constituency/ask.go AskedOf":           "an organisation that the caller has checked",
	"domain/constituency/importplan.go heldParts":  "an import, for who may write the registry",
	"domain/intake/words.go indexBelow":            "the house's own indexing of its reports, shown to nobody",
	"domain/constituency/list.go ByID":             "by ids that stand in objects the caller has checked",
	"domain/constituency/named.go Named":           "the operator at the command line; what it names is asked for under the scope",
	"domain/coordination/answer.go heldRequest":    "a request that the caller has read under its scope, once it is locked",
	"domain/coordination/valid.go stillDone":       "the measure that a clock is about, once it is locked",
	"domain/coordination/chase.go owedBy":          "what parties read under the scope still owe",
	"domain/coordination/link.go letterOf":         "what the letter asks whose link or change was checked",
	"domain/incident/task.go TaskTx":               "the incident of the party whose link was checked, for the house",
	"domain/coordination/list.go first":            "the rows of a page, by the ids that the scope gave in the same statement",
	"domain/coordination/list.go PartyOfThread":    "of a thread that the caller has checked, and for the mailroom",
	"domain/coordination/matrix.go Matrix":         "requests and measures of parties read under the scope",
	"domain/coordination/party.go AddTx":           "whether an organisation is a party of the incident that was checked",
	"domain/coordination/remind.go recall":         "what ends with the party or subject that was checked",
	"domain/coordination/store.go loadParty":       "of a request or measure that was checked",
	"domain/correspondence/arrive.go OpenArrivals": "the mailroom; and originals of messages that were checked",
	"domain/correspondence/deliver.go lockLetters": "the postman locks what it sends",
	"core/retain/hold.go Held":                     "the hold on an object that was checked",
	"domain/correspondence/end.go EndTx":           "the daily work asks which owners its files have",
	"domain/correspondence/file.go holder":         "whether files have a thread yet",
	"domain/correspondence/mass.go decideMass":     "the number of the subject, for the alarm",
	"domain/correspondence/send.go lookAbove":      "seal and exercise of the subject, for the pass",
	"domain/correspondence/thread.go threadTables": "by ids that stand in objects the caller has checked, by tag for the mailroom",
	"domain/incident/store.go byID":                "for clocks and what follows from an incident that was checked",
	"core/deadline/read.go Of":                     "the compartment of the whole, to leave out parts that lie in another",
	"domain/intake/obligation.go within":           "obligations of a report that was checked; what is shown is read by Obligations",
	"domain/intake/store.go inside":                "for verbs that follow from what was checked; what is shown is read by ByID or ReportsIn",
	"domain/intake/store.go load":                  "the inner query finds the id; the outer one is Scope.From",
}

var readsObjects = regexp.MustCompile(`(?i)\b(FROM|JOIN)\s+object\b`)

// TestEveryStatementOnObjectsCarriesTheScope holds rule A2: a statement that reads the object table outside package access is made by Scope.From, or
// stands in the table above. A new one fails until somebody has said why it may.
func TestEveryStatementOnObjectsCarriesTheScope(t *testing.T) {
	found := map[string]int{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := filepath.ToSlash(path)
		switch {
		case d.IsDir() && (name == "sample" || name == "tools" || name == "schema" || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || d.Name() == "fill.go" || name == "core/access/scope.go":
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			where := "const"
			if f, ok := decl.(*ast.FuncDecl); ok {
				where = f.Name.Name
			}
			ast.Inspect(decl, func(n ast.Node) bool {
				if s, ok := n.(*ast.ValueSpec); ok && where == "const" {
					where = s.Names[0].Name
				}
				lit, ok := n.(*ast.BasicLit)
				if !ok || lit.Kind != token.STRING {
					return true
				}
				if text, err := strconv.Unquote(lit.Value); err == nil && readsObjects.MatchString(text) {
					found[name+" "+where]++
				}
				return true
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for where := range found {
		if unscoped[where] == "" {
			t.Errorf("%s reads the object table without Scope.From: read through it, or say in unscoped why this may", where)
		}
	}
	for where := range unscoped {
		if found[where] == 0 {
			t.Errorf("unscoped names %s, which reads no object any more", where)
		}
	}
	if len(found) < 10 {
		t.Errorf("only %d statements were found: this test does not look where it should", len(found))
	}
}
