package sandbox

import "fmt"

// A text is one phrase of the pages in both languages.
type text struct{ ID, EN string }

// texts are the phrases of the simulator.
var texts = map[string]text{
	"badge":    {"Simulator · bukan uang sungguhan", "Simulator · no real money"},
	"title":    {"Kasir Indomaret (simulasi)", "Indomaret till (simulated)"},
	"lede":     {"Sandbox ini menggantikan DOKU dan gerainya: bayar kode pembayaran tanpa uang, lalu toko diberi tahu seperti oleh DOKU.", "This sandbox stands in for DOKU and its stores: pay a payment code without money, and the shop is told as DOKU would tell it."},
	"language": {"Bahasa", "Language"},
	"till":     {"Kasir", "Till"},
	"keypad":   {"Papan angka", "Keypad"},
	"clear":    {"Hapus semua", "Clear"},
	"back":     {"Hapus satu angka", "Delete one digit"},

	"code":    {"Kode pembayaran", "Payment code"},
	"inquire": {"Cek kode", "Look up"},

	"display-idle":    {"Selamat datang", "Welcome"},
	"display-typing":  {"Ketik kode, lalu Cek kode", "Type the code, then Look up"},
	"display-unknown": {"Kode tidak dikenal", "Unknown code"},
	"display-expired": {"Kode kedaluwarsa", "Code expired"},
	"display-paid":    {"Sudah dibayar", "Already paid"},
	"display-often":   {"Batas pembayaran tercapai", "No more payments"},
	"display-thanks":  {"Lunas. Terima kasih!", "Paid. Thank you!"},

	"unknown":     {"Kode tidak dikenal", "Unknown code"},
	"unknown-why": {"Kasir menolak: tidak ada tagihan untuk kode ini. Periksa angkanya, lalu coba lagi.", "The till refuses: there is no bill for this code. Check the digits and try again."},
	"inquiry":     {"Tagihan", "The bill"},
	"expired":     {"Kode sudah kedaluwarsa", "The code has expired"},
	"expired-why": {"Kasir menolak: batas waktunya sudah lewat. Pembeli perlu meminta kode baru di toko.", "The till refuses: its deadline has passed. The buyer needs a new code from the shop."},
	"paid":        {"Sudah dibayar", "Already paid"},
	"paid-why":    {"Kasir menolak: tagihan ini sudah lunas.", "The till refuses: this bill has been paid."},

	"often":     {"Kode sudah dibayar 100 kali", "The code has been paid 100 times"},
	"often-why": {"Kasir simulasi ini menerima paling banyak 100 pembayaran untuk satu kode.", "This simulated till takes 100 payments of one code at most."},

	"amount":   {"Jumlah", "Amount"},
	"customer": {"Nama pembeli", "Customer"},
	"merchant": {"Toko", "Merchant"},
	"info":     {"Keterangan", "Info"},
	"status":   {"Status", "Status"},
	"deadline": {"Batas waktu", "Deadline"},

	"waiting-to-be-paid": {"Menunggu pembayaran", "Waiting to be paid"},
	"reusable":           {"Dapat dibayar berkali-kali", "Can be paid more than once"},

	"pay":                  {"Terima tunai & bayar", "Take cash & pay"},
	"others":               {"Kejadian lain", "Other cases"},
	"pay_late":             {"Bayar terlambat", "Pay late"},
	"pay_late-why":         {"Kode dibuat kedaluwarsa di gateway, lalu dibayar. Bagi toko itu tepat waktu selama ia belum bertanya; yang benar-benar terlambat ada di panel sandbox di konsol toko", "The code expires at the gateway and is then paid. To the shop that is on time as long as it has not asked; a really late one is in the sandbox panel of the shop's console"},
	"pay_wrong_amount":     {"Jumlah berbeda", "Wrong amount"},
	"pay_wrong_amount-why": {"Rp 1.000 lebih sedikit dari tagihan", "Rp 1.000 less than the bill"},
	"pay_twice":            {"Bayar dua kali", "Pay twice"},
	"pay_twice-why":        {"Dua pembayaran, dua notifikasi", "Two payments, two notifications"},
	"expire":               {"Buat kedaluwarsa", "Let it expire"},
	"expire-why":           {"Batas waktu lewat sekarang juga", "The deadline passes this moment"},

	"account":     {"Rekening sub", "Sub account"},
	"split":       {"Pembagian dana", "Split settlement"},
	"split-rest":  {"Sisa untuk toko", "The rest, to the shop"},
	"receipt":     {"Struk pembayaran", "Receipt"},
	"store":       {"Gerai", "Store"},
	"invoice":     {"Nomor invoice", "Invoice number"},
	"transaction": {"No. transaksi", "Transaction id"},
	"total":       {"Tunai", "Cash"},
	"asked":       {"Seharusnya", "The bill said"},
	"late":        {"Dibayar setelah batas waktu", "Paid after the deadline"},
	"not-money":   {"Simulasi sandbox. Bukan bukti pembayaran.", "Sandbox simulation. Not a proof of payment."},
	"earlier":     {"Pembayaran lain dengan kode ini:", "Other payments of this code:"},
	"see-receipt": {"Lihat struk", "See the receipt"},

	"told":      {"Toko sudah diberi tahu", "The shop has been told"},
	"not-told":  {"Toko belum menerima notifikasi", "The shop has not taken the notification"},
	"late-told": {"Notifikasi ditunda", "The notification is held back"},
	"gave-up":   {"Toko tidak menerima notifikasi", "The shop never took the notification"},
	"silent":    {"Tidak ada notifikasi yang dikirim ke toko", "No notification is sent to the shop"},
	"timetable": {"Akan dicoba lagi", "To be tried again"},
	"resend":    {"Kirim ulang sekarang", "Send again now"},

	"waiting": {"Kode yang menunggu dibayar", "Codes waiting to be paid"},
	"nobody":  {"Belum ada. Buat pesanan di toko, lalu kodenya muncul di sini.", "None yet. Place an order in the shop and its code appears here."},

	"public-how": {"Ketik kode dari halaman pesanan Anda, atau ikuti tautannya dari sana.", "Type the code from your order page, or follow its link from there."},

	"clock":     {"Jam sandbox", "Sandbox clock"},
	"clock-why": {"Memajukan jam membuat kode kedaluwarsa dan notifikasi ulang terkirim.", "Moving it on makes codes expire and sends the retries that fall due."},
	"plus-30m":  {"+30 menit", "+30 min"},
	"plus-1h":   {"+1 jam", "+1 hour"},
	"plus-6h":   {"+6 jam", "+6 hours"},
}

// A language is what a page speaks; its zero value is Indonesian.
type language string

const english language = "en"

// Lang is the language as HTML names it.
func (l language) Lang() string {
	if l == english {
		return "en"
	}
	return "id"
}

// T says a phrase.
func (l language) T(key any) (string, error) {
	t, known := texts[fmt.Sprint(key)]
	if !known {
		return "", fmt.Errorf("no text %q", key)
	}
	return l.of(t), nil
}

// say is T for keys the code names itself; a test reads every one.
func (l language) say(key string) string { return l.of(texts[key]) }

func (l language) of(t text) string {
	if l == english {
		return t.EN
	}
	return t.ID
}
