package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// chosenBy is the variable of the environment that says which mutant of a program runs,
// by its number. Without it none does.
const chosenBy = "WARUNG_MUTANT"

// chooser is the file that is added to a package of mutants.
const chooser = `package %s

import (
	"os"
	"strconv"
)

var mutantOn, _ = strconv.Atoi(os.Getenv("` + chosenBy + `"))
`

// compileTogether makes one program of a folder's tests and many mutants, which is a
// hundred times quicker than one for each. It returns the program, and which of the
// mutants do not compile. Those of variables are not among them: they are made before
// anything can be chosen.
func compileTogether(ctx context.Context, temp, folder string, mutants []mutant) (program string, refused map[int]bool, err error) {
	program, refused = filepath.Join(temp, strings.ReplaceAll(folder, "/", "-")+".mutants.test"), map[int]bool{}
	for {
		overlay, err := overlayOf(temp, folder, mutants, refused)
		if err != nil {
			return "", nil, err
		}
		out, err := compile(ctx, program, folder, "-gcflags=-e", "-overlay", overlay)
		if err == nil {
			return program, refused, nil
		}
		before := len(refused)
		for _, found := range mutantLine.FindAllSubmatch(out, -1) {
			n, _ := strconv.Atoi(string(found[1])) // digits
			refused[n] = true
		}
		if len(refused) == before || ctx.Err() != nil {
			return "", nil, fmt.Errorf("compile the mutants of %s: %w\n%s", folder, err, out)
		}
	}
}

// mutantLine is how the compiler names a line of a mutant.
var mutantLine = regexp.MustCompile(`mutant_(\d+)\.go:\d+`)

// overlayOf writes the files of a folder with their mutants, and what tells the compiler
// to take them.
func overlayOf(temp, folder string, mutants []mutant, refused map[int]bool) (overlay string, err error) {
	replaced, byFile := map[string]string{}, map[string]map[int]mutant{}
	for i, m := range mutants {
		if n := i + 1; !refused[n] && m.within != (lines{}) {
			if byFile[m.file] == nil {
				byFile[m.file] = map[int]mutant{}
			}
			byFile[m.file][n] = m
		}
	}
	write := func(name string, text []byte) error {
		original, err := filepath.Abs(name)
		if err != nil {
			return err
		}
		replaced[original] = filepath.Join(temp, strings.ReplaceAll(name, "/", "-"))
		return os.WriteFile(replaced[original], text, 0o600)
	}
	for file, some := range byFile {
		text, err := withMutants(file, some)
		if err == nil {
			err = write(file, text)
		}
		if err != nil {
			return "", err
		}
	}
	if err := write(folder+"/mutant_chooser.go", fmt.Appendf(nil, chooser, filepath.Base(folder))); err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": replaced})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(temp, strings.ReplaceAll(folder, "/", "-")+".overlay.json")
	return overlay, os.WriteFile(overlay, text, 0o600)
}

// withMutants is a file in which every function that has mutants is there several times:
// under its name is one that chooses, and behind it are the original and the mutants.
func withMutants(file string, mutants map[int]mutant) ([]byte, error) {
	var source []byte
	for _, m := range mutants {
		source = m.source
	}
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var out, copies bytes.Buffer
	written := 0
	for _, d := range parsed.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		start, end := set.Position(f.Pos()).Offset, set.Position(f.End()).Offset
		name := set.Position(f.Name.Pos()).Offset
		var numbers []int
		for n, m := range mutants {
			if start <= m.start && m.end <= end {
				numbers = append(numbers, n)
				text := m.mutated()
				fmt.Fprintf(&copies, "\n//line mutant_%d.go:1\n%s%s_mutant%d%s\n", n, text[start:name], f.Name.Name, n,
					text[name+len(f.Name.Name):end+len(m.text)-(m.end-m.start)])
			}
		}
		if len(numbers) > 0 {
			out.Write(source[written:start])
			fmt.Fprintf(&out, "%s\n\n%s%s_original%s", choosing(f, source, set, numbers), source[start:name], f.Name.Name, source[name+len(f.Name.Name):end])
			written = end
		}
	}
	out.Write(source[written:])
	out.Write(copies.Bytes())
	return out.Bytes(), nil
}

// choosing is a function that stands under the name of f and calls one of its mutants, or
// the original.
func choosing(f *ast.FuncDecl, source []byte, set *token.FileSet, numbers []int) string {
	text := func(n ast.Node) string {
		return string(source[set.Position(n.Pos()).Offset:set.Position(n.End()).Offset])
	}
	receiver, callee, generic := "", "", ""
	if f.Type.TypeParams != nil {
		generic = text(f.Type.TypeParams) // with its brackets
	}
	if f.Recv != nil {
		receiver, callee = "(receiver "+text(f.Recv.List[0].Type)+") ", "receiver."
	}
	var params, args, results []string
	for _, p := range f.Type.Params.List {
		for range max(1, len(p.Names)) {
			arg := fmt.Sprint("a", len(args))
			params = append(params, arg+" "+text(p.Type))
			if _, variadic := p.Type.(*ast.Ellipsis); variadic {
				arg += "..."
			}
			args = append(args, arg)
		}
	}
	call := "%s" + f.Name.Name + "_%s(" + strings.Join(args, ", ") + ")"
	if f.Type.Results != nil {
		call = "return " + call
		for _, r := range f.Type.Results.List {
			for range max(1, len(r.Names)) {
				results = append(results, text(r.Type))
			}
		}
	}
	var out strings.Builder
	fmt.Fprintf(&out, "func %s%s%s(%s) (%s) {\n\tswitch mutantOn {\n\tdefault:\n\t\t"+call+"\n", receiver, f.Name.Name, generic, strings.Join(params, ", "),
		strings.Join(results, ", "), callee, "original")
	for _, n := range numbers {
		fmt.Fprintf(&out, "\tcase %d:\n\t\t"+call+"\n", n, callee, fmt.Sprint("mutant", n))
	}
	return out.String() + "\t}\n}"
}
