package main

import (
	"context"
	"fmt"
)

// The orders a database starts with. Nine in ten were paid long ago, with all
// that belongs to one: a line, a payment, its receipt, the notification, the
// record of the call. One in ten has expired.
var past = []string{
	`INSERT INTO orders (id, token, number, checkout_id, customer_name, customer_email, customer_phone, language, total, status,
		stock_held, placed_at, paid_at, expired_at)
	SELECT n, 'past-' || n, 'WJ-PAST' || n, 'past-' || n, 'Budi Santoso', 'budi' || n || '@example.com', '081234567890', 'id', 65000,
		CASE n % 10 WHEN 0 THEN 'expired' ELSE 'paid' END, n % 10 > 0, at, CASE n % 10 WHEN 0 THEN NULL ELSE at END,
		CASE n % 10 WHEN 0 THEN at ELSE NULL END FROM n`,
	`INSERT INTO order_lines (order_id, sku, name_id, name_en, kind, drawing, price, quantity, created_at, settlement_account)
	SELECT n, 'MNM-GAYO', 'Kopi Gayo 200 g', 'Gayo Coffee 200 g', 'goods', 'kopi-gayo.svg', 65000, 1, at, '' FROM n`,
	`INSERT INTO payments (id, order_id, attempt, invoice_number, amount, reusable, request_id, request_body, state, code, how_to_pay_page,
		how_to_pay_api, instructions, code_issued_at, expires_at, tries, last_error, checked_status, created_at)
	SELECT n, n, 1, 'WJ-PAST' || n || '-1', 65000, FALSE, 'past-' || n, body, CASE n % 10 WHEN 0 THEN 'expired' ELSE 'paid' END,
		'9' || digits, '', '', 'null', at, at, 0, '', '', at FROM n`,
	`INSERT INTO receipts (payment_id, invoice_number, amount, paid_at, source, notified, identifiers, created_at)
	SELECT n, 'WJ-PAST' || n || '-1', 65000, at, 'notification', TRUE, '', at FROM n WHERE n % 10 > 0`,
	`INSERT INTO notifications (request_id, digest, header, body, invoice_number, transaction_status, verdict, effect, deliveries,
		received_at, last_received_at, duration)
	SELECT 'past-' || n, digest, '{}', body, 'WJ-PAST' || n || '-1', 'SUCCESS', 'applied', 'paid', 1, at, at, 1000000
	FROM n WHERE n % 10 > 0`,
	`INSERT INTO exchanges (operation, invoice_number, request_id, method, url, request_header, request_body, string_to_sign, status,
		response_header, response_body, response_string_to_sign, verified, problem, started_at, duration)
	SELECT 'Generate payment code', 'WJ-PAST' || n || '-1', 'past-' || n, 'POST', 'http://127.0.0.1/', '{}', substr(body, 1, 200), '', 200,
		'{}', substr(body, 1, 200), '', TRUE, '', at, 1000000 FROM n`,
}

// Orders that wait for their money, with a code.
var waiting = []string{
	`INSERT INTO orders (id, token, number, checkout_id, customer_name, customer_email, customer_phone, language, total, status,
		stock_held, placed_at)
	SELECT n, 'waiting-' || n, 'WJ-WAIT' || n, 'waiting-' || n, 'Budi Santoso', 'budi@example.com', '081234567890', 'id', 65000,
		'awaiting_payment', TRUE, at FROM n`,
	past[1],
	`INSERT INTO payments (order_id, attempt, invoice_number, amount, reusable, request_id, request_body, state, code, how_to_pay_page,
		how_to_pay_api, instructions, code_issued_at, expires_at, next_check_at, tries, last_error, checked_status, created_at)
	SELECT n, 1, 'WJ-WAIT' || n || '-1', 65000, FALSE, 'waiting-' || n, body, 'pending', '8' || digits, '', '', 'null', at,
		later, later, 0, '', '', at FROM n`,
}

// numbers are what the statements take their rows from, by driver.
var numbers = map[string]string{
	"sqlite3": `WITH RECURSIVE i(n) AS (SELECT %d UNION ALL SELECT n + 1 FROM i WHERE n < %d), n AS (SELECT n, printf('%%015d', n) AS digits,
		printf('%%064x', n) AS digest, zeroblob(400) AS body, datetime('now', '-2 day') AS at, datetime('now', '+1 day') AS later FROM i) `,
	"pgx": `WITH n AS (SELECT n, lpad(n::text, 15, '0') AS digits, lpad(to_hex(n), 64, '0') AS digest, decode(repeat('00', 400), 'hex') AS body,
		now() - interval '2 day' AS at, now() + interval '1 day' AS later FROM generate_series(%d, %d) n) `,
}

// goOn has PostgreSQL go on from the numbers that were given out by us.
const goOn = `SELECT setval(pg_get_serial_sequence('orders', 'id'), (SELECT MAX(id) FROM orders)),
	setval(pg_get_serial_sequence('payments', 'id'), (SELECT MAX(id) FROM payments))`

func (s *shop) fill(ctx context.Context) error {
	if err := s.insert(ctx, past, 1, s.orders); err != nil {
		return err
	}
	_, err := s.db.ExecContext(ctx, "UPDATE products SET stock = 1000000000")
	return err
}

func (s *shop) insert(ctx context.Context, statements []string, from, to int) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, fmt.Sprintf(numbers[s.driver], from, to)+statement); err != nil {
			return err
		}
	}
	if s.driver == "pgx" {
		if _, err := tx.ExecContext(ctx, goOn); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// invoice is a payment somebody may tell the shop of.
type invoice struct{ number, code, requestID, token string }

// wait adds orders that wait for their money until there are n.
func (s *shop) wait(ctx context.Context, n int) error {
	more := n - len(s.unpaid)
	if more <= 0 {
		return nil
	}
	var last int
	if err := s.db.QueryRowContext(ctx, "SELECT MAX(id) FROM orders").Scan(&last); err != nil {
		return err
	}
	for i := last + 1; i <= last+more; i++ {
		s.unpaid = append(s.unpaid, invoice{number: fmt.Sprintf("WJ-WAIT%d-1", i), code: fmt.Sprintf("8%015d", i),
			requestID: fmt.Sprintf("told-%d", i), token: fmt.Sprintf("waiting-%d", i)})
	}
	return s.insert(ctx, waiting, last+1, last+more)
}
