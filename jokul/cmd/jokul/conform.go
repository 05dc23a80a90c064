package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"warungjokul/jokul/conform"
)

const conformHelp = `
jokul conform sends your Notification URL some forty notifications, signed as DOKU
signs them: valid, repeated, twenty at once, out of order, oddly spelt, of a wrong
amount, forged, cut, huge. For each it says what was expected, what came and why it
matters. Run it before going live, and in your CI.

It needs unpaid orders that your shop knows. Place them, write them to a file:

  [{"invoice_number":"INV-1","amount":90000,"payment_code":"8888888812345678"}, ...]

and, to judge what a notification did and not the answer alone, an address of your
shop that tells an order's status as a JSON object:

  jokul conform --url http://127.0.0.1:9000/notifications --orders orders.json \
    --status-url 'http://127.0.0.1:9000/orders/{invoice_number}' --paid-field order_status --paid-value paid

An order may have a "status_url" of its own. With a status URL each case that pays
spends an order, 20 in all; with fewer, some cases are left unjudged. Without one, a
single order will do. Try it on a test system only. Exit status:
0 nothing failed, 1 a case failed, 2 something is missing.
`

func runConform(ctx context.Context, s streams, args []string) error {
	f := newFlags(s, "conform", conformHelp)
	address := f.String("url", "", "Notification `URL` to try out")
	orders := f.String("orders", "", "`file` with unpaid orders, - for standard input")
	status := f.String("status-url", "", "`address` of an order's status; {invoice_number} is filled in")
	field := f.String("paid-field", "order_status", "`field` of that status that tells paid")
	value := f.String("paid-value", "paid", "`value` it then has")
	count := f.String("count-field", "", "`field` with the number of payments counted, if there is one")
	asJSON := f.Bool("json", false, "write the report as JSON")
	if err := f.parse(args); err != nil {
		return err
	}
	if err := f.need("url", "client-id", "secret", "orders"); err != nil {
		return err
	}
	target := conform.Target{URL: *address, ClientID: *f.clientID, SecretKey: *f.secret,
		StatusURL: *status, PaidField: *field, PaidValue: *value, CountField: *count}
	var err error
	if target.Orders, err = readOrders(s, *orders); err != nil {
		return fmt.Errorf("--orders: %w", err)
	}
	report, err := conform.Run(ctx, target)
	if err != nil {
		return err
	}
	return tell(s, report, *asJSON)
}

func readOrders(s streams, name string) ([]conform.Order, error) {
	in := s.in
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	var orders []conform.Order
	err := json.NewDecoder(in).Decode(&orders)
	return orders, err
}

func tell(s streams, report conform.Report, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(s.out)
		e.SetIndent("", "  ")
		if err := e.Encode(report); err != nil {
			return err
		}
	} else if err := report.WriteText(s.out); err != nil {
		return err
	}
	if report.Count(conform.Fail) > 0 {
		return errBad
	}
	return nil
}
