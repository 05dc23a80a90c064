package e2e_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"warungjokul/jokul/conform"
)

// The kit, as the command that others run, passes whole against our own shop;
// and no order has more than one receipt after it.
func TestConform(t *testing.T) {
	p := start(t, t.TempDir(), "RATE_LIMIT=off")
	v := visit(t, p)
	var orders []conform.Order
	var pages []string
	for range conform.OrdersWanted() {
		page := v.order("MKN-KERUPUK")
		s := v.await(page, "a code", hasCode)
		pages = append(pages, page)
		orders = append(orders, conform.Order{InvoiceNumber: s.InvoiceNumber, Amount: s.Amount, PaymentCode: s.PaymentCode,
			StatusURL: p.shop + page + "/status"})
	}
	report := runKit(t, p, orders)
	if report.Count(conform.Pass) != len(report.Results) || len(report.Results) < 25 || !report.EffectsJudged {
		var text bytes.Buffer
		_ = report.WriteText(&text)
		t.Errorf("%s", text.String())
	}
	var paying, paidOnce int
	for _, result := range report.Results {
		if strings.HasSuffix(result.Expected, "the order paid") {
			paying++
		}
	}
	for i, page := range pages {
		_, html := v.get(page)
		_, receipts, found := strings.Cut(html, `data-testid="receipt"`)
		paid := found && strings.Contains(html, `data-state="paid"`) // money that does not fit is listed, too
		receipts, _, _ = strings.Cut(receipts, "</ul>")
		switch n := strings.Count(receipts, "<li>"); {
		case paid && n == 1:
			paidOnce++
		case paid:
			t.Errorf("order %d has %d receipts: %s", i, n, receipts)
		}
	}
	if paidOnce != paying {
		t.Errorf("%d orders are paid, want %d", paidOnce, paying)
	}
}

func runKit(t *testing.T, p *program, orders []conform.Order) conform.Report {
	t.Helper()
	dir := t.TempDir()
	command := filepath.Join(dir, "jokul")
	if out, err := exec.Command("go", "build", "-race", "-o", command, "../jokul/cmd/jokul").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	raw, err := json.Marshal(orders)
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "orders.json")
	if err := os.WriteFile(list, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	kit := exec.CommandContext(t.Context(), command, "conform", "--json", "--url", p.shop+path, "--orders", list)
	kit.Env = append(os.Environ(), "JOKUL_CLIENT_ID="+clientID, "JOKUL_SECRET_KEY="+secret)
	var out, complaints bytes.Buffer
	kit.Stdout, kit.Stderr = &out, &complaints
	failed := kit.Run()
	var report conform.Report
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatalf("%v, %v: %s%s", failed, err, out.String(), complaints.String())
	}
	if (failed != nil) != (report.Count(conform.Fail) > 0) {
		t.Errorf("the command ends with %v and %d failures", failed, report.Count(conform.Fail))
	}
	return report
}
