package e2e_test

import (
	"encoding/json"
	"flag"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var lighthouse = flag.Bool("lighthouse", false, "TestLighthouse: run Lighthouse, which make lighthouse installs")

// TestLighthouse has Lighthouse, with its phone on a slow line, judge the pages
// that matter: make lighthouse.
func TestLighthouse(t *testing.T) {
	if !*lighthouse {
		t.Skip("only when asked to: make lighthouse")
	}
	p := start(t, t.TempDir())
	v := visit(t, p)
	order := v.order("MNM-GAYO")
	v.await(order, "a code", hasCode)
	v.fill("MNM-TEH", "1")
	var cookies []string
	base, _ := url.Parse(p.shop)
	for _, c := range v.Jar.Cookies(base) {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	headers, _ := json.Marshal(map[string]string{"Cookie": strings.Join(cookies, "; ")})
	want := map[string]float64{"performance": .99, "accessibility": 1, "best-practices": 1, "seo": 1}
	for name, path := range map[string]string{"home": "/", "product": "/products/kopi-gayo", "checkout": "/checkout", "order": order, "cashier": order + "/cashier", "find": "/find-order"} {
		report := filepath.Join(t.TempDir(), "report.json")
		run := exec.Command("lighthouse/node_modules/.bin/lighthouse", p.shop+path, "--quiet", "--output=json", "--output-path="+report, "--extra-headers="+string(headers),
			"--chrome-flags=--headless=new --no-sandbox --disable-gpu --disable-quic --disable-background-networking")
		run.Env = append(os.Environ(), "CHROME_PATH=/usr/bin/chromium")
		if out, err := run.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		content, err := os.ReadFile(report)
		if err != nil {
			t.Fatal(err)
		}
		var judged struct {
			Categories map[string]struct {
				Score     float64
				AuditRefs []struct {
					ID     string
					Weight float64
				} `json:"auditRefs"`
			}
			Audits map[string]struct {
				Score *float64
				Title string
			}
		}
		if err := json.Unmarshal(content, &judged); err != nil {
			t.Fatal(err)
		}
		for category, least := range want {
			score := judged.Categories[category].Score
			t.Logf("%-8s %-15s %.2f", name, category, score)
			for _, ref := range judged.Categories[category].AuditRefs {
				if audit := judged.Audits[ref.ID]; audit.Score != nil && *audit.Score < 1 && ref.Weight > 0 {
					t.Logf("         %s: %s (%.2f)", ref.ID, audit.Title, *audit.Score)
				}
			}
			if score < least {
				t.Errorf("%s: %s %.2f, want %.2f", name, category, score, least)
			}
		}
	}
}
