package models

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"
)

// OrderVersion stands for everything that can change of what an order's page and its status
// show: as long as it is the same, so are they, but for what the clock makes of a deadline.
type OrderVersion string

// glances reads what Order.Glance takes from a whole order: in one statement, so
// that it is of one moment. Where there is NULL, null was kept once.
const versionQuery = "SELECT o.status, (SELECT COUNT(*) FROM cases WHERE order_id = o.id AND closed_at IS NULL)," +
	" (SELECT COALESCE(MAX(id), 0) FROM cases WHERE order_id = o.id AND closed_at IS NULL), o.paid_at, o.erased_at, p.attempt, p.state, p.code, p.how_to_pay_page, p.expires_at, p.tries," +
	" p.checked_at, p.checked_status, length(COALESCE(p.instructions, 'null')), (SELECT COUNT(*) FROM receipts WHERE payment_id = p.id)" +
	" FROM orders o JOIN payments p ON p.order_id = o.id WHERE o.token = ? ORDER BY p.attempt"

// OrderVersion returns the version of the order with that token, or ErrNotFound.
func (s *Store) OrderVersion(ctx context.Context, token string) (OrderVersion, error) {
	rows, err := s.read.WithContext(ctx).Raw(versionQuery, token).Rows()
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var text []byte
	for rows.Next() {
		var o Order
		var p Payment
		var instructions, receipts, cases, lastCase int64
		err := rows.Scan(&o.Status, &cases, &lastCase, &o.PaidAt, &o.ErasedAt, &p.Attempt, &p.State, &p.Code, &p.HowToPayPage, &p.ExpiresAt, &p.Tries,
			&p.CheckedAt, &p.CheckedStatus, &instructions, &receipts)
		if err != nil {
			return "", err
		}
		text = o.version(text, p, instructions, receipts, cases, lastCase)
	}
	if err := rows.Err(); err != nil {
		return "", err
	}
	if text == nil {
		return "", ErrNotFound
	}
	return glanceOf(text), nil
}

// Version is the version of the order as it was loaded. If the order changed while it was
// loaded, by statements of several moments, no version in the database need ever equal it.
func (o Order) Version() OrderVersion {
	var text []byte
	cases, lastCase := int64(len(o.OpenCases)), int64(0)
	for _, c := range o.OpenCases {
		lastCase = max(lastCase, c.ID)
	}
	for _, p := range o.Payments {
		instructions, _ := json.Marshal(p.Instructions) // texts always encode
		text = o.version(text, p, int64(utf8.RuneCount(instructions)), int64(len(p.Receipts)), cases, lastCase)
	}
	return glanceOf(text)
}

// glance adds an attempt. How long its instructions are says enough of what is
// kept once, and how many receipts it has of what is only ever added to: what becomes of
// one is decided together with a case.
func (o Order) version(text []byte, p Payment, instructions, receipts, cases, lastCase int64) []byte {
	return fmt.Appendf(text, "%s %d %d %d %d %d %s %q %q %d %t %d %q %d %d\n", o.Status, cases, lastCase, orZero(o.PaidAt), orZero(o.ErasedAt),
		p.Attempt, p.State, p.Code, p.HowToPayPage, orZero(p.ExpiresAt), p.Tries > 0, orZero(p.CheckedAt), p.CheckedStatus,
		instructions, receipts)
}

func glanceOf(text []byte) OrderVersion {
	sum := sha256.Sum256(text)
	return OrderVersion(base64.RawURLEncoding.EncodeToString(sum[:12]))
}

// orZero is a time as a number, and none as 0.
func orZero(t *time.Time) int64 {
	if t == nil {
		return 0
	}
	return t.UnixMicro()
}
