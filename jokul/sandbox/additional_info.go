package sandbox

import (
	"encoding/json"
	"errors"
	"math/big"
	"net/url"
	"regexp"
	"strconv"
)

// readAdditionalInfo checks what the gateway acts on, account, settlement and
// override_notification_url, and returns the whole object, which check status
// echoes, and the override.
func (s *Server) readAdditionalInfo(f *fields, amount int64, settlement bool) (json.RawMessage, string) {
	value := f.find("additional_info", false)
	if value == nil {
		return nil, ""
	}
	if _, isObject := value.(map[string]any); !isObject {
		f.fail("additional_info", "must be an object")
		return nil, ""
	}
	f.text("additional_info.account.id", false, 64)
	f.settlement("additional_info.settlement", amount, settlement)
	return marshal(value), s.override(f)
}

// override reads the Notification URL for this one payment. Only its host may
// differ from the configured one, and a configured one must exist.
func (s *Server) override(f *fields) string {
	const path = "additional_info.override_notification_url"
	override := f.text(path, false, 2048)
	if override == "" {
		return ""
	}
	wanted, err := url.Parse(override)
	configured, _ := url.Parse(s.cfg.NotificationURL) // Open has parsed it
	switch {
	case err != nil || wanted.Host == "" || wanted.User != nil:
		f.fail(path, "is not valid")
	case s.cfg.NotificationURL == "":
		f.fail(path, "needs a configured Notification URL")
	case wanted.Scheme != configured.Scheme || target(wanted) != target(configured) || wanted.RawQuery != configured.RawQuery:
		f.fail(path, "may differ from the configured Notification URL in its host only")
	}
	return override
}

// settlement checks the shape of a split. Shares may not pass the whole, neither
// 100 percent nor the amount.
func (f *fields) settlement(path string, amount int64, taken bool) {
	value := f.find(path, false)
	if value == nil {
		return
	}
	parts, isArray := value.([]any)
	switch {
	case !taken:
		f.fail(path, "is not available for this channel")
	case !isArray:
		f.fail(path, "must be an array")
	}
	percent, rupiah := new(big.Rat), new(big.Rat)
	for i, part := range parts {
		kind, value := f.share(path+"["+strconv.Itoa(i)+"]", part)
		if kind == "FIX" {
			rupiah.Add(rupiah, value)
		} else {
			percent.Add(percent, value)
		}
	}
	if percent.Cmp(big.NewRat(100, 1)) > 0 {
		f.fail(path, "must not pass 100 PERCENTAGE in all")
	}
	rupiah.Add(rupiah, percent.Mul(percent, big.NewRat(amount, 100)))
	if rupiah.Cmp(big.NewRat(amount, 1)) > 0 {
		f.fail(path, "must not pass order.amount in all")
	}
}

// share checks one part of a settlement and returns its type and value.
func (f *fields) share(path string, part any) (kind string, value *big.Rat) {
	members, isObject := part.(map[string]any)
	if !isObject {
		f.fail(path, "must be an object")
		return "", new(big.Rat)
	}
	in := &fields{root: members, strict: f.strict}
	in.text("bank_account_settlement_id", true, 64)
	value = in.decimal("value")
	kind = in.text("type", true, 16)
	if kind != "PERCENTAGE" && kind != "FIX" {
		in.fail("type", "must be PERCENTAGE or FIX")
	}
	if kind == "FIX" && !value.IsInt() {
		in.fail("value", "must be a whole number")
	}
	if in.err != nil && f.err == nil {
		f.err = errors.New(path + "." + in.err.Error())
	}
	return kind, value
}

var decimalForm = regexp.MustCompile(`^[0-9]{1,12}(\.[0-9]{1,4})?$`)

// decimal reads a positive number, in quotes too unless strict.
func (f *fields) decimal(path string) *big.Rat {
	none := new(big.Rat)
	written := ""
	switch v := f.find(path, true).(type) {
	case nil:
		return none
	case json.Number:
		written = v.String()
	case string:
		if !f.strict {
			written = v
		}
	}
	if decimalForm.MatchString(written) {
		if value, isNumber := new(big.Rat).SetString(written); isNumber && value.Sign() > 0 {
			return value
		}
	}
	f.fail(path, "must be a positive number")
	return none
}
