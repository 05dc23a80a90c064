package e2e_test

import (
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/mattn/go-sqlite3"

	"warungjokul/jokul/sandbox"
)

// books is what the shop has kept, read by SQL of our own: the shop's code does
// not audit itself.
type books struct {
	orders    []keptOrder
	payments  []keptPayment
	receipts  []keptReceipt
	stock     map[string]int64
	attention map[string]int // cases by kind

	byToken map[string]keptOrder
}

type keptOrder struct {
	id                    int64
	token, number, status string
	total                 int64
	stockHeld             bool
}

type keptPayment struct {
	id, orderID          int64
	invoice, code, state string
	reusable             bool
}

type keptReceipt struct {
	paymentID, amount   int64
	source, identifiers string
}

func readBooks(t *testing.T, database string) books {
	t.Helper()
	db := openSQL(t, database)
	b := books{stock: map[string]int64{}, attention: map[string]int{}, byToken: map[string]keptOrder{}}
	each(t, db, "SELECT id, token, number, status, total, stock_held FROM orders", func(scan func(...any) error) error {
		var o keptOrder
		err := scan(&o.id, &o.token, &o.number, &o.status, &o.total, &o.stockHeld)
		b.orders, b.byToken[o.token] = append(b.orders, o), o
		return err
	})
	each(t, db, "SELECT id, order_id, invoice_number, code, state, reusable FROM payments", func(scan func(...any) error) error {
		var p keptPayment
		err := scan(&p.id, &p.orderID, &p.invoice, &p.code, &p.state, &p.reusable)
		b.payments = append(b.payments, p)
		return err
	})
	each(t, db, "SELECT payment_id, amount, source, identifiers FROM receipts", func(scan func(...any) error) error {
		var r keptReceipt
		err := scan(&r.paymentID, &r.amount, &r.source, &r.identifiers)
		b.receipts = append(b.receipts, r)
		return err
	})
	// What is on the shelf and what orders hold is what there was.
	each(t, db, `SELECT sku, stock + COALESCE((SELECT SUM(quantity) FROM order_lines JOIN orders ON orders.id = order_id
		WHERE order_lines.sku = products.sku AND stock_held), 0), stock FROM products`, func(scan func(...any) error) error {
		var sku string
		var all, left int64
		err := scan(&sku, &all, &left)
		b.stock[sku] = all
		if left < 0 {
			t.Errorf("stock of %s is %d", sku, left)
		}
		return err
	})
	each(t, db, "SELECT kind, COUNT(*) FROM cases GROUP BY kind", func(scan func(...any) error) error {
		var kind string
		var n int
		err := scan(&kind, &n)
		b.attention[kind] = n
		return err
	})
	return b
}

func each(t *testing.T, db *sql.DB, query string, row func(scan func(...any) error) error) {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			t.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

func (b books) count(status string) (n int) {
	for _, o := range b.orders {
		if o.status == status {
			n++
		}
	}
	return n
}

func (b books) source(source string) (n int) {
	for _, r := range b.receipts {
		if r.source == source {
			n++
		}
	}
	return n
}

func (b books) money() (sum int64) {
	for _, r := range b.receipts {
		sum += r.amount
	}
	return sum
}

// audit holds the shop's books against the gateway's ledger and against
// themselves, and tells every difference.
func audit(ledger []sandbox.Account, b books, stock map[string]int64) (differences []string) {
	differ := func(format string, values ...any) { differences = append(differences, fmt.Sprintf(format, values...)) }

	// Every rupiah taken is one receipt of the right payment, and none besides.
	taken, invoices := map[string]int{}, map[string]int{}
	for _, a := range ledger {
		invoices[a.InvoiceNumber]++
		for _, p := range a.Payments {
			taken[fmt.Sprintf("Rp %d for %s, till transaction %s", p.Amount, a.InvoiceNumber, p.TransactionID)]++
		}
	}
	byID, kept, received := map[int64]keptPayment{}, map[string]int{}, map[int64]int64{}
	for _, p := range b.payments {
		byID[p.id] = p
	}
	for _, r := range b.receipts {
		p := byID[r.paymentID]
		received[p.orderID] += r.amount
		_, till, _ := strings.Cut(r.identifiers, `"IDM`)
		till, _, _ = strings.Cut("IDM"+till, `"`)
		kept[fmt.Sprintf("Rp %d for %s, till transaction %s", r.amount, p.invoice, till)]++
	}
	for _, money := range slices.Sorted(maps.Keys(taken)) {
		if kept[money] != taken[money] {
			differ("the gateway took %s: %d times there, %d receipts here", money, taken[money], kept[money])
		}
	}
	for _, money := range slices.Sorted(maps.Keys(kept)) {
		if taken[money] == 0 {
			differ("a receipt of %s, which the gateway never took", money)
		}
	}

	// No invoice number twice, no code but the gateway's.
	codes := map[string]string{}
	for _, a := range ledger {
		codes[a.InvoiceNumber] = a.PaymentCode
		if invoices[a.InvoiceNumber] > 1 {
			differ("invoice number %s was used %d times", a.InvoiceNumber, invoices[a.InvoiceNumber])
		}
	}
	invoiced := map[string]bool{}
	for _, p := range b.payments {
		invoiced[p.invoice] = true
		if p.code != "" && p.code != codes[p.invoice] {
			differ("%s has code %s here and %q there", p.invoice, p.code, codes[p.invoice])
		}
		if p.state == "creating" || p.state == "pending" {
			differ("%s is still %s", p.invoice, p.state)
		}
	}
	for _, a := range ledger {
		if !invoiced[a.InvoiceNumber] {
			differ("the gateway knows %s and the shop does not", a.InvoiceNumber)
		}
	}

	// Paid is what has receipts; unpaid orders hold no stock.
	for _, o := range b.orders {
		if (o.status == "paid") != (received[o.id] > 0) {
			differ("order %s is %s with receipts of Rp %d", o.number, o.status, received[o.id])
		}
		if o.status != "paid" && o.stockHeld {
			differ("order %s is %s and holds stock", o.number, o.status)
		}
	}
	for sku, was := range stock {
		if b.stock[sku] != was {
			differ("of %s there were %d, now shelf and orders have %d", sku, was, b.stock[sku])
		}
	}
	return differences
}

// checkAudit plants one fault at a time in books that agree: an audit that finds
// nothing must be able to find something.
func checkAudit(t *testing.T, ledger []sandbox.Account, b books, stock map[string]int64) {
	t.Helper()
	for name, spoil := range map[string]func(b *books){
		"a receipt lost":       func(b *books) { b.receipts = b.receipts[1:] },
		"a receipt twice":      func(b *books) { b.receipts = append(slices.Clone(b.receipts), b.receipts[0]) },
		"a rupiah less":        func(b *books) { b.receipts = slices.Clone(b.receipts); b.receipts[0].amount-- },
		"another payment's":    func(b *books) { b.receipts = slices.Clone(b.receipts); b.receipts[0].paymentID++ },
		"paid without receipt": func(b *books) { b.orders = append(slices.Clone(b.orders), keptOrder{id: -1, status: "paid"}) },
		"stock leaked":         func(b *books) { b.stock = maps.Clone(b.stock); b.stock["MNM-TEH"]-- },
		"another code":         func(b *books) { b.payments = slices.Clone(b.payments); b.payments[0].code = "1" },
		"left pending":         func(b *books) { b.payments = slices.Clone(b.payments); b.payments[0].state = "pending" },
		"an attempt forgotten": func(b *books) { b.payments = b.payments[1:] },
	} {
		spoiled := b
		spoil(&spoiled)
		if len(audit(ledger, spoiled, stock)) == 0 {
			t.Errorf("the audit overlooks: %s", name)
		}
	}
}

// fillShelves gives the shop enough of most things, and returns what there is.
func fillShelves(t *testing.T, database string) map[string]int64 {
	t.Helper()
	db := openSQL(t, database)
	execute(t, db, "UPDATE products SET stock = CASE WHEN sku IN ('"+strings.Join(scarce, "', '")+"') THEN 6 ELSE 100000 END")
	stock := map[string]int64{}
	each(t, db, "SELECT sku, stock FROM products", func(scan func(...any) error) error {
		var sku string
		var n int64
		err := scan(&sku, &n)
		stock[sku] = n
		return err
	})
	return stock
}
