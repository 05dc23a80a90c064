package views

import "fmt"

// Lang is a language of the shop.
type Lang string

const (
	Indonesian Lang = "id"
	English    Lang = "en"
)

// Langs lists the languages, the shop's first one first.
func Langs() []Lang { return []Lang{Indonesian, English} }

// T returns the text of that key, with its blanks filled in.
func (l Lang) T(key string, blanks ...any) string {
	text := texts[key].id
	if l == English {
		text = texts[key].en
	}
	if len(blanks) > 0 {
		return fmt.Sprintf(text, blanks...)
	}
	return text
}

// Pick chooses between two texts that come from elsewhere, such as a product's.
func (l Lang) Pick(indonesian, english string) string {
	if l == English {
		return english
	}
	return indonesian
}

// text is one text of the shop in its two languages, side by side, so that a
// translator sees both and neither can be forgotten.
type text struct{ id, en string }

var texts = map[string]text{
	"shop.name":    {"Warung Jokul", "Warung Jokul"},
	"shop.tagline": {"Belanja di sini, bayar tunai di Indomaret.", "Shop here, pay cash at Indomaret."},
	"shop.demo":    {"Toko contoh. Pembayaran di sini hanya simulasi, tidak ada uang sungguhan.", "A demo shop. Payments here are simulated, no real money moves."},
	"skip":         {"Langsung ke isi", "Skip to content"},
	"contact":      {"Ada kendala? Tulis ke", "Any trouble? Write to"},
	"nav.cart":     {"Keranjang", "Cart"},
	"nav.search":   {"Cari", "Search"},
	"nav.find":     {"Cari rendang, kopi…", "Search rendang, coffee…"},
	"nav.home":     {"Beranda", "Home"},
	"nav.tools":    {"Bahasa dan toko", "Language and shop"},
	"nav.language": {"Bahasa", "Language"},

	"hero.title": {"Pesan dari rumah, bayar tunai di Indomaret", "Order from home, pay cash at Indomaret"},
	"hero.text":  {"Pilih barangnya, dapatkan kode pembayaran, lalu bayar di kasir Indomaret mana saja. Tanpa kartu, tanpa aplikasi.", "Choose what you like, get a payment code, and pay at any Indomaret till. No card, no app."},
	"hero.go":    {"Lihat isi warung", "See what's in store"},
	"how.title":  {"Tiga langkah sampai lunas", "Paid in three steps"},
	"how.1":      {"Pilih dan pesan", "Choose and order"},
	"how.1.text": {"Cukup nama, email, dan nomor telepon.", "Just a name, an email and a phone number."},
	"how.2":      {"Simpan kode pembayaran", "Keep the payment code"},
	"how.2.text": {"Ada di halaman pesanan, lengkap dengan batas waktunya.", "It is on your order page, with its deadline."},
	"how.3":      {"Bayar di kasir", "Pay at the till"},
	"how.3.text": {"Halaman pesanan berubah lunas dengan sendirinya.", "The order page turns to paid by itself."},

	"catalogue.title":   {"Isi warung", "In the shop"},
	"catalogue.all":     {"Semua", "All"},
	"catalogue.found":   {"Hasil untuk “%s”", "Results for “%s”"},
	"catalogue.empty":   {"Belum ada yang cocok", "Nothing matches yet"},
	"catalogue.again":   {"Coba kata lain, atau lihat semua isi warung.", "Try another word, or see everything in the shop."},
	"category.food":     {"Makanan", "Food"},
	"category.drinks":   {"Minuman", "Drinks"},
	"category.crafts":   {"Kerajinan", "Crafts"},
	"category.vouchers": {"Voucher", "Vouchers"},

	"product.add":      {"Masukkan keranjang", "Add to cart"},
	"product.quantity": {"Jumlah", "Quantity"},
	"product.stock":    {"Tersedia %d", "%d in stock"},
	"product.last":     {"Tinggal %d", "Only %d left"},
	"product.soldout":  {"Sedang habis", "Sold out"},
	"product.open":     {"Bisa dibayar berkali-kali", "Can be paid again and again"},
	"product.voucher":  {"Voucher: berlaku dengan nomor pesanan", "Voucher: valid with the order number"},
	"product.pay":      {"Bayar tunai di Indomaret mana saja", "Pay cash at any Indomaret store"},
	"product.safe":     {"Barang disimpan sampai batas waktu bayar", "Kept for you until the payment deadline"},
	"product.send":     {"Alamat kirim kami tanyakan lewat telepon setelah lunas", "Once it is paid we call to ask where to send it"},

	"product.related": {"Cocok dengan ini", "Goes well with it"},

	"mail.code":             {"Kode pembayaran Anda", "Your payment code"},
	"mail.code.subject":     {"Kode pembayaran pesanan %s", "Payment code for order %s"},
	"mail.code.text":        {"Halo %s, tunjukkan atau bacakan kode ini di kasir Indomaret mana saja sebelum batas waktunya.", "Hello %s, show or read out this code at any Indomaret till before its deadline."},
	"mail.code.go":          {"Buka halaman pesanan", "Open the order's page"},
	"mail.reminder":         {"Kode Anda hampir kedaluwarsa", "Your code is about to expire"},
	"mail.reminder.subject": {"Sebentar lagi kedaluwarsa: pesanan %s", "About to expire: order %s"},
	"mail.reminder.text":    {"Halo %s, pesanan Anda belum dibayar. Kalau sudah membayar, abaikan email ini dan simpan struknya.", "Hello %s, your order is not paid yet. If you have just paid, ignore this mail and keep the receipt."},
	"mail.reminder.go":      {"Buka halaman pesanan", "Open the order's page"},
	"mail.paid":             {"Lunas, terima kasih!", "Paid, thank you!"},
	"mail.paid.subject":     {"Pesanan %s sudah lunas", "Order %s is paid"},
	"mail.paid.text":        {"Halo %s, pembayaran Anda sudah kami terima. Simpan struk dari kasir.", "Hello %s, your payment has arrived. Please keep the till receipt."},
	"mail.paid.go":          {"Lihat pesanan", "See the order"},
	"mail.expired":          {"Kode Anda kedaluwarsa", "Your code has expired"},
	"mail.expired.subject":  {"Kode pesanan %s kedaluwarsa", "The code of order %s has expired"},
	"mail.expired.text":     {"Halo %s, jangan bayar kode yang lama. Tidak ada yang ditagih; kalau masih mau, buat kode baru untuk barang yang sama.", "Hello %s, please do not pay the old code. Nothing is owed; if you still want it, make a new code for the same things."},
	"mail.expired.go":       {"Buat kode baru", "Make a new code"},
	"mailbox.title":         {"Kotak surat", "Mailbox"},
	"mailbox.text":          {"Email yang dikirim kepada pembeli. Di mode demo tidak ada yang benar-benar dikirim; di sinilah semuanya terlihat.", "What customers are sent. In demo mode nothing really leaves; all of it can be read here."},
	"mailbox.empty":         {"Belum ada surat. Buat satu pesanan dulu.", "No mail yet. Place an order first."},
	"mailbox.plain":         {"Sebagai teks", "As text"},

	"parts.title":   {"Bagian halaman", "Parts of pages"},
	"parts.buttons": {"Tombol dan tanda", "Buttons and tags"},
	"parts.fields":  {"Isian dan pesan", "Fields and messages"},
	"gallery.title": {"Galeri", "Gallery"},
	"gallery.text":  {"Setiap halaman toko dalam setiap keadaan, dengan isi contoh. Hanya ada di mode demo.", "Every page of the shop in every state, with made-up content. In demo mode only."},

	"cart.title":    {"Keranjang", "Cart"},
	"cart.empty":    {"Keranjang masih kosong", "Your cart is empty"},
	"cart.fill":     {"Yuk, isi dulu dari warung.", "Let's find something for it."},
	"cart.total":    {"Total", "Total"},
	"cart.checkout": {"Lanjut ke pembayaran", "Go to checkout"},
	"cart.more":     {"Belanja lagi", "Keep shopping"},
	"cart.less":     {"Kurangi %s", "One %s less"},
	"cart.plus":     {"Tambah %s", "One %s more"},
	"cart.remove":   {"Hapus", "Remove"},
	"cart.each":     {"%s per buah", "%s each"},
	"cart.left":     {"Stok tinggal %d. Kurangi jumlahnya dulu, ya.", "Only %d left. Please lower the quantity."},
	"cart.all":      {"Stok hanya %d", "Only %d in stock"},
	"cart.gone":     {"Sedang habis. Hapus dulu dari keranjang, ya.", "Sold out. Please remove it from the cart."},
	"cart.fix":      {"Jadikan %d", "Make it %d"},
	"cart.open":     {"%s memakai kode pembayaran sendiri. Pesan secara terpisah dari barang lain.", "%s has a payment code of its own. Order it separately from other things."},
	"cart.tofix":    {"Periksa keranjang", "Look at the cart"},
	"cart.limits":   {"Pembayaran di Indomaret antara %s dan %s untuk satu pesanan. Total keranjang ini %s.", "Indomaret takes between %s and %s for one order. This cart comes to %s."},

	"checkout.title":      {"Data pemesan", "Your details"},
	"checkout.intro":      {"Isi data singkat ini. Kode pembayaran langsung muncul di halaman berikutnya.", "A few details. Your payment code appears on the next page."},
	"checkout.name":       {"Nama lengkap", "Full name"},
	"checkout.name.hint":  {"Nama ini tampil di layar kasir.", "The cashier sees this name."},
	"checkout.email":      {"Email", "Email"},
	"checkout.email.hint": {"Kode juga kami kirim ke sini.", "We send the code here, too."},
	"checkout.phone":      {"Nomor telepon", "Phone number"},
	"checkout.phone.hint": {"Contoh: 0812 3456 7890", "For example 0812 3456 7890"},
	"checkout.place":      {"Buat pesanan · %s", "Place the order · %s"},
	"checkout.pay":        {"Bayar tunai di Indomaret", "Cash at Indomaret"},
	"checkout.summary":    {"Ringkasan", "Summary"},
	"checkout.valid":      {"Kode berlaku %s setelah dibuat.", "The code is valid for %s once made."},
	"checkout.fee":        {"Indomaret dapat menambahkan biaya layanan di kasir.", "Indomaret may add a service fee at the till."},
	"checkout.problems":   {"Ada yang perlu dibetulkan", "Something needs fixing"},
	"checkout.bad.name":   {"Tulis nama Anda.", "Please give your name."},
	"checkout.bad.email":  {"Alamat email ini belum lengkap. Contoh: nama@contoh.id", "This email address is not complete. Example: name@example.com"},
	"checkout.bad.phone":  {"Nomor telepon 8 sampai 15 angka, boleh diawali +62.", "A phone number has 8 to 15 digits and may start with +62."},
	"checkout.bad.form":   {"Formulir ini sudah kedaluwarsa. Periksa lagi, lalu buat pesanannya.", "This form has expired. Please check it and place the order again."},
	"checkout.soldout":    {"Maaf, %s baru saja habis atau stoknya tidak cukup. Pesanan belum dibuat; periksa keranjang Anda.", "Sorry, %s has just sold out or there is not enough left. Nothing was ordered; please check your cart."},

	"order.title":               {"Pesanan %s", "Order %s"},
	"order.number":              {"Nomor pesanan", "Order number"},
	"order.placed":              {"Dipesan", "Placed"},
	"order.items":               {"Isi pesanan", "Your order"},
	"order.customer":            {"Nama di layar kasir", "Name on the till's screen"},
	"order.total":               {"Total", "Total"},
	"order.refresh":             {"Perbarui halaman ini", "Refresh this page"},
	"order.paidtitle":           {"Lunas · %s", "Paid · %s"},
	"order.preparing":           {"Menyiapkan kode", "Preparing your code"},
	"order.preparing.text":      {"Pesanan Anda sudah kami simpan. Kode pembayaran sedang diminta dan akan muncul di sini dengan sendirinya; tidak perlu memesan lagi.", "Your order is safe with us. The payment code is on its way and will appear here by itself; there is no need to order again."},
	"order.preparing.wait":      {"Biasanya hanya beberapa detik.", "It usually takes a few seconds."},
	"order.preparing.slow":      {"Penyedia pembayaran sedang sulit dihubungi. Kami terus mencoba; halaman ini boleh ditutup dan dibuka lagi nanti.", "The payment provider is hard to reach right now. We keep trying; you may close this page and come back later."},
	"order.waiting":             {"Menunggu pembayaran", "Waiting for payment"},
	"order.waiting.text":        {"Tunjukkan kode ini di kasir Indomaret. Setelah dibayar, halaman ini berubah menjadi lunas dalam hitungan detik.", "Show this code at an Indomaret till. Once paid, this page turns to paid within seconds."},
	"order.checking":            {"Pembayaran sedang diperiksa", "A payment is being checked"},
	"order.checking.text":       {"Jangan bayar lagi sebelum ada kabar dari kami, dan simpan struk dari kasir.", "Please do not pay again before you hear from us, and keep the till's receipt."},
	"order.overdue":             {"Batas waktu lewat", "The deadline has passed"},
	"order.overdue.text":        {"Jangan bayar kode ini lagi. Kami sedang memastikan ke penyedia pembayaran apakah sudah ada pembayaran.", "Please do not pay this code any more. We are confirming with the payment provider whether a payment was made."},
	"order.paid":                {"Lunas", "Paid"},
	"order.paid.text":           {"Terima kasih! Pembayaran Anda sudah kami terima. Simpan struk dari kasir.", "Thank you! Your payment has arrived. Please keep the till receipt."},
	"order.paidflagged":         {"Lunas, sedang diperiksa", "Paid, and being checked"},
	"order.paid.goods":          {"Kami akan menelepon untuk alamat kirim, lalu menyiapkan pesanan Anda.", "We will call you for the address, and then send your order."},
	"order.paid.voucher":        {"Tunjukkan nomor pesanan di atas untuk memakai voucher.", "Show the order number above to use the voucher."},
	"order.paid.open":           {"Kode yang sama boleh dibayar lagi sampai batas waktunya.", "The same code may be paid again until its deadline."},
	"order.payagain":            {"Bayar lagi dengan kode ini", "Pay again with this code"},
	"order.expired":             {"Kode kedaluwarsa", "The code has expired"},
	"order.expired.text":        {"Jangan bayar kode lama. Barang belum dikirim dan tidak ada yang ditagih. Masih mau? Buat kode baru untuk barang yang sama.", "Please do not pay the old code. Nothing was sent and nothing is owed. Still want it? Make a new code for the same things."},
	"order.failed":              {"Kode belum bisa dibuat", "No code could be made"},
	"order.failed.text":         {"Penyedia pembayaran menolak permintaan ini dan staf kami sudah diberi tahu. Pesanan Anda tersimpan; silakan coba lagi sebentar lagi.", "The payment provider refused this request and our staff have been told. Your order is kept; please try again in a while."},
	"order.cancelled":           {"Dibatalkan", "Cancelled"},
	"order.cancelled.text":      {"Pesanan ini dibatalkan. Jangan bayar kodenya.", "This order was cancelled. Please do not pay its code."},
	"order.newcode":             {"Buat kode baru", "Make a new code"},
	"order.soldout":             {"Maaf, stok untuk pesanan ini sudah habis, jadi kode baru tidak bisa dibuat.", "Sorry, what you ordered has sold out, so no new code can be made."},
	"order.again.soldout":       {"Stok sudah habis", "Sold out"},
	"order.attention":           {"Pesanan ini sedang diperiksa staf kami", "Our staff are looking at this order"},
	"order.attention.amount":    {"Ada pembayaran yang tidak cocok dengan pesanan ini. Tidak ada yang hilang: catatannya tersimpan dan staf kami akan menghubungi Anda.", "A payment came in that does not match this order. Nothing is lost: it is on record and our staff will contact you."},
	"order.attention.late":      {"Pembayaran masuk setelah batas waktu dan sudah kami terima. Staf kami memastikan barangnya masih ada.", "Your payment came after the deadline and has been accepted. Our staff are making sure the goods are still there."},
	"order.attention.second":    {"Pesanan ini tercatat dibayar lebih dari sekali. Simpan semua struk; staf kami akan menghubungi Anda untuk pengembalian.", "This order appears to have been paid more than once. Keep all receipts; our staff will contact you about a refund."},
	"order.attention.cancelled": {"Pembayaran masuk setelah pesanan ini dibatalkan. Simpan struknya; staf kami akan menghubungi Anda untuk pengembalian.", "A payment came after this order was cancelled. Please keep the receipt; our staff will contact you about a refund."},
	"order.attention.stock":     {"Pembayaran diterima, tetapi stoknya sudah habis. Staf kami akan menghubungi Anda untuk pengganti atau pengembalian.", "Your payment arrived but the stock had run out. Our staff will contact you about a replacement or a refund."},

	"find.title":       {"Cari pesanan", "Find my order"},
	"find.text":        {"Halaman pesanan hilang? Tulis nomor pesanan dan email yang dipakai waktu memesan.", "Lost your order's page? Give the order number and the email you ordered with."},
	"find.number.hint": {"Contoh: WJ-7K4M9Q2P. Ada di email kode pembayaran dan di struk kasir.", "For example WJ-7K4M9Q2P. It is in the mail with the code and on the till's receipt."},
	"find.go":          {"Tampilkan pesanan", "Show my order"},
	"find.none":        {"Tidak ada pesanan dengan nomor dan email itu. Periksa keduanya, lalu coba lagi.", "There is no order with that number and email. Please check both and try again."},

	"code.title":       {"Kode pembayaran Indomaret", "Indomaret payment code"},
	"code.copy":        {"Salin kode", "Copy code"},
	"code.copied":      {"Tersalin", "Copied"},
	"code.qr":          {"QR ini berisi kode pembayaran di atas. Bukan QRIS: jangan pindai dengan dompet digital.", "This QR holds the payment code above. It is not QRIS: do not scan it with a wallet app."},
	"code.qr.alt":      {"Kode QR berisi kode pembayaran", "QR code holding the payment code"},
	"code.barcode.alt": {"Barcode Code 128 berisi kode pembayaran", "Code 128 barcode holding the payment code"},
	"code.old":         {"Kode lama", "Old code"},
	"code.old.text":    {"sudah tidak berlaku, jangan dibayar", "no longer valid, do not pay it"},
	"amount.title":     {"Bayar tepat", "Pay exactly"},
	"amount.copy":      {"Salin jumlah", "Copy amount"},
	"amount.fee":       {"Belum termasuk biaya layanan Indomaret, bila ada.", "Indomaret's service fee, if any, comes on top."},
	"deadline.title":   {"Bayar sebelum", "Pay before"},
	"deadline.own":     {"di tempat Anda:", "where you are:"},
	"deadline.left":    {"Sisa waktu", "Time left"},

	"steps.title":   {"Cara bayar di kasir", "How to pay at the till"},
	"steps.gateway": {"Petunjuk dari DOKU", "Instructions from DOKU"},
	"steps.say":     {"Katakan kepada kasir:", "Say to the cashier, in Indonesian:"},
	"steps.1":       {"Simpan kode pembayaran ini sebelum batas waktunya.", "Keep this payment code until its deadline."},
	"steps.2":       {"Datang ke Indomaret mana saja.", "Go to any Indomaret store."},
	"steps.3":       {"Bilang mau bayar %s, lalu tunjukkan barcode atau bacakan kodenya.", "Tell the cashier you are paying %s, and show the barcode or read out the code."},
	"steps.4":       {"Cocokkan nama dan jumlah yang disebut kasir dengan halaman ini.", "Compare the name and amount the cashier reads out with this page."},
	"steps.5":       {"Bayar tepat sejumlah itu. Biaya layanan Indomaret, bila ada, disebut terpisah.", "Pay exactly that amount. Indomaret's service fee, if any, is named apart from it."},
	"steps.6":       {"Simpan struknya. Pesanan menjadi lunas dengan sendirinya.", "Keep the receipt. The order turns to paid by itself."},
	"steps.store":   {"Cari Indomaret terdekat di peta", "Find the nearest Indomaret on the map"},
	"refused.title": {"Kode ditolak kasir?", "Code refused at the till?"},
	"refused.1":     {"Cocokkan angkanya, empat demi empat.", "Compare the digits, four at a time."},
	"refused.2":     {"Periksa batas waktunya. Kalau lewat, buat kode baru di halaman ini.", "Check the deadline. If it has passed, make a new code on this page."},
	"refused.3":     {"Coba gerai lain; kadang jaringannya yang bermasalah.", "Try another store; sometimes it is the line."},
	"refused.4":     {"Sudah bayar tetapi di sini belum lunas? Simpan struk dan tekan tombol “Saya sudah bayar”.", "Paid but not shown here? Keep the receipt and press “I have paid”."},

	"check.button":  {"Saya sudah bayar", "I have paid"},
	"check.text":    {"Sudah membayar? Biasanya halaman ini berubah dalam hitungan detik. Kalau belum, tekan tombol ini.", "Paid already? This page usually turns within seconds. If it does not, press this."},
	"check.overdue": {"Sudah membayar? Tekan tombol ini, kami tanyakan ke DOKU. Belum? Setelah dipastikan, kode baru bisa dibuat di halaman ini.", "Paid already? Press this and we ask DOKU. Not yet? Once that is certain, a new code can be made on this page."},
	"check.expired": {"Sudah terlanjur membayar kode yang lama? Jangan bayar lagi: tekan tombol ini, kami tanyakan ke DOKU.", "Paid the old code already? Do not pay again: press this and we ask DOKU."},
	"check.answer":  {"Dicek ke DOKU pukul %s: %s", "Checked with DOKU at %s: %s"},
	"check.PENDING": {"belum ada pembayaran", "no payment yet"},
	"check.SUCCESS": {"sudah dibayar", "paid"},
	"check.EXPIRED": {"kode kedaluwarsa", "the code has expired"},
	"check.other":   {"belum ada kepastian", "not certain yet"},
	"check.away":    {"tidak bisa dihubungi, kami coba lagi", "could not be reached, we will try again"},
	"check.soon":    {"Kami baru saja menanyakannya ke DOKU. Tunggu beberapa detik, lalu coba lagi.", "We have only just asked DOKU. Please wait a few seconds and try again."},

	"receipt.title":  {"Pembayaran diterima", "Payment received"},
	"receipt.titles": {"Pembayaran diterima", "Payments received"},
	"receipt.at":     {"Dibayar", "Paid on"},
	"receipt.till":   {"No. transaksi kasir", "Till transaction"},
	"receipt.store":  {"Toko", "Store"},
	"receipt.sum":    {"Jumlah diterima", "Received in all"},

	"keep.title":      {"Simpan halaman ini", "Keep this page"},
	"keep.text":       {"Ini tautan pesanan Anda. Simpan, atau kirim ke diri sendiri.", "This link leads back to your order. Keep it, or send it to yourself."},
	"keep.share":      {"Bagikan", "Share"},
	"keep.whatsapp":   {"Kirim lewat WhatsApp", "Send by WhatsApp"},
	"keep.mail":       {"Kirim lewat email", "Send by email"},
	"keep.calendar":   {"Tambah ke kalender", "Add to calendar"},
	"keep.print":      {"Cetak", "Print"},
	"keep.again":      {"Kirim ulang surat kodenya", "Mail me the code again"},
	"keep.again.done": {"Surat berisi kode sedang dikirim ke %s.", "A mail with the code is on its way to %s."},
	"keep.again.soon": {"Suratnya baru saja dikirim. Periksa kotak masuk dan folder spam, atau coba lagi sebentar.", "It has only just been sent. Look in your inbox and the spam folder, or try again in a minute."},
	"keep.digital":    {"Tidak perlu dicetak: layar ponsel sudah cukup.", "No need to print: your phone's screen is enough."},
	"keep.subject":    {"Kode pembayaran pesanan %s", "Payment code for order %s"},
	"keep.message":    {"Kode pembayaran Indomaret: %s\nBayar tepat: %s\nSebelum: %s\nKatakan kepada kasir: %s\nPesanan %s di Warung Jokul: %s", "Indomaret payment code: %s\nPay exactly: %s\nBefore: %s\nSay to the cashier: %s\nOrder %s at Warung Jokul: %s"},
	"keep.event":      {"Bayar pesanan %s di Indomaret", "Pay order %s at Indomaret"},

	"cashier.go":      {"Tampilkan di kasir", "Show at the till"},
	"cashier.title":   {"Kode pembayaran Indomaret", "Indomaret payment code"},
	"cashier.back":    {"Kembali ke pesanan %s", "Back to order %s"},
	"cashier.over":    {"Batas waktunya sudah lewat: jangan bayar kode ini. Buka halaman pesanan untuk membuat kode baru.", "The deadline has passed: do not pay this code. Open the order's page for a new one."},
	"cashier.offline": {"Tanpa sinyal: ini salinan terakhir dari ponsel Anda. Kodenya tetap berlaku sampai batas waktunya.", "No signal: this is your phone's last copy. The code stays valid until its deadline."},

	"keep.howto":  {"Buka petunjuk DOKU", "Open DOKU's instructions"},
	"wire.title":  {"Di balik layar: pesan dengan DOKU", "Underneath: the messages with DOKU"},
	"wire.text":   {"Hanya ada di mode demo. Tanda tangan dan data pembeli disamarkan.", "In demo mode only. Signatures and the customer are masked."},
	"wire.signed": {"Yang ditandatangani", "What was signed"},
	"wire.sent":   {"Isi", "Body"},
	"wire.got":    {"Jawaban", "Answer"},
	"demo.title":  {"Mode demo", "Demo mode"},
	"demo.text":   {"Tidak ada kasir di dekat sini? Bayar kode ini di simulator kasir. Tidak ada uang sungguhan.", "No till nearby? Pay this code at the till simulator. No real money."},
	"demo.go":     {"Buka simulator kasir", "Open the till simulator"},

	"console.title":  {"Konsol", "Console"},
	"console.shop":   {"Lihat toko", "See the shop"},
	"console.logout": {"Keluar", "Sign out"},

	"console.overview":      {"Ikhtisar", "Overview"},
	"console.orders":        {"Pesanan", "Orders"},
	"console.attention":     {"Perlu ditangani", "Needs attention"},
	"console.notifications": {"Notifikasi", "Notifications"},
	"console.stock":         {"Stok", "Stock"},
	"console.setup":         {"Pemeriksaan", "Set-up check"},
	"console.sandbox":       {"Sandbox", "Sandbox"},

	"login.title":    {"Masuk ke konsol", "Sign in to the console"},
	"login.password": {"Kata sandi", "Password"},
	"login.go":       {"Masuk", "Sign in"},
	"login.wrong":    {"Kata sandi salah.", "That is not the password."},

	"error.404":      {"Halaman ini tidak ada", "There is no such page"},
	"error.404.text": {"Mungkin alamatnya salah ketik, atau barangnya sudah tidak dijual.", "The address may be mistyped, or the product is no longer sold."},
	"error.405":      {"Tombol itu tidak berlaku di sini", "That does not work here"},
	"error.405.text": {"Kembali ke halaman sebelumnya dan coba lagi.", "Go back to the page before and try again."},
	"error.403":      {"Permintaan ini tidak bisa diproses", "This request could not be carried out"},
	"error.403.text": {"Permintaannya datang dari situs lain. Demi keamanan, buka toko ini langsung, lalu ulangi.", "It came from another site. For your safety, open this shop directly and try again."},
	"error.413":      {"Isiannya terlalu panjang", "That was too much to send"},
	"error.413.text": {"Pendekkan isiannya, lalu coba lagi.", "Please shorten what you filled in and try again."},
	"error.422":      {"Ada isian yang belum pas", "Please check your entries"},
	"error.422.text": {"Kembali ke halaman sebelumnya dan periksa pilihan Anda.", "Go back to the page before and check your choice."},
	"error.429":      {"Pelan-pelan, ya", "A little slower, please"},
	"error.429.text": {"Terlalu banyak permintaan dari sambungan Anda. Tunggu sebentar, lalu coba lagi.", "Too many requests from your connection. Wait a moment, then try again."},
	"error.500":      {"Ada gangguan di sistem kami", "Something went wrong on our side"},
	"error.500.text": {"Sudah kami catat. Pesanan dan pembayaran Anda tidak hilang; coba lagi sebentar lagi.", "We have made a note of it. Your orders and payments are safe; please try again in a moment."},
	"error.503":      {"Warung sedang tutup sebentar", "The shop is shut for a moment"},
	"error.503.text": {"Buku catatan kami sedang tidak bisa dibuka. Pesanan dan pembayaran Anda tidak hilang; coba lagi sebentar lagi.", "Our books cannot be opened right now. Your orders and payments are safe; please try again in a moment."},
	"error.home":     {"Kembali ke warung", "Back to the shop"},
	"error.again":    {"Coba lagi", "Try again"},
	"error.back":     {"Kembali ke halaman sebelumnya", "Back to the page before"},

	"unit.minutes": {"%d menit", "%d minutes"},
	"unit.hours":   {"%d jam", "%d hours"},
}
