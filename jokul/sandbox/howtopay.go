package sandbox

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"time"

	"warungjokul/jokul"
)

// howToPayBody is the default body of the how-to-pay API, after the shape DOKU's
// own plugins read (docs/protocol.md section 5).
var howToPayBody = newTemplate([]byte(`{"client":{"id":"{client_id}","name":"{merchant_name}"},` +
	`"order":{"invoice_number":"{invoice_number}","amount":"{amount}"},` +
	`"online_to_offline_info":{"payment_code":"{payment_code}","status":"{status}",` +
	`"created_date":"{created_date}","expired_date":"{expired_date}",` +
	`"created_date_utc":"{created_date_utc}","expired_date_utc":"{expired_date_utc}"},` +
	`"customer":{"name":"{customer_name}","email":"{customer_email}"},` +
	`"payment_instruction":[{"channel":"Indomaret","language":"ID","step":"{steps_id}"},` +
	`{"channel":"Indomaret","language":"EN","step":"{steps_en}"}]}`))

// howToPay finds the code a link stands for. The token keeps strangers from
// reading other people's orders by counting codes.
func (s *Server) howToPay(r *http.Request) (paymentCode, Faults, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, found, err := s.find(s.state.byCode, r.PathValue("code"))
	right := subtle.ConstantTimeCompare([]byte(p.Token), []byte(r.PathValue("token"))) == 1
	if err == nil && !(found && right) {
		err = ErrUnknownCode
	}
	return p, s.state.faults, s.now(), err
}

// noHowToPay answers where there is nothing to show.
func (s *Server) noHowToPay(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, ErrUnknownCode) {
		notFound(w, r)
		return
	}
	s.cannotShow(w, "howtopay", err)
}

// howToPayAPI answers a plain GET: no headers, no signature.
func (s *Server) howToPayAPI(w http.ResponseWriter, r *http.Request) {
	p, f, now, err := s.howToPay(r)
	if err != nil {
		s.noHowToPay(w, r, err)
		return
	}
	template := howToPayBody
	if len(f.HowToPayTemplate) > 0 {
		template = newTemplate(f.HowToPayTemplate)
	}
	body := template.fill(s.howToPayValues(p, f, p.transactionStatus(now, lag(f))))
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(body) // a reader that has gone will ask again
}

func (s *Server) howToPayValues(p paymentCode, f Faults, status jokul.TransactionStatus) map[string]any {
	return map[string]any{
		"client_id":        s.cfg.ClientID,
		"merchant_name":    s.cfg.MerchantName,
		"invoice_number":   p.InvoiceNumber,
		"amount":           p.Amount,
		"payment_code":     p.Code,
		"status":           status,
		"created_date":     compactWIB(p.CreatedAt),
		"expired_date":     compactWIB(p.ExpiresAt),
		"created_date_utc": dateUTC(p.CreatedAt),
		"expired_date_utc": dateUTC(p.ExpiresAt),
		"customer_name":    p.CustomerName,
		"customer_email":   p.CustomerEmail,
		"steps_id":         stepsID(f.Biller),
		"steps_en":         stepsEN(f.Biller),
	}
}

func sampleHowToPay() map[string]any {
	return new(Server).howToPayValues(paymentCode{}, Faults{}, jokul.TransactionPending)
}

func stepsID(biller string) []string {
	return []string{
		"Simpan kode pembayaran ini dan datang ke gerai Indomaret terdekat sebelum batas waktu.",
		"Di kasir, sampaikan: \"Mau bayar " + biller + "\".",
		"Tunjukkan barcode, atau bacakan kodenya bila barcode tidak terbaca.",
		"Cocokkan nama dan jumlah yang disebut kasir dengan pesanan Anda.",
		"Bayar tunai tepat sejumlah itu.",
		"Simpan struknya. Toko menerima kabar pembayaran secara otomatis.",
	}
}

func stepsEN(biller string) []string {
	return []string{
		"Keep this payment code and go to any Indomaret store before the deadline.",
		"At the till say: \"Mau bayar " + biller + "\" (a " + biller + " payment, please).",
		"Show the barcode, or read the code out if it does not scan.",
		"Check that the name and the amount the cashier reads out are those of your order.",
		"Pay exactly that amount in cash.",
		"Keep the receipt. The shop is told of the payment by itself.",
	}
}
