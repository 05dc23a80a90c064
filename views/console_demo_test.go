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
		"panel.did.":      {"pay", "pay_twice", "pay_late", "pay_wrong_amount", "expire", "faults", "calm", "clock", "resend", "next", "refused"},
		"panel.do.":       {"pay", "pay_twice", "pay_late", "pay_wrong_amount", "expire"},
		"panel.status.":   {"PENDING", "SUCCESS", "EXPIRED"},
		"panel.delivery.": {"waiting", "delivered", "given_up"},
		"panel.attempt.":  {"first", "retry", "resend"},
		"fault.": withText("answer.500", "answer.503_html", "answer.429", "answer.drop", "answer.cut", "answer.lost_reply", "answer.unsigned",
			"answer.wrong_signature", "answer.other_invoice", "answer.malformed", "answer.missing_fields", "answer.replay", "answer.idempotent_request",
			"notify.none", "notify.late", "notify.twice", "notify.before_reply", "notify.wrong_signature", "notify.wrong_client_id", "notify.wrong_amount",
			"notify.other_code", "notify.unknown_fields", "notify.amount_string", "notify.amount_decimal", "notify.failed", "notify.expired"),
		"switch.": withText("retry", "idempotency", "duplicate_invoice", "push_expired", "lag", "status_digest", "sign_errors", "strict", "settlement"),
		"rule.": {"answer_on", "answer_on.all", "answer_on.create", "answer_on.status", "times", "times.0", "times.1", "times.3",
			"delay", "delay.0s", "delay.2s", "delay.15s", "late_by", "late_by.10m0s", "late_by.1m0s", "late_by.1h0m0s"},
	}
}
