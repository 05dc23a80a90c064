package views

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the goldens under testdata")

// hashes change with every edit of a stylesheet; the goldens are about pages.
var hashes = regexp.MustCompile(`\?v=[0-9a-f]{12}`)

// in is a page in a language, as the gallery would have it.
func in(l Lang) Page {
	return Page{Lang: l, Links: map[Lang]string{Indonesian: "?lang=id", English: "?lang=en"}, Demo: true, Contact: "toko@warung.example"}
}

// Every page of the gallery, in both languages, as it was last agreed on.
func TestPages(t *testing.T) {
	for _, lang := range Langs() {
		for _, sample := range Samples() {
			name := sample.Name + "." + string(lang)
			t.Run(name, func(t *testing.T) {
				var page bytes.Buffer
				if err := sample.Draw(in(lang)).Render(context.Background(), &page); err != nil {
					t.Fatal(err)
				}
				got := hashes.ReplaceAllString(page.String(), "?v=…")
				golden := filepath.Join("testdata", name+".html")
				if *update {
					if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), got); diff != "" {
					t.Errorf("page differs from %s (-want +got), see go test ./views -update:\n%s", golden, diff)
				}
				checkPage(t, got)
			})
		}
	}
}

func checkPage(t *testing.T, page string) {
	t.Helper()
	if n := strings.Count(page, "<h1"); n != 1 {
		t.Errorf("%d h1 elements, want 1", n)
	}
	seen := map[string]bool{}
	for _, id := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if seen[id[1]] {
			t.Errorf("two elements have id %q", id[1])
		}
		seen[id[1]] = true
	}
	for _, hostile := range []string{"%s", "%d", "%!", "<b>Budi", "<i>8888", "<script>alert", "<i>durian", `budi"@"`, " style=", "onclick="} {
		if strings.Contains(page, hostile) {
			t.Errorf("the page holds %q", hostile)
		}
	}
	waiting := strings.Contains(page, `data-state="waiting"`) || strings.Contains(page, English.T("parts.title")) || strings.Contains(page, Indonesian.T("parts.title")) || strings.Contains(page, English.T("order.paid.open")) || strings.Contains(page, Indonesian.T("order.paid.open"))
	if payable := strings.Contains(page, "data-code="); payable != waiting {
		t.Errorf("code shown: %v", payable)
	}
}

// families are keys put together from a beginning and what is known at run time:
// each of these must be there, and no other may begin so unless it is named whole.
func families() map[string][]string {
	all := map[string][]string{
		"order.paid.": {"goods", "voucher", "open"},
		"order.case.": {"late_payment", "out_of_stock", "second_payment", "paid_cancelled", "unclear_payment", "wrong_amount", "wrong_code", "wrong_channel",
			"unreadable_notification"},
		"receipt.":  {"held", "kept", "duplicate"},
		"console.":  {"overview", "orders", "attention", "notifications", "stock", "setup", "sandbox"},
		"category.": {"food", "drinks", "crafts", "vouchers"},
		"check.":    {"PENDING", "SUCCESS", "EXPIRED", "away"},

		"inspect.lane.":   {"shopper", "shop", "doku", "till"},
		"inspect.call.":   {"code", "code.text", "status", "status.text", "howto", "howto.text", "other", "other.text"},
		"inspect.by.":     {"shopper", "shopper.text", "staff", "staff.text", "shop", "shop.text"},
		"inspect.change.": {"payment.state", "order.status", "receipt", "stock", "case", "erased"},
		"signed.":         {"Client-Id", "Request-Id", "Request-Timestamp", "Response-Timestamp", "Request-Target", "Digest"},
		"inbox.filter.":   {"all", "applied", "repeated", "flagged", "rejected"},
		"inbox.verdict.":  {"applied", "repeated", "held", "mismatched", "unknown_invoice", "unreadable", "noted", "rejected"},
		"inbox.effect.":   {"none", "paid", "paid_late", "receipt_added", "second_payment", "expired", "flagged"},
		"inbox.reason.":   {"missing", "merchant", "signature"},

		"inspect.receipt.":         {"applied", "held", "returned", "kept", "duplicate"},
		"inspect.change.customer.": {"name", "email", "phone"},
	}
	for _, code := range append([]string{"path_changed", "body_changed", "header_changed"}, sampleCauses...) {
		all["explain."] = append(all["explain."], code, code+".why", code+".fix")
	}
	for _, kind := range CaseKinds {
		all["case."], all["todo."] = append(all["case."], kind), append(all["todo."], kind)
	}
	all["case."] = append(all["case."], "other")
	for _, way := range decisionKinds {
		all["decision."] = append(all["decision."], way, way+".hint")
	}
	all["decision."] = append(all["decision."], "settled", "held.refunded", "held.kept", "further", "further.hint")
	all["todo."] = append(all["todo."], "choose", "or", "quoted")
	all["status."] = append([]string{"test"}, statuses...)
	all["attempt."] = []string{"creating", "pending", "held", "paid", "expired", "failed"}
	all["source."] = []string{"notification", "query"}
	for beginning, ends := range demoFamilies() {
		all[beginning] = ends
	}
	all["erase.block."] = []string{"open", "case", "money", "erased"}
	all["erase.reason."] = []string{"time", "requested", "withdrawn", "unlawful"}
	for _, s := range orderStates {
		all["order."] = append(all["order."], string(s), string(s)+".text")
	}
	for _, kind := range sampleKinds() {
		all["gallery.kind."] = append(all["gallery.kind."], kind.Name)
	}
	for _, kind := range []string{"code", "reminder", "paid", "expired", "cancelled", "money", "decided"} {
		all["mail."] = append(all["mail."], kind, kind+".subject", kind+".text", kind+".go")
	}
	for _, status := range []string{"403", "404", "405", "413", "422", "429", "500", "503"} {
		all["error."] = append(all["error."], status, status+".text")
	}
	return all
}

var verbs = regexp.MustCompile(`%[a-z]`)

// Each text is there in both languages, with the same blanks, and some page or
// handler uses it; and whatever they use is there.
func TestTexts(t *testing.T) {
	source := sourceOfPages(t)
	used := map[string]bool{}
	for _, key := range regexp.MustCompile(`\b(?:T\(|spoken\(p\.Lang, )"([a-zA-Z0-9.]+)"[,)]`).FindAllStringSubmatch(source, -1) {
		used[key[1]] = true
	}
	families := families()
	for _, begun := range regexp.MustCompile(`"([a-z.]+\.)" ?\+`).FindAllStringSubmatch(source, -1) {
		if families[begun[1]] == nil {
			t.Errorf("keys that begin with %q are put together, and nobody says which", begun[1])
		}
	}
	for beginning, ends := range families {
		for _, end := range ends {
			used[beginning+end] = true
		}
	}
	for key := range used {
		if _, ok := texts[key]; !ok {
			t.Errorf("no text %q", key)
		}
	}
	for key, text := range texts {
		if !used[key] {
			t.Errorf("nothing uses text %q", key)
		}
		if text.id == "" || text.en == "" || !slices.Equal(verbs.FindAllString(text.id, -1), verbs.FindAllString(text.en, -1)) {
			t.Errorf("text %q: %q and %q", key, text.id, text.en)
		}
	}
}

// sourceOfPages is everything that may name a text.
func sourceOfPages(t *testing.T) string {
	t.Helper()
	var source strings.Builder
	for _, pattern := range []string{"*.templ", "*.go", "../handlers/*.go", "../handlers/*/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if file == "text.go" || strings.HasSuffix(file, "_templ.go") || strings.HasSuffix(file, "_test.go") {
				continue
			}
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			source.Write(content)
		}
	}
	return source.String()
}

func TestRoundUp(t *testing.T) {
	for n, want := range map[int64]int64{0: 4, 4: 4, 5: 6, 10: 10, 11: 20, 21: 40, 41: 60, 999: 1000, 1001: 2000} {
		if got := roundUp(n); got != want {
			t.Errorf("%d: got %d, want %d", n, got, want)
		}
	}
}

func TestFormats(t *testing.T) {
	at := time.Date(2026, 11, 23, 6, 5, 0, 0, time.UTC)
	for got, want := range map[string]string{
		Rupiah(90_000):                       "Rp\u00a090.000",
		Rupiah(1_500_000):                    "Rp\u00a01.500.000",
		Indonesian.Moment(at):                "Senin, 23 Nov 2026, 13.05\u00a0WIB",
		English.Moment(at):                   "Monday, 23 Nov 2026, 13:05\u00a0WIB",
		strings.Join(Fours("12345678"), " "): "1234 5678",
		strings.Join(Fours("123"), " "):      "123",
		Spoken("123"):                        "1 2 3",
		Indonesian.Span(time.Hour):           "60 menit",
		Indonesian.Span(2 * time.Hour):       "2 jam",
		Indonesian.Span(24 * time.Hour):      "24 jam",
		English.Span(168 * time.Hour):        "7 days",
		Indonesian.Stamp(at):                 "23 Nov 2026, 13.05\u00a0WIB",
		English.Date(at.Add(11 * time.Hour)): "24 Nov", // past midnight in Jakarta
		Indonesian.Count(1234567):            "1.234.567",
		English.Count(1234567):               "1,234,567",
		Indonesian.Percent(2, 3):             "66,7%",
		English.Percent(3, 3):                "100.0%",
		English.Percent(0, 0):                "–",
		English.Wait(0):                      "–",
		English.Wait(20 * time.Second):       "under a minute",
		Indonesian.Wait(7 * time.Minute):     "7 menit",
		Indonesian.Wait(72 * time.Minute):    "1 jam 12 menit",
		Machine(StartOfDay(at)):              "2026-11-22T17:00:00Z",
		Machine(ParseDay("2026-11-23")):      "2026-11-22T17:00:00Z",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// An address from a message is a link only if it is one of the web.
func TestHostileLinksAreNone(t *testing.T) {
	for address, linked := range map[string]bool{"javascript:alert(1)": false, "data:text/html,x": false, "https://gateway.example/how-to-pay/v1/x": true} {
		p := SampleOrder(in(English), StateWaiting, nil)
		p.HowToPayPage = address
		var page bytes.Buffer
		if err := Order(p).Render(context.Background(), &page); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(page.String(), `href="`+address) != linked {
			t.Errorf("%s is a link: %v, want %v", address, !linked, linked)
		}
	}
}

// Each golden is of a page that the gallery still has.
func TestGoldens(t *testing.T) {
	known := map[string]bool{}
	for _, lang := range Langs() {
		for _, sample := range Samples() {
			known[sample.Name+"."+string(lang)+".html"] = true
		}
	}
	files, err := filepath.Glob("testdata/*.html")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d goldens, %v", len(files), err)
	}
	for _, file := range files {
		if !known[filepath.Base(file)] {
			t.Errorf("%s is of no page; delete it", file)
		}
	}
}

// The code that the gallery's inspector names is where it says.
func TestSampleSources(t *testing.T) {
	source := regexp.MustCompile(`[a-z_]+(/[a-z_]+)+\.go\b`)
	var page bytes.Buffer
	for _, sample := range Samples() {
		if err := sample.Draw(in(English)).Render(t.Context(), &page); err != nil {
			t.Fatal(err)
		}
	}
	found := source.FindAllString(page.String(), -1)
	if len(found) == 0 {
		t.Fatal("no sample names a file")
	}
	for _, file := range found {
		if _, err := os.Stat(filepath.Join("..", file)); err != nil {
			t.Errorf("a sample names a file that does not exist: %v", err)
		}
	}
}
