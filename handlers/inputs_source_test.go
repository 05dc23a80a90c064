package handlers

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
)

// readers are the calls by which a request is read: the kind of input, and which argument names it.
var readers = map[string]struct {
	kind     string
	argument int
}{
	"QueryParam": {"query", 0}, "FormValue": {"form", 0}, "FormText": {"form", 1}, "Param": {"param", 0}, "Cookie": {"cookie", 0}, "CookiesNamed": {"cookie", 0},
	"PathValue": {"param", 0}, "PostFormValue": {"form", 0},
}

// namedElsewhere are arguments that are no names by themselves, and where the names are.
var namedElsewhere = map[string]string{
	"FormText name":       "readDecision reads decision, reason, by, refund, refunded_on and refund_method",
	"FormValue name":      "FormText, whose callers are found",
	"FormValue rule.Name": "FaultRules",
	"Get name":            "signed headers of a notification: TestNotificationsAreBounded",
	"Values name":         "headers that explain a wrong signature, kept in 512 bytes each",
}

// TestEveryInputHasARow finds each input that the source of the rooms reads. One that inputs lacks has no test at its
// bound: give it a row.
func TestEveryInputHasARow(t *testing.T) {
	rows := map[string]bool{}
	for _, in := range inputs {
		rows[in.kind+" "+in.name] = true
	}
	found := sourceInputs(t, ".", "web", "shop", "console", "demo")
	if len(found) < 30 {
		t.Fatalf("only %d inputs were found: %v", len(found), found)
	}
	for name, at := range found {
		if slices.Contains(ofAnswers, name) {
			continue
		}
		if !rows[name] {
			t.Errorf("%s reads %q, which is not among the inputs of inputs_test.go", at, name)
		}
	}
}

// ofAnswers are headers that are read of our own answers, or of what is kept.
var ofAnswers = []string{"header Cache-Control", "header Content-Type"}

// otherInputs are those of the packages that have tables of their own: TestInputs of jokul/sandbox, and the files.
var otherInputs = map[string][]string{
	"../static": {"header Accept-Encoding"},
	"../jokul/sandbox": {"query lang", "query key", "query payment_code", "query receipt", "query invoice_number", "param id", "param code",
		"param token", "form payment_code", "form action", "form lang", "form advance", "form back", "header Authorization", "header Content-Type", "header Sec-Fetch-Dest"},
}

func TestEveryOtherInputHasARow(t *testing.T) {
	for dir, known := range otherInputs {
		for name, at := range sourceInputs(t, dir) {
			if !slices.Contains(known, name) {
				t.Errorf("%s reads %q, which is not among the inputs of that package: test it, and name it in otherInputs", at, name)
			}
		}
	}
}

// sourceInputs lists what is read, "query q", with a place where it is.
func sourceInputs(t *testing.T, dirs ...string) map[string]string {
	t.Helper()
	files := token.NewFileSet()
	var packages []*ast.Package
	for _, dir := range dirs {
		inDir, err := parser.ParseDir(files, dir, func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }, 0)
		if err != nil {
			t.Fatal(err)
		}
		packages = slices.AppendSeq(packages, maps.Values(inDir))
	}
	constants := map[string]string{"echo.HeaderAccept": echo.HeaderAccept, "echo.HeaderAcceptEncoding": echo.HeaderAcceptEncoding,
		"echo.HeaderXRequestID": echo.HeaderXRequestID, "echo.HeaderXForwardedFor": echo.HeaderXForwardedFor, "echo.HeaderXRealIP": echo.HeaderXRealIP}
	for _, p := range packages {
		ast.Inspect(p, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Names) == len(spec.Values) {
				for i, name := range spec.Names {
					if text, ok := literal(spec.Values[i]); ok {
						constants[name.Name] = text
					}
				}
			}
			return true
		})
	}
	found := map[string]string{}
	for _, p := range packages {
		ast.Inspect(p, func(n ast.Node) bool {
			kind, argument, reader := readOf(n)
			if kind == "" {
				return true
			}
			name, ok := literal(argument)
			if !ok {
				if name, ok = constants[sourceOf(argument)]; !ok { // or of another room
					_, bare, _ := strings.Cut(sourceOf(argument), ".")
					name, ok = constants[bare]
				}
			}
			at := files.Position(n.Pos()).String()
			switch {
			case ok && kind == "header":
				found[kind+" "+textproto.CanonicalMIMEHeaderKey(name)] = at
			case ok:
				found[kind+" "+name] = at
			case namedElsewhere[reader+" "+sourceOf(argument)] == "" && !isSigned(sourceOf(argument)):
				t.Errorf("%s: %s reads a name that is in %s: say in namedElsewhere which these are", at, reader, sourceOf(argument))
			}
			return true
		})
	}
	return found
}

// isSigned reports whether a header is one of those that a message of the gateway is signed by.
func isSigned(name string) bool {
	return slices.Contains([]string{"jokul.HeaderClientID", "jokul.HeaderRequestID", "jokul.HeaderRequestTimestamp", "jokul.HeaderSignature",
		"jokul.HeaderResponseTimestamp"}, name)
}

// readOf says what a piece of source reads of a request, if it does.
func readOf(n ast.Node) (kind string, argument ast.Expr, reader string) {
	switch n := n.(type) {
	case *ast.IndexExpr: // PostForm["switch"]
		if of := sourceOf(n.X); strings.HasSuffix(of, ".PostForm") || strings.HasSuffix(of, ".Form") {
			return "form", n.Index, "PostForm"
		}
	case *ast.CallExpr:
		name := sourceOf(n.Fun)
		receiver, method := "", name
		if i := strings.LastIndex(name, "."); i >= 0 {
			receiver, method = name[:i], name[i+1:]
		}
		if len(n.Args) == 0 && (method == "Referer" || method == "UserAgent") {
			return "header", &ast.BasicLit{Kind: token.STRING, Value: strconv.Quote(method)}, method
		}
		if r, ok := readers[method]; ok && len(n.Args) > r.argument {
			return r.kind, n.Args[r.argument], method
		}
		if len(n.Args) != 1 || method != "Get" && method != "Has" && method != "Values" {
			return "", nil, ""
		}
		switch {
		case receiver == "query" || strings.HasSuffix(receiver, "QueryParams()") || strings.HasSuffix(receiver, "Query()"):
			return "query", n.Args[0], method
		case receiver == "header" || strings.HasSuffix(receiver, "Request().Header") || strings.HasSuffix(receiver, "r.Header") ||
			receiver == "c.request.Header":
			return "header", n.Args[0], method
		}
	}
	return "", nil, ""
}

func literal(e ast.Expr) (string, bool) {
	basic, ok := e.(*ast.BasicLit)
	if !ok || basic.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(basic.Value)
	return s, err == nil
}

// sourceOf is a chain of names and calls as the source has it, without arguments.
func sourceOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return sourceOf(e.X) + "." + e.Sel.Name
	case *ast.CallExpr:
		return sourceOf(e.Fun) + "()"
	}
	return "?"
}
