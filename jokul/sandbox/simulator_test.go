package sandbox_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"warungjokul/jokul/sandbox"
)

// submit posts a form of the simulator and returns the page it leads to.
func (g *gateway) submit(t *testing.T, path string, form url.Values) message {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, g.http.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", g.http.URL) // as a browser does
	m := do(t, req)
	if m.status != http.StatusSeeOther {
		t.Fatalf("%s: got HTTP %d %s", path, m.status, m.body)
	}
	return get(t, g.http.URL+m.header.Get("Location"))
}

func (g *gateway) page(t *testing.T, query string) string {
	t.Helper()
	m := get(t, g.http.URL+"/simulator"+query)
	want(t, "status", m.status, http.StatusOK)
	return m.body
}

func says(t *testing.T, page string, phrases ...string) {
	t.Helper()
	page = strings.ReplaceAll(page, "\u00a0", " ")
	for _, phrase := range phrases {
		if !strings.Contains(page, phrase) {
			t.Errorf("the page does not say %q:\n%s", phrase, page)
		}
	}
}

func saysNot(t *testing.T, page string, phrases ...string) {
	t.Helper()
	for _, phrase := range phrases {
		if strings.Contains(page, phrase) {
			t.Errorf("the page says %q:\n%s", phrase, page)
		}
	}
}

func TestAtTheTill(t *testing.T) {
	g := open(t)
	code := g.issue(t, "INV-1")
	spaced := code[:4] + " " + code[4:8] + " " + code[8:12] + " " + code[12:]

	idle := g.page(t, "")
	says(t, idle, `data-testid="code-input"`, `data-testid="inquire"`, "autofocus", "bukan uang sungguhan", spaced, "Rp 150.000")
	saysNot(t, idle, `data-testid="pay"`, "<script", "style=")

	inquiry := g.page(t, "?payment_code="+url.QueryEscape(spaced))
	says(t, inquiry, `data-testid="inquiry"`, `data-testid="pay"`, "Taufik Ismail", "Rp 150.000", "Thanks for shopping",
		"Warung Jokul", "Selasa, 24 November 2026, 11.30 WIB", "1 jam lagi", "Menunggu pembayaran", "Terima tunai &amp; bayar")

	receipt := g.submit(t, "/simulator/payments", url.Values{"payment_code": {code}, "action": {"pay"}}).body
	says(t, receipt, `data-testid="receipt"`, "Voucher 10000", "Call 13555 for customer support", "IDM000000001", theOnePayment(t, g),
		"Selasa, 24 November 2026, 10.30 WIB", `data-testid="delivery"`, "notifikasi ke toko: 200 dalam")
	g.shop.next(t)

	again := g.page(t, "?payment_code="+code)
	says(t, again, "Sudah dibayar", "/simulator?receipt="+theOnePayment(t, g))
	saysNot(t, again, `data-testid="pay"`)
	g.submit(t, "/simulator/payments", url.Values{"payment_code": {code}, "action": {"pay"}}) // pressed twice
	g.shop.none(t)
}

func TestTheTillInEnglish(t *testing.T) {
	g := open(t)
	code := g.issue(t, "INV-1")
	says(t, g.page(t, "?lang=en&payment_code="+code), `<html lang="en">`, "Take cash &amp; pay", "Tuesday, 24 November 2026, 11.30 WIB", "1 h left",
		"/simulator?payment_code="+code) // the way back to Indonesian
	m := g.submit(t, "/simulator/payments", url.Values{"payment_code": {code}, "action": {"pay_wrong_amount"}, "lang": {"en"}})
	says(t, m.body, `<html lang="en">`, "The bill said Rp 150.000", "Rp 149.000", "notification to the shop: 200 in")
}

func TestWhatTheTillSaysOfBadCodes(t *testing.T) {
	g := open(t)
	code := g.issue(t, "INV-1")
	says(t, g.page(t, "?payment_code=123"), "Kode tidak dikenal", "tidak ada tagihan untuk kode ini")
	expired := g.submit(t, "/simulator/payments", url.Values{"payment_code": {code}, "action": {"expire"}}).body
	says(t, expired, "Kode sudah kedaluwarsa", "batas waktunya sudah lewat", `value="pay_late"`)
	saysNot(t, expired, `data-testid="pay"`, `value="pay_twice"`)
	late := g.submit(t, "/simulator/payments", url.Values{"payment_code": {code}, "action": {"pay_late"}}).body
	says(t, late, "Dibayar setelah batas waktu")
}

func TestTheTillShowsTheTimetable(t *testing.T) {
	g := open(t)
	g.run(t)
	g.shop.answer(500)
	code := g.issue(t, "INV-1")
	receipt := g.submit(t, "/simulator/payments", url.Values{"payment_code": {code}, "action": {"pay"}}).body
	says(t, receipt, "Toko belum menerima notifikasi", "notifikasi ke toko: 500 dalam", "Akan dicoba lagi",
		"24 November, 11.00.15 WIB", "24 November, 16.30.15 WIB", "24 November, 22.30.15 WIB")
	g.shop.next(t)
	told := g.submit(t, "/simulator/deliveries/1/resend", url.Values{"back": {"receipt=" + theOnePayment(t, g)}}).body
	says(t, told, "Toko sudah diberi tahu", `data-testid="receipt"`)
	saysNot(t, told, "Akan dicoba lagi")
	g.shop.next(t)
	moved := g.submit(t, "/simulator/clock", url.Values{"advance": {"1h"}, "back": {"payment_code=" + code}}).body
	says(t, moved, "Selasa, 24 November 2026, 11.30 WIB", "Sudah dibayar")
}

func TestTheTillWithoutNotifications(t *testing.T) {
	g := open(t)
	for fault, heading := range map[string]string{
		sandbox.NotifyNone: "Tidak ada notifikasi yang dikirim ke toko",
		sandbox.NotifyLate: "Notifikasi ditunda",
	} {
		g.faults(t, func(f *sandbox.Faults) { f.Notify = fault })
		code := g.issue(t, "INV-"+fault)
		says(t, g.submit(t, "/simulator/payments", url.Values{"payment_code": {code}, "action": {"pay"}}).body, heading)
	}
}

func TestPayTwiceLinksBothReceipts(t *testing.T) {
	g := open(t)
	code := g.issue(t, "INV-1")
	page := g.submit(t, "/simulator/payments", url.Values{"payment_code": {code}, "action": {"pay_twice"}}).body
	ledger, err := g.Ledger()
	if err != nil {
		t.Fatal(err)
	}
	first, second := ledger[0].Payments[0], ledger[0].Payments[1]
	says(t, page, second.TransactionID, "/simulator?receipt="+first.TransactionID)
}

func TestTheKeypadWorksWithoutAScript(t *testing.T) {
	g := open(t)
	for query, field := range map[string]string{
		"?payment_code=8888&key=7":      `value="8888 7"`,
		"?payment_code=8888+7&key=back": `value="8888"`,
		"?payment_code=8888&key=clear":  `value=""`,
		"?payment_code=&key=back":       `value=""`,
	} {
		page := g.page(t, query)
		says(t, page, field)
		saysNot(t, page, `data-testid="inquiry"`)
	}
}

func TestOnlyTheLatestTenWaitingCodesAreListed(t *testing.T) {
	g := open(t)
	oldest := g.issue(t, "INV-OLD")
	for _, n := range strings.Split("123456789", "") {
		g.issue(t, "INV-"+n)
	}
	says(t, g.page(t, ""), "payment_code="+oldest)
	newest := g.issue(t, "INV-NEW")
	page := g.page(t, "")
	saysNot(t, page, "payment_code="+oldest)
	want(t, "first is the newest", strings.Index(page, "payment_code=") == strings.Index(page, "payment_code="+newest), true)
}

func TestHostileTextsStayText(t *testing.T) {
	g := open(t)
	m := g.create(t, "request", edited(t, members{
		"customer.name":                         `<script>alert(1)</script>`,
		"online_to_offline_info.info":           `"><img src=x>`,
		"indomaret_info.receipt.description":    `<b>bold</b>`,
		"indomaret_info.receipt.footer_message": `</section><h1>`,
	}))
	code := paymentCode(t, m)
	pages := g.page(t, "") + g.page(t, "?payment_code="+code) + get(t, at(t, m.body, "online_to_offline_info.how_to_pay_page")).body +
		g.submit(t, "/simulator/payments", url.Values{"payment_code": {code}, "action": {"pay"}}).body
	saysNot(t, pages, "<script", "<img", "<b>", "</section><h1>")
}

func TestPagesAllowNothingForeign(t *testing.T) {
	g := open(t)
	m := get(t, g.http.URL+"/simulator")
	want(t, "policy", m.header.Get("Content-Security-Policy"),
		"default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	framed := open(t, func(c *sandbox.Config) { c.FramedBy = []string{"http://shop.example", "http://127.0.0.1:8080"} })
	want(t, "policy with a frame", get(t, framed.http.URL+"/simulator").header.Get("Content-Security-Policy"),
		"default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors http://shop.example http://127.0.0.1:8080")
	css := get(t, g.http.URL+"/simulator/assets/sandbox.css")
	want(t, "stylesheet", css.header.Get("Content-Type"), "text/css; charset=utf-8")
	if foreign := regexp.MustCompile(`https?:|@import|url\(`).FindString(m.body + css.body); foreign != "" {
		t.Errorf("something comes from elsewhere: %s", foreign)
	}
}

func TestHowToPayPage(t *testing.T) {
	g := open(t, func(c *sandbox.Config) { c.MerchantName = "Toko <Maju>" })
	m := g.create(t, "request", orderFor("INV-1"))
	code, address := paymentCode(t, m), at(t, m.body, "online_to_offline_info.how_to_pay_page")
	page := get(t, address).body
	says(t, page, "Toko &lt;Maju&gt;", "<span>"+code[:4]+"</span>", `aria-label="Barcode `+code+`"`, "Rp 150.000",
		"1 jam lagi", "1 h left", "Mau bayar DOKU", "In English")
	g.advance(t, 13*time.Minute)
	says(t, get(t, address).body, "47 menit lagi")

	want(t, "without its token", get(t, strings.TrimSuffix(address, address[strings.LastIndex(address, "/"):])).status, http.StatusNotFound)
	want(t, "with another token", get(t, address+"x").status, http.StatusNotFound)

	g.advance(t, time.Hour)
	over := get(t, address).body
	says(t, over, "Jangan bayar kode ini")
	saysNot(t, over, "<svg")
	g.act(t, code, sandbox.ActionPayLate)
	says(t, get(t, address).body, "Sudah dibayar")
}

func TestHowToPayAPI(t *testing.T) {
	g := open(t, func(c *sandbox.Config) { c.PublicURL = "https://sandbox.example/" })
	m := g.create(t, "request", orderFor("INV-1"))
	address, onPublic := strings.CutPrefix(at(t, m.body, "online_to_offline_info.how_to_pay_api"), "https://sandbox.example/")
	want(t, "on the public address", onPublic, true)
	answer := get(t, g.http.URL+"/"+address)
	want(t, "merchant", at(t, answer.body, "client.name"), "Warung Jokul")
	want(t, "status", at(t, answer.body, "online_to_offline_info.status"), "PENDING")
	want(t, "deadline", at(t, answer.body, "online_to_offline_info.expired_date_utc"), "2026-11-24T04:30:15Z")
	says(t, answer.body, `"payment_instruction":[{"channel":"Indomaret","language":"ID","step":["Simpan kode`, `"language":"EN"`)
}
