package views

// demoFamilies are the keys that panel, set-up check and tour put together.
func demoFamilies() map[string][]string {
	withText := func(names ...string) (list []string) {
		for _, name := range names {
			list = append(list, name, name+".text")
		}
		return list
	}
	return map[string][]string{
		"panel.did.":      {"pay", "pay_twice", "pay_late", "pay_wrong_amount", "expire", "faults", "calm", "clock", "clock_far", "resend", "next", "refused", "not_late"},
		"panel.do.":       {"pay", "pay_twice", "pay_late", "pay_wrong_amount", "expire"},
		"panel.status.":   {"PENDING", "SUCCESS", "EXPIRED"},
		"panel.delivery.": {"waiting", "delivered", "given_up"},
		"panel.attempt.":  {"first", "retry", "resend"},
		"fault.": withText("answer.500", "answer.503_html", "answer.429", "answer.drop", "answer.cut", "answer.lost_reply", "answer.unsigned",
			"answer.wrong_signature", "answer.other_invoice", "answer.malformed", "answer.missing_fields", "answer.replay", "answer.idempotent_request",
			"notify.none", "notify.late", "notify.twice", "notify.before_reply", "notify.wrong_signature", "notify.wrong_client_id", "notify.wrong_amount",
			"notify.other_code", "notify.unknown_fields", "notify.amount_string", "notify.amount_decimal", "notify.failed", "notify.expired",
			"retelling.date", "retelling.request_id", "retelling.at_once", "retelling.more", "retelling.no_transaction_id", "retelling.order", "retelling.case",
			"retelling.fewer", "retelling.status_date", "retelling.status_no_transaction_id", "retelling.status_no_identifiers"),
		"switch.":  withText("retry", "idempotency", "duplicate_invoice", "push_expired", "lag", "status_digest", "sign_errors", "strict", "settlement"),
		"exam.":    {"settings", "gateway", "notification", "shop"},
		"verdict.": {"ok", "warn", "bad"},
		"setup.": {
			"environment", "environment.embedded", "environment.sandbox", "environment.production", "environment.elsewhere", "environment.elsewhere.fix",
			"base", "base.ok", "base.demo", "base.http", "base.http.fix", "base.private", "base.private.fix", "base.port", "base.port.fix",
			"client", "client.ok", "client.odd", "client.odd.fix",
			"secret", "secret.ok",
			"previous", "previous.used", "previous.idle", "previous.idle.fix", "previous.never", "previous.never.fix", "previous.unknown", "previous.unknown.fix",
			"credentials", "credentials.ok", "credentials.demo", "credentials.signature", "credentials.signature.fix", "credentials.client", "credentials.client.fix", "credentials.time", "credentials.time.fix", "credentials.other", "credentials.other.fix", "credentials.away", "credentials.away.fix",
			"clock", "clock.ok", "clock.fast", "clock.fast.fix", "clock.slow", "clock.slow.fix", "clock.unknown", "clock.unknown.fix",
			"reach", "reach.ok", "reach.away", "reach.away.fix", "reach.redirect", "reach.redirect.fix", "reach.open", "reach.open.fix", "reach.guarded", "reach.guarded.fix", "reach.stripped", "reach.stripped.fix", "reach.blocked", "reach.blocked.fix", "reach.elsewhere", "reach.elsewhere.fix", "reach.other", "reach.other.fix",
			"forged", "forged.ok", "forged.taken", "forged.taken.fix", "forged.untried", "forged.untried.fix",
			"genuine", "genuine.ok", "genuine.refused", "genuine.refused.fix", "genuine.unkept", "genuine.unkept.fix", "genuine.other", "genuine.other.fix", "genuine.untried", "genuine.untried.fix",
			"bytes", "bytes.ok", "bytes.changed", "bytes.changed.fix", "bytes.untried", "bytes.untried.fix",
			"database", "database.ok", "database.stuck", "database.stuck.fix",
			"mail", "mail.ok", "mail.demo", "mail.missing", "mail.missing.fix",
			"password", "password.ok", "password.demo", "password.missing", "password.missing.fix",
			"limit", "limit.ok", "limit.demo", "limit.missing", "limit.missing.fix",
			"metrics", "metrics.ok", "metrics.demo", "metrics.missing", "metrics.missing.fix",
		},
		"tour.": {"order", "order.text", "order.go", "code", "code.text", "code.go", "till", "till.text", "till.go", "held", "held.text", "held.go",
			"told", "told.text", "told.go", "paid", "paid.text", "paid.go", "lose", "lose.text", "lose.go", "lost", "lost.text", "lost.go", "found", "found.text", "found.go"},
		"rule.": {"answer_on", "answer_on.all", "answer_on.create", "answer_on.status", "times", "times.0", "times.1", "times.3",
			"delay", "delay.0s", "delay.2s", "delay.15s", "late_by", "late_by.10m0s", "late_by.1m0s", "late_by.1h0m0s"},
	}
}
