package payments

import (
	"context"
	"encoding/json"
	"fmt"

	"warungjokul/jokul"
	"warungjokul/models"
)

// PlaceOrder saves an order together with its first payment, and asks the gateway
// for the code. The order is safe before the gateway is called: the worker
// finishes what the call leaves open. fresh is false where the same form has
// placed the order before.
func (s *Service) PlaceOrder(ctx context.Context, draft models.Order) (o models.Order, fresh bool, err error) {
	payment, err := s.Prepare(draft)
	if err != nil {
		return draft, false, err
	}
	o, fresh, err = s.Store.PlaceOrder(ctx, draft, payment)
	if err != nil {
		return draft, false, err
	}
	if fresh {
		s.Metrics.placed.Inc()
		s.Log.InfoContext(ctx, "order placed", "order_number", o.Number, "amount", o.Total)
		s.requestLatestCode(ctx, o)
	}
	return o, fresh, nil
}

// NewCode adds the next payment to an order whose last one came to nothing, and
// asks the gateway for its code. added is false where the order can still be paid,
// or cannot be paid any more.
func (s *Service) NewCode(ctx context.Context, o models.Order) (added bool, err error) {
	payment, err := s.Prepare(o)
	if err != nil {
		return false, err
	}
	if added, err = s.Store.AddPayment(ctx, o, payment); err != nil || !added {
		return false, err
	}
	if o, err = s.Store.Order(ctx, o.Token); err != nil {
		return true, err
	}
	s.requestLatestCode(ctx, o)
	return true, nil
}

// Prepare returns the next payment of an order. Its request is built here, once,
// and saved before it is sent: every repeat sends the same bytes under the same
// Request-Id (docs/protocol.md section 5).
func (s *Service) Prepare(o models.Order) (models.Payment, error) {
	invoice := models.InvoiceNumber(o.Number, o.NextAttempt())
	shares, err := o.Shares()
	if err != nil {
		return models.Payment{}, fmt.Errorf("prepare payment: %w", err)
	}
	request, err := s.Gateway.Prepare(jokul.PaymentCodeRequest{
		InvoiceNumber:  invoice,
		Amount:         o.Total,
		ExpiresIn:      s.Expiry,
		Reusable:       o.Reusable(),
		Info:           s.tillInfo(o),
		CustomerName:   TillName(o.CustomerName),
		CustomerEmail:  o.CustomerEmail,
		Description:    jokul.TillText(description(o), jokul.MaxDescription),
		FooterMessage:  jokul.TillText("Terima kasih sudah belanja di "+s.ShopName, jokul.MaxFooterMessage),
		AdditionalInfo: jokul.AdditionalInfo{Settlement: settlement(shares)},
	})
	if err != nil {
		return models.Payment{}, fmt.Errorf("prepare payment: %w", err)
	}
	return models.Payment{InvoiceNumber: invoice, RequestID: request.RequestID, RequestBody: request.Body}, nil
}

// tillInfo names the shop and the order at the till. A long name of a shop is cut,
// the order number never.
func (s *Service) tillInfo(o models.Order) string {
	name := jokul.TillText(s.ShopName, jokul.MaxInfo-len(o.Number)-1)
	return jokul.TillText(name+" "+o.Number, jokul.MaxInfo)
}

// settlement tells the gateway how much goes to which seller, in rupiah rather
// than percentages, so that nothing is rounded.
func settlement(shares []models.Share) []jokul.SettlementShare {
	var list []jokul.SettlementShare
	for _, s := range shares {
		list = append(list, jokul.SettlementShare{BankAccountSettlementID: s.Account, Type: jokul.SettlementFix, Value: s.Amount})
	}
	return list
}

// description lists what was ordered.
func description(o models.Order) string {
	text := "Pesanan " + o.Number + ":"
	for i, line := range o.Lines {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf(" %d %s", line.Quantity, line.NameID)
	}
	return text
}

// TillName returns a customer's name as a till can print it.
func TillName(name string) string {
	if plain := jokul.TillText(name, jokul.MaxCustomerName); plain != "" {
		return plain
	}
	return "Pelanggan"
}

// NameAtTill returns the customer's name as it was sent with a payment's request.
// The till shows that name whatever is corrected later. It is empty once the
// customer is erased.
func NameAtTill(p models.Payment, o models.Order) string {
	if o.ErasedAt != nil {
		return ""
	}
	var request struct{ Customer struct{ Name string } }
	_ = json.Unmarshal(p.RequestBody, &request) // what cannot be read names nobody
	if request.Customer.Name == "" {
		return TillName(o.CustomerName)
	}
	return request.Customer.Name
}
