package models

// This file holds the statements for which a benchmark shows that plain GORM costs the shop too much.

// known is what is known of a message when it comes.
type known struct {
	OrderToken string // of the order it is about, empty where there is none
	Erased     bool   // the customer of that order was erased
	MessageID  int64  // of exactly this message, 0 when it is new
	ReceiptID  int64  // that another message with its Request-Id told of, 0 for none
}

// knownOf reads in one statement what GORM reads in two or three. A notification that comes again needs little else:
// BenchmarkWrites/the_same_notification makes 150 allocations with it instead of 210.
func knownOf(tx *transaction, n Notification) (k known, err error) {
	const ofInvoice = " FROM orders JOIN payments ON payments.order_id = orders.id WHERE payments.invoice_number = @invoice"
	const query = "SELECT COALESCE((SELECT orders.token" + ofInvoice + "), '') AS order_token," +
		" EXISTS (SELECT 1" + ofInvoice + " AND orders.erased_at IS NOT NULL) AS erased," +
		" COALESCE((SELECT id FROM notifications WHERE request_id = @request AND digest = @digest), 0) AS message_id," +
		" COALESCE((SELECT MAX(receipt_id) FROM notifications WHERE request_id = @request), 0) AS receipt_id"
	values := map[string]any{"invoice": n.InvoiceNumber, "request": n.RequestID, "digest": n.Digest}
	return k, tx.Raw(query, values).Scan(&k).Error
}
