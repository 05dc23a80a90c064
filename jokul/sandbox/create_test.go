package sandbox_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
)

// edited is the sample order with members of dotted paths replaced; a nil value
// takes the member away.
func edited(t *testing.T, changes map[string]any) string {
	t.Helper()
	var root map[string]any
	if err := json.Unmarshal([]byte(orderFor("INV-1")), &root); err != nil {
		t.Fatal(err)
	}
	for path, value := range changes {
		names := strings.Split(path, ".")
		object := root
		for _, name := range names[:len(names)-1] {
			if object[name] == nil {
				object[name] = map[string]any{}
			}
			object = object[name].(map[string]any)
		}
		object[names[len(names)-1]] = value
		if value == nil {
			delete(object, names[len(names)-1])
		}
	}
	body, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

type members = map[string]any

// long is n characters, of two bytes each: limits count characters.
func long(n int) string { return strings.Repeat("é", n) }

func TestFieldsAccepted(t *testing.T) {
	for name, changes := range map[string]members{
		"invoice number of 64":         {"order.invoice_number": long(64)},
		"least amount":                 {"order.amount": 10_000},
		"greatest amount":              {"order.amount": 5_000_000},
		"amount in quotes":             {"order.amount": "150000"},
		"no expired_time":              {"online_to_offline_info.expired_time": nil},
		"one minute":                   {"online_to_offline_info.expired_time": 1},
		"longest expired_time":         {"online_to_offline_info.expired_time": 99_999_999},
		"expired_time in quotes":       {"online_to_offline_info.expired_time": "1440"},
		"reusable":                     {"online_to_offline_info.reusable_status": true},
		"reusable in quotes":           {"online_to_offline_info.reusable_status": "true"},
		"not reusable in quotes":       {"online_to_offline_info.reusable_status": "false"},
		"info of 32":                   {"online_to_offline_info.info": long(32)},
		"no info":                      {"online_to_offline_info.info": nil},
		"empty info":                   {"online_to_offline_info.info": ""},
		"name of 64":                   {"customer.name": long(64)},
		"no email":                     {"customer.email": nil},
		"email of 128":                 {"customer.email": strings.Repeat("a", 60) + "@" + strings.Repeat("b", 63) + ".id"},
		"description of 128":           {"indomaret_info.receipt.description": long(128)},
		"footer of 255":                {"indomaret_info.receipt.footer_message": long(255)},
		"no footer":                    {"indomaret_info.receipt.footer_message": nil},
		"unknown fields":               {"online_to_offline_info.info1": "x", "alfa_info": members{}},
		"null is absent":               {"online_to_offline_info.info": json.RawMessage("null")},
		"account":                      {"additional_info.account.id": "SAC-0000-0000000000000"},
		"settlement up to 100 percent": {"additional_info.settlement": []members{share(60, "PERCENTAGE"), share("40", "PERCENTAGE")}},
		"integration":                  {"additional_info.integration": members{"name": "our-shop", "module-name": "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := open(t).create(t, "request", edited(t, changes))
			if m.status != http.StatusOK {
				t.Errorf("got HTTP %d %s", m.status, m.body)
			}
		})
	}
}

func share(value any, kind string) members {
	return members{"bank_account_settlement_id": "SBA-0001-123123123", "value": value, "type": kind}
}

func TestFieldsRefused(t *testing.T) {
	g := open(t)
	for _, tc := range []struct {
		changes members
		message string
	}{
		{members{"order": nil}, "order is required"},
		{members{"order": "x"}, "order must be an object"},
		{members{"order.invoice_number": nil}, "order.invoice_number is required"},
		{members{"order.invoice_number": "  "}, "order.invoice_number is required"},
		{members{"order.invoice_number": 7}, "order.invoice_number must be a string"},
		{members{"order.invoice_number": long(65)}, "order.invoice_number must be at most 64 characters"},
		{members{"order.invoice_number": "INV\n1"}, "order.invoice_number must not contain control characters"},
		{members{"order.amount": nil}, "order.amount is required"},
		{members{"order.amount": true}, "order.amount must be a number"},
		{members{"order.amount": 0}, "order.amount must be between 10000 and 5000000"},
		{members{"order.amount": -1}, "order.amount must be a whole number"},
		{members{"order.amount": 1.5}, "order.amount must be a whole number"},
		{members{"order.amount": "15 000"}, "order.amount must be a whole number"},
		{members{"order.amount": ""}, "order.amount must be a whole number"},
		{members{"order.amount": 9_999}, "order.amount must be between 10000 and 5000000"},
		{members{"order.amount": 5_000_001}, "order.amount must be between 10000 and 5000000"},
		{members{"order.amount": 1_000_000_000_000}, "order.amount must be at most 12 digits"},
		{members{"online_to_offline_info": nil}, "online_to_offline_info is required"},
		{members{"online_to_offline_info.expired_time": 0}, "online_to_offline_info.expired_time must be between 1 and 99999999"},
		{members{"online_to_offline_info.expired_time": 100_000_000}, "online_to_offline_info.expired_time must be at most 8 digits"},
		{members{"online_to_offline_info.reusable_status": nil}, "online_to_offline_info.reusable_status is required"},
		{members{"online_to_offline_info.reusable_status": "yes"}, "online_to_offline_info.reusable_status must be true or false"},
		{members{"online_to_offline_info.reusable_status": members{}}, "online_to_offline_info.reusable_status must be true or false"},
		{members{"online_to_offline_info.info": long(33)}, "online_to_offline_info.info must be at most 32 characters"},
		{members{"customer": nil}, "customer is required"},
		{members{"customer.name": nil}, "customer.name is required"},
		{members{"customer.name": long(65)}, "customer.name must be at most 64 characters"},
		{members{"customer.name": "Ta\u0000ufik"}, "customer.name must not contain control characters"},
		{members{"customer.email": "taufik"}, "customer.email is not valid"},
		{members{"customer.email": strings.Repeat("a", 120) + "@doku.com"}, "customer.email must be at most 128 characters"},
		{members{"indomaret_info": nil}, "indomaret_info is required"},
		{members{"indomaret_info.receipt": nil}, "indomaret_info.receipt is required"},
		{members{"indomaret_info.receipt.description": nil}, "indomaret_info.receipt.description is required"},
		{members{"indomaret_info.receipt.description": long(129)}, "indomaret_info.receipt.description must be at most 128 characters"},
		{members{"indomaret_info.receipt.footer_message": long(256)}, "indomaret_info.receipt.footer_message must be at most 255 characters"},
		{members{"additional_info": "x"}, "additional_info must be an object"},
		{members{"additional_info.account.id": 1}, "additional_info.account.id must be a string"},
		{members{"additional_info.settlement": members{}}, "additional_info.settlement must be an array"},
		{members{"additional_info.settlement": []members{share(60, "PERCENTAGE"), share(40.01, "PERCENTAGE")}}, "additional_info.settlement must not pass 100 PERCENTAGE in all"},
		{members{"additional_info.settlement": []members{share(50, "PERCENTAGE"), share(90_001, "FIX")}}, "additional_info.settlement must not pass order.amount in all"},
		{members{"additional_info.settlement": []members{share(1, "HALF")}}, "additional_info.settlement[0].type must be PERCENTAGE or FIX"},
		{members{"additional_info.settlement": []members{share(1.5, "FIX")}}, "additional_info.settlement[0].value must be a whole number"},
		{members{"additional_info.settlement": []any{share(1, "FIX"), share(0, "FIX")}}, "additional_info.settlement[1].value must be a positive number"},
		{members{"additional_info.settlement": []any{share("1e999999999", "FIX")}}, "additional_info.settlement[0].value must be a positive number"},
		{members{"additional_info.settlement": []any{members{"value": 1, "type": "FIX"}}}, "additional_info.settlement[0].bank_account_settlement_id is required"},
		{members{"additional_info.override_notification_url": "https://other.example.com/elsewhere"}, "additional_info.override_notification_url may differ from the configured Notification URL in its host only"},
		{members{"additional_info.override_notification_url": "/payments/notifications"}, "additional_info.override_notification_url is not valid"},
	} {
		t.Run(tc.message, func(t *testing.T) {
			m := g.create(t, "request", edited(t, tc.changes))
			want(t, "status", m.status, http.StatusBadRequest)
			want(t, "code", at(t, m.body, "error.code"), "invalid_request")
			want(t, "message", at(t, m.body, "error.message"), tc.message)
		})
	}
	want(t, "the Request-Id of refused calls is free", g.create(t, "request", orderFor("INV-1")).status, http.StatusOK)
}

func TestInvalidJSON(t *testing.T) {
	g := open(t)
	for name, body := range map[string]string{
		"empty":            "",
		"array":            "[]",
		"null":             "null",
		"the guide's own":  strings.Replace(orderFor("INV-1"), `support"}}}`, `support"},}}`, 1),
		"trailing garbage": orderFor("INV-1") + "{}",
		"not UTF-8":        strings.Replace(orderFor("INV-1"), "Taufik", "Ta\xffufik", 1),
	} {
		m := g.create(t, "request", body)
		want(t, name, m.status, http.StatusBadRequest)
		want(t, name, at(t, m.body, "error.message"), "Invalid JSON Format")
	}
	m := g.create(t, "request", strings.Repeat(" ", 64<<10)+orderFor("INV-1"))
	want(t, "too large", m.status, http.StatusRequestEntityTooLarge)
}

func TestARepeatedCallGetsTheFirstAnswer(t *testing.T) {
	g := open(t)
	first := g.create(t, "request", orderFor("INV-1"))
	g.clock.now = g.clock.now.Add(30_000_000_000)
	again := g.create(t, "request", orderFor("INV-1"))
	want(t, "status", again.status, http.StatusConflict)
	want(t, "body", again.body, first.body)
	want(t, "fresh stamp", again.header.Get(jokul.HeaderResponseTimestamp), "2026-11-24T03:30:45Z")
	verify(t, again, createPath)
	g.act(t, paymentCode(t, first), sandbox.ActionExpire)
	want(t, "body once the code has expired", g.create(t, "request", orderFor("INV-1")).body, first.body)

	other := g.create(t, "request", orderFor("INV-2"))
	want(t, "status of other data", other.status, http.StatusConflict)
	want(t, "code", at(t, other.body, "error.code"), jokul.CodeIdempotentRequest)
	want(t, "message", at(t, other.body, "error.message"), "different request data")
	want(t, "nothing was issued", g.status(t, "INV-2").status, http.StatusNotFound)

	duplicate := g.create(t, "another request", orderFor("INV-1"))
	want(t, "status of a duplicate", duplicate.status, http.StatusBadRequest)
	want(t, "code of a duplicate", at(t, duplicate.body, "error.code"), jokul.CodeDuplicateInvoice)
}

// The first call is held up in flight, by the notification that a fault sends
// before its reply; the second must wait for it.
func TestTheSecondOfTwoAtOnceWaits(t *testing.T) {
	g := open(t)
	g.faults(t, func(f *sandbox.Faults) { f.Notify = sandbox.NotifyBeforeReply })
	const calls = 8
	answers := make(chan message, calls)
	var all sync.WaitGroup
	for range calls {
		req := g.signed(t, http.MethodPost, createPath, "request", orderFor("INV-1"))
		all.Go(func() {
			m, err := try(req)
			if err != nil {
				t.Error(err)
			}
			answers <- m
		})
	}
	all.Wait()
	close(answers)
	statuses, bodies := map[int]int{}, map[string]bool{}
	for m := range answers {
		statuses[m.status]++
		bodies[m.body] = true
	}
	want(t, "issued", statuses[http.StatusOK], 1)
	want(t, "repeated", statuses[http.StatusConflict], calls-1)
	want(t, "different bodies", len(bodies), 1)
	g.shop.next(t)
	g.shop.none(t)
}

func TestSwitchesOfCreateCalls(t *testing.T) {
	for _, tc := range []struct {
		name    string
		set     func(*sandbox.Faults)
		changes members
		status  int
		says    string
	}{
		{"strict refuses unknown fields", func(f *sandbox.Faults) { f.Strict = true }, members{"online_to_offline_info.info1": "x"}, 400, "online_to_offline_info.info1 is not known"},
		{"strict refuses digits in quotes", func(f *sandbox.Faults) { f.Strict = true }, members{"order.amount": "150000"}, 400, "order.amount must be a number"},
		{"strict takes the sample", func(f *sandbox.Faults) { f.Strict = true }, nil, 200, "payment_code"},
		{"settlement off", func(f *sandbox.Faults) { f.Settlement = false }, members{"additional_info.settlement": []members{share(1, "FIX")}}, 400, "additional_info.settlement is not available"},
		{"min_amount", func(f *sandbox.Faults) { f.MinAmount = 150_001 }, nil, 400, "order.amount must be between 150001 and 5000000"},
		{"max_amount", func(f *sandbox.Faults) { f.MaxAmount = 149_999 }, nil, 400, "order.amount must be between 10000 and 149999"},
		{"max_expired_time", func(f *sandbox.Faults) { f.MaxExpiredTime = 59 }, nil, 400, "online_to_offline_info.expired_time must be between 1 and 59"},
		{"prefix and length", func(f *sandbox.Faults) { f.CodePrefix, f.CodeLength = "73", 8 }, nil, 200, `"payment_code":"73`},
		{"error answers signed", func(f *sandbox.Faults) { f.SignErrors = true }, members{"order": nil}, 400, "order is required"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := open(t)
			g.faults(t, tc.set)
			m := g.create(t, "request", edited(t, tc.changes))
			want(t, "status", m.status, tc.status)
			if !strings.Contains(m.body, tc.says) {
				t.Errorf("got %s, want it to say %s", m.body, tc.says)
			}
			if g.Faults().SignErrors {
				verify(t, m, createPath)
			}
		})
	}
}

func TestDuplicateInvoiceAccepted(t *testing.T) {
	g := open(t)
	g.faults(t, func(f *sandbox.Faults) { f.DuplicateInvoice = "accept" })
	first := paymentCode(t, g.create(t, "request-1", orderFor("INV-1")))
	second := paymentCode(t, g.create(t, "request-2", orderFor("INV-1")))
	if first == second {
		t.Errorf("both calls got %s", first)
	}
	want(t, "by invoice number", at(t, g.status(t, "INV-1").body, "online_to_offline_info.payment_code"), second)
	want(t, "by Request-Id", at(t, g.status(t, "request-1").body, "online_to_offline_info.payment_code"), first)
}

func TestIdempotencyError(t *testing.T) {
	g := open(t)
	g.faults(t, func(f *sandbox.Faults) { f.Idempotency = "error" })
	g.issue(t, "INV-1")
	m := g.create(t, "request-INV-1", orderFor("INV-1"))
	want(t, "status", m.status, http.StatusConflict)
	want(t, "code", at(t, m.body, "error.code"), jokul.CodeIdempotentRequest)
}

func TestOverrideNotificationURL(t *testing.T) {
	g := open(t)
	other := newMerchant(t)
	override := other.notificationURL()
	m := g.create(t, "request", edited(t, members{"additional_info.override_notification_url": override}))
	if _, err := g.Pay(context.Background(), paymentCode(t, m)); err != nil {
		t.Fatal(err)
	}
	other.next(t)
	g.shop.none(t)
	want(t, "echoed", at(t, g.status(t, "INV-1").body, "additional_info.override_notification_url"), override)

	silent := open(t, func(c *sandbox.Config) { c.NotificationURL = "" })
	m = silent.create(t, "request", edited(t, members{"additional_info.override_notification_url": override}))
	want(t, "without a configured one", at(t, m.body, "error.message"), "additional_info.override_notification_url needs a configured Notification URL")
}
