package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// privateWords are names that readers would have to learn, each with the usual name.
var privateWords = map[string]string{
	"glance":    "OrderVersion",
	"standing":  "Stats",
	"exchange":  "APICall (jokul.Exchange is the client's own record of a call)",
	"attention": "Case",
	"heard":     "the argument of Subscribe",
	"poke":      "wake",
	"attend":    "process",
	"keephouse": "maintain",
	"askagain":  "nextCheck",
	"tellers":   "sources",
	"weigh":     "rankCauses",
	"knock":     "probe",
	"exam":      "check",
	"world":     "env",
	"patience":  "a name that ends in Timeout",
}

// TestWords keeps these names out of the code: as a whole identifier, in whatever case.
func TestWords(t *testing.T) {
	names := regexp.MustCompile(`(?i)^(\w+?)s?$`)
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "jokul" || d.Name() == "e2e" || d.Name() == "migrations"): // these have words of their own
			return fs.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_templ.go"):
			return nil
		}
		files := token.NewFileSet()
		parsed, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				word := strings.ToLower(names.ReplaceAllString(id.Name, "$1"))
				if better, private := privateWords[word]; private && id.Name != "Exchange" {
					t.Errorf("%s: %s; say %s", files.Position(id.Pos()), id.Name, better)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
