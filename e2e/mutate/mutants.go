package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A mutant is a source file with one part replaced.
type mutant struct {
	file       string
	line       int
	function   string // or variable in which it is
	within     lines  // of that function; zero for a variable
	nth        int    // of those that have the same name, from 0
	kind       string // of change, in words
	start, end int    // of the part, in bytes
	text       string // in its place

	source []byte // of the whole file, as it is
}

func (m mutant) String() string {
	return fmt.Sprintf("%s:%d %s: %s: %s", m.file, m.line, m.function, m.kind, oneLine(m.text))
}

// name identifies a mutant where lines move: the file, the function, and the change.
func (m mutant) name() string {
	name := fmt.Sprintf("%s %s: %s -> %s", m.file, m.function, oneLine(string(m.source[m.start:m.end])), oneLine(m.text))
	if m.nth > 0 {
		name += fmt.Sprintf(" (%d)", m.nth+1)
	}
	return name
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// mutated is the whole file with the part replaced.
func (m mutant) mutated() []byte {
	return slices.Concat(m.source[:m.start], []byte(m.text), m.source[m.end:])
}

// diff shows the changed lines as they were and as they are.
func (m mutant) diff() string {
	first := bytes.LastIndexByte(m.source[:m.start], '\n') + 1
	last := len(m.source)
	if i := bytes.IndexByte(m.source[m.end:], '\n'); i >= 0 {
		last = m.end + i
	}
	was := string(m.source[first:last])
	became := string(m.source[first:m.start]) + m.text + string(m.source[m.end:last])
	return "  - " + strings.ReplaceAll(was, "\n", "\n  - ") + "\n  + " + strings.ReplaceAll(became, "\n", "\n  + ")
}

// states are the constants that may stand for one another, by name: each has the
// next one of its type.
type states map[string]string

// statesIn reads the typed text constants that packages declare, such as
// PaymentPaid. A folder that does not exist declares none.
func statesIn(folders ...string) (states, error) {
	byType := map[string][]string{}
	for _, folder := range folders {
		files, _ := filepath.Glob(folder + "/*.go") // the pattern is well-formed
		for _, file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				spec, ok := n.(*ast.ValueSpec)
				if !ok || spec.Type == nil || len(spec.Values) != 1 || !isText(spec.Values[0]) {
					return true
				}
				if name, ok := spec.Type.(*ast.Ident); ok && name.Name != "string" {
					typ := folder + "." + name.Name
					byType[typ] = append(byType[typ], spec.Names[0].Name)
				}
				return true
			})
		}
	}
	next := states{}
	for _, names := range byType {
		for i, name := range names {
			if len(names) > 1 {
				next[name] = names[(i+1)%len(names)]
			}
		}
	}
	return next, nil
}

func isText(e ast.Expr) bool {
	literal, ok := e.(*ast.BasicLit)
	return ok && literal.Kind == token.STRING
}

// maker makes the mutants of one file.
type maker struct {
	file     string
	source   []byte
	set      *token.FileSet
	states   states
	function string
	within   lines
	errors   bool              // the innermost function returns an error and nothing else
	inits    map[ast.Stmt]bool // statements within the line of an if, where no other can be put
	list     []mutant
}

// mutantsOf makes every mutant of a file, in the order of its lines.
func mutantsOf(file string, source []byte, states states) ([]mutant, error) {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	m := &maker{file: file, source: source, set: set, states: states, inits: map[ast.Stmt]bool{}}
	for _, d := range parsed.Decls {
		m.declaration(d)
	}
	slices.SortStableFunc(m.list, func(a, b mutant) int { return a.start - b.start })
	seen := map[string]int{}
	for i, one := range m.list {
		m.list[i].nth = seen[one.name()]
		seen[one.name()]++
	}
	return m.list, nil
}

func (m *maker) declaration(d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		m.function, m.within = d.Name.Name, lines{m.set.Position(d.Pos()).Line, m.set.Position(d.End()).Line}
		if d.Body != nil {
			m.body(d.Type, d.Body)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			if v, ok := spec.(*ast.ValueSpec); ok {
				m.function, m.within = v.Names[0].Name, lines{}
				for _, value := range v.Values {
					m.walk(value)
				}
			}
		}
	}
}

// body visits a function's statements, knowing what it returns.
func (m *maker) body(typ *ast.FuncType, body *ast.BlockStmt) {
	outer := m.errors
	defer func() { m.errors = outer }()
	m.errors = false
	if r := typ.Results; r != nil && len(r.List) == 1 && len(r.List[0].Names) < 2 {
		name, ok := r.List[0].Type.(*ast.Ident)
		m.errors = ok && name.Name == "error"
	}
	m.walk(body)
}

// walk visits everything below a node.
func (m *maker) walk(root ast.Node) {
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			m.body(n.Type, n.Body)
			return false
		case *ast.IfStmt:
			m.condition(n.Cond)
			m.removedCheck(n)
			m.inits[n.Init] = true
		case *ast.SwitchStmt:
			m.cases(n)
		case *ast.BinaryExpr:
			m.operator(n)
		case *ast.ReturnStmt:
			m.returned(n)
		case *ast.ExprStmt:
			m.removedCall(n, n.X)
		case *ast.AssignStmt:
			m.assignment(n)
		case *ast.Ident:
			m.state(n)
		case *ast.BasicLit:
			m.statement(n)
		case *ast.CallExpr:
			m.where(n)
			m.nested(n)
		}
		return true
	})
}

// change adds a mutant in which text is in the place of a node.
func (m *maker) change(n ast.Node, kind, text string) {
	m.replace(m.offset(n.Pos()), m.offset(n.End()), kind, text)
}

func (m *maker) replace(start, end int, kind, text string) {
	line := 1 + bytes.Count(m.source[:start], []byte("\n"))
	m.list = append(m.list, mutant{file: m.file, line: line, function: m.function, within: m.within, kind: kind,
		start: start, end: end, text: text, source: m.source})
}

func (m *maker) offset(p token.Pos) int { return m.set.Position(p).Offset }

func (m *maker) textOf(n ast.Node) string {
	return string(m.source[m.offset(n.Pos()):m.offset(n.End())])
}

// condition forces a guard either way. What notices either notices its negation
// too, so that is left out. What the guard mentions stays in use.
func (m *maker) condition(e ast.Expr) {
	if aboutError(e) {
		return
	}
	m.change(e, "guard forced true", "("+m.textOf(e)+") || true")
	m.change(e, "guard forced false", "("+m.textOf(e)+") && false")
}

// aboutError reports whether an expression asks whether there is an error. Such a
// guard matters when the database fails in the middle, which tests do not try at
// every statement; it has no mutants.
func aboutError(e ast.Expr) bool {
	compared, ok := e.(*ast.BinaryExpr)
	if !ok || compared.Op != token.EQL && compared.Op != token.NEQ || nameOf(compared.Y) != "nil" {
		return false
	}
	name := strings.ToLower(nameOf(compared.X))
	return strings.HasSuffix(name, "err") || strings.HasSuffix(name, "error")
}

// cases forces the guards of a switch without a tag, and takes values out of the
// lists of one that has a tag.
func (m *maker) cases(s *ast.SwitchStmt) {
	for _, clause := range s.Body.List {
		list := clause.(*ast.CaseClause).List
		for _, e := range list {
			switch {
			case s.Tag == nil:
				m.condition(e)
			case len(list) > 1 && len(m.states[nameOf(e)]) > 0:
				m.change(e, "case left out", m.textOf(list[(slices.Index(list, e)+1)%len(list)]))
			}
		}
	}
}

// bounds are the comparisons that differ from another at one value alone.
var bounds = map[token.Token]token.Token{token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR}

// operator moves bounds by one, turns sums round, and leaves out either side of
// "and" and "or". A comparison that is turned round is its guard forced.
func (m *maker) operator(e *ast.BinaryExpr) {
	at := m.offset(e.OpPos)
	swap := func(kind string, op token.Token) { m.replace(at, at+len(e.Op.String()), kind, op.String()) }
	switch e.Op {
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
		swap("bound moved", bounds[e.Op])
	case token.ADD:
		if !hasText(e) {
			swap("sum turned round", token.SUB)
		}
	case token.SUB:
		swap("sum turned round", token.ADD)
	case token.LAND:
		m.side(e.X, "side of && left out", " || true")
		m.side(e.Y, "side of && left out", " || true")
	case token.LOR:
		m.side(e.X, "side of || left out", " && false")
		m.side(e.Y, "side of || left out", " && false")
	}
}

func (m *maker) side(e ast.Expr, kind, forced string) {
	if !aboutError(e) {
		m.change(e, kind, "(("+m.textOf(e)+")"+forced+")")
	}
}

// hasText reports whether a sum is one of texts, as far as can be seen.
func hasText(e ast.Node) (found bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		literal, ok := n.(ast.Expr)
		found = found || ok && isText(literal)
		return !found
	})
	return found
}

// skipped is a statement that is compiled and never run: what it mentions stays
// in use.
func skipped(statement string) string { return "if false {\n" + statement + "\n}" }

// removedCheck leaves out a call together with the check of its error.
func (m *maker) removedCheck(s *ast.IfStmt) {
	if s.Init == nil || s.Else != nil {
		return
	}
	if a, ok := s.Init.(*ast.AssignStmt); ok && len(a.Rhs) == 1 && isCall(a.Rhs[0]) {
		m.change(s, "call left out", skipped(m.textOf(s)))
	}
}

// removedCall leaves out a call that stands for itself. Lines of the log are for
// people, and tests do not read them.
func (m *maker) removedCall(s ast.Node, e ast.Expr) {
	if isCall(e) && !strings.Contains(m.textOf(e), "Log.") {
		m.change(s, "call left out", skipped(m.textOf(s)))
	}
}

// returned leaves out the call whose error a function returns.
func (m *maker) returned(s *ast.ReturnStmt) {
	if m.errors && len(s.Results) == 1 && isCall(s.Results[0]) && !strings.Contains(m.textOf(s), "Errorf(") {
		m.change(s, "call left out", skipped(m.textOf(s))+"\nreturn nil")
	}
}

// assignment leaves out what is assigned to variables that exist already, and
// turns sums round.
func (m *maker) assignment(s *ast.AssignStmt) {
	at := m.offset(s.TokPos)
	switch {
	case s.Tok == token.ASSIGN && !m.inits[s]:
		m.change(s, "assignment left out", skipped(m.textOf(s)))
	case s.Tok == token.ADD_ASSIGN && !hasText(s):
		m.replace(at, at+2, "sum turned round", "-=")
	case s.Tok == token.SUB_ASSIGN:
		m.replace(at, at+2, "sum turned round", "+=")
	}
}

// state puts another state in the place of one.
func (m *maker) state(name *ast.Ident) {
	if next, ok := m.states[name.Name]; ok {
		m.change(name, "another state", next)
	}
}

func isCall(e ast.Expr) bool {
	_, ok := e.(*ast.CallExpr)
	return ok
}

// nameOf is the name of a constant, with or without its package.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// nested leaves out a transaction within another: its work is done without a
// savepoint.
func (m *maker) nested(call *ast.CallExpr) {
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || f.Sel.Name != "Transaction" || len(call.Args) != 1 {
		return
	}
	if work, ok := call.Args[0].(*ast.FuncLit); ok {
		m.change(call, "savepoint left out", "("+m.textOf(work)+")("+m.textOf(f.X)+")")
	}
}

// where changes a condition given to GORM's Where.
func (m *maker) where(call *ast.CallExpr) {
	if f, ok := call.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Where" && len(call.Args) > 0 && isText(call.Args[0]) {
		m.sql(call.Args[0].(*ast.BasicLit), "WHERE ")
	}
}

// statement changes the conditions of SQL that is written out.
func (m *maker) statement(literal *ast.BasicLit) {
	if literal.Kind == token.STRING {
		m.sql(literal, "")
	}
}

func (m *maker) sql(literal *ast.BasicLit, before string) {
	text, err := strconv.Unquote(literal.Value)
	if err != nil {
		return
	}
	for _, c := range sqlChanges(before + text) {
		m.change(literal, c.kind, strconv.Quote(strings.TrimPrefix(c.text, before)))
	}
}
