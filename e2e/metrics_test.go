package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"warungjokul/e2e/servers"
)

const (
	alertsFile    = "../docs/alerts.yml"
	alertTests    = "testdata/alerts_test.yml"
	dashboardFile = "../docs/grafana.json"
)

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var anAlert = regexp.MustCompile(`(?s)- alert: (\w+)\n\s+expr: (?:>\n\s+)?(.*?)\n\s+(?:for|labels):`)

// alertQueries are the alerts by name, each with its query.
func alertQueries(t *testing.T) map[string]string {
	t.Helper()
	rules, queries := read(t, alertsFile), map[string]string{}
	for _, found := range anAlert.FindAllStringSubmatch(rules, -1) {
		queries[found[1]] = found[2]
	}
	if len(queries) < 10 || len(queries) != strings.Count(rules, "- alert:") {
		t.Fatalf("read %d alerts", len(queries))
	}
	return queries
}

// dashboardQueries are those of the panels, by title and place.
func dashboardQueries(t *testing.T) map[string]string {
	t.Helper()
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
		Templating struct{ List []struct{ Name, Type string } }
	}
	if err := json.Unmarshal([]byte(read(t, dashboardFile)), &dashboard); err != nil {
		t.Fatal(err)
	}
	queries := map[string]string{}
	for _, panel := range dashboard.Panels {
		for i, target := range panel.Targets {
			queries[fmt.Sprintf("%s, %d", panel.Title, i)] = target.Expr
		}
	}
	if vars := dashboard.Templating.List; len(queries) < 30 || len(vars) == 0 || vars[0].Type != "datasource" {
		t.Fatalf("%d queries, variables %+v", len(queries), vars)
	}
	return queries
}

// series are those of a running shop: the labels of each, by metric.
func series(metrics string) map[string][]map[string]string {
	found := map[string][]map[string]string{}
	for _, line := range regexp.MustCompile(`(?m)^(\w+)(?:\{(.*)\})? \S+$`).FindAllStringSubmatch(metrics, -1) {
		labels := map[string]string{}
		for _, label := range aLabel.FindAllStringSubmatch(line[2], -1) {
			labels[label[1]] = label[3]
		}
		found[line[1]] = append(found[line[1]], labels)
	}
	return found
}

var (
	aLabel    = regexp.MustCompile(`(\w+)(=~|!~|!=|=)"([^"]*)"`)
	aSelector = regexp.MustCompile(`([a-zA-Z_:][\w:]*)(\{[^}]*\})?(\s*\()?`)
	noMetrics = regexp.MustCompile(`\b(?:by|without|on|ignoring)\s*\([^)]*\)|\[[^\]]*\]`)
	operators = []string{"and", "or", "unless", "bool", "offset"}
	scraped   = []string{"job", "instance"} // labels that Prometheus adds
	closed    = []string{"verdict", "outcome", "source", "kind", "status", "answer"}
)

// missing lists what a query asks for and the shop does not have.
func missing(query string, has map[string][]map[string]string) (list []string) {
	for _, s := range aSelector.FindAllStringSubmatch(noMetrics.ReplaceAllString(query, " "), -1) {
		name, selector, function := s[1], s[2], s[3] != ""
		if function || slices.Contains(operators, name) || name == "up" {
			continue
		}
		if len(has[name]) == 0 {
			list = append(list, name)
			continue
		}
		for _, label := range aLabel.FindAllStringSubmatch(selector, -1) {
			known := slices.ContainsFunc(has[name], func(labels map[string]string) bool {
				value, ok := labels[label[1]]
				return ok && (label[2] != "=" || value == label[3] || !slices.Contains(closed, label[1]))
			})
			if !known && !slices.Contains(scraped, label[1]) {
				list = append(list, name+"{"+label[0]+"}")
			}
		}
	}
	return list
}

// What the dashboard shows, what alerts are about and what they are tried out on
// is in the metrics of a running shop; and what is there is explained.
func TestQueriesFindTheirMetrics(t *testing.T) {
	p := newPair(t, "")
	v := visit(t, p.program())
	order := v.order("MNM-TEH")
	act(t, p.program(), v.await(order, "a code", hasCode).PaymentCode, "pay")
	v.await(order, "paid", isPaid)
	metrics := p.metrics(t)
	has := series(metrics)

	queries := dashboardQueries(t)
	for name, query := range alertQueries(t) {
		queries["alert "+name] = query
	}
	for i, recorded := range regexp.MustCompile(`series: '([^']+)'`).FindAllStringSubmatch(read(t, alertTests), -1) {
		queries[fmt.Sprintf("recording %d", i)] = recorded[1]
	}
	for name, query := range queries {
		if list := missing(query, has); len(list) > 0 {
			t.Errorf("%s: no %q in /metrics; it asks %s", name, list, query)
		}
	}
	for _, wrong := range []string{`sum(rate(shop_order_total[5m]))`, `notifications_total{verdict="lost"}`, `max by (kind) (mismatches{sort="money"})`} {
		if len(missing(wrong, has)) != 1 {
			t.Errorf("%s was found", wrong)
		}
	}

	page := read(t, "../docs/operate.md")
	for _, metric := range regexp.MustCompile(`(?m)^# TYPE (\w+) `).FindAllStringSubmatch(metrics, -1) {
		ours := !strings.HasPrefix(metric[1], "go_") && !strings.HasPrefix(metric[1], "process_")
		if ours && !strings.Contains(page, "`"+metric[1]) {
			t.Errorf("docs/operate.md does not explain %s", metric[1])
		}
	}
}

func promtool(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	out, err := exec.Command(servers.Need(t, "promtool", "prometheus"), arguments...).CombinedOutput()
	return string(out), err
}

// Each alert fires on a recording of what it is about, and not on one of what is
// well; and one that never fired would be found out.
func TestAlerts(t *testing.T) {
	if out, err := promtool(t, "check", "rules", alertsFile); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := promtool(t, "test", "rules", alertTests); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	rules, recordings, queries := read(t, alertsFile), read(t, alertTests), alertQueries(t)
	for _, query := range queries {
		rules = strings.Replace(rules, query, "vector(0) > 1", 1)
	}
	dir := t.TempDir()
	for file, text := range map[string]string{
		"alerts.yml":      rules,
		"alerts_test.yml": strings.Replace(recordings, "../../docs/alerts.yml", "alerts.yml", 1),
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	never, err := promtool(t, "test", "rules", filepath.Join(dir, "alerts_test.yml"))
	for name := range queries {
		if err == nil || !strings.Contains(never, "alertname: "+name+",") {
			t.Errorf("%s may never fire: %v, %s", name, err, never)
		}
		if !strings.Contains(recordings, "alertname: "+name+", exp_alerts: []") {
			t.Errorf("%s is not shown to keep quiet", name)
		}
	}
}

// Prometheus understands what the dashboard asks.
func TestDashboardQueries(t *testing.T) {
	rules := "groups:\n  - name: dashboard\n    rules:\n"
	for _, query := range dashboardQueries(t) {
		query = strings.NewReplacer("$__rate_interval", "5m", "$job", "warung").Replace(query)
		rules += fmt.Sprintf("      - record: panel_%d\n        expr: %q\n", strings.Count(rules, "record:"), query)
	}
	file := filepath.Join(t.TempDir(), "dashboard.yml")
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := promtool(t, "check", "rules", file); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// Who has the id of an answer finds what was logged on its behalf and what was
// said to the gateway, and nothing of anybody else's.
func TestARequestIsFollowed(t *testing.T) {
	p := newPair(t, "", "LOG_FORMAT=json", "LOG_LEVEL=debug", "TRUSTED_PROXIES=127.0.0.1")
	v := visit(t, p.program())
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	v.fill("MNM-TEH", "1")
	req, err := http.NewRequest(http.MethodPost, v.shop+"/checkout", strings.NewReader(v.customer().Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Request-Id", id)
	res, err := v.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if got := res.Header.Get("X-Request-Id"); res.StatusCode != http.StatusSeeOther || got != id {
		t.Fatalf("checkout: %s, X-Request-Id %q", res.Status, got)
	}
	order := res.Header.Get("Location")
	act(t, p.program(), v.await(order, "a code", hasCode).PaymentCode, "pay")
	v.await(order, "paid", isPaid)

	said := map[string][]string{} // by id
	for line := range strings.Lines(p.shop.logs.String()) {
		var entry struct {
			Msg       string
			RequestID string `json:"request_id"`
		}
		if !strings.HasPrefix(line, "{") {
			continue // where it listens
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.RequestID == "" {
			t.Errorf("a line on nobody's behalf: %s (%v)", line, err)
		}
		said[entry.RequestID] = append(said[entry.RequestID], entry.Msg)
	}
	if got := strings.Join(said[id], ", "); got != "order placed, payment code issued, request" {
		t.Errorf("of request %s the log says %q", id, got)
	}
	if len(said) < 4 {
		t.Errorf("only these were told apart: %v", said)
	}
	db := p.sql(t)
	if n := number(t, db, "SELECT COUNT(*) FROM exchanges WHERE caused_by = '"+id+"' AND operation = 'Generate payment code' AND request_id <> caused_by"); n != 1 {
		t.Errorf("it had %d codes asked for, want 1", n)
	}
	if n := number(t, db, "SELECT COUNT(*) FROM exchanges WHERE caused_by = ''"); n != 0 {
		t.Errorf("%d calls were made on nobody's behalf", n)
	}
}
