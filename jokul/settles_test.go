package jokul_test

import (
	"errors"
	"testing"

	"warungjokul/jokul"
)

// What pays an order, and by which name what does not is called.
func TestSettles(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*jokul.Transaction)
		code   string
		amount int64
		want   error
	}{
		"as asked":                     {nil, "8888888844445555", 90_000, nil},
		"the code not yet known to us": {nil, "", 90_000, nil},
		"the code not told":            {func(t *jokul.Transaction) { t.PaymentCode = "" }, "8888888844445555", 90_000, nil},
		"the channel not told":         {func(t *jokul.Transaction) { t.ChannelID = "" }, "8888888844445555", 90_000, nil},
		"another invoice number":       {func(t *jokul.Transaction) { t.InvoiceNumber = "INV-10" }, "8888888844445555", 90_000, jokul.ErrOtherInvoice},
		"pending":                      {func(t *jokul.Transaction) { t.Status = jokul.TransactionPending }, "8888888844445555", 90_000, jokul.ErrNotPaid},
		"expired":                      {func(t *jokul.Transaction) { t.Status = jokul.TransactionExpired }, "8888888844445555", 90_000, jokul.ErrNotPaid},
		"in small letters":             {func(t *jokul.Transaction) { t.Status = "success" }, "8888888844445555", 90_000, jokul.ErrNotPaid},
		"no status":                    {func(t *jokul.Transaction) { t.Status = "" }, "8888888844445555", 90_000, jokul.ErrNotPaid},
		"another code":                 {func(t *jokul.Transaction) { t.PaymentCode = "888888884444555" }, "8888888844445555", 90_000, jokul.ErrOtherCode},
		"a leading zero less":          {func(t *jokul.Transaction) { t.PaymentCode = "73" }, "073", 90_000, jokul.ErrOtherCode},
		"another channel":              {func(t *jokul.Transaction) { t.ChannelID = "ONLINE_TO_OFFLINE_ALFA" }, "8888888844445555", 90_000, jokul.ErrOtherChannel},
		"a rupiah less":                {func(t *jokul.Transaction) { t.Amount-- }, "8888888844445555", 90_000, jokul.ErrOtherAmount},
		"a rupiah more":                {func(t *jokul.Transaction) { t.Amount++ }, "8888888844445555", 90_000, jokul.ErrOtherAmount},
		"nothing for nothing":          {func(t *jokul.Transaction) { t.Amount = 0 }, "8888888844445555", 0, jokul.ErrOtherAmount},
	} {
		told := jokul.Transaction{InvoiceNumber: "INV-1", Amount: 90_000, PaymentCode: "8888888844445555",
			Status: jokul.TransactionSuccess, ChannelID: jokul.ChannelIndomaret}
		if tc.change != nil {
			tc.change(&told)
		}
		if err := told.Settles("INV-1", tc.code, tc.amount); !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, want %v", name, err, tc.want)
		}
	}
	if err := (jokul.Transaction{Status: jokul.TransactionSuccess, Amount: 1}).Settles("", "", 1); !errors.Is(err, jokul.ErrOtherInvoice) {
		t.Errorf("no invoice number: %v", err)
	}
}
