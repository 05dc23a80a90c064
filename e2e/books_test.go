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
	orders   []keptOrder
	payments []keptPayment
	receipts []keptReceipt // duplicates left out: they are no money
	stock    map[string]int64
	cases    []keptCase

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
	amount                int64
	invoice, source, till string // till is the till's transaction id, empty when nobody told it
	status                string // applied, held, returned or kept
}

type keptCase struct {
	orderID int64 // 0 when it belongs to none
	kind    string
}

func readBooks(t *testing.T, database string) books {
	t.Helper()
	db := openSQL(t, database)
	b := books{stock: map[string]int64{}, byToken: map[string]keptOrder{}}
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
	each(t, db, "SELECT invoice_number, amount, source, COALESCE(till_transaction, ''), status FROM receipts WHERE status <> 'duplicate'",
		func(scan func(...any) error) error {
			var r keptReceipt
			err := scan(&r.invoice, &r.amount, &r.source, &r.till, &r.status)
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
	each(t, db, "SELECT COALESCE(order_id, 0), kind FROM cases", func(scan func(...any) error) error {
		var c keptCase
		err := scan(&c.orderID, &c.kind)
		b.cases = append(b.cases, c)
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

// money sums the receipts by what became of them.
func (b books) money() map[string]int64 {
	sums := map[string]int64{}
	for _, r := range b.receipts {
		sums[r.status] += r.amount
	}
	return sums
}

func (b books) casesByKind() map[string]int {
	counts := map[string]int{}
	for _, c := range b.cases {
		counts[c.kind]++
	}
	return counts
}

// audit holds the shop's books against the gateway's ledger and against
// themselves, and tells every difference.
func audit(ledger []sandbox.Account, b books, stock map[string]int64) (differences []string) {
	return slices.Concat(auditMoney(ledger, b), auditCodes(ledger, b), auditOrders(ledger, b), auditStock(b, stock))
}

// auditMoney: every rupiah the gateway took is one receipt, applied or not, of the
// right invoice number and till transaction, and there is none besides. A till
// transaction may be missing where only a status answer told of the payment.
func auditMoney(ledger []sandbox.Account, b books) (differences []string) {
	differ := func(format string, values ...any) { differences = append(differences, fmt.Sprintf(format, values...)) }
	taken, kept, tills := map[string]int{}, map[string]int{}, map[string]int{}
	var atGateway, inShop int64
	for _, a := range ledger {
		for _, p := range a.Payments {
			taken[fmt.Sprintf("Rp %d for %s", p.Amount, a.InvoiceNumber)]++
			tills[a.InvoiceNumber+", till transaction "+p.TransactionID]++
			atGateway += p.Amount
		}
	}
	for _, r := range b.receipts {
		kept[fmt.Sprintf("Rp %d for %s", r.amount, r.invoice)]++
		if r.till != "" {
			tills[r.invoice+", till transaction "+r.till]--
		}
		inShop += r.amount
	}
	if atGateway != inShop {
		differ("the gateway took Rp %d, the shop has receipts of Rp %d", atGateway, inShop)
	}
	for _, money := range slices.Sorted(maps.Keys(merged(taken, kept))) {
		if kept[money] != taken[money] {
			differ("the gateway took %s: %d times there, %d receipts here", money, taken[money], kept[money])
		}
	}
	for _, till := range slices.Sorted(maps.Keys(tills)) {
		if n := tills[till]; n < 0 {
			differ("%s: %d receipts more than the gateway took payments", till, -n)
		}
	}
	return differences
}

func merged(a, b map[string]int) map[string]int {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// auditCodes: no invoice number twice, no code but the gateway's, and none whose end
// is not known. A code whose payment is held waits for a person.
func auditCodes(ledger []sandbox.Account, b books) (differences []string) {
	differ := func(format string, values ...any) { differences = append(differences, fmt.Sprintf(format, values...)) }
	codes, held, invoiced := map[string]string{}, map[string]bool{}, map[string]bool{}
	for _, a := range ledger {
		if codes[a.InvoiceNumber] != "" {
			differ("invoice number %s was used more than once", a.InvoiceNumber)
		}
		codes[a.InvoiceNumber] = a.PaymentCode
	}
	for _, r := range b.receipts {
		held[r.invoice] = held[r.invoice] || r.status == "held"
	}
	for _, p := range b.payments {
		invoiced[p.invoice] = true
		if p.code != "" && p.code != codes[p.invoice] {
			differ("%s has code %s here and %q there", p.invoice, p.code, codes[p.invoice])
		}
		if p.state == "creating" || p.state == "pending" && !held[p.invoice] {
			differ("%s is still %s", p.invoice, p.state)
		}
	}
	for _, invoice := range slices.Sorted(maps.Keys(codes)) {
		if !invoiced[invoice] {
			differ("the gateway knows %s and the shop does not", invoice)
		}
	}
	return differences
}

// auditOrders: paid is what money was applied to; unpaid orders hold no stock, but
// for those with money a person has yet to decide on; and nobody is told to return
// a second payment of an order that was paid once.
func auditOrders(ledger []sandbox.Account, b books) (differences []string) {
	differ := func(format string, values ...any) { differences = append(differences, fmt.Sprintf(format, values...)) }
	orderOf, applied, held, paid := map[string]int64{}, map[int64]int64{}, map[int64]int64{}, map[int64]int{}
	for _, p := range b.payments {
		orderOf[p.invoice] = p.orderID
	}
	for _, r := range b.receipts {
		switch r.status {
		case "applied":
			applied[orderOf[r.invoice]] += r.amount
		case "held":
			held[orderOf[r.invoice]] += r.amount
		}
	}
	for _, a := range ledger {
		paid[orderOf[a.InvoiceNumber]] += len(a.Payments)
	}
	for _, o := range b.orders {
		if (o.status == "paid") != (applied[o.id] > 0) {
			differ("order %s is %s with Rp %d applied and Rp %d held", o.number, o.status, applied[o.id], held[o.id])
		}
		if o.status != "paid" && o.stockHeld && (o.status != "awaiting_payment" || held[o.id] == 0) {
			differ("order %s is %s and holds stock", o.number, o.status)
		}
	}
	for _, c := range b.cases {
		if c.kind == "second_payment" && paid[c.orderID] < 2 {
			differ("a case says that an order was paid twice which was paid %d times", paid[c.orderID])
		}
	}
	return differences
}

// auditStock: what is on the shelf and what orders hold is what there was.
func auditStock(b books, stock map[string]int64) (differences []string) {
	for _, sku := range slices.Sorted(maps.Keys(stock)) {
		if b.stock[sku] != stock[sku] {
			differences = append(differences, fmt.Sprintf("of %s there were %d, now shelf and orders have %d", sku, stock[sku], b.stock[sku]))
		}
	}
	return differences
}

// checkAudit plants one fault at a time in books that agree: an audit that finds
// nothing must be able to find something.
func checkAudit(t *testing.T, ledger []sandbox.Account, b books, stock map[string]int64) {
	t.Helper()
	first := func(b *books) *keptReceipt { b.receipts = slices.Clone(b.receipts); return &b.receipts[0] }
	once := slices.IndexFunc(b.orders, func(o keptOrder) bool {
		n := 0
		for _, a := range ledger {
			if strings.HasPrefix(a.InvoiceNumber, o.number+"-") {
				n += len(a.Payments)
			}
		}
		return n == 1
	})
	for name, spoil := range map[string]func(b *books){
		"a receipt lost":             func(b *books) { b.receipts = b.receipts[1:] },
		"a receipt twice":            func(b *books) { b.receipts = append(slices.Clone(b.receipts), b.receipts[0]) },
		"a rupiah less":              func(b *books) { first(b).amount-- },
		"another payment's":          func(b *books) { first(b).invoice += "0" },
		"another till transaction's": func(b *books) { first(b).till = "IDM0" },
		"a paid order whose money is held": func(b *books) {
			b.receipts = slices.Clone(b.receipts)
			for i := range b.receipts {
				b.receipts[i].status = "held"
			}
		},
		"paid without receipt":     func(b *books) { b.orders = append(slices.Clone(b.orders), keptOrder{id: -1, status: "paid"}) },
		"paid once, a case of two": func(b *books) { b.cases = append(slices.Clone(b.cases), keptCase{b.orders[once].id, "second_payment"}) },
		"stock leaked":             func(b *books) { b.stock = maps.Clone(b.stock); b.stock["MNM-TEH"]-- },
		"another code":             func(b *books) { b.payments = slices.Clone(b.payments); b.payments[0].code = "1" },
		"left creating":            func(b *books) { b.payments = slices.Clone(b.payments); b.payments[0].state = "creating" },
		"an attempt forgotten":     func(b *books) { b.payments = b.payments[1:] },
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
