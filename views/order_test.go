package views

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the goldens under testdata")

// hashes change with every edit of a stylesheet; the goldens are about pages.
var hashes = regexp.MustCompile(`\?v=[0-9a-f]{12}`)

func sample(l Lang, state OrderState) OrderPage {
	expires := time.Date(2026, 11, 23, 6, 5, 0, 0, time.UTC)
	p := OrderPage{
		Page:  Page{Lang: l, Title: "WJ-7K4M9Q2P", Links: map[Lang]string{Indonesian: "?lang=id", English: "?lang=en"}, Demo: true},
		State: state, Number: "WJ-7K4M9Q2P", Path: "/orders/t", URL: "https://shop.example/orders/t",
		Text: l.T("order." + string(state) + ".text"), Amount: Rupiah(90_000), AmountDigits: "90000",
		Customer: `<b>Budi</b> "Santoso"`, Placed: l.Moment(expires.Add(-time.Hour)), Say: "Mau bayar DOKU",
		Lines:      []CartLine{{Name: l.Pick("Kopi Gayo 250 g", "Gayo Coffee 250 g"), Quantity: "1", Amount: Rupiah(90_000), Drawing: "kopi-gayo.svg"}},
		ServerTime: Machine(expires.Add(-time.Hour)), Watched: "1",
	}
	switch state {
	case StateWaiting:
		p.Live, p.CanCheck = true, true
		p.Simulator = "http://127.0.0.1:8081/simulator?payment_code=8888888844445555"
		p.Steps = []string{"<script>alert(1)</script>", "2"}
		p.Code = &Code{Digits: "8888888844445555", QR: QR("8888888844445555"), Barcode: Barcode("8888888844445555"),
			Deadline: l.Moment(expires), Expires: Machine(expires)}
	case StatePaid:
		p.Receipts = []Receipt{{Amount: Rupiah(90_000), At: l.Moment(expires), Till: "IDM000000001"}}
	case StateExpired:
		p.CanCheck, p.CheckedSay = true, l.T("check.answer", l.Clock(expires), l.T("check.EXPIRED"))
		p.OldCodes = []string{"8888 8888 4444 5555"}
	case StateOverdue, StatePreparing:
		p.Live, p.Slow = true, true
	}
	return p
}

func TestOrderPages(t *testing.T) {
	for _, lang := range Langs() {
		for _, state := range []OrderState{StatePreparing, StateWaiting, StateOverdue, StatePaid, StateExpired, StateFailed, StateCancelled} {
			name := string(state) + "." + string(lang)
			t.Run(name, func(t *testing.T) {
				var page bytes.Buffer
				if err := Order(sample(lang, state)).Render(context.Background(), &page); err != nil {
					t.Fatal(err)
				}
				got := hashes.ReplaceAllString(page.String(), "?v=…")
				golden := filepath.Join("testdata", "order."+name+".html")
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
				checkPage(t, got, state)
			})
		}
	}
}

func checkPage(t *testing.T, page string, state OrderState) {
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
	for _, hostile := range []string{"<b>Budi", "<script>alert", " style=", "onclick="} {
		if strings.Contains(page, hostile) {
			t.Errorf("the page holds %q", hostile)
		}
	}
	if payable := strings.Contains(page, "data-code="); payable != (state == StateWaiting) {
		t.Errorf("code shown: %v", payable)
	}
}

// Each text is there in both languages and some page or handler uses it.
func TestTexts(t *testing.T) {
	var sources strings.Builder
	for _, pattern := range []string{"*.templ", "*.go", "../handlers/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if file == "text.go" || strings.HasSuffix(file, "_templ.go") {
				continue
			}
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sources.Write(content)
		}
	}
	for _, key := range regexp.MustCompile(`\bT\("([a-zA-Z0-9.]+)"[,)]`).FindAllStringSubmatch(sources.String(), -1) {
		if _, ok := texts[key[1]]; !ok {
			t.Errorf("no text %q", key[1])
		}
	}
	for key, text := range texts {
		if text.id == "" || text.en == "" || strings.Count(text.id, "%") != strings.Count(text.en, "%") {
			t.Errorf("text %q: %q and %q", key, text.id, text.en)
		}
	}
}

func TestFormats(t *testing.T) {
	at := time.Date(2026, 11, 23, 6, 5, 0, 0, time.UTC)
	for got, want := range map[string]string{
		Rupiah(90_000):                       "Rp\u00a090.000",
		Rupiah(1_500_000):                    "Rp\u00a01.500.000",
		Indonesian.Moment(at):                "Senin, 23 Nov 2026, 13.05 WIB",
		English.Moment(at):                   "Monday, 23 Nov 2026, 13:05 WIB",
		strings.Join(Fours("12345678"), " "): "1234 5678",
		strings.Join(Fours("123"), " "):      "123",
		Spoken("123"):                        "1 2 3",
		Indonesian.Span(time.Hour):           "60 menit",
		Indonesian.Span(2 * time.Hour):       "2 jam",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// An address from a message is a link only if it is one of the web.
func TestHostileLinksAreNone(t *testing.T) {
	for address, linked := range map[string]bool{"javascript:alert(1)": false, "data:text/html,x": false, "https://gateway.example/how-to-pay/v1/x": true} {
		p := sample(English, StateWaiting)
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
